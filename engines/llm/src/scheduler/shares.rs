//! How much of the model's time each client has used of late. Pure.
//!
//! A client is whoever the work is for, such as all calls from one address. While a lighter client has work, that of a
//! heavier one takes part in few steps, so that no client's long prompts make another one wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// After this time, half of what a client has used no longer counts.
const HALF_LIFE: Duration = Duration::from_secs(10);
/// A client is heavier than another if it has used more than this many times as much,
const TIMES: f64 = 2.0;
/// and this much besides, in seconds: a long question does not make a client a heavy one.
const BESIDES: f64 = 2.0;
/// Less counts as nothing, in seconds.
const NOTHING: f64 = 0.01;

/// The model's time that each client has used, in seconds, as of a moment.
#[derive(Debug, Default)]
pub(super) struct Shares {
    used: HashMap<String, f64>,
    at: Option<Instant>,
}

impl Shares {
    /// Adds time that the model has worked for a client.
    pub(super) fn charge(&mut self, client: &str, worked: Duration, now: Instant) {
        self.age(now);
        match self.used.get_mut(client) {
            Some(used) => *used += worked.as_secs_f64(),
            None => _ = self.used.insert(client.to_owned(), worked.as_secs_f64()),
        }
    }

    /// What a client has used of late, in seconds.
    pub(super) fn used(&self, client: &str) -> f64 {
        self.used.get(client).copied().unwrap_or(0.0)
    }

    /// Whether the use of one client is far above that of another.
    pub(super) fn is_heavier(used: f64, than: f64) -> bool {
        used > TIMES * than + BESIDES
    }

    fn age(&mut self, now: Instant) {
        let passed = self.at.replace(now).map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let left = 0.5_f64.powf(passed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.used.retain(|_, used| {
            *used *= left;
            *used > NOTHING
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heavier(shares: &Shares, one: &str, other: &str) -> bool {
        Shares::is_heavier(shares.used(one), shares.used(other))
    }

    #[test]
    fn a_client_is_heavier_after_much_more_work_and_no_longer_once_that_is_long_ago() {
        let start = Instant::now();
        let mut shares = Shares::default();
        shares.charge("long", Duration::from_secs(9), start);
        shares.charge("short", Duration::from_secs(1), start);
        assert!(heavier(&shares, "long", "short") && heavier(&shares, "long", "new"));
        assert!(!heavier(&shares, "short", "new") && !heavier(&shares, "short", "long"));
        shares.charge("short", Duration::ZERO, start + 3 * HALF_LIFE);
        assert!(!heavier(&shares, "long", "new"), "{shares:?}");
    }

    #[test]
    fn clients_that_have_long_been_idle_are_forgotten() {
        let start = Instant::now();
        let mut shares = Shares::default();
        for client in 0..1000 {
            shares.charge(&client.to_string(), Duration::from_millis(100), start);
        }
        shares.charge("new", Duration::from_millis(100), start + 10 * HALF_LIFE);
        assert_eq!(shares.used.len(), 1);
    }
}
