//! Converts a part of the synthesis to a chunk at playout's rate. Pure.

use crate::audio::resample::Resampler;
use crate::engine::TtsPart;
use crate::frame::{OUT_RATE, Segment, Sounds, SpeechChunk, WordTime};

/// Level of the first audible sample, and the lead-in kept before it: 10 ms, so that no onset is cut.
const AUDIBLE: u16 = 260;
pub(super) const LEAD_IN: usize = OUT_RATE as usize / 100;

pub(super) fn first_sound(samples: &[i16]) -> Option<usize> {
    samples.iter().position(|sample| sample.unsigned_abs() > AUDIBLE)
}

/// Cuts the silence before the first sound, such as a breath, which would only delay the response; returns whether there is a
/// sound. Engines that stream send silence as separate parts.
pub(super) fn trim(chunk: &mut SpeechChunk) -> bool {
    let first = first_sound(&chunk.samples);
    let cut = first.unwrap_or(chunk.samples.len()).saturating_sub(LEAD_IN);
    chunk.samples.drain(..cut);
    for word in chunk.words.iter_mut().chain(&mut chunk.sounds.times) {
        word.start = word.start.saturating_sub(cut as u64);
        word.end = word.end.saturating_sub(cut as u64);
    }
    first.is_some()
}

/// Converts a part of the synthesis to a chunk at playout's rate.
pub(super) fn convert(
    segment: &Segment,
    part: TtsPart,
    text: Option<String>,
    resampler: &mut Option<(u32, Resampler)>,
) -> SpeechChunk {
    let scale = |at: u64| at * u64::from(OUT_RATE) / u64::from(part.rate.max(1));
    let scaled = |time: WordTime| WordTime { start: scale(time.start), end: scale(time.end), ..time };
    let times = |times: Vec<WordTime>| times.into_iter().map(scaled).collect();
    let words = times(part.words);
    let sounds = Sounds { times: times(part.sounds), measured: part.measured };
    let samples = if part.rate == OUT_RATE {
        part.samples
    } else {
        if resampler.as_ref().is_none_or(|(rate, _)| *rate != part.rate) {
            *resampler = Some((part.rate, Resampler::new(part.rate, OUT_RATE)));
        }
        let mut out = Vec::new();
        if let Some((_, resampler)) = resampler {
            resampler.push(&part.samples, &mut out);
            resampler.flush(&mut out);
        }
        out
    };
    SpeechChunk {
        response: segment.response,
        segment: segment.index,
        text,
        samples,
        words,
        sounds,
        cues: Vec::new(),
        last: false,
    }
}
