//! The audio of a part: its level, and the silence before its first sound. Pure.

use visavis_proto::pcm;

/// Silence kept before the first sound: too short to notice, long enough for the sound to fade in.
const LEAD_MS: usize = 60;
/// Target level of the loudest sample; voices differ by more than 10 dB.
const PEAK: f32 = 0.7;
/// About 40 dB below [`PEAK`]: anything louder is speech.
const AUDIBLE: f32 = 0.007;

/// The factors that bring a model's speakers to the common level.
#[derive(Debug)]
pub(crate) struct Levels(Vec<Option<f32>>);

impl Levels {
    /// Levels of this many speakers, none of them heard yet.
    pub(crate) fn new(speakers: usize) -> Self {
        Self(vec![None; speakers])
    }

    /// The factor of a speaker, now heard in `samples`; the first samples heard set it.
    pub(crate) fn of(&mut self, speaker: usize, samples: &[f32]) -> f32 {
        match self.0[speaker] {
            Some(level) => level,
            None if samples.is_empty() => 1.0,
            None => *self.0[speaker].insert(gain(samples)),
        }
    }
}

/// The factor that brings `samples` to the common level.
fn gain(samples: &[f32]) -> f32 {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > 0.0 { (PEAK / peak).clamp(0.5, 4.0) } else { 1.0 }
}

/// Number of samples of superfluous silence at the start.
pub(crate) fn excess_lead(samples: &[f32], gain: f32, rate: u32) -> usize {
    let onset = samples.iter().position(|sample| (sample * gain).abs() > AUDIBLE).unwrap_or(0);
    onset.saturating_sub(rate as usize * LEAD_MS / 1000)
}

/// PCM16 little endian.
pub(crate) fn pcm16(samples: &[f32], gain: f32) -> Vec<u8> {
    pcm::encode(samples.iter().map(|sample| ((sample * gain).clamp(-1.0, 1.0) * 32767.0) as i16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_lead_is_cut_to_sixty_milliseconds_and_a_short_one_is_kept() {
        let after = |silence: usize| [vec![0.001; silence], vec![0.3; 10]].concat();
        assert_eq!(excess_lead(&after(5000), 1.0, 22050), 5000 - 1323);
        assert_eq!(excess_lead(&after(1000), 1.0, 22050), 0);
        assert_eq!(excess_lead(&[0.0; 4000], 1.0, 22050), 0);
    }

    #[test]
    fn the_first_audio_of_a_speaker_sets_the_level() {
        let mut levels = Levels::new(2);
        assert_eq!((levels.of(0, &[0.35]), levels.of(0, &[0.7])), (2.0, 2.0));
        assert_eq!((levels.of(1, &[]), levels.of(1, &[0.7]), levels.of(1, &[])), (1.0, 1.0, 1.0));
        assert_eq!((levels.of(0, &[]), levels.of(1, &[0.1])), (2.0, 1.0));
    }

    #[test]
    fn levels_are_equalised_and_samples_never_wrap() {
        assert_eq!(gain(&[0.1, -0.35]), 2.0);
        assert_eq!(gain(&[0.0]), 1.0);
        assert_eq!(pcm16(&[1.0, -1.0, 0.0], 3.0), [0xff, 0x7f, 0x01, 0x80, 0, 0]);
    }
}
