//! Which calls have ended recently, and why. Pure, with the time passed in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::event::EndReason;

/// How long an ended call's id is remembered, so that hanging up twice is not an error.
const MEMORY: Duration = Duration::from_secs(60);
const REMEMBERED: usize = 1024;

struct Ended {
    id: String,
    at: Instant,
    /// None if it ended before it had begun.
    reason: Option<EndReason>,
}

/// The calls that ended within the last minute, oldest first, and at most the last 1,024.
#[derive(Default)]
pub(super) struct EndedCalls(VecDeque<Ended>);

impl EndedCalls {
    /// Records that a call has ended.
    pub(super) fn note(&mut self, id: String, reason: Option<EndReason>, now: Instant) {
        // A call that was resumed ends a second time.
        self.0.retain(|ended| ended.id != id && now.duration_since(ended.at) < MEMORY);
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Ended { id, at: now, reason });
    }

    /// Whether a call of this id ended within the last minute.
    pub(super) fn contains(&self, id: &str, now: Instant) -> bool {
        self.find(id, now).is_some()
    }

    /// Why this call is over for good, if it is.
    pub(super) fn over(&self, id: &str, now: Instant) -> Option<EndReason> {
        self.find(id, now).and_then(|ended| ended.reason).filter(|reason| reason.is_final())
    }

    fn find(&self, id: &str, now: Instant) -> Option<&Ended> {
        self.0.iter().find(|ended| ended.id == id && now.duration_since(ended.at) < MEMORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_call_is_known_for_a_minute_and_the_memory_is_bounded() {
        let (mut ended, begin) = (EndedCalls::default(), Instant::now());
        ended.note("operator".into(), Some(EndReason::EndedByOperator), begin);
        ended.note("lost".into(), Some(EndReason::ConnectionLost), begin);
        ended.note("never".into(), None, begin);
        let just_before = begin + MEMORY - Duration::from_millis(1);
        assert_eq!(ended.over("operator", just_before), Some(EndReason::EndedByOperator));
        assert_eq!(ended.over("lost", just_before), None, "an accident: the client may call again");
        assert_eq!(ended.over("never", just_before), None);
        assert!(["operator", "lost", "never"].iter().all(|id| ended.contains(id, just_before)));
        assert!(!ended.contains("operator", begin + MEMORY));
        assert_eq!(ended.over("operator", begin + MEMORY), None);

        for number in 0..2 * REMEMBERED {
            ended.note(number.to_string(), None, begin);
        }
        assert_eq!(ended.0.len(), REMEMBERED);
        assert!(ended.contains(&(2 * REMEMBERED - 1).to_string(), begin) && !ended.contains("0", begin));
    }
}
