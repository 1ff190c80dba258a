//! How full the queues of the engines are. Pure; time is passed in.

use std::time::{Duration, Instant};

use crate::engine::status::Work;

/// About this much time is averaged: a moment in which all speak at once does not count.
const OVER: Duration = Duration::from_secs(10);

/// The queues of all engines, by the fullest.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Requests refused until the last look, of each engine.
    rejected: Vec<u64>,
    looked: Option<Instant>,
    mean: f64,
}

impl Queues {
    /// How full the fullest has been of late, 0 to 1.
    pub(super) fn look(&mut self, now: Instant, work: &[Work]) -> f64 {
        let fullest = self.fullest(work);
        if let Some(last) = self.looked.replace(now) {
            let passed = now.saturating_duration_since(last).as_secs_f64();
            let weight = 1.0 - (-passed / OVER.as_secs_f64()).exp();
            self.mean += (fullest - self.mean) * weight;
        }
        self.mean
    }

    /// How full the fullest is now. One that has refused a request since the last look was full meanwhile.
    fn fullest(&mut self, work: &[Work]) -> f64 {
        self.rejected.resize(work.len(), u64::MAX);
        let mut fullest: f64 = 0.0;
        for (one, before) in work.iter().zip(&mut self.rejected) {
            // After a restart it counts from 0.
            let has_refused = one.rejected > *before;
            *before = one.rejected;
            let fill = if has_refused {
                1.0
            } else if one.capacity == 0 {
                0.0
            } else {
                f64::from(one.queued) / f64::from(one.capacity)
            };
            fullest = fullest.max(fill.min(1.0));
        }
        fullest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Work = Work { queued: 0, capacity: 16, rejected: 3 };
    const HALF: Work = Work { queued: 8, ..IDLE };

    /// What it says after so many seconds in which it is looked at once a second.
    fn after(queues: &mut Queues, from: &mut Instant, seconds: u64, work: &[Work]) -> f64 {
        let mut fill = 0.0;
        for _ in 0..seconds {
            *from += Duration::from_secs(1);
            fill = queues.look(*from, work);
        }
        fill
    }

    #[test]
    fn a_queue_that_stays_full_counts_and_a_full_moment_does_not() {
        let (mut queues, mut now) = (Queues::default(), Instant::now());
        assert!(after(&mut queues, &mut now, 5, &[IDLE, IDLE]) < 0.01);
        let moment = after(&mut queues, &mut now, 1, &[IDLE, HALF]);
        assert!(moment > 0.01 && moment < 0.1, "{moment}");
        let long = after(&mut queues, &mut now, 60, &[IDLE, HALF]);
        assert!(long > 0.49 && long <= 0.5, "{long}");
        assert!(after(&mut queues, &mut now, 60, &[IDLE, IDLE]) < 0.01, "it is forgotten");
    }

    #[test]
    fn a_refusal_counts_as_a_full_queue_once_and_not_at_the_first_look_or_after_a_restart() {
        let mut queues = Queues::default();
        let refused = |rejected| [Work { rejected, ..IDLE }];
        for (rejected, expected) in [(3, 0.0), (4, 1.0), (4, 0.0), (0, 0.0), (1, 1.0)] {
            let fill = queues.fullest(&refused(rejected));
            assert!((fill - expected).abs() < 1e-9, "{rejected}: {fill}");
        }
    }

    #[test]
    fn an_engine_that_tells_nothing_has_an_empty_queue() {
        let mut queues = Queues::default();
        assert!(queues.fullest(&[Work::default(), Work { queued: 5, ..Work::default() }]) < 1e-9);
        assert!(queues.fullest(&[]) < 1e-9);
    }
}
