//! Whisper's mel filterbank: whisper.cpp expects it inside its model file, and the end-of-turn model was trained on it.

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

/// Slaney-normalised triangular filters, `bands` rows of [`FFT_BINS`], as librosa computes them (the rounding
/// steps are kept in its order, so that the values are the ones Whisper was trained with).
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

/// Mathematics libraries differ in the last bit of `ln` and `exp`; without it the filters are the same everywhere,
/// and so is the converted model's checksum.
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
    fn filters_match_the_ones_whisper_was_trained_with() {
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
