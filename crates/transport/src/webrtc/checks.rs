//! Limits connectivity checks to unproven addresses, from which no valid check has come. A client may name any address as its
//! own, so these checks must not be worth an attack on others. No clock; time is passed in.
//!
//! A client that is really there checks us first and so proves its address; few checks of our own are ever needed before that.

use std::net::SocketAddr;
use std::time::Instant;

/// Unproven addresses of one call that are checked.
const ADDRESSES: usize = 6;
/// Checks for each of them.
const EACH: u32 = 5;
/// Checks of all calls per second, and at once.
const RATE: f64 = 100.0;
const BURST: f64 = 200.0;

/// Checks that one call has sent to unproven addresses; reset by each negotiation.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    sent: Vec<(SocketAddr, u32)>,
}

impl Unasked {
    /// Whether a check may be sent to this address.
    pub(super) fn take(&mut self, to: SocketAddr) -> bool {
        if let Some((_, sent)) = self.sent.iter_mut().find(|(address, _)| *address == to) {
            *sent += 1;
            return *sent <= EACH;
        }
        let has_room = self.sent.len() < ADDRESSES;
        if has_room {
            self.sent.push((to, 1));
        }
        has_room
    }
}

/// The rate limit of all calls together.
#[derive(Debug)]
pub(super) struct Rate {
    left: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Whether a check may be sent now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left, self.at) = ((self.left + passed * RATE).min(BURST), now);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_call_checks_few_unproven_addresses_a_few_times_each() {
        let mut unasked = Unasked::default();
        let addresses: Vec<SocketAddr> =
            (1..=90).map(|port| SocketAddr::from(([192, 0, 2, 1], port))).collect();
        let sent = (0..20).flat_map(|_| &addresses).filter(|to| unasked.take(**to)).count();
        assert_eq!(sent, ADDRESSES * EACH as usize);
    }

    #[test]
    fn all_calls_together_stay_below_a_rate() {
        let began = Instant::now();
        let mut rate = Rate::new(began);
        let mut sent =
            |second: u64| (0..1_000).filter(|_| rate.take(began + Duration::from_secs(second))).count();
        assert_eq!([sent(0), sent(1), sent(100)], [200, 100, 200]);
    }
}
