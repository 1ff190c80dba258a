//! How work beside calls leaves the cores to them. Pure.

use std::time::Instant;

/// Work beside calls rests this many times as long as its last part took, if the request asks for it.
const REST: u32 = 2;

/// Decides when work beside calls may continue.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the rest ends.
    rested: Option<Instant>,
}

impl Pace {
    /// Records that the voice worked on a part of a request beside calls that leaves most of the cores to calls.
    pub(crate) fn spoken_gently(&mut self, begun: Instant, ended: Instant) {
        self.rested = Some(ended + REST * ended.saturating_duration_since(begun));
    }

    /// Until when work beside calls has to wait at `now`; none if it may continue.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.rested.filter(|rested| now < *rested)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn after_a_gentle_part_work_beside_calls_rests_twice_as_long_as_it_took() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = Pace::default();
        assert_eq!(pace.waits_until(start), None);
        pace.spoken_gently(start, start + second);
        assert_eq!(pace.waits_until(start + second), Some(start + 3 * second));
        assert_eq!(pace.waits_until(start + 3 * second), None);
    }
}
