//! How batch work leaves the cores to calls. Pure.

use std::time::{Duration, Instant};

use visavis_proto::v1::Priority;

/// After speech for a call, batch work is paced for this long: the next response is then likely being recognised or written.
const IN_CALL: Duration = Duration::from_secs(15);
/// Then a batch job rests this many times as long as its last part took.
const REST: u32 = 2;

/// Decides when batch work may continue.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When a part was last spoken for a call.
    call: Option<Instant>,
    /// When the rest after the last batch part ends.
    rested: Option<Instant>,
}

impl Pace {
    /// Records that the voice worked on a part of a job of this priority.
    pub(crate) fn spoken(&mut self, priority: Priority, begun: Instant, ended: Instant) {
        match priority {
            Priority::Batch => self.rested = Some(ended + REST * ended.saturating_duration_since(begun)),
            Priority::Live | Priority::Speculative => self.call = Some(ended),
        }
    }

    /// Until when batch work has to wait at `now`; none if it may continue.
    pub(crate) fn batch_waits_until(&self, now: Instant) -> Option<Instant> {
        let in_call = self.call.is_some_and(|call| now < call + IN_CALL);
        self.rested.filter(|rested| in_call && now < *rested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn batch_work_rests_between_parts_only_while_there_are_calls() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.spoken(Priority::Batch, start, start + SECOND);
        assert_eq!(pace.batch_waits_until(start + SECOND), None, "no call has spoken");
        pace.spoken(Priority::Speculative, start + SECOND, start + SECOND);
        assert_eq!(pace.batch_waits_until(start + 2 * SECOND), Some(start + 3 * SECOND));
        assert_eq!(pace.batch_waits_until(start + 3 * SECOND), None, "it has rested");
        let later = start + SECOND + IN_CALL;
        pace.spoken(Priority::Batch, later - SECOND, later);
        assert_eq!(pace.batch_waits_until(later), None, "the call was long ago");
    }
}
