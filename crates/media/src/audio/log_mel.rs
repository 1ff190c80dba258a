//! Whisper's log-mel features of the last 8 s, as input for the end-of-turn model.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use crate::frame::MIC_RATE;
use visavis_core::mel::{self, FFT_BINS, FFT_SIZE, Filter};

/// Mel bands per frame.
pub const BANDS: usize = 80;
/// Frames of the features, 10 ms each.
pub const FRAMES: usize = 800;

const HOP: usize = 160;
/// Samples that the features cover; older ones are ignored, and shorter audio is padded with silence at the front.
const WINDOW: usize = FRAMES * HOP;
const _: () = assert!(WINDOW == MIC_RATE as usize * 8);
/// Keeps the scale of silence finite.
const VARIANCE_FLOOR: f64 = 1e-7;
const POWER_FLOOR: f32 = 1e-10;
/// Range of the features in powers of ten below the loudest; everything quieter is clamped.
const RANGE: f32 = 8.0;

/// Computes features; can be shared between threads.
pub struct LogMel {
    fft: Arc<dyn RealToComplex<f32>>,
    hann: Vec<f32>,
    bands: Vec<Filter>,
}

impl Default for LogMel {
    fn default() -> Self {
        Self {
            fft: RealFftPlanner::new().plan_fft_forward(FFT_SIZE),
            hann: mel::hann(FFT_SIZE),
            bands: mel::filterbank(BANDS).chunks(FFT_BINS).map(Filter::of).collect(),
        }
    }
}

impl LogMel {
    /// The features of `audio` at [`MIC_RATE`]: [`BANDS`] rows of [`FRAMES`] values, about -1 to 2.
    #[must_use]
    pub fn features(&self, audio: &[i16]) -> Vec<f32> {
        let audio = &audio[audio.len().saturating_sub(WINDOW)..];
        let padding = WINDOW - audio.len();
        let wave = normalised(audio, padding);
        let mut out = vec![POWER_FLOOR.log10(); BANDS * FRAMES];
        let mut spectrum = Spectrum::new(self.fft.as_ref());
        // Frames with only padding are all alike, including the mirrored first one.
        let alike = (padding.saturating_sub(FFT_SIZE / 2) / HOP).min(FRAMES - 1);
        for frame in std::iter::once(0).chain(alike.max(1)..FRAMES) {
            let power = spectrum.of(self, &wave, frame);
            for (band, row) in self.bands.iter().zip(out.chunks_exact_mut(FRAMES)) {
                row[frame] = band.sum(power).max(POWER_FLOOR).log10();
            }
        }
        let loudest = out.iter().copied().fold(f32::MIN, f32::max);
        for row in out.chunks_exact_mut(FRAMES) {
            let first = row[0];
            row[..alike.max(1)].fill(first);
            row.iter_mut().for_each(|value| *value = (value.max(loudest - RANGE) + 4.0) / 4.0);
        }
        out
    }
}

/// Buffers for one frame.
struct Spectrum {
    input: Vec<f32>,
    output: Vec<realfft::num_complex::Complex<f32>>,
    scratch: Vec<realfft::num_complex::Complex<f32>>,
    power: Vec<f32>,
}

impl Spectrum {
    fn new(fft: &dyn RealToComplex<f32>) -> Self {
        let (input, output) = (fft.make_input_vec(), fft.make_output_vec());
        Self { input, output, scratch: fft.make_scratch_vec(), power: vec![0.0; FFT_BINS] }
    }

    /// Power spectrum of the frame centred at `frame`'s first sample; the audio is mirrored beyond its ends.
    fn of(&mut self, plan: &LogMel, wave: &[f32], frame: usize) -> &[f32] {
        let from = (frame * HOP).wrapping_sub(FFT_SIZE / 2);
        if let Some(inside) = wave.get(from..from.wrapping_add(FFT_SIZE)) {
            self.input.copy_from_slice(inside);
        } else {
            for (at, to) in self.input.iter_mut().enumerate() {
                let place = (frame * HOP + at).abs_diff(FFT_SIZE / 2);
                *to = wave[if place < WINDOW { place } else { 2 * (WINDOW - 1) - place }];
            }
        }
        self.input.iter_mut().zip(&plan.hann).for_each(|(sample, weight)| *sample *= weight);
        plan.fft
            .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch)
            .expect("the buffers have the plan's lengths");
        self.power.iter_mut().zip(&self.output).for_each(|(power, bin)| *power = bin.norm_sqr());
        &self.power
    }
}

/// The window, normalised to zero mean and unit variance including the padding, as in the model's training.
fn normalised(audio: &[i16], padding: usize) -> Vec<f32> {
    let sum: i64 = audio.iter().map(|sample| i64::from(*sample)).sum();
    let squares: i64 = audio.iter().map(|sample| i64::from(*sample).pow(2)).sum();
    let length = WINDOW as f64;
    let mean = sum as f64 / length / 32768.0;
    let variance = squares as f64 / length / (32768.0 * 32768.0) - mean * mean;
    let scale = 1.0 / (variance + VARIANCE_FLOOR).sqrt();
    let mut wave = vec![narrow(-mean * scale); WINDOW];
    for (to, from) in wave[padding..].iter_mut().zip(audio) {
        *to = narrow((f64::from(*from) / 32768.0 - mean) * scale);
    }
    wave
}

#[allow(clippy::cast_possible_truncation)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_any_length_has_finite_features() {
        let log_mel = LogMel::default();
        for length in [0, 1, 400, WINDOW, WINDOW + 1] {
            let features = log_mel.features(&vec![0; length]);
            assert!(features.iter().all(|value| (value + 1.5).abs() < 1e-6), "{length} samples");
        }
    }

    #[test]
    fn only_the_last_eight_seconds_count() {
        let log_mel = LogMel::default();
        let audio: Vec<i16> = (0..WINDOW as i32 + 5_000).map(|at| (at * at % 7_919) as i16).collect();
        assert_eq!(log_mel.features(&audio), log_mel.features(&audio[5_000..]));
    }
}
