//! Limits connections in all and per address. Pure.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::admission::Subscriber;

/// Why a connection is over the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The limit in all is reached.
    InAll,
    /// The limit of the address is reached.
    OfAddress,
}

impl Full {
    /// The reason as a metrics label.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::InAll => "full",
            Self::OfAddress => "address",
        }
    }
}

/// Counts connections.
#[derive(Debug)]
pub(super) struct Places {
    in_all: usize,
    of_address: usize,
    taken: HashMap<Subscriber, usize>,
    count: usize,
}

impl Places {
    pub(super) fn new(in_all: usize, of_address: usize) -> Self {
        Self { in_all, of_address, taken: HashMap::new(), count: 0 }
    }

    /// Takes a place for a connection from this address.
    pub(super) fn take(&mut self, address: IpAddr) -> Result<(), Full> {
        if self.count >= self.in_all {
            return Err(Full::InAll);
        }
        let taken = self.taken.entry(address.into()).or_default();
        if *taken >= self.of_address {
            return Err(Full::OfAddress);
        }
        *taken += 1;
        self.count += 1;
        Ok(())
    }

    /// Gives back a place.
    pub(super) fn give_back(&mut self, address: IpAddr) {
        let owner = Subscriber::from(address);
        if let Some(taken) = self.taken.get_mut(&owner) {
            *taken -= 1;
            self.count -= 1;
            if *taken == 0 {
                self.taken.remove(&owner);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reaches_its_limit_before_the_limit_in_all() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut places = Places::new(4, 2);
        let mut take = |text: &str| places.take(address(text));
        assert_eq!((take("10.0.0.1"), take("::ffff:10.0.0.1")), (Ok(()), Ok(())));
        assert_eq!(take("10.0.0.1"), Err(Full::OfAddress));
        assert_eq!((take("2001:db8::1"), take("2001:db8::ffff:2")), (Ok(()), Ok(())));
        assert_eq!(take("10.0.0.2"), Err(Full::InAll));
        places.give_back(address("10.0.0.1"));
        places.give_back(address("10.0.0.9"));
        assert_eq!((places.count(), places.take(address("2001:db8::3"))), (3, Err(Full::OfAddress)));
        assert_eq!(places.take(address("2001:db8:0:1::1")), Ok(()));
    }
}
