//! The embedded store's own time, which never goes back. Pure; clocks are read by the `clock`.
//!
//! While the store is open, its time follows the machine's monotonic clock and ignores changes of the wall clock. When it is
//! opened, its
//! time starts at the wall clock or at the last time recorded in the file, whichever is later, so that a clock that was set back
//! between
//! two starts extends no token.

use std::time::Duration;

/// Milliseconds since 1970 by the store's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct StoreTime(pub u64);

impl StoreTime {
    /// This long after it.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time left until then; zero if it is past.
    #[must_use]
    pub fn until(self, then: Self) -> Duration {
        Duration::from_millis(then.0.saturating_sub(self.0))
    }
}

/// From the steady clock to the store's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    began: StoreTime,
    steady: Duration,
}

impl Timeline {
    /// Begins when the steady clock says `steady`, and the wall clock `wall`; `recorded` is the last time of the file.
    pub(crate) fn begin(wall: StoreTime, recorded: StoreTime, steady: Duration) -> Self {
        Self { began: wall.max(recorded), steady }
    }

    /// The time when the steady clock says `steady`.
    pub(crate) fn at(&self, steady: Duration) -> StoreTime {
        self.began.after(steady.saturating_sub(self.steady))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_what_was_recorded_if_the_wall_clock_was_set_back() {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        let recorded = StoreTime(1_000_000_000);
        let back = Timeline::begin(StoreTime(recorded.0 - 3_600_000), recorded, hour);
        assert_eq!(back.at(hour), recorded);
        assert_eq!(back.at(hour + minute), recorded.after(minute));
        let on = Timeline::begin(recorded.after(hour), recorded, hour);
        assert_eq!(on.at(hour), recorded.after(hour));
    }
}
