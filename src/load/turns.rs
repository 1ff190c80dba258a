//! How long people waited for responses of late. Pure; time is passed in.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns count for this long.
const WITHIN: Duration = Duration::from_secs(60);
/// Fewer turns say nothing.
const FEWEST: usize = 4;
/// Most turns kept.
const MOST: usize = 512;

/// One response that was waited for.
#[derive(Debug, Clone)]
struct Taken {
    at: Instant,
    user: Arc<str>,
    waited: Duration,
}

/// The turns of the last minute.
#[derive(Debug, Default)]
pub(super) struct RecentTurns(VecDeque<Taken>);

impl RecentTurns {
    pub(super) fn take(&mut self, at: Instant, user: Arc<str>, waited: Duration) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Taken { at, user, waited });
    }

    /// How long a user waits: the median of all users, of each the median. One user's long texts, and one slow turn, do not make it
    /// long. None: there were too few turns.
    pub(super) fn typical(&mut self, now: Instant) -> Option<Duration> {
        self.0.retain(|turn| now.saturating_duration_since(turn.at) < WITHIN);
        if self.0.len() < FEWEST {
            return None;
        }
        let mut of_users: HashMap<&str, Vec<Duration>> = HashMap::new();
        for turn in &self.0 {
            of_users.entry(&turn.user).or_default().push(turn.waited);
        }
        median(of_users.into_values().filter_map(median).collect())
    }
}

/// The middle one, of two the shorter.
fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turns(now: Instant, taken: &[(&str, u64)]) -> RecentTurns {
        let mut turns = RecentTurns::default();
        for (user, ms) in taken {
            turns.take(now, (*user).into(), Duration::from_millis(*ms));
        }
        turns
    }

    #[test]
    fn a_time_is_typical_if_half_of_the_users_wait_that_long_in_half_of_their_turns() {
        type Taken = &'static [(&'static str, u64)];
        let cases: [(Taken, Option<u64>); 5] = [
            (&[], None),
            (&[("a", 9000), ("a", 9000), ("a", 9000)], None),
            (&[("a", 700), ("a", 800), ("a", 900), ("a", 9000)], Some(800)),
            (&[("a", 9000), ("a", 9000), ("a", 9000), ("b", 700)], Some(700)),
            (&[("a", 9000), ("b", 700), ("c", 3000), ("c", 3100)], Some(3000)),
        ];
        for (taken, expected) in cases {
            let now = Instant::now();
            let typical = turns(now, taken).typical(now);
            assert_eq!(typical, expected.map(Duration::from_millis), "{taken:?}");
        }
    }

    #[test]
    fn turns_are_forgotten_after_a_minute() {
        let now = Instant::now();
        let mut turns = turns(now, &[("a", 9000); 6]);
        assert!(turns.typical(now + WITHIN - Duration::from_millis(1)).is_some());
        assert_eq!(turns.typical(now + WITHIN), None);
        assert!(turns.0.is_empty());
    }

    proptest! {
        #[test]
        fn one_user_alone_never_makes_others_waits_look_longer(
            slow in prop::collection::vec(3000..60_000_u64, 0..200),
            quick in prop::collection::vec(100..2000_u64, 4..50),
        ) {
            let now = Instant::now();
            let slow = slow.into_iter().map(|ms| ("slow", ms));
            let taken: Vec<_> = quick.into_iter().map(|ms| ("quick", ms)).chain(slow).collect();
            prop_assert!(turns(now, &taken).typical(now).unwrap() < Duration::from_secs(2));
        }
    }
}
