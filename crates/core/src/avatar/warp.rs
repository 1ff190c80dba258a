//! Maps the times of one speech (the guide) to a recording of the same words, by dynamic time warping of their cepstra. If the
//! guide is a voice that knows its sounds, this times the sounds of the recording. Pure.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use super::sound::Sound;
use crate::mel::{Filter, hann};

/// Spectra per second.
const FRAMES: f64 = 100.0;
/// Mel bands, evenly spaced between the lowest and highest frequency, in Hz.
const BANDS: usize = 24;
const LOWEST: f32 = 80.0;
const HIGHEST: f32 = 7_600.0;
/// Cepstral coefficients that distinguish sounds; higher ones distinguish speakers.
const CEPSTRA: usize = 12;
/// The coefficients, the energy, and the change of each.
const FEATURES: usize = 2 * (CEPSTRA + 1);
/// Cost of one of the two standing still for a frame.
const STANDSTILL: f32 = 1.0;
/// Largest ratio of the lengths; beyond it the two cannot say the same.
const FACTOR: f64 = 3.0;
/// Largest mean difference for the same words. Measured: a speech of 1961 and a modern voice 5.1, the same voice 2, different
/// words 5.3 to 5.6. A recogniser is seldom wrong about all words, so doubtful cases count as the same.
const ALIKE: f32 = 5.4;
/// Below this is quiet: energy relative to loud moments, as a natural logarithm; 24 dB.
const QUIET: f32 = -5.5;
/// Shortest quiet that is a pause rather than a closure, and what is kept of it on each side, in frames.
const SHORTEST_PAUSE: usize = 14;
const EDGE: usize = 4;
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

type Features = Vec<[f32; FEATURES]>;

/// The features of the spoken frames, and these frames: pauses are left out, since they differ between speakers.
fn features(Speech { samples, rate }: Speech<'_>) -> Option<(Features, Vec<usize>)> {
    if rate < 8_000 || samples.len() < rate as usize / 10 {
        return None;
    }
    let mut rows = cepstra(samples, rate);
    let energies: Vec<f32> = rows.iter().map(|row| row[CEPSTRA]).collect();
    let mut sorted = energies.clone();
    sorted.sort_by(f32::total_cmp);
    let loud = sorted[sorted.len() * 9 / 10];
    let spoken = spoken(&energies, loud + QUIET);
    // Limit the energy from below, so that digital silence and a quiet room are equal.
    rows.iter_mut().for_each(|row| row[CEPSTRA] = (row[CEPSTRA] - loud).max(-9.0));
    let mut rows: Features = spoken.iter().map(|&frame| rows[frame]).collect();
    if rows.len() < SHORTEST_PAUSE {
        return None;
    }
    normalise(&mut rows);
    changes(&mut rows);
    Some((rows, spoken))
}

/// The frames outside pauses.
fn spoken(energies: &[f32], quiet: f32) -> Vec<usize> {
    let mut spoken = Vec::new();
    let mut at = 0;
    while at < energies.len() {
        let run = energies[at..].iter().take_while(|&&energy| energy < quiet).count();
        let outside = at == 0 || at + run == energies.len();
        if run >= SHORTEST_PAUSE {
            // A stop's closure is quiet too, so some frames are kept on each side.
            let (before, after) = if outside { (0, 0) } else { (EDGE, EDGE) };
            spoken.extend(at..at + before);
            spoken.extend(at + run - after..at + run);
        } else if !outside {
            spoken.extend(at..at + run);
        }
        at += run;
        if at < energies.len() {
            spoken.push(at);
            at += 1;
        }
    }
    spoken
}

/// The coefficients and logarithmic energy of each frame.
fn cepstra(samples: &[i16], rate: u32) -> Features {
    let size = (rate as usize / 50).next_power_of_two();
    let fft: Arc<dyn RealToComplex<f32>> = RealFftPlanner::new().plan_fft_forward(size);
    let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
    let length = rate as usize / 40;
    let mut window = hann(length);
    window.truncate(size);
    let bands = bands(size, rate);
    let count = (samples.len() as f64 / f64::from(rate) * FRAMES) as usize;
    let frame = |n: usize| {
        let middle = ((n as f64 + 0.5) / FRAMES * f64::from(rate)) as usize;
        input.fill(0.0);
        let sample = |at: usize| {
            let at = (middle + at).checked_sub(length / 2)?;
            let before = samples.get(at.checked_sub(1)?)?;
            // Pre-emphasis: voices fall by 6 dB per octave, but high frequencies distinguish sounds.
            Some(f32::from(*samples.get(at)?) - 0.95 * f32::from(*before))
        };
        for (at, weight) in window.iter().enumerate() {
            input[at] = sample(at).unwrap_or(0.0) * weight / 32_768.0;
        }
        let mut row = [0.0; FEATURES];
        if fft.process(&mut input, &mut output).is_ok() {
            let power: Vec<f32> = output.iter().map(realfft::num_complex::Complex::norm_sqr).collect();
            let mut logs = [0.0_f32; BANDS];
            for (log, band) in logs.iter_mut().zip(&bands) {
                *log = (band.sum(&power) + 1e-7).ln();
            }
            for (k, value) in row.iter_mut().enumerate().take(CEPSTRA) {
                let wave = |n: usize| {
                    (std::f32::consts::PI * (k + 1) as f32 * (n as f32 + 0.5) / BANDS as f32).cos()
                };
                *value = logs.iter().enumerate().map(|(n, log)| log * wave(n)).sum();
            }
            row[CEPSTRA] = (power.iter().sum::<f32>() + 1e-7).ln();
        }
        row
    };
    (0..count.max(1)).map(frame).collect()
}

/// Triangular filters on O'Shaughnessy's mel scale, for any rate; Whisper's use Slaney's, for one rate.
fn bands(size: usize, rate: u32) -> Vec<Filter> {
    let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f32| 700.0 * (10.0_f32.powf(mel / 2595.0) - 1.0);
    let top = HIGHEST.min(rate as f32 / 2.0);
    let edge = |n: usize| hz(mel(LOWEST) + (mel(top) - mel(LOWEST)) * n as f32 / (BANDS + 1) as f32);
    let band = |n: usize| {
        let (low, centre, high) = (edge(n), edge(n + 1), edge(n + 2));
        let weight = |bin: usize| {
            let hz = bin as f32 * rate as f32 / size as f32;
            ((hz - low) / (centre - low)).min((high - hz) / (high - centre))
        };
        Filter::of(&(0..=size / 2).map(weight).collect::<Vec<f32>>())
    };
    (0..BANDS).map(band).collect()
}

/// Normalises each coefficient, which voice, room and microphone shift and scale.
fn normalise(rows: &mut Features) {
    let count = rows.len() as f32;
    for at in 0..=CEPSTRA {
        let mean = rows.iter().map(|row| row[at]).sum::<f32>() / count;
        let spread = (rows.iter().map(|row| (row[at] - mean).powi(2)).sum::<f32>() / count).sqrt().max(1e-3);
        rows.iter_mut().for_each(|row| row[at] = (row[at] - mean) / spread);
    }
}

/// Adds the change of each coefficient over 50 ms.
fn changes(rows: &mut Features) {
    let last = rows.len() - 1;
    for n in 0..rows.len() {
        for at in 0..=CEPSTRA {
            let value = |by: isize| rows[n.saturating_add_signed(by).min(last)][at];
            let slope = (2.0 * (value(2) - value(-2)) + value(1) - value(-1)) / 10.0;
            rows[n][CEPSTRA + 1 + at] = slope * 2.5;
        }
    }
}

fn distance(a: &[f32; FEATURES], b: &[f32; FEATURES]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

const BOTH: u8 = 0;
const GUIDE: u8 = 1;

/// The position in the recording of each edge of the guide's frames, and the mean distance.
fn path(guide: &Features, recording: &Features) -> (Vec<f64>, f32) {
    let width = recording.len();
    let (steps, sum) = steps(guide, recording);
    let (mut i, mut j) = (guide.len() - 1, width - 1);
    // For each guide frame, the first and last frame of the recording aligned with it.
    let mut met = vec![(usize::MAX, 0); guide.len()];
    let mut length = 0.0;
    loop {
        met[i] = (met[i].0.min(j), met[i].1.max(j));
        length += 1.0;
        if i == 0 && j == 0 {
            break;
        }
        match steps[i * width + j] {
            BOTH => (i, j) = (i - 1, j - 1),
            GUIDE => i -= 1,
            _ => j -= 1,
        }
    }
    let mut edges = vec![0.0];
    edges.extend(met.windows(2).map(|pair| (pair[0].1 + 1 + pair[1].0) as f64 / 2.0));
    edges.push(width as f64);
    (edges, sum / length)
}

/// The best step to each pair of a guide's and a recording's frame, and the sum of all distances to the last.
fn steps(guide: &Features, recording: &Features) -> (Vec<u8>, f32) {
    let width = recording.len();
    let mut steps = vec![BOTH; guide.len() * width];
    let mut before = vec![f32::INFINITY; width];
    let mut here = before.clone();
    for (i, row) in guide.iter().enumerate() {
        for (j, other) in recording.iter().enumerate() {
            let both = if i == 0 && j == 0 {
                0.0
            } else if j > 0 {
                before[j - 1]
            } else {
                f32::INFINITY
            };
            // Only the guide advances, or only the recording.
            let guide = before[j] + STANDSTILL;
            let recording = if j > 0 { here[j - 1] + STANDSTILL } else { f32::INFINITY };
            let (best, step) = if both <= guide && both <= recording {
                (both, BOTH)
            } else if guide <= recording {
                (guide, GUIDE)
            } else {
                (recording, GUIDE + 1)
            };
            here[j] = best + distance(row, other);
            steps[i * width + j] = step;
        }
        std::mem::swap(&mut before, &mut here);
        here.fill(f32::INFINITY);
    }
    (steps, before[width - 1])
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
