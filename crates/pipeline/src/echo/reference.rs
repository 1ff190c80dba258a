//! What was played recently, at the microphone's rate, on the call's media clock. Pure.

/// Samples kept: 2 s.
const KEPT: usize = 32_768;
/// A frame without a sample above this (-54 dBFS) is a pause: its echo is inaudible.
const AUDIBLE: u16 = 64;

/// The sound sent. Positions are samples at [`crate::frame::MIC_RATE`] since the media clock's zero.
#[derive(Debug, Default)]
pub struct Reference {
    /// Empty until something sounds, and again after [`Reference::forget`]: most calls listen most of the time.
    ring: Box<[i16]>,
    /// Position after the last sample sent.
    end: u64,
    /// Position after the last audible sound.
    sounded: Option<u64>,
}

impl Reference {
    /// Adds sound that begins at `at`; a gap before it is silence.
    pub fn play(&mut self, at: u64, samples: &[i16]) {
        let gap = usize::try_from(at.saturating_sub(self.end)).unwrap_or(KEPT).min(KEPT);
        let audible = samples.iter().any(|sample| sample.unsigned_abs() > AUDIBLE);
        self.end = self.end.max(at);
        if self.ring.is_empty() {
            if !audible {
                self.end += samples.len() as u64;
                return;
            }
            self.ring = vec![0; KEPT].into_boxed_slice();
        }
        for back in 1..=gap {
            *self.slot(self.end - back as u64) = 0;
        }
        for &sample in samples {
            *self.slot(self.end) = sample;
            self.end += 1;
        }
        if audible {
            self.sounded = Some(self.end);
        }
    }

    /// Frees the memory of a sound that is over; until the next one, what was sent counts as silence.
    pub fn forget(&mut self) {
        self.ring = Box::default();
    }

    fn slot(&mut self, at: u64) -> &mut i16 {
        &mut self.ring[(at % KEPT as u64) as usize]
    }

    /// Whether anything sounded at this position or after it.
    #[must_use]
    pub fn sounded_since(&self, at: u64) -> bool {
        self.sounded.is_some_and(|sounded| sounded > at)
    }

    /// Copies the sound from `from` on, scaled to ±1; unknown samples are silence.
    pub fn read(&self, from: i64, into: &mut [f32]) {
        let kept = self.ring.len() as u64;
        let known = self.end.saturating_sub(kept)..self.end;
        for (to, at) in into.iter_mut().zip(from..) {
            let at = u64::try_from(at).ok().filter(|at| known.contains(at));
            *to = at.map_or(0.0, |at| f32::from(self.ring[(at % KEPT as u64) as usize]) / 32_768.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reference: &Reference, from: i64) -> [i32; 4] {
        let mut samples = [9.0; 4];
        reference.read(from, &mut samples);
        samples.map(|sample| (sample * 32_768.0) as i32)
    }

    #[test]
    fn a_call_in_which_nothing_sounds_keeps_no_sound() {
        let mut reference = Reference::default();
        reference.play(320, &[3; 320]);
        assert_eq!((reference.ring.len(), reference.end, read(&reference, 320)), (0, 640, [0; 4]));
        reference.play(640, &[900, 901]);
        assert_eq!((reference.ring.len(), read(&reference, 639)), (KEPT, [0, 900, 901, 0]));
    }

    #[test]
    fn a_sound_that_is_forgotten_reads_as_silence_and_the_next_one_is_kept_in_its_place() {
        let mut reference = Reference::default();
        reference.play(0, &[900; 640]);
        reference.forget();
        assert_eq!((reference.ring.len(), read(&reference, 600)), (0, [0; 4]));
        reference.play(16_000, &[0; 320]);
        assert_eq!(reference.ring.len(), 0);
        reference.play(48_000, &[700; 320]);
        assert_eq!((read(&reference, 47_998), read(&reference, 600)), ([0, 0, 700, 700], [0; 4]));
        assert!(reference.sounded_since(48_000) && !reference.sounded_since(48_320));
    }
}
