//! The microphone's queue, which drops the oldest frames: the pipeline hears what was said last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::frame::AudioFrame;

/// A frame and its arrival time, since the pipeline may be late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The frame.
    pub frame: AudioFrame,
    /// When the transport received it.
    pub at: Instant,
}

#[derive(Debug)]
struct MicShared {
    frames: Mutex<(VecDeque<Arrival>, bool)>,
    capacity: usize,
    changed: Notify,
    dropped: AtomicU64,
}

/// The sending side of the microphone's queue, which drops the oldest frame when the pipeline is late.
#[derive(Debug)]
pub struct MicSender(Arc<MicShared>);

/// The receiving side of the microphone's queue.
#[derive(Debug)]
pub struct MicReceiver(Arc<MicShared>);

/// Makes a microphone's queue that holds at most this many frames. It grows only as far as the pipeline is late.
pub(super) fn mic_queue(capacity: usize) -> (MicSender, MicReceiver) {
    let shared = Arc::new(MicShared {
        frames: Mutex::new((VecDeque::new(), false)),
        capacity,
        changed: Notify::new(),
        dropped: AtomicU64::new(0),
    });
    (MicSender(shared.clone()), MicReceiver(shared))
}

impl MicSender {
    /// Queues a frame; a full queue drops its oldest.
    pub fn send(&self, frame: AudioFrame) {
        let mut guard = self.0.frames.lock();
        if guard.0.len() == self.0.capacity {
            guard.0.pop_front();
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("visavis_mic_frames_dropped_total").increment(1);
        }
        guard.0.push_back(Arrival { frame, at: Instant::now() });
        drop(guard);
        self.0.changed.notify_one();
    }
}

impl Drop for MicSender {
    fn drop(&mut self) {
        self.0.frames.lock().1 = true;
        self.0.changed.notify_one();
    }
}

impl MicReceiver {
    /// The next frame, or `None` once the transport is gone and all has been read. Cancel-safe.
    pub async fn recv(&mut self) -> Option<AudioFrame> {
        self.arrival().await.map(|arrival| arrival.frame)
    }

    /// The same, with its arrival time.
    pub async fn arrival(&mut self) -> Option<Arrival> {
        loop {
            {
                let mut guard = self.0.frames.lock();
                if let Some(arrival) = guard.0.pop_front() {
                    return Some(arrival);
                }
                if guard.1 {
                    return None;
                }
            }
            self.0.changed.notified().await;
        }
    }

    /// Frames that were dropped because the pipeline was late.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> AudioFrame {
        AudioFrame { samples: vec![value], received: true }
    }

    #[tokio::test]
    async fn a_late_pipeline_loses_the_oldest_frames_and_reads_all_others() {
        let (sender, mut receiver) = mic_queue(3);
        (0..5).for_each(|value| sender.send(frame(value)));
        drop(sender);
        let mut got = Vec::new();
        while let Some(frame) = receiver.recv().await {
            got.push(frame.samples[0]);
        }
        assert_eq!(got, [2, 3, 4]);
        assert_eq!(receiver.dropped(), 2);
    }
}
