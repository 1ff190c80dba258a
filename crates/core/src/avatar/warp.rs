//! Maps the times of one speech (the guide) to a recording of the same words, by dynamic time warping of their cepstra. If the
//! guide is a voice that knows its sounds, this times the sounds of the recording. Pure.
//!
//! - this file: the mapping; `features`: what of a sound is compared, and where it speaks; `path`: the warping

mod features;
mod path;

use self::features::{FRAMES, features};
use self::path::path;
use super::sound::Sound;

/// Largest ratio of the lengths; beyond it the two cannot say the same.
const FACTOR: f64 = 3.0;
/// Largest mean difference for the same words. Measured: a speech of 1961 and a modern voice 5.1, the same voice 2, different
/// words 5.3 to 5.6. A recogniser is seldom wrong about all words, so doubtful cases count as the same.
const ALIKE: f32 = 5.4;
/// Longest speech compared, in frames: the table has a byte for each pair of frames.
const LONGEST: usize = 4_500;

/// A mapping from the guide's times to the recording's.
#[derive(Debug, Clone, PartialEq)]
pub struct Warp {
    /// The frames in which each of the two speaks.
    guide: Vec<usize>,
    recording: Vec<usize>,
    /// For each edge of the guide's frames, its position among the recording's.
    edges: Vec<f64>,
    /// Mean difference between the two.
    pub misfit: f32,
}

/// Speech and its sample rate.
#[derive(Debug, Clone, Copy)]
pub struct Speech<'a> {
    /// Mono samples.
    pub samples: &'a [i16],
    /// Samples per second.
    pub rate: u32,
}

impl Warp {
    /// Aligns `guide` with `recording`; none if they cannot be the same words.
    #[must_use]
    pub fn between(guide: Speech<'_>, recording: Speech<'_>) -> Option<Self> {
        let (of_guide, guide) = features(guide)?;
        let (of_recording, recording) = features(recording)?;
        let ratio = recording.len() as f64 / guide.len() as f64;
        if guide.len().max(recording.len()) > LONGEST || !(1.0 / FACTOR..=FACTOR).contains(&ratio) {
            return None;
        }
        let (edges, misfit) = path(&of_guide, &of_recording);
        Some(Self { guide, recording, edges, misfit })
    }

    /// Whether the two seem to say the same words.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.misfit < ALIKE
    }

    /// When the recording says what the guide says from `start` to `end`, in seconds. The result never spans a pause: it is the
    /// longer of the parts on its two sides.
    #[must_use]
    pub fn span(&self, start: f64, end: f64) -> (f64, f64) {
        let (mut from, mut to) = (self.place(start), self.place(end));
        let pauses = (1..self.recording.len()).filter(|&at| self.recording[at] > self.recording[at - 1] + 1);
        for pause in pauses.map(|at| at as f64) {
            if from < pause && pause < to {
                (from, to) = if pause - from > to - pause { (from, pause) } else { (pause, to) };
            }
        }
        let last = self.recording.len() - 1;
        let time = |row: usize, place: f64| (self.recording[row] as f64 + place - row as f64) / FRAMES;
        (time((from as usize).min(last), from), time((to.ceil() as usize).clamp(1, last + 1) - 1, to))
    }

    /// The position among the recording's frames of a moment of the guide.
    fn place(&self, t: f64) -> f64 {
        let frame = (t * FRAMES).max(0.0);
        let row = self.guide.partition_point(|&spoken| (spoken + 1) as f64 <= frame);
        let part = self.guide.get(row).map_or(0.0, |&spoken| (frame - spoken as f64).max(0.0));
        let (low, high) = (self.edges[row], self.edges[(row + 1).min(self.edges.len() - 1)]);
        low + (high - low) * part
    }

    /// The guide's sounds at the times of the recording.
    #[must_use]
    pub fn sounds(&self, guide: &[Sound]) -> Vec<Sound> {
        let mut over = 0.0_f64;
        let mut sounds = Vec::with_capacity(guide.len());
        for sound in guide {
            let (start, end) = self.span(sound.start, sound.end);
            let start = start.max(over);
            if start < end {
                over = end;
                sounds.push(Sound::new(&sound.symbol, start, end));
            }
        }
        sounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// Vowels of two formants, each followed by a closure; `lengths` are the vowels', `pitch` and `formants` the speaker's.
    fn spoken(words: &[(f32, f32)], lengths: &[f64], pitch: f32, formants: f32) -> Vec<i16> {
        let mut samples = vec![0_i16; RATE as usize / 5];
        for (&(first, second), &length) in words.iter().zip(lengths) {
            let count = (length * f64::from(RATE)) as usize;
            for n in 0..count {
                let t = n as f32 / RATE as f32;
                let closed = n > count * 3 / 4;
                let harmonic = |k: usize| {
                    let hz = pitch * k as f32;
                    let near = |formant: f32| (-((hz - formant * formants) / 120.0).powi(2)).exp();
                    (near(first) + near(second) + 0.02) * (t * hz * std::f32::consts::TAU).sin()
                };
                let sum: f32 = (1..40).map(harmonic).sum();
                samples.push(if closed { 0 } else { (sum * 4_000.0) as i16 });
            }
        }
        samples
    }

    const WORDS: [(f32, f32); 5] =
        [(300.0, 2300.0), (700.0, 1200.0), (350.0, 800.0), (500.0, 1800.0), (750.0, 1300.0)];

    fn speech(samples: &[i16]) -> Speech<'_> {
        Speech { samples, rate: RATE }
    }

    #[test]
    fn sounds_of_another_speaker_at_another_pace_get_the_right_times() {
        let paces = ([0.2, 0.3, 0.2, 0.25, 0.3], [0.35, 0.25, 0.3, 0.2, 0.4]);
        let guide = spoken(&WORDS, &paces.0, 110.0, 1.0);
        let recording = spoken(&WORDS, &paces.1, 170.0, 1.1);
        let warp = Warp::between(speech(&guide), speech(&recording)).unwrap();
        assert!(warp.fits(), "{}", warp.misfit);
        let borders = |lengths: &[f64]| {
            let mut at = 0.2;
            lengths
                .iter()
                .map(move |length| {
                    at += length;
                    at
                })
                .collect::<Vec<_>>()
        };
        for (own, other) in borders(&paces.0).into_iter().zip(borders(&paces.1)).take(4) {
            let found = warp.span(own, own + 0.01).0;
            assert!((found - other).abs() < 0.045, "{own}: {found} for {other}");
        }
    }

    #[test]
    fn no_sound_spans_a_pause_of_the_recording() {
        let guide = spoken(&WORDS, &[0.2; 5], 110.0, 1.0);
        let mut recording = guide.clone();
        let cut = RATE as usize * 6 / 10;
        recording.splice(cut..cut, vec![0; RATE as usize]);
        let warp = Warp::between(speech(&guide), speech(&recording)).unwrap();
        let sounds: Vec<Sound> =
            (0..5).map(|n| f64::from(n) * 0.2 + 0.2).map(|at| Sound::new("a", at, at + 0.2)).collect();
        for (n, sound) in warp.sounds(&sounds).iter().enumerate() {
            let at = n as f64 * 0.2 + if n < 2 { 0.2 } else { 1.2 };
            assert!((sound.start - at).abs() < 0.05, "{n}: {sound:?}, not {at}");
            assert!(sound.length() < 0.3, "{sound:?}");
        }
    }

    #[test]
    fn times_are_monotonic_whatever_is_compared() {
        let some = spoken(&WORDS, &[0.2; 5], 110.0, 1.0);
        let noise: Vec<i16> = (0..RATE as usize)
            .scan(1_u32, |x, _| {
                *x = x.wrapping_mul(48271) % 0x7fff_ffff;
                Some(*x as i16)
            })
            .collect();
        let turned: Vec<(f32, f32)> = WORDS.iter().rev().copied().collect();
        for other in [spoken(&turned, &[0.2; 5], 90.0, 0.9), noise] {
            let warp = Warp::between(speech(&some), speech(&other)).unwrap();
            let times: Vec<f64> = (0..150).map(|n| warp.span(f64::from(n) / 100.0, 1.5).0).collect();
            assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{times:?}");
        }
    }

    #[test]
    fn silence_clicks_and_much_longer_speech_cannot_be_compared() {
        let some = spoken(&WORDS, &[0.2; 5], 110.0, 1.0);
        let long = spoken(&WORDS, &[0.9; 5], 110.0, 1.0);
        for other in [vec![], vec![0; 100], long] {
            assert_eq!(Warp::between(speech(&some), speech(&other)), None, "{}", other.len());
        }
    }
}
