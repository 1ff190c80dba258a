//! The audio of a part: its level, and the silence before its first sound. Pure.

use std::collections::VecDeque;

use visavis_proto::pcm;

use crate::acoustic::Share;

/// Silence kept before the first sound: too short to notice, long enough for the sound to fade in.
const LEAD_MS: usize = 60;
/// Target level of the loudest sample; voices differ by more than 10 dB.
const PEAK: f32 = 0.7;
/// About 40 dB below [`PEAK`]: anything louder is speech.
const AUDIBLE: f32 = 0.007;

/// Most levels kept for one model. Requests can mix any number of voices.
const MOST_LEVELS: usize = 128;

/// The factors that bring a model's voices to the common level.
#[derive(Debug, Default)]
pub(crate) struct Levels(VecDeque<(Vec<Share>, f32)>);

impl Levels {
    /// The factor of a voice, now heard in `samples`. The first samples heard set it, and louder ones that would clip lower
    /// it; only the level of the model's first speaker, which the warm-up set, stays.
    pub(crate) fn of(&mut self, voice: &[Share], samples: &[f32]) -> f32 {
        if let Some((_, level)) = self.0.iter_mut().find(|(known, _)| known == voice) {
            let peak = peak(samples);
            if voice != [Share::whole(0)] && peak * *level > 1.0 {
                *level = PEAK / peak;
            }
            return *level;
        }
        if samples.is_empty() {
            return 1.0;
        }
        let level = gain(samples);
        if self.0.len() == MOST_LEVELS {
            self.0.pop_front();
        }
        self.0.push_back((voice.to_vec(), level));
        level
    }
}

/// The factor that brings `samples` to the common level.
fn gain(samples: &[f32]) -> f32 {
    let peak = peak(samples);
    if peak > 0.0 { (PEAK / peak).clamp(0.5, 4.0) } else { 1.0 }
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()))
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
    fn the_first_audio_of_a_voice_sets_the_level() {
        let mut levels = Levels::default();
        let (one, other) = ([Share::whole(0)], [Share::whole(1)]);
        assert_eq!((levels.of(&one, &[0.35]), levels.of(&one, &[0.7])), (2.0, 2.0));
        let silence: &[f32] = &[];
        assert_eq!([silence, &[0.7], silence].map(|samples| levels.of(&other, samples)), [1.0; 3]);
        assert_eq!((levels.of(&one, &[]), levels.of(&other, &[0.1])), (2.0, 1.0));
    }

    #[test]
    fn a_level_that_would_clip_is_lowered_but_for_the_first_speaker() {
        let mut levels = Levels::default();
        let (first, other) = ([Share::whole(0)], [Share::whole(1)]);
        for voice in [&first, &other] {
            assert_eq!([0.35, 0.5].map(|peak| levels.of(voice, &[peak])), [2.0; 2]);
        }
        assert_eq!(levels.of(&first, &[-0.7]), 2.0);
        assert_eq!(levels.of(&other, &[-0.7]), 1.0);
        assert_eq!(levels.of(&other, &[0.35]), 1.0, "a level never rises");
    }

    #[test]
    fn a_mix_has_a_level_of_its_own_and_the_oldest_is_forgotten() {
        let mut levels = Levels::default();
        let mix = |weight| [Share { speaker: 0, weight }, Share { speaker: 1, weight: 1.0 - weight }];
        assert_eq!(levels.of(&mix(0.5), &[0.35]), 2.0);
        assert_eq!(levels.of(&mix(0.25), &[0.7]), 1.0);
        assert_eq!(levels.of(&mix(0.5), &[0.5]), 2.0);
        for speaker in 0..MOST_LEVELS {
            levels.of(&[Share::whole(speaker)], &[0.7]);
        }
        assert_eq!(levels.of(&mix(0.5), &[0.7]), 1.0);
    }

    #[test]
    fn levels_are_equalised_and_samples_never_wrap() {
        assert_eq!(gain(&[0.1, -0.35]), 2.0);
        assert_eq!(gain(&[0.0]), 1.0);
        assert_eq!(pcm16(&[1.0, -1.0, 0.0], 3.0), [0xff, 0x7f, 0x01, 0x80, 0, 0]);
    }
}
