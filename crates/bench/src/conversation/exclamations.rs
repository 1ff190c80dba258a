//! Sounds of an open mouth that are no words, though recognisers write some for them: laughter, "aaah", a sneeze. Synthesised
//! like [`super::noises`], the same in every run. Pure.

use std::f32::consts::TAU;

use super::noises::{RATE, Random, at_level, fade, low_passed, resonance, voice};

/// Resonances of "ah" and of "oo": frequency, width and gain of each.
const AH: [(f32, f32, f32); 4] =
    [(730.0, 80.0, 1.0), (1_090.0, 90.0, 0.6), (2_440.0, 150.0, 0.25), (3_400.0, 200.0, 0.1)];
const OO: [(f32, f32, f32); 3] = [(320.0, 60.0, 1.0), (800.0, 80.0, 0.3), (2_240.0, 150.0, 0.05)];
/// Up to 3.4 kHz at 115 Hz, and below half the rate at 260 Hz.
const HARMONICS: u8 = 30;
/// Bursts of laughter.
const BURSTS: u8 = 8;

fn samples(seconds: f32) -> usize {
    (seconds * RATE) as usize
}

/// Laughter at a pitch in Hz: "ha" 4.5 times a second, each lower and softer than the one before.
#[must_use]
pub fn laughter(pitch: f32) -> Vec<i16> {
    let mut random = Random(91);
    let mut sound = Vec::new();
    for burst in 0..BURSTS {
        let share = f32::from(burst) / f32::from(BURSTS);
        let (top, strength) = (pitch * (1.3 - 0.4 * share), 1.0 - 0.6 * share);
        let mut breath = low_passed(&mut random, samples(0.07), 0.6);
        breath.iter_mut().for_each(|sample| *sample *= 0.3 * strength);
        fade(&mut breath, 0.02, 0.01);
        let mut vowel = voice(samples(0.11), &AH, HARMONICS, |at| top * (1.0 - 0.15 * at));
        vowel.iter_mut().for_each(|sample| *sample *= strength);
        fade(&mut vowel, 0.015, 0.05);
        sound.extend(breath);
        sound.extend(vowel);
        sound.resize(sound.len() + samples(0.042), 0.0);
    }
    at_level(&sound, -22.0)
}

/// "Aaah", held for 1.4 s at a pitch in Hz that wavers and falls.
#[must_use]
pub fn held_vowel(pitch: f32) -> Vec<i16> {
    const SECONDS: f32 = 1.4;
    let waver = |at: f32| 1.08 - 0.16 * at + 0.012 * (TAU * 5.0 * SECONDS * at).sin();
    let mut sound = voice(samples(SECONDS), &AH, HARMONICS, |at| pitch * waver(at));
    fade(&mut sound, 0.08, 0.3);
    at_level(&sound, -22.0)
}

/// A sneeze at a pitch in Hz: "ah" while breathing in, a hiss, and "oo" that falls.
#[must_use]
pub fn sneeze(pitch: f32) -> Vec<i16> {
    let mut random = Random(4_711);
    let mut sound = voice(samples(0.2), &AH, HARMONICS, |at| pitch * (1.0 + 0.25 * at));
    sound.iter_mut().for_each(|sample| *sample *= 0.4);
    fade(&mut sound, 0.06, 0.03);
    sound.resize(sound.len() + samples(0.12), 0.0);
    let source: Vec<f32> =
        (0..samples(0.16)).map(|at| random.next() * (-(at as f32) / RATE / 0.07).exp()).collect();
    let mut hiss = vec![0.0; source.len()];
    for (frequency, pole, gain) in [(2_700.0, 0.93, 3.0), (4_600.0, 0.9, 4.0)] {
        resonance(&source, frequency, pole).iter().zip(&mut hiss).for_each(|(from, to)| *to += from * gain);
    }
    fade(&mut hiss, 0.004, 0.03);
    sound.extend(hiss);
    let mut rest = voice(samples(0.22), &OO, HARMONICS, |at| pitch * (1.2 - 0.4 * at));
    fade(&mut rest, 0.02, 0.12);
    sound.extend(rest);
    at_level(&sound, -20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use visavis_client::hearing::rms_dbfs;

    /// Beginnings of sound of 30 ms or more, louder than a tenth of the loudest 10 ms.
    fn onsets(sound: &[i16]) -> usize {
        let levels: Vec<f32> = sound.chunks(160).map(rms_dbfs).collect();
        let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
        let loud: Vec<bool> = levels.iter().map(|level| *level > loudest - 20.0).collect();
        loud.windows(4).filter(|four| **four == [false, true, true, true]).count() + usize::from(loud[0])
    }

    #[test]
    fn laughter_has_four_to_five_bursts_a_second_and_a_vowel_is_held() {
        let laughter = laughter(150.0);
        let seconds = laughter.len() as f32 / RATE;
        let bursts = f32::from(BURSTS) / seconds;
        assert!((4.0..=5.0).contains(&bursts), "{bursts} a second");
        assert!(onsets(&laughter) >= usize::from(BURSTS) / 2, "{} bursts stand out", onsets(&laughter));
        assert!(onsets(&held_vowel(150.0)) <= 1);
        assert!((2..=3).contains(&onsets(&sneeze(150.0))), "{}", onsets(&sneeze(150.0)));
    }

    #[test]
    fn each_sound_is_the_same_in_every_run_and_as_loud_as_speech() {
        for sound in [laughter, held_vowel, sneeze] {
            assert_eq!(sound(120.0), sound(120.0));
            assert!((-24.0..-18.0).contains(&rms_dbfs(&sound(120.0))));
        }
    }
}
