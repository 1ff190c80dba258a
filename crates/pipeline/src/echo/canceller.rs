//! Subtracts the echo: a partitioned-block frequency-domain Kalman filter (Enzner and Vary 2006, Kuech et al. 2014) learns
//! the echo path from playout to the microphone. Its step size follows from its own uncertainty, so that a person who speaks
//! over the echo does not mislead it. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Samples processed at once: 16 ms.
pub const BLOCK: usize = 256;
const SIZE: usize = 2 * BLOCK;
const BINS: usize = BLOCK + 1;
/// Blocks that the filter covers: 128 ms.
const PARTITIONS: usize = 8;
/// How steady the echo path is from block to block.
const STEADY: f32 = 0.999;
/// Initial variance of the first partition, and its factor from one partition to the next.
const UNKNOWN: f32 = 0.1;
const UNKNOWN_DECAY: f32 = 0.6;
/// Smoothing of the near end's power, per block.
const FORGET: f32 = 0.8;

#[derive(Debug, Clone)]
struct Partition {
    path: Vec<Complex<f32>>,
    variance: Vec<f32>,
}

/// The filter.
pub struct Canceller {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    played: VecDeque<Vec<Complex<f32>>>,
    partitions: Vec<Partition>,
    near: Vec<f32>,
    /// The partition whose tail is cut next: a filter of BLOCK taps must not wrap around.
    next: usize,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}

impl Default for Canceller {
    fn default() -> Self {
        let mut planner = RealFftPlanner::new();
        let silence = vec![Complex::default(); BINS];
        let partition = |index: i32| Partition {
            path: silence.clone(),
            variance: vec![UNKNOWN * UNKNOWN_DECAY.powi(index); BINS],
        };
        Self {
            forward: planner.plan_fft_forward(SIZE),
            inverse: planner.plan_fft_inverse(SIZE),
            played: (0..PARTITIONS).map(|_| silence.clone()).collect(),
            partitions: (0..PARTITIONS as i32).map(partition).collect(),
            near: vec![0.0; BINS],
            next: 0,
        }
    }
}

impl Canceller {
    /// Subtracts the echo from `heard` ([`BLOCK`] samples); returns the estimated echo. `played`: the reference for this block
    /// and the one before.
    pub fn cancel(&mut self, played: &[f32], heard: &mut [f32]) -> Vec<f32> {
        let mut spectrum = self.played.pop_back().unwrap_or_default();
        self.spectrum(played, &mut spectrum);
        self.played.push_front(spectrum);
        let mut echo = vec![Complex::default(); BINS];
        for (partition, played) in self.partitions.iter().zip(&self.played) {
            for ((echo, path), played) in echo.iter_mut().zip(&partition.path).zip(played) {
                *echo += path * played;
            }
        }
        let echo = self.signal(&mut echo)[BLOCK..].to_vec();
        heard.iter_mut().zip(&echo).for_each(|(heard, echo)| *heard -= echo);
        self.learn(heard);
        echo
    }

    fn learn(&mut self, rest: &[f32]) {
        let mut padded = vec![0.0; BLOCK];
        padded.extend_from_slice(rest);
        let mut error = vec![Complex::default(); BINS];
        self.spectrum(&padded, &mut error);
        let mut power = vec![1e-9_f32; BINS];
        for (partition, played) in self.partitions.iter().zip(&self.played) {
            for ((power, variance), played) in power.iter_mut().zip(&partition.variance).zip(played) {
                *power += variance * played.norm_sqr();
            }
        }
        for ((near, error), power) in self.near.iter_mut().zip(&error).zip(&mut power) {
            *near = FORGET * *near + (1.0 - FORGET) * error.norm_sqr();
            *power += 2.0 * near.max(error.norm_sqr());
        }
        for (partition, played) in self.partitions.iter_mut().zip(&self.played) {
            let bins = partition.path.iter_mut().zip(&mut partition.variance).zip(played);
            for (((path, variance), played), (error, power)) in bins.zip(error.iter().zip(&power)) {
                let step = *variance / power;
                *path += played.conj() * error * step;
                let known = 1.0 - 0.5 * step * played.norm_sqr();
                *variance = STEADY * STEADY * known * *variance + (1.0 - STEADY * STEADY) * path.norm_sqr();
            }
        }
        self.cut_tail();
        self.cut_tail();
    }

    /// Removes what wrapped around in one partition; the partitions take turns.
    fn cut_tail(&mut self) {
        let mut path = std::mem::take(&mut self.partitions[self.next].path);
        let mut taps = self.signal(&mut path);
        taps[BLOCK..].fill(0.0);
        self.spectrum(&taps, &mut path);
        self.partitions[self.next].path = path;
        self.next = (self.next + 1) % PARTITIONS;
    }

    fn spectrum(&self, samples: &[f32], into: &mut Vec<Complex<f32>>) {
        into.resize(BINS, Complex::default());
        let mut input = samples.to_vec();
        self.forward.process(&mut input, into).expect("the lengths are the plan's");
    }

    fn signal(&self, spectrum: &mut [Complex<f32>]) -> Vec<f32> {
        (spectrum[0].im, spectrum[BINS - 1].im) = (0.0, 0.0);
        let mut output = vec![0.0; SIZE];
        self.inverse.process(spectrum, &mut output).expect("the lengths are the plan's, both ends are real");
        output.iter_mut().for_each(|sample| *sample /= SIZE as f32);
        output
    }
}
