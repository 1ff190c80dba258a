//! What was played recently, at the microphone's rate, on the call's media clock. Pure.

/// Samples kept: 2 s.
const KEPT: usize = 32_768;
/// A frame without a sample above this (-54 dBFS) is a pause: its echo is inaudible.
const AUDIBLE: u16 = 64;

/// The sound sent. Positions are samples at [`crate::frame::MIC_RATE`] since the media clock's zero.
#[derive(Debug)]
pub struct Reference {
    ring: Box<[i16]>,
    /// Position after the last sample sent.
    end: u64,
    /// Position after the last audible sound.
    sounded: Option<u64>,
}

impl Default for Reference {
    fn default() -> Self {
        Self { ring: vec![0; KEPT].into_boxed_slice(), end: 0, sounded: None }
    }
}

impl Reference {
    /// Adds sound that begins at `at`; a gap before it is silence.
    pub fn play(&mut self, at: u64, samples: &[i16]) {
        let gap = usize::try_from(at.saturating_sub(self.end)).unwrap_or(KEPT).min(KEPT);
        self.end = self.end.max(at);
        for back in 1..=gap {
            *self.slot(self.end - back as u64) = 0;
        }
        for &sample in samples {
            *self.slot(self.end) = sample;
            self.end += 1;
        }
        if samples.iter().any(|sample| sample.unsigned_abs() > AUDIBLE) {
            self.sounded = Some(self.end);
        }
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
        let known = self.end.saturating_sub(KEPT as u64)..self.end;
        for (to, at) in into.iter_mut().zip(from..) {
            let at = u64::try_from(at).ok().filter(|at| known.contains(at));
            *to = at.map_or(0.0, |at| f32::from(self.ring[(at % KEPT as u64) as usize]) / 32_768.0);
        }
    }
}
