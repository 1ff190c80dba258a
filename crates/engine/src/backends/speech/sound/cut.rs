//! Converts samples to the output rate, and splits them into parts whose sizes do not depend on how the sound arrived. Pure.
//!
//! When a segment's sound breaks off, the pipeline requests it again and drops as many parts as it already has: equal sizes let
//! the sound continue where it broke off.

use crate::audio::resample::Resampler;
use crate::frame::OUT_RATE;

/// Samples of the first part: 100 ms.
const FIRST: usize = OUT_RATE as usize / 10;
/// Samples of the longest part: 500 ms.
const LONGEST: usize = OUT_RATE as usize / 2;

/// A sound being converted to the output rate.
#[derive(Debug, Default)]
pub(in crate::backends::speech) struct Cutter {
    /// The converter, and its input rate.
    resampler: Option<(u32, Resampler)>,
    pending: Vec<i16>,
    /// Samples of the parts so far.
    cut: usize,
}

impl Cutter {
    /// Takes samples at this rate, 4 to 192 kHz.
    pub(in crate::backends::speech) fn push(&mut self, samples: &[i16], rate: u32) {
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != rate) {
            self.flush();
            self.resampler = Some((rate, Resampler::new(rate, OUT_RATE)));
        }
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(samples, &mut self.pending);
        }
    }

    /// The next part, once it is complete. Each is as long as all before it together, within limits, so that a server that
    /// works at the pace of speech leaves no hole.
    pub(in crate::backends::speech) fn part(&mut self) -> Option<Vec<i16>> {
        let size = self.cut.clamp(FIRST, LONGEST);
        if self.pending.len() < size {
            return None;
        }
        self.cut += size;
        let rest = self.pending.split_off(size);
        Some(std::mem::replace(&mut self.pending, rest))
    }

    /// All remaining samples; no more come.
    pub(in crate::backends::speech) fn rest(&mut self) -> Option<Vec<i16>> {
        self.flush();
        self.cut += self.pending.len();
        Some(std::mem::take(&mut self.pending)).filter(|rest| !rest.is_empty())
    }

    fn flush(&mut self) {
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.flush(&mut self.pending);
        }
    }

    /// Samples at the output rate so far.
    pub(in crate::backends::speech) fn samples(&self) -> usize {
        self.cut + self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(samples: &[i16], rate: u32, piece: usize) -> Vec<Vec<i16>> {
        let (mut cutter, mut parts) = (Cutter::default(), Vec::new());
        for piece in samples.chunks(piece) {
            cutter.push(piece, rate);
            while let Some(part) = cutter.part() {
                parts.push(part);
            }
        }
        parts.extend(cutter.rest());
        assert_eq!(cutter.samples(), parts.iter().map(Vec::len).sum::<usize>());
        parts
    }

    #[test]
    fn parts_grow_and_are_the_same_however_the_sound_arrives() {
        let second: Vec<i16> = (0..16_000).map(|at| (at % 100) as i16 * 90).collect();
        let whole = parts(&second, 16_000, 16_000);
        assert_eq!(whole, parts(&second, 16_000, 77));
        let sizes: Vec<usize> = whole.iter().map(Vec::len).collect();
        assert_eq!(sizes[..4], [FIRST, FIRST, 2 * FIRST, 4 * FIRST]);
        assert_eq!(sizes.iter().sum::<usize>(), OUT_RATE as usize);
        assert!(parts(&[], 24_000, 10).is_empty());
    }

    #[test]
    fn sound_that_changes_its_rate_keeps_its_length() {
        let mut cutter = Cutter::default();
        cutter.push(&[900; 8000], 16_000);
        cutter.push(&[900; 12_000], OUT_RATE);
        assert_eq!(cutter.rest().unwrap().len(), OUT_RATE as usize);
    }

    #[test]
    fn samples_at_the_output_rate_pass_unchanged() {
        let samples: Vec<i16> = (0..30_000).map(|at| at as i16).collect();
        assert_eq!(parts(&samples, OUT_RATE, 480).concat(), samples);
    }
}
