//! How long a call waits for its client: to come at all, and to come back. No clock; time is passed in.

use std::time::{Duration, Instant};

use crate::ports::Presence;

/// A client that does not connect in this time will not.
const CONNECT: Duration = Duration::from_secs(12);
/// A client that is cut off for this time is gone. Browsers notice after up to 21 s, and then need some to come back.
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

    /// The client tries anew.
    pub(super) fn renewed(&mut self, now: Instant) {
        self.since = now;
    }

    /// Looks at the connection; true when the client is given up.
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

    /// The second in which a client is given up, whose connection is up in these seconds; the last one goes on.
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
    fn a_client_that_never_comes_is_given_up_soon() {
        assert_eq!(given_up(100, |_| false, &[]), Some(13));
    }

    #[test]
    fn a_client_that_is_cut_off_is_waited_for_until_a_browser_has_noticed() {
        assert_eq!(given_up(100, |second| !(10..35).contains(&second), &[]), None);
        assert_eq!(given_up(100, |second| second < 10, &[]), Some(41));
        assert_eq!(given_up(100, |second| second < 10, &[30]), Some(61), "it tries anew");
    }
}
