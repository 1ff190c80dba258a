//! Searches the played sound for what the microphone hears: a short piece, whitened so that the harmonics of two different
//! voices do not match, is correlated with the reference at every delay. Pure.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples to look for: 128 ms.
pub const PIECE: usize = 2048;
/// The reference that is searched: 1 s.
pub const SPAN: usize = 16_384;
/// Correlations run at half the microphone's rate: codecs keep little of speech above 4 kHz.
const HALF: usize = SPAN / 2;
/// Bins from 190 Hz to 3.6 kHz.
const BAND: std::ops::Range<usize> = 195..3_690;
/// Bins that one frequency of the piece spreads over.
const SPREAD: usize = SPAN / PIECE;
/// Level, relative to the spectrum's maximum, below which whitening does not raise noise.
const NOISE: f32 = 1e-3;
/// Reference sound weaker than the piece by more than this (10 dB) does not explain it.
const WEAKER: f32 = 0.1;

/// The search; its only state is its transforms.
pub struct Finder {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").finish_non_exhaustive()
    }
}

impl Default for Finder {
    fn default() -> Self {
        let mut planner = RealFftPlanner::new();
        Self { forward: planner.plan_fft_forward(SPAN), inverse: planner.plan_fft_inverse(HALF) }
    }
}

impl Finder {
    /// How much of `piece` ([`PIECE`] samples) each position in `reference` ([`SPAN`] samples) explains, 0 to 1, at half the
    /// rate. Empty if the piece is silent.
    #[must_use]
    pub fn shares(&self, piece: &[f32], reference: &[f32]) -> Vec<f32> {
        let (mut piece, mut reference) = (self.spectrum(piece), self.spectrum(reference));
        if whiten(&mut piece, &mut reference).is_none() {
            return Vec::new();
        }
        let mut product: Vec<_> = piece.iter().zip(&reference).map(|(p, r)| p.conj() * r).collect();
        let energy: f32 = self.signal(&mut piece).iter().map(|sample| sample * sample).sum();
        let correlation = self.signal(&mut product);
        let energies = energies(&self.signal(&mut reference));
        let floor = energy * WEAKER;
        // The transforms are not normalised: a product of two has a factor of HALF over the squares of one.
        let scale = (HALF * HALF) as f32 / energy;
        let share = |(correlation, energy): (&f32, &f32)| {
            if *energy > floor { correlation * correlation * scale / energy } else { 0.0 }
        };
        correlation.iter().zip(&energies).map(share).collect()
    }

    fn spectrum(&self, samples: &[f32]) -> Vec<Complex<f32>> {
        let mut input = samples.to_vec();
        input.resize(SPAN, 0.0);
        let mut output = self.forward.make_output_vec();
        self.forward.process(&mut input, &mut output).expect("the lengths are the plan's");
        output.truncate(HALF / 2 + 1);
        output
    }

    fn signal(&self, spectrum: &mut [Complex<f32>]) -> Vec<f32> {
        let mut output = self.inverse.make_output_vec();
        self.inverse.process(spectrum, &mut output).expect("the lengths are the plan's, both ends are zero");
        output
    }
}

/// Flattens the piece's spectrum, and filters the reference alike. `None`: the piece is silent.
fn whiten(piece: &mut [Complex<f32>], reference: &mut [Complex<f32>]) -> Option<()> {
    let power: Vec<f32> = piece.iter().map(Complex::norm_sqr).collect();
    let loudest = power[BAND].iter().copied().fold(0.0, f32::max);
    if loudest <= 0.0 {
        return None;
    }
    let mut sum: f32 = power[..SPREAD].iter().sum();
    for (at, (piece, reference)) in piece.iter_mut().zip(reference).enumerate() {
        let before = at.checked_sub(SPREAD + 1).map_or(0.0, |before| power[before]);
        sum += power.get(at + SPREAD).unwrap_or(&0.0) - before;
        let mean = sum.max(0.0) / (2 * SPREAD + 1) as f32;
        let gain = if BAND.contains(&at) { 1.0 / (mean + loudest * NOISE).sqrt() } else { 0.0 };
        *piece *= gain;
        *reference *= gain;
    }
    Some(())
}

/// Energy of the reference under the piece, at every position.
fn energies(reference: &[f32]) -> Vec<f32> {
    const LENGTH: usize = PIECE / 2;
    let square = |at: usize| f64::from(reference[at]).powi(2);
    let mut sum: f64 = (0..LENGTH).map(square).sum();
    let step = |at: usize| {
        let here = sum as f32;
        sum += square(at + LENGTH) - square(at);
        here
    };
    (0..HALF - LENGTH).map(step).collect()
}
