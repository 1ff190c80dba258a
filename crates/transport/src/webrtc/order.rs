//! Puts what a client kept while it had no connection before what it says now. Pure; time is passed in, counted from the connection's
//! beginning.

use std::collections::VecDeque;
use std::time::Duration;

use crate::frame::AudioFrame;

/// Most frames passed on in one tick of 20 ms: other tasks run between two bursts.
pub(super) const FRAMES_PER_TICK: usize = 5;
/// So long after the last kept frame no further one is awaited.
const QUIET: Duration = Duration::from_millis(300);
/// Live frames that wait for kept ones; the oldest are dropped.
const WAITING: usize = 250;

/// The order of kept and live sound on one connection.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// When the last kept frame was passed on; none: there was none.
    kept_at: Option<Duration>,
    live: VecDeque<AudioFrame>,
}

impl Order {
    /// A kept frame is passed on.
    pub(super) fn kept(&mut self, now: Duration) {
        self.kept_at = Some(now);
    }

    /// Whether further kept frames are awaited at `now`.
    pub(super) fn waits(&self, now: Duration) -> bool {
        self.kept_at.is_some_and(|at| now < at + QUIET)
    }

    /// Takes the live frames of a tick; returns those to pass on now.
    pub(super) fn tick(&mut self, now: Duration, live: Vec<AudioFrame>) -> Vec<AudioFrame> {
        if self.kept_at.is_none() {
            return live;
        }
        let waits = self.waits(now);
        // Silence that was put in place of packets would stand between kept words.
        self.live.extend(live.into_iter().filter(|frame| frame.received || !waits));
        let excess = self.live.len().saturating_sub(WAITING);
        self.live.drain(..excess);
        if waits {
            return Vec::new();
        }
        let due = self.live.len().min(FRAMES_PER_TICK);
        self.live.drain(..due).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> AudioFrame {
        AudioFrame { samples: vec![value], received: true }
    }

    fn silence() -> AudioFrame {
        AudioFrame { samples: vec![0], received: false }
    }

    fn values(frames: &[AudioFrame]) -> Vec<i16> {
        frames.iter().map(|frame| frame.samples[0]).collect()
    }

    #[test]
    fn without_kept_sound_all_is_passed_on_as_it_comes() {
        let mut order = Order::default();
        for tick in 0..50 {
            let now = Duration::from_millis(20 * tick);
            assert_eq!(order.tick(now, vec![frame(1), silence()]).len(), 2);
        }
    }

    #[test]
    fn what_is_said_now_waits_until_no_kept_frame_has_come_for_a_while() {
        let mut order = Order::default();
        let at = |ms| Duration::from_millis(ms);
        order.kept(at(1_000));
        assert!(order.tick(at(1_000), vec![frame(1), silence()]).is_empty());
        order.kept(at(1_200));
        assert!(order.tick(at(1_400), vec![frame(2)]).is_empty());
        assert_eq!(values(&order.tick(at(1_500), vec![frame(3)])), [1, 2, 3]);
        assert_eq!(values(&order.tick(at(1_520), vec![frame(4), silence()])), [4, 0]);
    }

    #[test]
    fn frames_that_have_waited_catch_up_and_the_oldest_of_too_many_are_dropped() {
        let mut order = Order::default();
        order.kept(Duration::ZERO);
        for value in 0..300 {
            assert!(order.tick(Duration::from_millis(299), vec![frame(value)]).is_empty());
        }
        let after = Duration::from_secs(1);
        let caught_up: Vec<i16> = (0..60).flat_map(|_| values(&order.tick(after, Vec::new()))).collect();
        assert_eq!(caught_up, (50..300).collect::<Vec<i16>>());
    }
}
