//! Estimates by the client's clock how many words of a response were heard: segments begin when their captions arrive, and
//! words take their share of a segment's time. Also finds missing and repeated sound. Pure.

use std::time::{Duration, Instant};

use super::scene::{ReceivedText, Response, Scene};
use crate::harness::words::words;
use visavis_client::{Arrived, Event};
use visavis_core::frame::MIC_RATE;

/// How fast a response is spoken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    seconds: f64,
    weight: f64,
}

impl Default for Pace {
    /// An ordinary reader's pace, until this voice's is known.
    fn default() -> Self {
        Self { seconds: 0.65, weight: 10.0 }
    }
}

impl Pace {
    /// Learns from segments that were heard whole.
    pub fn learn(&mut self, scene: &Scene) {
        for response in
            scene.responses.iter().filter(|response| response.cut.is_none() && response.stopped.is_some())
        {
            for (index, ReceivedText { at: from, text }) in response.segments.iter().enumerate() {
                let until = response.segments.get(index + 1).map(|next| next.at);
                let in_time =
                    response.sound.iter().filter(|span| until.is_none_or(|until| span.start < until));
                let end = in_time.map(|span| until.map_or(span.end, |until| span.end.min(until))).max();
                if let Some(end) = end.filter(|end| end > from) {
                    self.seconds += end.duration_since(*from).as_secs_f64();
                    self.weight += weight(text);
                }
            }
        }
    }

    /// How long a text takes.
    #[must_use]
    pub fn duration(&self, text: &str) -> Duration {
        Duration::from_secs_f64(weight(text) * self.seconds / self.weight)
    }

    /// Number of a response's words of which more than half had sounded by then.
    #[must_use]
    pub fn words_heard(&self, response: &Response, by: Instant) -> usize {
        let mut heard = 0;
        for (index, ReceivedText { at: from, text }) in response.segments.iter().enumerate() {
            let ended = response.segments.get(index + 1).is_some_and(|next| next.at <= by);
            if ended {
                heard += words(text).len();
                continue;
            }
            let Some(played) = by.checked_duration_since(*from) else { break };
            heard += self.words_within(text, played);
        }
        heard
    }

    fn words_within(&self, text: &str, played: Duration) -> usize {
        let mut at = 0.0;
        let mut count = 0;
        let played = played.as_secs_f64() * self.weight / self.seconds;
        for written in text.split_whitespace() {
            let spoken = words(written).len();
            let share = weight(written);
            if spoken > 0 && at + share / 2.0 > played {
                break;
            }
            at += share;
            count += spoken;
        }
        count
    }

    /// When the middle of the response's last word will sound, once its last segment has begun.
    #[must_use]
    pub fn last_word(&self, response: &Response) -> Option<Instant> {
        let ReceivedText { at: from, text } = response.segments.last()?;
        let begun: usize = response.segments.iter().map(|one| words(&one.text).len()).sum();
        if !response.complete || begun < words(&response.generated).len() {
            return None;
        }
        let last = text.split_whitespace().next_back()?;
        Some(*from + self.duration(text) - self.duration(last) / 2)
    }
}

/// Relative length of a text: letters, digits as spoken, and pauses after clauses.
fn weight(text: &str) -> f64 {
    let one = |letter: char| match letter {
        '0'..='9' => 4.0,
        ',' | ';' | ':' | '.' | '?' | '!' | '—' => 3.0,
        _ if letter.is_alphabetic() => 1.0,
        _ => 0.0,
    };
    let written = text.split_whitespace();
    written.map(|word| 1.0 + word.chars().map(one).sum::<f64>()).sum()
}

/// Longest time in ms without an audible sample between two sounds of a response, if it overlaps the time from `from` to `to`.
#[must_use]
pub fn longest_hole(response: &Response, from: Instant, to: Instant) -> f64 {
    let holes = response.sound.windows(2).map(|pair| (pair[0].end, pair[1].start));
    let near = holes.filter(|(start, end)| *end > from && *start < to);
    near.map(|(start, end)| end.duration_since(start).as_secs_f64() * 1_000.0).fold(0.0, f64::max)
}

/// Whether sound that arrived between `from` and `to` had arrived before: the same waveform, not the same word said again.
#[must_use]
pub fn repeats(events: &[Arrived], from: Instant, to: Instant) -> bool {
    /// Decimation: a quarter of the rate is enough to compare voices, with a sixteenth of the work.
    const THIN: usize = 4;
    const PER_SECOND: usize = MIC_RATE as usize / THIN;
    const WINDOW: usize = PER_SECOND * 3 / 10;
    const BACK: usize = PER_SECOND * 3;
    const SAME: f64 = 0.9;
    let (mut sound, mut begin) = (Vec::new(), None);
    for arrived in events.iter().filter(|arrived| arrived.at < to) {
        if let Event::Audio { samples, .. } = &arrived.event {
            if arrived.at >= from {
                begin.get_or_insert(sound.len());
            }
            let mean = |four: &[i16]| four.iter().map(|&sample| f64::from(sample)).sum::<f64>() / THIN as f64;
            sound.extend(samples.chunks_exact(THIN).map(mean));
        }
    }
    let loud =
        |window: &[f64]| window.iter().map(|sample| sample * sample).sum::<f64>() / WINDOW as f64 > 3e4;
    let starts = (begin.unwrap_or(sound.len())..).step_by(WINDOW / 2);
    starts.take_while(|start| start + WINDOW <= sound.len()).any(|start| {
        let window = &sound[start..start + WINDOW];
        let earlier = start.saturating_sub(BACK)..start.saturating_sub(WINDOW);
        loud(window)
            && earlier.into_iter().any(|other| likeness(window, &sound[other..other + WINDOW]) > SAME)
    })
}

fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    ab / (aa * bb).sqrt().max(1.0)
}
