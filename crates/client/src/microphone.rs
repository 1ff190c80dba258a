//! The microphone, which like a real one never stops: clips in order, with background between them. Time is passed in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::clip::Clip;
use visavis_core::frame::{FRAME_TICKS, MIC_FRAME, MIC_RATE};

/// A frame that is due.
#[derive(Debug)]
pub(crate) struct MicFrame {
    pub(crate) clip: Arc<Clip>,
    pub(crate) index: usize,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// Sound besides the clip; empty: none.
    pub(crate) beside: Vec<i16>,
}

impl MicFrame {
    /// The clip and the other sound, mixed.
    pub(crate) fn pcm(&self) -> Vec<i16> {
        let mut samples = self.clip.pcm(self.index).to_vec();
        samples.iter_mut().zip(&self.beside).for_each(|(to, from)| *to = to.saturating_add(*from));
        samples
    }
}

struct Speaking {
    clip: Arc<Clip>,
    at: usize,
    done: Option<oneshot::Sender<Instant>>,
}

pub(crate) struct Microphone {
    background: Arc<Clip>,
    background_at: usize,
    queue: VecDeque<Speaking>,
    /// What was said while there was no connection, and is handed over.
    kept: VecDeque<Speaking>,
    sequence: u16,
    timestamp: u32,
}

impl Microphone {
    pub(crate) fn new(background: Arc<Clip>, sequence: u16, timestamp: u32) -> Self {
        let (queue, kept) = (VecDeque::new(), VecDeque::new());
        Self { background, background_at: 0, queue, kept, sequence, timestamp }
    }

    /// Queues a clip; `done` receives the time of its last spoken sample.
    pub(crate) fn speak(&mut self, clip: Arc<Clip>, done: oneshot::Sender<Instant>) {
        self.queue.push_back(Speaking { clip, at: 0, done: Some(done) });
    }

    /// Queues a clip that was said while there was no connection; `done` as for [`speak`](Self::speak).
    pub(crate) fn keep(&mut self, clip: Arc<Clip>, done: oneshot::Sender<Instant>) {
        self.kept.push_back(Speaking { clip, at: 0, done: Some(done) });
    }

    /// The next frame to be handed over; none: all has been.
    pub(crate) fn next_kept(&mut self, now: Instant) -> Option<MicFrame> {
        let speaking = self.kept.front_mut()?;
        let (clip, index) = speaking.step(now);
        if speaking.at == speaking.clip.frames() {
            self.kept.pop_front();
        }
        // It is no part of the microphone's own stream.
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        Some(MicFrame { clip, index, sequence, timestamp, beside: Vec::new() })
    }

    /// The frame whose last sample is captured at `now`; `beside`: the other sound in it.
    pub(crate) fn next(&mut self, now: Instant, beside: Vec<i16>) -> MicFrame {
        let (clip, index) = self.queue.front_mut().map_or_else(
            || {
                let index = self.background_at;
                self.background_at = (index + 1) % self.background.frames();
                (self.background.clone(), index)
            },
            |speaking| speaking.step(now),
        );
        if self.queue.front().is_some_and(|speaking| speaking.at == speaking.clip.frames()) {
            self.queue.pop_front();
        }
        let frame = MicFrame { clip, index, sequence: self.sequence, timestamp: self.timestamp, beside };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        frame
    }
}

impl Speaking {
    fn step(&mut self, now: Instant) -> (Arc<Clip>, usize) {
        let index = self.at;
        self.at += 1;
        let end = self.clip.spoken().map_or(self.clip.frames() * MIC_FRAME, |(_, end)| end);
        let frame_end = self.at * MIC_FRAME;
        if frame_end >= end
            && let Some(done) = self.done.take()
        {
            let after = Duration::from_secs_f64((frame_end - end) as f64 / f64::from(MIC_RATE));
            // Nobody may be waiting for it.
            let _ = done.send(now.checked_sub(after).unwrap_or(now));
        }
        (self.clip.clone(), index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_spoken_sample_lies_inside_its_frame_and_the_background_follows() {
        let mut samples: Vec<i16> = (0..1_600).map(|n| (f64::from(n).sin() * 9_000.0) as i16).collect();
        samples.extend([0; 4_000]);
        let clip = Arc::new(Clip::new("word", samples));
        let (_, end) = clip.spoken().unwrap();
        assert_eq!(end, 1_600);
        let mut microphone = Microphone::new(Clip::silence(), 65_535, u32::MAX - 959);
        let (done, mut spoken) = oneshot::channel();
        microphone.speak(clip.clone(), done);
        let t0 = Instant::now();
        let times: Vec<Instant> = (1..).map(|n| t0 + Duration::from_millis(20 * n)).take(40).collect();
        let frames: Vec<MicFrame> = times.iter().map(|&now| microphone.next(now, Vec::new())).collect();
        assert_eq!(spoken.try_recv().unwrap(), t0 + Duration::from_millis(100));
        assert!(frames[..clip.frames()].iter().all(|frame| frame.clip.name() == "word"));
        assert!(frames[clip.frames()..].iter().all(|frame| frame.clip.name() == "silence"));
        assert_eq!((frames[1].sequence, frames[1].timestamp), (0, 0));
    }

    #[test]
    fn kept_words_are_handed_over_frame_by_frame_and_are_no_part_of_the_stream() {
        let clip = Arc::new(Clip::new("word", vec![7; 3 * MIC_FRAME]));
        let mut microphone = Microphone::new(Clip::silence(), 5, 960);
        let now = Instant::now();
        assert!(microphone.next_kept(now).is_none());
        let (done, mut spoken) = oneshot::channel();
        microphone.keep(clip.clone(), done);
        let kept: Vec<usize> =
            std::iter::from_fn(|| microphone.next_kept(now)).map(|frame| frame.index).collect();
        assert_eq!(kept, (0..clip.frames()).collect::<Vec<usize>>());
        assert!(spoken.try_recv().is_ok(), "its end is told");
        let live = microphone.next(now, Vec::new());
        assert_eq!((live.sequence, live.timestamp, live.clip.name()), (5, 960, "silence"));
    }
}
