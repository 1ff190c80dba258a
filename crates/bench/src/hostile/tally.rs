//! What an attack has sent, and the server's reactions. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// WebSocket's code for a normal close.
const NORMAL: u16 = 1000;
/// The lowest HTTP status of a refusal.
const REFUSED: u16 = 400;

/// Counters of one attack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Connections, requests, messages and packets.
    pub sent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The statuses of HTTP responses, with counts.
    pub statuses: BTreeMap<u16, u64>,
    /// The codes with which the server closed WebSockets, with counts.
    pub closes: BTreeMap<u16, u64>,
    /// Messages that reported an error.
    pub errors: u64,
    /// Connections that the server cut off without a response, or that could not be opened.
    pub cut: u64,
    /// What the server should have refused but did not.
    pub breaches: BTreeSet<String>,
}

impl Tally {
    /// Number of times that the server refused something or cut it off.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let statuses = self.statuses.range(REFUSED..).map(|(_, count)| count).sum::<u64>();
        let closes = self.closes.iter().filter(|(code, _)| **code != NORMAL).map(|(_, count)| count);
        statuses + closes.sum::<u64>() + self.errors + self.cut
    }

    /// Statuses, codes and errors as a short text.
    #[must_use]
    pub fn outcome(&self) -> String {
        let counted = |(code, count): (&u16, &u64)| format!("{code}: {count}");
        let mut words: Vec<String> = self.statuses.iter().map(counted).collect();
        words.extend(self.closes.iter().map(|(code, count)| format!("closed {code}: {count}")));
        for (what, count) in [("errors", self.errors), ("cut", self.cut)] {
            if count > 0 {
                words.push(format!("{what}: {count}"));
            }
        }
        words.join(", ")
    }
}

/// A tally that an attack fills while it runs; it outlives the attack.
#[derive(Debug, Clone, Default)]
pub struct Count(Arc<Mutex<Tally>>);

impl Count {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Counters are consistent at any moment, even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of this many bytes is being sent.
    pub fn sent(&self, bytes: usize) {
        let mut tally = self.tally();
        tally.sent += 1;
        tally.bytes += bytes as u64;
    }

    /// More bytes of something already counted are being sent.
    pub fn more(&self, bytes: usize) {
        self.tally().bytes += bytes as u64;
    }

    /// A response came.
    pub fn status(&self, status: u16) {
        *self.tally().statuses.entry(status).or_default() += 1;
    }

    /// The server closed a WebSocket with this code.
    pub fn closed(&self, code: u16) {
        *self.tally().closes.entry(code).or_default() += 1;
    }

    /// A message told of an error.
    pub fn error(&self) {
        self.tally().errors += 1;
    }

    /// A connection was cut off, or could not be opened.
    pub fn cut(&self) {
        self.tally().cut += 1;
    }

    /// Something that must be refused was accepted.
    pub fn breach(&self, what: String) {
        self.tally().breaches.insert(what);
    }

    /// The counters so far.
    #[must_use]
    pub fn read(&self) -> Tally {
        self.tally().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_statuses_from_400_on_bad_closes_errors_and_cuts() {
        let count = Count::default();
        for status in [101, 200, 400, 503, 503] {
            count.sent(10);
            count.status(status);
        }
        count.more(7);
        for code in [1000, 1008] {
            count.closed(code);
        }
        count.error();
        count.cut();
        let tally = count.read();
        assert_eq!((tally.sent, tally.bytes, tally.refused()), (5, 57, 6));
        assert_eq!(
            tally.outcome(),
            "101: 1, 200: 1, 400: 1, 503: 2, closed 1000: 1, closed 1008: 1, errors: 1, cut: 1"
        );
    }

    #[test]
    fn a_breach_is_told_once_however_often_it_comes() {
        let count = Count::default();
        for _ in 0..3 {
            count.breach("a foreign name was answered 200".to_owned());
        }
        assert_eq!(count.read().breaches.len(), 1);
        assert_eq!(count.read().refused(), 0);
    }
}
