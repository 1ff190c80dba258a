//! How often strangers are answered. Pure; time is passed in.
//!
//! A request by UDP may have a forged address, so answers to clients without credentials are limited by address: a flood of
//! requests
//! with a forged address causes only a trickle to that address. The table has a fixed size, and addresses with the same entry share
//! its
//! rate. A key of the process assigns the entries, so that an attacker cannot choose whose share to use up.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use super::bucket::{Bucket, Rate};
use crate::subscriber;

/// Entries: 64 KiB times four.
const ENTRIES: usize = 1 << 14;
/// Answers to one address: a page asks twice for each of its some six allocations, and an office of callers may have one address.
const ANSWERS: Rate = Rate { per_second: 50.0, burst: 150.0 };

/// The share of each address.
#[derive(Debug)]
pub(super) struct Sources {
    entries: Vec<Bucket>,
    hasher: RandomState,
}

impl Default for Sources {
    fn default() -> Self {
        Self { entries: vec![Bucket::full(ANSWERS); ENTRIES], hasher: RandomState::new() }
    }
}

impl Sources {
    /// Whether this address may get another answer; an IPv6 network (/64) counts as one.
    pub(super) fn take(&mut self, source: IpAddr, now: Duration) -> bool {
        let source = subscriber::of(source);
        #[allow(clippy::cast_possible_truncation, reason = "a part of the hash is enough")]
        let entry = self.hasher.hash_one(source) as usize % ENTRIES;
        self.entries[entry].take(ANSWERS, now, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn an_address_gets_its_share_whatever_others_do_and_the_table_does_not_grow() {
        let mut sources = Sources::default();
        let flood = |sources: &mut Sources, text: &str, second| {
            let source = text.parse().unwrap();
            (0..1000).filter(|_| sources.take(source, Duration::from_secs(second))).count()
        };
        assert_eq!(flood(&mut sources, "192.0.2.1", 0), 150);
        assert_eq!(flood(&mut sources, "192.0.2.1", 1), 50);
        assert_eq!(flood(&mut sources, "2001:db8::1", 1), 150);
        assert_eq!(flood(&mut sources, "2001:db8::ffff:2", 1), 0, "one network is one source");
        for number in 0..100_000_u32 {
            sources.take(Ipv6Addr::from_bits(u128::from(number) << 64).into(), Duration::from_secs(2));
        }
        assert_eq!(sources.entries.len(), ENTRIES);
    }
}
