//! How much of the model's time each client has used of late. Pure.
//!
//! A client is whoever the work is for, such as all calls from one address. While a lighter client has work, that of a
//! heavier one takes part in few steps, so that no client's long prompts make another one wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// After this time, half of what a client has used no longer counts.
const HALF_LIFE: Duration = Duration::from_secs(10);
/// A client is heavier than another if it has used more than this many times as much,
const TIMES: f64 = 1.5;
/// and this much besides, in seconds: a turn of an ordinary conversation does not make a client a heavy one.
const BESIDES: f64 = 1.5;
/// Less counts as nothing, in seconds.
const NOTHING: f64 = 0.01;
/// Whoever has used more is in a conversation, in seconds.
const ACTIVE: f64 = 0.2;
/// How much a step of prompts changes their pace.
const WEIGHT: f64 = 0.1;

/// The model's time that each client has used, in seconds, as of a moment.
#[derive(Debug, Default)]
pub(super) struct Shares {
    used: HashMap<String, f64>,
    at: Option<Instant>,
    /// Tokens of late steps with prompts, weighted.
    tokens: f64,
    /// The time of these steps, in seconds.
    seconds: f64,
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

    /// Records how long a step with so many tokens of prompts took.
    pub(super) fn step(&mut self, tokens: usize, worked: Duration) {
        self.tokens = (1.0 - WEIGHT) * self.tokens + tokens as f64;
        self.seconds = (1.0 - WEIGHT) * self.seconds + worked.as_secs_f64();
    }

    /// What a client has used of late and is about to use for the rest of a prompt of so many tokens, in seconds.
    pub(super) fn use_with(&self, client: &str, tokens: usize) -> f64 {
        self.used.get(client).copied().unwrap_or(0.0) + tokens as f64 * self.seconds / self.tokens.max(1.0)
    }

    /// Whether a client has had work of late.
    pub(super) fn is_active(&self, client: &str) -> bool {
        self.used.get(client).is_some_and(|used| *used >= ACTIVE)
    }

    /// Whether the use of one client is far above that of another.
    pub(super) fn is_heavier(used: f64, than: f64) -> bool {
        used > TIMES * than + BESIDES
    }

    /// Whether a client has had any work of late.
    pub(super) fn knows(&self, client: &str) -> bool {
        self.used.contains_key(client)
    }

    /// Lets use that is long ago no longer count.
    pub(super) fn age(&mut self, now: Instant) {
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
        Shares::is_heavier(shares.use_with(one, 0), shares.use_with(other, 0))
    }

    #[test]
    fn a_client_is_heavier_after_much_more_work_and_no_longer_once_that_is_long_ago() {
        let start = Instant::now();
        let mut shares = Shares::default();
        shares.charge("long", Duration::from_secs(15), start);
        shares.charge("short", Duration::from_secs(1), start);
        assert!(heavier(&shares, "long", "short") && heavier(&shares, "long", "new"));
        assert!(!heavier(&shares, "short", "new") && !heavier(&shares, "short", "long"));
        shares.charge("short", Duration::ZERO, start + 4 * HALF_LIFE);
        assert!(!heavier(&shares, "long", "new"), "{shares:?}");
    }

    #[test]
    fn a_long_prompt_counts_before_it_is_evaluated_by_the_pace_of_others() {
        let mut shares = Shares::default();
        assert!(!Shares::is_heavier(shares.use_with("any", 4000), 0.0), "the pace is not known yet");
        shares.step(32, Duration::from_millis(320));
        assert!(Shares::is_heavier(shares.use_with("any", 4000), shares.use_with("other", 30)));
        assert!(!Shares::is_heavier(shares.use_with("any", 100), shares.use_with("other", 30)));
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
