//! Building blocks of spectra: the Hann window, sparse filters, and Whisper's mel filterbank, which whisper.cpp expects inside
//! its model file and which the end-of-turn model was trained on.

const SAMPLE_RATE: f64 = 16_000.0;
/// Samples of a spectrum.
pub const FFT_SIZE: usize = 400;
/// Bins of the one-sided spectrum.
pub const FFT_BINS: usize = FFT_SIZE / 2 + 1;

/// Slaney's scale is linear below this frequency and logarithmic above it.
const BREAK_HZ: f64 = 1_000.0;
const HZ_PER_MEL: f64 = 200.0 / 3.0;

fn log_step() -> f64 {
    6.4f64.ln() / 27.0
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz < BREAK_HZ { hz / HZ_PER_MEL } else { BREAK_HZ / HZ_PER_MEL + (hz / BREAK_HZ).ln() / log_step() }
}

fn mel_to_hz(mel: f64) -> f64 {
    let break_mel = BREAK_HZ / HZ_PER_MEL;
    if mel < break_mel { mel * HZ_PER_MEL } else { BREAK_HZ * (log_step() * (mel - break_mel)).exp() }
}

/// Slaney-normalised triangular filters, `bands` rows of [`FFT_BINS`], as librosa computes them (with its rounding
/// steps in its order, so that the values are those Whisper was trained with).
#[must_use]
pub fn filterbank(bands: usize) -> Vec<f32> {
    let top = hz_to_mel(SAMPLE_RATE / 2.0);
    let step = top / float(bands + 1);
    let edges: Vec<f64> = (0..bands + 2)
        .map(|i| settle(mel_to_hz(if i == bands + 1 { top } else { float(i) * step })))
        .collect();
    let mut filters = Vec::with_capacity(bands * FFT_BINS);
    for band in edges.windows(3) {
        let (low, centre, high) = (band[0], band[1], band[2]);
        let norm = 2.0 / (high - low);
        for bin in 0..FFT_BINS {
            let hz = float(bin) * (SAMPLE_RATE / float(FFT_SIZE));
            let rising = (hz - low) / (centre - low);
            let falling = (high - hz) / (high - centre);
            let weight = narrow(rising.min(falling).max(0.0));
            filters.push(narrow(f64::from(weight) * norm));
        }
    }
    filters
}

/// The periodic Hann window of `size` samples, with its peak in the middle.
#[must_use]
pub fn hann(size: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU / float(size);
    (0..size).map(|at| narrow(0.5 - 0.5 * (float(at) * step).cos())).collect()
}

/// A filter over the bins of a spectrum, without its zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    first: usize,
    weights: Vec<f32>,
}

impl Filter {
    /// A filter from the weights of all bins, of which one contiguous run is positive.
    #[must_use]
    pub fn of(bins: &[f32]) -> Self {
        let first = bins.iter().take_while(|weight| **weight <= 0.0).count();
        let weights = bins[first..].iter().copied().take_while(|weight| *weight > 0.0).collect();
        Self { first, weights }
    }

    /// The power that the filter passes.
    #[must_use]
    pub fn sum(&self, power: &[f32]) -> f32 {
        self.weights.iter().zip(&power[self.first..]).map(|(weight, power)| weight * power).sum()
    }
}

/// Rounds away the last bits of `ln` and `exp`, in which maths libraries differ, so that the filters and the converted
/// model's checksum are the same everywhere.
fn settle(hz: f64) -> f64 {
    const STEPS: f64 = (1u64 << 32) as f64;
    (hz * STEPS).round() / STEPS
}

/// Band and bin counts are small, so the conversion is exact.
fn float(n: usize) -> f64 {
    n as f64
}

#[allow(clippy::cast_possible_truncation)]
fn narrow(v: f64) -> f32 {
    v as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_zero_at_its_start_and_one_in_its_middle() {
        let window = hann(400);
        assert_eq!((window.len(), window[0], window[200]), (400, 0.0, 1.0));
        assert!(
            (1..200).all(|at| (window[at] - window[400 - at]).abs() < 1e-7 && window[at] > window[at - 1])
        );
    }

    #[test]
    fn a_sparse_filter_passes_the_same_power_as_the_dense_one() {
        let power = [5.0, 7.0, 11.0, 13.0];
        assert_eq!(Filter::of(&[0.0, 0.5, 1.0, 0.0]).sum(&power), 14.5);
        assert_eq!(Filter::of(&[1.0, 0.0, 0.0, 0.0]).sum(&power), 5.0);
        assert_eq!(Filter::of(&[-1.0, -0.5, 0.0, 2.0]).sum(&power), 26.0);
        assert_eq!(Filter::of(&[0.0; 4]).sum(&power), 0.0);
    }

    #[test]
    fn filters_match_those_whisper_was_trained_with() {
        // Reference: whisper/assets/mel_filters.npz, 80 bands.
        let f = filterbank(80);
        assert_eq!(f.len(), 80 * 201);
        assert!((f[1] - 0.024_862_6).abs() < 1e-6, "band 0, bin 1: {}", f[1]);
        // Every band has weight, and none reaches beyond its neighbours.
        for (i, row) in f.chunks(FFT_BINS).enumerate() {
            let area: f32 = row.iter().sum();
            assert!(area > 0.015 && area < 0.035, "band {i} has area {area}");
        }
    }
}
