//! Binary frames in, 20 ms frames out.

use super::HEADER;
use crate::audio::resample::Resampler;
use crate::frame::{AudioFrame, MIC_FRAME, MIC_RATE};

/// Reads the microphone's frames.
pub(super) struct Ear {
    rate: u32,
    resampler: Option<Resampler>,
    pending: Vec<i16>,
}

impl Ear {
    pub(super) fn new(rate: u32) -> Self {
        let resampler = (rate != MIC_RATE).then(|| Resampler::new(rate, MIC_RATE));
        Self { rate, resampler, pending: Vec::new() }
    }

    /// The samples of a frame and how long they sound in seconds, or what is wrong with it.
    pub(super) fn samples<'a>(&self, frame: &'a [u8]) -> Result<(&'a [u8], f64), String> {
        let Some((header, body)) = frame.split_at_checked(HEADER) else {
            return Err(format!("a binary frame has at least {HEADER} bytes of header, not {}", frame.len()));
        };
        if header[0] != 1 || header[1] != 1 {
            return Err(format!(
                "byte 0 must be version 1 and byte 1 kind 1 (PCM16), not {} and {}",
                header[0], header[1]
            ));
        }
        let longest = self.rate as usize / 5 * 2;
        if body.is_empty() || body.len() % 2 == 1 || body.len() > longest {
            let size = body.len();
            return Err(format!(
                "the samples must be an even number of bytes from 2 to {longest} (200 ms), not {size}"
            ));
        }
        Ok((body, (body.len() / 2) as f64 / f64::from(self.rate)))
    }

    /// The 20 ms frames that are complete with these samples.
    pub(super) fn take(&mut self, body: &[u8]) -> Vec<AudioFrame> {
        let samples = crate::engine::grpc::samples(body);
        match &mut self.resampler {
            Some(resampler) => resampler.push(&samples, &mut self.pending),
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
mod tests {
    use super::super::RATES;
    use super::*;

    fn frame(samples: usize) -> Vec<u8> {
        let mut bytes = vec![1, 1];
        bytes.resize(HEADER + samples * 2, 0);
        bytes
    }

    #[test]
    fn frames_of_any_length_and_rate_come_out_as_20_ms_of_16_khz() {
        for rate in RATES {
            let mut ear = Ear::new(rate);
            let odd = frame(rate as usize / 70);
            let (body, seconds) = ear.samples(&odd).unwrap();
            assert!((seconds - 1.0 / 70.0).abs() < 0.001, "{rate}: {seconds}");
            let frames: usize = (0..70).map(|_| ear.take(body).len()).sum();
            assert!((46..=50).contains(&frames), "{rate}: {frames}");
        }
    }

    #[test]
    fn a_frame_of_the_wrong_size_or_kind_is_refused_with_the_limit() {
        let ear = Ear::new(16_000);
        for (bytes, part) in [
            (vec![1; 5], "12 bytes"),
            (vec![2; 40], "version 1"),
            (frame(0), "2 to 6400"),
            (frame(3201), "2 to 6400"),
            ([frame(1), vec![0]].concat(), "even"),
        ] {
            assert!(ear.samples(&bytes).unwrap_err().contains(part));
        }
    }
}
