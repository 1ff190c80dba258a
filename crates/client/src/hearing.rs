//! What a person would hear, and when: pure functions from samples and arrival times to spans of audible sound.

use std::time::{Duration, Instant};

use visavis_core::frame::{MIC_RATE, ResponseId};

/// Level in dBFS below which sound is silence to a listener.
const AUDIBLE_DBFS: f32 = -50.0;
/// Samples per measurement: 5 ms, which is also the precision of onsets.
const WINDOW: usize = 80;
/// A pause shorter than this does not end a span.
const PAUSE: Duration = Duration::from_millis(200);

/// The level of samples in dBFS; −120 for digital silence.
#[must_use]
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let rms = (sum / samples.len().max(1) as f64).sqrt() / 32_768.0;
    (20.0 * rms.max(1e-6).log10()) as f32
}

/// The first spoken sample and the one after the last, or `None` without speech. The threshold lies between the recording's
/// noise floor and its loudest parts: with a fixed one, a noisy recording would be endless speech.
#[must_use]
pub fn spoken_span(samples: &[i16]) -> Option<(usize, usize)> {
    const STEP: usize = MIC_RATE as usize / 100;
    let levels: Vec<f32> = samples.chunks(STEP).map(rms_dbfs).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f32| sorted.get((sorted.len() as f32 * share) as usize).copied();
    let (floor, loud) = (at(0.1)?, at(0.95)?);
    let threshold = f32::midpoint(floor, loud).max(loud - 35.0).min(loud - 6.0);
    if loud < AUDIBLE_DBFS {
        return None;
    }
    // Two windows in a row: a click is not a word.
    let spoken = |pair: &[f32]| pair.iter().all(|&level| level >= threshold);
    let first = levels.windows(2).position(spoken)?;
    let last = levels.windows(2).rposition(spoken)? + 2;
    Some((first * STEP, (last * STEP).min(samples.len())))
}

/// A span of audible sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// When its first audible sample sounded.
    pub start: Instant,
    /// When its last audible sample sounded.
    pub end: Instant,
    /// When the sequence of frames that contains it began.
    pub frames_from: Instant,
    /// The response, if the transport names it.
    pub response: Option<ResponseId>,
}

/// A listener whose player has no buffer: a frame sounds when it arrives, or when the previous one ends.
#[derive(Debug, Default)]
pub struct Hearing {
    spans: Vec<Span>,
    free_at: Option<Instant>,
    frames: Option<(Instant, Option<ResponseId>)>,
}

impl Hearing {
    /// Takes a frame of 16 kHz sound.
    pub fn frame(&mut self, at: Instant, samples: &[i16], response: Option<ResponseId>) {
        let start = self.free_at.map_or(at, |free| free.max(at));
        let continues = self.free_at.is_some_and(|free| start <= free + PAUSE);
        let frames_from = match self.frames {
            Some((from, of)) if continues && of == response => from,
            _ => start,
        };
        self.frames = Some((frames_from, response));
        self.free_at = Some(start + duration(samples.len()));
        for (index, window) in samples.chunks(WINDOW).enumerate() {
            if rms_dbfs(window) < AUDIBLE_DBFS {
                continue;
            }
            let from = start + duration(index * WINDOW);
            let to = from + duration(window.len());
            match self.spans.last_mut() {
                Some(last) if last.response == response && from <= last.end + PAUSE => last.end = to,
                _ => self.spans.push(Span { start: from, end: to, frames_from, response }),
            }
        }
    }

    /// Drops sound that is not yet played: the response was interrupted.
    pub fn drop_buffered(&mut self, at: Instant) {
        self.free_at = Some(at);
        self.frames = None;
        if let Some(last) = self.spans.last_mut() {
            last.end = last.end.min(at.max(last.start));
        }
    }

    /// All audible spans, in order.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }
}

fn duration(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(MIC_RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(samples: usize, level: f64) -> Vec<i16> {
        (0..samples).map(|n| ((n as f64 * 0.2).sin() * level) as i16).collect()
    }

    #[test]
    fn the_end_of_speech_is_found_above_a_noise_floor() {
        let noise = |n: usize| ((n * 7_919) % 601) as i16 - 300;
        let mut samples: Vec<i16> = (0..48_000).map(noise).collect();
        for (n, sample) in tone(16_000, 12_000.0).into_iter().enumerate() {
            samples[16_000 + n] += sample;
        }
        let (first, last) = spoken_span(&samples).unwrap();
        assert!(first.abs_diff(16_000) <= 160 && last.abs_diff(32_000) <= 160, "{first}..{last}");
        assert_eq!(spoken_span(&[0; 16_000]), None);
        assert_eq!(spoken_span(&[]), None);
    }

    #[test]
    fn an_onset_inside_a_frame_counts_from_its_own_sample() {
        let mut hearing = Hearing::default();
        let t0 = Instant::now();
        hearing.frame(t0, &[0; 320], None);
        let mut frame = vec![0; 160];
        frame.extend(tone(160, 8_000.0));
        hearing.frame(t0 + Duration::from_millis(20), &frame, None);
        let first = hearing.spans()[0];
        assert_eq!((first.frames_from, first.start), (t0, t0 + Duration::from_millis(30)));
    }

    #[test]
    fn frames_sent_ahead_sound_in_sequence_until_an_interruption_drops_them() {
        let mut hearing = Hearing::default();
        let t0 = Instant::now();
        (0..50).for_each(|_| hearing.frame(t0, &tone(320, 8_000.0), None));
        assert_eq!(hearing.spans()[0].end, t0 + Duration::from_secs(1));
        let cut = t0 + Duration::from_millis(300);
        hearing.drop_buffered(cut);
        assert_eq!(hearing.spans().last().unwrap().end, cut);
        hearing.frame(cut + Duration::from_secs(1), &tone(320, 8_000.0), None);
        assert_eq!(hearing.spans().last().unwrap().start, cut + Duration::from_secs(1));
    }

    #[test]
    fn two_responses_are_two_spans_even_without_a_pause() {
        let mut hearing = Hearing::default();
        let t0 = Instant::now();
        hearing.frame(t0, &tone(320, 8_000.0), Some(ResponseId(1)));
        hearing.frame(t0 + Duration::from_millis(20), &tone(320, 8_000.0), Some(ResponseId(2)));
        assert_eq!(hearing.spans().len(), 2);
    }
}
