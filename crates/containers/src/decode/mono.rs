//! Resamples blocks of any rate to the decoder's output.

use visavis_media::audio::resample::Resampler;
use visavis_media::audio::wav::RATES;

use super::RATE;
use super::block::Block;
use super::edits::Delay;
use crate::error::DecodeError;

/// Resamples blocks, and cuts off an encoder's padding at the end.
pub(super) struct Mono {
    rate: u32,
    /// What is still to be left out at the beginning.
    delay: Option<Delay>,
    skip: usize,
    /// Once the rate is known.
    resampler: Option<Resampler>,
    /// Samples that are held back: they are padding if the sound ends after them.
    padding: usize,
    held: Vec<f32>,
    taken: u64,
}

impl Mono {
    pub(super) fn new(padding: usize) -> Self {
        Self { rate: 0, delay: None, skip: 0, resampler: None, padding, held: Vec::new(), taken: 0 }
    }

    /// Leaves out the beginning.
    pub(super) fn skip(&mut self, delay: Delay) {
        self.delay = Some(delay);
    }

    pub(super) fn push(&mut self, block: &Block, out: &mut Vec<i16>) -> Result<(), DecodeError> {
        if block.samples.is_empty() {
            return Ok(());
        }
        if self.resampler.is_none() || self.rate != block.rate {
            self.retune(block.rate, out)?;
        }
        let samples = &block.samples[self.skip.min(block.samples.len())..];
        self.skip = self.skip.saturating_sub(block.samples.len());
        self.taken += samples.len() as u64;
        self.held.extend_from_slice(samples);
        self.give(self.held.len().saturating_sub(self.padding), out);
        Ok(())
    }

    /// Ends the sound, which has `frames` samples according to the file.
    pub(super) fn end(&mut self, frames: Option<u64>, out: &mut Vec<i16>) {
        let over = frames.map_or(self.padding, |frames| {
            usize::try_from(self.taken.saturating_sub(frames)).unwrap_or(usize::MAX)
        });
        // A file that is cut short has sound where its padding would be.
        let cut = over.min(self.padding);
        self.give(self.held.len().saturating_sub(cut), out);
        self.held.clear();
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(out);
        }
    }

    fn give(&mut self, count: usize, out: &mut Vec<i16>) {
        if let Some(resampler) = &mut self.resampler {
            resampler.push_f32(&self.held[..count], out);
        }
        self.held.drain(..count);
    }

    /// A file may change its rate on the way.
    fn retune(&mut self, rate: u32, out: &mut Vec<i16>) -> Result<(), DecodeError> {
        if !RATES.contains(&rate) {
            return Err(DecodeError::Rate(rate));
        }
        self.give(self.held.len(), out);
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(out);
        }
        if let Some(Delay { ticks, scale }) = self.delay.take() {
            let samples = ticks.saturating_mul(u64::from(rate)) / u64::from(scale.max(1));
            self.skip = usize::try_from(samples).unwrap_or(usize::MAX);
        }
        self.rate = rate;
        self.resampler = Some(Resampler::new(rate, RATE));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(padding: usize, frames: Option<u64>, samples: usize) -> usize {
        let mut mono = Mono::new(padding);
        let mut out = Vec::new();
        for piece in vec![0.5; samples].chunks(100) {
            let block = Block { rate: RATE, samples: piece.to_vec() };
            mono.push(&block, &mut out).unwrap();
        }
        mono.end(frames, &mut out);
        out.len()
    }

    #[test]
    fn padding_is_cut_off_unless_the_file_ends_before_it() {
        assert_eq!(read(0, None, 1_000), 1_000);
        assert_eq!(read(0, Some(900), 1_000), 1_000, "an estimate cuts nothing");
        assert_eq!(read(250, Some(750), 1_000), 750);
        assert_eq!(read(250, Some(900), 1_000), 900);
        assert_eq!(read(250, Some(2_000), 1_000), 1_000, "the rest of the file is missing");
        assert_eq!(read(250, Some(0), 1_000), 750, "a tag that was never completed");
        assert_eq!(read(250, None, 1_000), 750);
        assert_eq!(read(250, None, 100), 0);
    }

    #[test]
    fn a_delay_is_left_out_over_as_many_blocks_as_it_has() {
        let mut mono = Mono::new(0);
        // In ticks of another clock than the samples'.
        mono.skip(Delay { ticks: 225, scale: RATE / 2 });
        let mut out = Vec::new();
        for level in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] {
            mono.push(&Block { rate: RATE, samples: vec![level; 100] }, &mut out).unwrap();
        }
        mono.end(None, &mut out);
        assert_eq!((out.len(), out[0], out[49], out[50]), (150, 16_384, 16_384, 19_661));
    }

    #[test]
    fn a_change_of_rate_keeps_the_length_in_time() {
        let (mut mono, mut out) = (Mono::new(0), Vec::new());
        for rate in [16_000, 48_000, 8_000] {
            let block = Block { rate, samples: vec![0.25; rate as usize / 2] };
            mono.push(&block, &mut out).unwrap();
        }
        mono.end(None, &mut out);
        assert_eq!(out.len(), 24_000);
        let refused = mono.push(&Block { rate: 500, samples: vec![0.0] }, &mut out);
        assert!(matches!(refused, Err(DecodeError::Rate(500))));
    }
}
