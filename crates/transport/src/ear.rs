//! Converts a client's sound, as its packets bring it, to 20 ms frames.

use crate::audio::resample::Resampler;
use crate::frame::{AudioFrame, MIC_FRAME, MIC_RATE};

/// Converts the microphone's sound.
pub(crate) struct Ear {
    rate: u32,
    resampler: Option<Resampler>,
    pending: Vec<i16>,
}

impl Ear {
    pub(crate) fn new() -> Self {
        Self { rate: MIC_RATE, resampler: None, pending: Vec::new() }
    }

    /// The 20 ms frames completed by these samples. A change of rate loses what is in the filter.
    pub(crate) fn take(&mut self, rate: u32, samples: &[i16]) -> Vec<AudioFrame> {
        if std::mem::replace(&mut self.rate, rate) != rate {
            self.resampler = (rate != MIC_RATE).then(|| Resampler::new(rate, MIC_RATE));
        }
        match &mut self.resampler {
            Some(resampler) => resampler.push(samples, &mut self.pending),
            None => self.pending.extend(samples),
        }
        let whole = self.pending.len() / MIC_FRAME * MIC_FRAME;
        let frames = self.pending[..whole].chunks(MIC_FRAME);
        let frames = frames.map(|samples| AudioFrame { samples: samples.to_vec(), received: true }).collect();
        self.pending.drain(..whole);
        frames
    }
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RATES;

    #[test]
    fn sound_of_any_length_and_rate_becomes_20_ms_frames_of_16_khz() {
        let mut changing = Ear::new();
        for rate in RATES {
            for ear in [&mut Ear::new(), &mut changing] {
                let odd = vec![0; rate as usize / 70];
                let frames: usize = (0..70).map(|_| ear.take(rate, &odd).len()).sum();
                assert!((46..=50).contains(&frames), "{rate}: {frames}");
            }
        }
    }
}
