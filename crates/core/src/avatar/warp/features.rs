//! The features by which two speeches are compared: cepstra of the frames outside pauses. Pure.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use super::Speech;
use crate::mel::{Filter, hann};

/// Spectra per second.
pub(super) const FRAMES: f64 = 100.0;
/// Mel bands, evenly spaced between the lowest and highest frequency, in Hz.
const BANDS: usize = 24;
const LOWEST: f32 = 80.0;
const HIGHEST: f32 = 7_600.0;
/// Cepstral coefficients that distinguish sounds; higher ones distinguish speakers.
const CEPSTRA: usize = 12;
/// The coefficients, the energy, and the change of each.
pub(super) const FEATURES: usize = 2 * (CEPSTRA + 1);
/// Below this is quiet: energy relative to loud moments, as a natural logarithm; 24 dB.
const QUIET: f32 = -5.5;
/// Shortest quiet that is a pause rather than a closure, and what is kept of it on each side, in frames.
const SHORTEST_PAUSE: usize = 14;
const EDGE: usize = 4;

/// A row for each frame.
pub(super) type Features = Vec<[f32; FEATURES]>;

/// The features of the spoken frames, and these frames: pauses are left out, since they differ between speakers.
pub(super) fn features(Speech { samples, rate }: Speech<'_>) -> Option<(Features, Vec<usize>)> {
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
