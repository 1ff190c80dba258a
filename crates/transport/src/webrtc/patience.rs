//! How long a call waits for its client to connect, and to come back. No clock; time is passed in.

use std::time::{Duration, Instant};

use crate::ports::Presence;

/// A client that has not connected within this time is given up.
const CONNECT: Duration = Duration::from_secs(12);
/// A client that is cut off for this long is given up. Browsers notice after up to 21 s, and then need time to come back.
const HOLD: Duration = Duration::from_secs(30);

/// What is known of a client's connection.
#[derive(Debug)]
pub(super) struct Patience {
    presence: Presence,
    since: Instant,
}

impl Patience {
    pub(super) fn new(now: Instant) -> Self {
        Self { presence: Presence::Awaited, since: now }
    }

    pub(super) fn presence(&self) -> Presence {
        self.presence
    }

    /// The client tries again.
    pub(super) fn renewed(&mut self, now: Instant) {
        self.since = now;
    }

    /// Takes the connection's state; true when the client is given up.
    pub(super) fn look(&mut self, is_up: bool, now: Instant) -> bool {
        match (self.presence, is_up) {
            (_, true) => (self.presence, self.since) = (Presence::Here, now),
            (Presence::Here, false) => (self.presence, self.since) = (Presence::CutOff, now),
            (Presence::Awaited | Presence::CutOff, false) => {}
        }
        let limit = match self.presence {
            Presence::Awaited => CONNECT,
            Presence::Here => return false,
            Presence::CutOff => HOLD,
        };
        now.duration_since(self.since) > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second in which a client is given up if its connection is up in the seconds for which `is_up` is true.
    fn given_up(seconds: u64, is_up: impl Fn(u64) -> bool, renewed: &[u64]) -> Option<u64> {
        let began = Instant::now();
        let mut patience = Patience::new(began);
        (0..seconds).find(|second| {
            let now = began + Duration::from_secs(*second);
            if renewed.contains(second) {
                patience.renewed(now);
            }
            patience.look(is_up(*second), now)
        })
    }

    #[test]
    fn a_client_that_never_connects_is_given_up_soon() {
        assert_eq!(given_up(100, |_| false, &[]), Some(13));
    }

    #[test]
    fn a_client_that_is_cut_off_is_given_time_to_notice_and_come_back() {
        assert_eq!(given_up(100, |second| !(10..35).contains(&second), &[]), None);
        assert_eq!(given_up(100, |second| second < 10, &[]), Some(41));
        assert_eq!(given_up(100, |second| second < 10, &[30]), Some(61), "it tries anew");
    }
}
