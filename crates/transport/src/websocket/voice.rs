//! Converts the agent's sound to the client's rate.

use std::time::Duration;

use crate::audio::resample::Resampler;
use crate::frame::{MEDIA_CLOCK, MediaOut, OUT_RATE, ResponseId};
use crate::protocol::Speech;

/// Pause after which the rest in the filter is sent; frames come every 20 ms.
pub(super) const PAUSE: Duration = Duration::from_millis(60);

/// Converts responses, each with a fresh filter, so that none contains the end of another.
pub(super) struct Voice {
    rate: u32,
    resampler: Resampler,
    open: Option<Open>,
}

/// The response whose end is still in the filter.
#[derive(Debug, Clone, Copy)]
struct Open {
    response: ResponseId,
    /// The timestamp of its next sample.
    end: u32,
}

impl Voice {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, resampler: Resampler::live(OUT_RATE, rate), open: None }
    }

    /// Converts 20 ms of a response, which begins with silence of the filter's delay. A changed rate applies from the next
    /// start of the filter.
    pub(super) fn frame(&mut self, media: &MediaOut, rate: u32) -> Option<Speech> {
        if self.open.is_some_and(|open| open.response != media.response) {
            self.cut();
        }
        if self.open.is_none() && self.rate != rate {
            *self = Self::new(rate);
        }
        let mut samples = Vec::with_capacity(self.rate as usize / 50);
        self.resampler.push(&media.samples, &mut samples);
        let length = u32::try_from(media.samples.len()).unwrap_or(u32::MAX);
        let end = media.timestamp.wrapping_add(length.saturating_mul(MEDIA_CLOCK / OUT_RATE));
        self.open = Some(Open { response: media.response, end });
        self.speech(media.response, media.timestamp, samples)
    }

    /// Flushes the filter: the response pauses or has ended.
    pub(super) fn rest(&mut self) -> Option<Speech> {
        let Open { response, end } = self.open.take()?;
        let mut samples = Vec::new();
        self.resampler.flush(&mut samples);
        self.speech(response, end, samples)
    }

    /// Discards what is in the filter, which must not be heard any more.
    pub(super) fn cut(&mut self) {
        self.open = None;
        self.resampler.flush(&mut Vec::new());
    }

    /// Whether the filter contains sound.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn speech(&self, response: ResponseId, timestamp: u32, samples: Vec<i16>) -> Option<Speech> {
        (!samples.is_empty()).then_some(Speech { response, timestamp, rate: self.rate, samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{MIC_FRAME, MIC_RATE, OUT_FRAME};

    fn media(response: u32, level: i16) -> MediaOut {
        MediaOut {
            response: ResponseId(response),
            timestamp: 960 * response,
            samples: vec![level; OUT_FRAME],
        }
    }

    fn loudest(speech: &Speech) -> i16 {
        speech.samples.iter().copied().map(i16::abs).max().unwrap_or(0)
    }

    #[test]
    fn a_response_contains_nothing_of_the_previous_one() {
        for interrupted in [false, true] {
            let mut voice = Voice::new(MIC_RATE);
            let loud: Vec<_> = (0..5).filter_map(|_| voice.frame(&media(1, 12_000), MIC_RATE)).collect();
            assert!(loud.iter().any(|frame| loudest(frame) > 10_000));
            if interrupted {
                voice.cut();
            }
            let next: Vec<_> = (0..5).filter_map(|_| voice.frame(&media(2, 0), MIC_RATE)).collect();
            assert!(next.len() == 5 && next.iter().all(|frame| loudest(frame) == 0), "{interrupted}");
        }
    }

    #[test]
    fn a_response_is_sent_in_whole_frames_and_to_its_last_sample() {
        let mut voice = Voice::new(MIC_RATE);
        let frames: Vec<_> = (0..5).filter_map(|_| voice.frame(&media(1, 12_000), MIC_RATE)).collect();
        assert!(frames.len() == 5 && frames.iter().all(|frame| frame.samples.len() == MIC_FRAME));
        assert!(frames.iter().all(|frame| (frame.timestamp, frame.rate) == (960, MIC_RATE)));
        let rest = voice.rest().unwrap();
        assert!(rest.samples.len() < MIC_FRAME && loudest(&rest) > 10_000, "{} samples", rest.samples.len());
        assert_eq!((rest.timestamp, voice.is_open(), voice.rest()), (1920, false, None));
    }

    #[test]
    fn a_new_rate_applies_from_the_next_response_on() {
        let mut voice = Voice::new(MIC_RATE);
        let rates: Vec<_> = [(1, MIC_RATE), (1, OUT_RATE), (2, OUT_RATE)]
            .into_iter()
            .filter_map(|(response, rate)| voice.frame(&media(response, 0), rate))
            .map(|speech| (speech.rate, speech.samples.len()))
            .collect();
        let (before, after) = ((MIC_RATE, MIC_FRAME), (OUT_RATE, OUT_FRAME));
        assert_eq!(rates, [before, before, after]);
    }
}
