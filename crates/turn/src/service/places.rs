//! How many connections there may be, in all and of one address. Pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::subscriber;

/// The connections of each address.
#[derive(Debug)]
pub(super) struct Places {
    in_all: usize,
    of_address: usize,
    taken: HashMap<IpAddr, usize>,
    count: usize,
}

/// A place for a connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Mutex<Places>>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        places.count -= 1;
        if let Some(taken) = places.taken.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                places.taken.remove(&self.address);
            }
        }
    }
}

impl Places {
    pub(super) fn new(in_all: usize, of_address: usize) -> Self {
        Self { in_all, of_address, taken: HashMap::new(), count: 0 }
    }

    /// A place for this address; an IPv6 network (/64) counts as one.
    pub(super) fn take(places: &Arc<Mutex<Self>>, address: IpAddr) -> Option<Place> {
        let address = subscriber::of(address);
        let mut all = places.lock();
        let taken = all.taken.get(&address).copied().unwrap_or_default();
        if all.count >= all.in_all || taken >= all.of_address {
            return None;
        }
        all.taken.insert(address, taken + 1);
        all.count += 1;
        Some(Place { places: places.clone(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let places = Arc::new(Mutex::new(Places::new(3, 2)));
        let take = |text: &str| Places::take(&places, text.parse().unwrap());
        let held = [take("2001:db8::1").unwrap(), take("2001:db8::2").unwrap()];
        assert!(take("2001:db8::3").is_none(), "its network has two");
        let other = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.2").is_none(), "there are three");
        drop(held);
        assert!(take("2001:db8::3").is_some());
        drop(other);
        let left = places.lock();
        assert_eq!((left.count, left.taken.len()), (0, 0));
    }
}
