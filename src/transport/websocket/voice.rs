//! The agent's sound as binary frames.

use std::time::Duration;

use super::HEADER;
use crate::audio::resample::Resampler;
use crate::frame::{MEDIA_CLOCK, MIC_FRAME, MIC_RATE, MediaOut, OUT_RATE, ResponseId};

/// A pause after which the filter's rest is sent: frames come every 20 ms.
pub(super) const PAUSE: Duration = Duration::from_millis(60);

/// Encodes answers. Each begins with a filter of its own, so that none carries the end of another.
pub(super) struct Voice {
    resampler: Resampler,
    sequence: u16,
    /// The answer whose end is still in the filter, and where its next sample belongs.
    open: Option<(ResponseId, u32)>,
}

impl Voice {
    pub(super) fn new() -> Self {
        Self { resampler: Resampler::live(OUT_RATE, MIC_RATE), sequence: 0, open: None }
    }

    /// The frame of 20 ms of an answer, which begins with the filter's delay as silence.
    pub(super) fn frame(&mut self, media: &MediaOut) -> Option<Vec<u8>> {
        if self.open.is_some_and(|(response, _)| response != media.response) {
            self.cut();
        }
        let mut samples = Vec::with_capacity(MIC_FRAME);
        self.resampler.push(&media.samples, &mut samples);
        let length = u32::try_from(media.samples.len()).unwrap_or(u32::MAX);
        let end = media.timestamp.wrapping_add(length.saturating_mul(MEDIA_CLOCK / OUT_RATE));
        self.open = Some((media.response, end));
        self.encode(media.response, media.timestamp, &samples)
    }

    /// What the filter still holds: the answer pauses, or has ended.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        let (response, end) = self.open.take()?;
        let mut samples = Vec::new();
        self.resampler.flush(&mut samples);
        self.encode(response, end, &samples)
    }

    /// Forgets what the filter holds: it must not be heard any more.
    pub(super) fn cut(&mut self) {
        self.open = None;
        self.resampler.flush(&mut Vec::new());
    }

    /// Something waits in the filter.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn encode(&mut self, response: ResponseId, timestamp: u32, samples: &[i16]) -> Option<Vec<u8>> {
        if samples.is_empty() {
            return None;
        }
        let mut bytes = Vec::with_capacity(HEADER + samples.len() * 2);
        bytes.extend([1, 1]);
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(timestamp.to_le_bytes());
        bytes.extend(response.0.to_le_bytes());
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.sequence = self.sequence.wrapping_add(1);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::OUT_FRAME;

    fn media(response: u32, level: i16) -> MediaOut {
        MediaOut {
            response: ResponseId(response),
            timestamp: 960 * response,
            samples: vec![level; OUT_FRAME],
        }
    }

    fn loudest(frame: &[u8]) -> i16 {
        let samples = frame[HEADER..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        samples.map(i16::abs).max().unwrap_or(0)
    }

    #[test]
    fn an_answer_carries_nothing_of_the_one_before_it() {
        for interrupted in [false, true] {
            let mut voice = Voice::new();
            let loud: Vec<_> = (0..5).filter_map(|_| voice.frame(&media(1, 12_000))).collect();
            assert!(loud.iter().any(|frame| loudest(frame) > 10_000));
            if interrupted {
                voice.cut();
            }
            let next: Vec<_> = (0..5).filter_map(|_| voice.frame(&media(2, 0))).collect();
            assert!(next.len() == 5 && next.iter().all(|frame| loudest(frame) == 0), "{interrupted}");
        }
    }

    #[test]
    fn an_answer_is_sent_in_whole_frames_and_to_its_last_sample() {
        let mut voice = Voice::new();
        let frames: Vec<_> = (0..5).filter_map(|_| voice.frame(&media(1, 12_000))).collect();
        assert!(frames.len() == 5 && frames.iter().all(|frame| frame.len() == HEADER + 2 * MIC_FRAME));
        let rest = voice.rest().unwrap();
        assert!(rest.len() < HEADER + 2 * MIC_FRAME && loudest(&rest) > 10_000, "{} bytes", rest.len());
        assert_eq!((voice.is_open(), voice.rest()), (false, None));
    }
}
