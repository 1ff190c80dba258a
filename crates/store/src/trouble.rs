//! While the store fails: why, since when, and when it is tried again. Pure; time is passed in.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::error::{Retry, StoreError};

/// First and longest pause between two attempts; each is twice as long as the one before.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);
/// Pause between two attempts when somebody has to do something first.
const LATER: Duration = Duration::from_secs(5);

/// A store that fails.
pub(crate) struct Trouble {
    /// Why, by the last attempt.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Instant,
    /// When it is tried again.
    pub(crate) until: Instant,
    pauses: ExponentialBackoff,
}

impl Trouble {
    /// The trouble after an attempt that ended with this error, and the trouble before; `None` if the store is well, and only
    /// refuses what was asked.
    pub(crate) fn of(before: Option<Self>, error: &StoreError, now: Instant) -> Option<Self> {
        let retry = error.retry();
        if retry == Retry::Never {
            return None;
        }
        let (since, mut pauses) = match before {
            Some(before) => (before.since, before.pauses),
            None => (now, pauses()),
        };
        let pause = pauses.next().unwrap_or(LONGEST);
        let until = now + if retry == Retry::Later { LATER } else { pause };
        Some(Self { reason: error.to_string(), since, until, pauses })
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new().with_min_delay(SHORTEST).with_max_delay(LONGEST).without_max_times().build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FileFault;

    #[test]
    fn pauses_grow_to_two_seconds_and_are_longer_where_somebody_must_act() {
        let begin = Instant::now();
        let down = StoreError::Unreachable("refused".into());
        let mut trouble = None;
        let mut waited = Vec::new();
        for _ in 0..8 {
            trouble = Trouble::of(trouble, &down, begin);
            waited.push(trouble.as_ref().map(|trouble| (trouble.until - begin).as_millis()).unwrap());
        }
        assert_eq!(waited, [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
        let damaged = StoreError::File { path: "f".into(), fault: FileFault::Corrupt("x".into()) };
        let trouble = Trouble::of(trouble, &damaged, begin + LATER).unwrap();
        assert_eq!((trouble.since, trouble.until), (begin, begin + 2 * LATER));
        assert!(Trouble::of(Some(trouble), &StoreError::Stale, begin).is_none());
    }
}
