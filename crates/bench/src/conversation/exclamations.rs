//! Sounds of a mouth that are no words, though recognisers write some for them: laughter, "aaah", a sneeze, "mmm", a cleared
//! throat, "phew", "ugh"; and "uh-huh". Synthesised like [`super::noises`], the same in every run. Pure.

use std::f32::consts::TAU;

use super::noises::{RATE, Random, at_level, fade, low_passed, nasal, resonance, voice};

/// Resonances of "ah", "oo" and "uh": frequency, width and gain of each.
const AH: [(f32, f32, f32); 4] =
    [(730.0, 80.0, 1.0), (1_090.0, 90.0, 0.6), (2_440.0, 150.0, 0.25), (3_400.0, 200.0, 0.1)];
const OO: [(f32, f32, f32); 3] = [(320.0, 60.0, 1.0), (800.0, 80.0, 0.3), (2_240.0, 150.0, 0.05)];
const UH: [(f32, f32, f32); 4] =
    [(640.0, 80.0, 1.0), (1_190.0, 90.0, 0.5), (2_390.0, 150.0, 0.2), (3_300.0, 200.0, 0.05)];
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
    let mut hiss = through(&source, &[(2_700.0, 0.93, 3.0), (4_600.0, 0.9, 4.0)]);
    fade(&mut hiss, 0.004, 0.03);
    sound.extend(hiss);
    let mut rest = voice(samples(0.22), &OO, HARMONICS, |at| pitch * (1.2 - 0.4 * at));
    fade(&mut rest, 0.02, 0.12);
    sound.extend(rest);
    at_level(&sound, -20.0)
}

/// "Mmm", hummed for 0.8 s at a pitch in Hz that falls.
#[must_use]
pub fn murmur(pitch: f32) -> Vec<i16> {
    let mut sound = nasal(samples(0.8), |at| pitch * (1.05 - 0.15 * at));
    fade(&mut sound, 0.06, 0.25);
    at_level(&sound, -22.0)
}

/// A throat that is cleared: two scrapes of air, broken by folds that close half as often as a voice of this pitch in Hz.
#[must_use]
pub fn throat(pitch: f32) -> Vec<i16> {
    let mut random = Random(2_718);
    let mut sound = Vec::new();
    for seconds in [0.22, 0.38] {
        if !sound.is_empty() {
            sound.resize(sound.len() + samples(0.06), 0.0);
        }
        let air = |at: usize| {
            let open = (TAU * pitch * 0.5 * at as f32 / RATE).sin().max(0.0);
            random.next() * (0.15 + open.powi(3))
        };
        let source: Vec<f32> = (0..samples(seconds)).map(air).collect();
        let mut scrape = through(&source, &[(550.0, 0.97, 1.0), (1_250.0, 0.965, 0.5), (2_400.0, 0.95, 0.3)]);
        fade(&mut scrape, 0.03, 0.09);
        sound.extend(scrape);
    }
    at_level(&sound, -21.0)
}

/// "Phew" at a pitch in Hz: air through the lips, and "oo" that falls and ends in air.
#[must_use]
pub fn phew(pitch: f32) -> Vec<i16> {
    let mut random = Random(1_618);
    let mut sound = breath(&mut random, 0.24, 0.8);
    let mut vowel = voice(samples(0.3), &OO, HARMONICS, |at| pitch * (1.1 - 0.3 * at));
    fade(&mut vowel, 0.05, 0.15);
    sound.extend(vowel);
    sound.extend(breath(&mut random, 0.25, 0.3));
    at_level(&sound, -21.0)
}

/// "Ugh" at a pitch in Hz: a creaking "uh" that the throat closes, and the air behind it.
#[must_use]
pub fn ugh(pitch: f32) -> Vec<i16> {
    let mut random = Random(5_772);
    // Every second opening of the folds is weaker.
    let creak = |at: usize| 1.0 + 0.4 * (TAU * pitch * 0.4 * at as f32 / RATE).sin();
    let mut sound = voice(samples(0.36), &UH, HARMONICS, |at| pitch * (0.9 - 0.2 * at));
    sound.iter_mut().enumerate().for_each(|(at, sample)| *sample *= creak(at));
    fade(&mut sound, 0.02, 0.03);
    sound.resize(sound.len() + samples(0.05), 0.0);
    sound.extend(breath(&mut random, 0.05, 0.3));
    at_level(&sound, -20.0)
}

/// "Uh-huh" twice at a pitch in Hz, the second part of each higher.
#[must_use]
pub fn uh_huh(pitch: f32) -> Vec<i16> {
    let mut random = Random(3_141);
    let mut sound = Vec::new();
    for _ in 0..2 {
        if !sound.is_empty() {
            sound.resize(sound.len() + samples(0.22), 0.0);
        }
        let mut first = voice(samples(0.15), &UH, HARMONICS, |at| pitch * (1.0 - 0.06 * at));
        fade(&mut first, 0.02, 0.04);
        sound.extend(first);
        sound.extend(breath(&mut random, 0.08, 0.25));
        let mut second = voice(samples(0.22), &UH, HARMONICS, |at| pitch * (1.12 + 0.08 * at));
        fade(&mut second, 0.02, 0.1);
        sound.extend(second);
    }
    at_level(&sound, -22.0)
}

/// Air for this many seconds.
fn breath(random: &mut Random, seconds: f32, strength: f32) -> Vec<f32> {
    let mut air = low_passed(random, samples(seconds), 0.5);
    air.iter_mut().for_each(|sample| *sample *= strength);
    fade(&mut air, 0.02, 0.03);
    air
}

/// A source through resonances: frequency, pole and gain of each.
fn through(source: &[f32], resonances: &[(f32, f32, f32)]) -> Vec<f32> {
    let mut sound = vec![0.0; source.len()];
    for &(frequency, pole, gain) in resonances {
        resonance(source, frequency, pole).iter().zip(&mut sound).for_each(|(from, to)| *to += from * gain);
    }
    sound
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
    fn a_throat_is_cleared_twice_uh_huh_is_said_twice_and_a_murmur_is_held() {
        assert_eq!((onsets(&throat(115.0)), onsets(&murmur(115.0))), (2, 1));
        // Each is two syllables, and air between them.
        assert!((3..=6).contains(&onsets(&uh_huh(115.0))), "{}", onsets(&uh_huh(115.0)));
    }

    #[test]
    fn each_sound_is_the_same_in_every_run_and_as_loud_as_speech() {
        for sound in [laughter, held_vowel, sneeze, murmur, throat, phew, ugh, uh_huh] {
            assert_eq!(sound(120.0), sound(120.0));
            assert!((-24.0..-18.0).contains(&rms_dbfs(&sound(120.0))));
        }
    }
}
