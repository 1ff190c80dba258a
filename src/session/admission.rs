//! Who gets a place: how many calls there may be, how many of one address, and whose place goes to a newer caller. No clock;
//! time is passed in.
//!
//! A place is taken from the moment that a call is asked for. Whoever asks and does not come gives way when all places are
//! taken: an address that asks for more than others at once, and anybody after a while. So offers that never connect cannot
//! keep out those that do. A call whose client has been cut off for a while gives way as well.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::ends::Presence;

/// A client that has been cut off for this long gives its place to one that is there.
const PATIENCE: Duration = Duration::from_secs(10);
/// A call that nobody has joined for this long gives way to one of another address: browsers connect sooner.
const GRACE: Duration = Duration::from_secs(2);
/// To one of its own address later, so that an address that asks on and on does not keep a place by that.
const OWN_GRACE: Duration = Duration::from_secs(4);
/// Calls of one address that nobody has joined; with so many the oldest gives way at once.
const CROWD: usize = 4;

/// Why a call was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many calls as the server may have.
    #[error("the server has as many calls as it may")]
    Full,
    /// As many calls as one address may have.
    #[error("this address has as many calls as one may")]
    Share,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

/// How many calls there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// In all.
    pub(super) calls: usize,
    /// Of one address; 0: as many as in all.
    pub(super) per_address: usize,
}

/// The places, and who has them.
#[derive(Debug)]
pub(super) struct Admission {
    limits: Limits,
    places: HashMap<String, Place>,
}

#[derive(Debug)]
struct Place {
    /// Whose share it counts for; none: nobody's.
    address: Option<IpAddr>,
    presence: Presence,
    since: Instant,
}

impl Place {
    /// Whether it is as it is for so long.
    fn is_due(&self, after: Duration, now: Instant) -> bool {
        now.duration_since(self.since) >= after
    }
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, places: HashMap::new() }
    }

    /// Places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.places.len()
    }

    /// Of these, places whose client is awaited, there or cut off.
    pub(super) fn with(&self, presence: Presence) -> usize {
        self.places.values().filter(|place| place.presence == presence).count()
    }

    /// Takes a place for a call, perhaps from another, whose id is returned and which has to be ended.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn admit(
        &mut self,
        id: String,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Option<String>, Refusal> {
        let address = address.map(subscriber);
        let share = self.limits.per_address;
        let of_address = |place: &&Place| place.address == address;
        let has_share =
            address.is_some() && share > 0 && self.places.values().filter(of_address).count() >= share;
        let given_up = if has_share {
            Some(self.own_awaited(address, now).ok_or(Refusal::Share)?)
        } else if self.places.len() >= self.limits.calls {
            let awaited = self
                .awaited_of_a_crowd(address)
                .or_else(|| self.oldest_awaited(|place| place.address != address && place.is_due(GRACE, now)))
                .or_else(|| self.own_awaited(address, now));
            Some(awaited.or_else(|| self.longest_cut_off(now)).ok_or(Refusal::Full)?)
        } else {
            None
        };
        if let Some(id) = &given_up {
            self.places.remove(id);
        }
        self.places.insert(id, Place { address, presence: Presence::Awaited, since: now });
        Ok(given_up)
    }

    /// The client of a call has come, was cut off, or is back.
    pub(super) fn note(&mut self, id: &str, presence: Presence, now: Instant) {
        if let Some(place) = self.places.get_mut(id)
            && place.presence != presence
        {
            (place.presence, place.since) = (presence, now);
        }
    }

    /// Gives a call's place back.
    pub(super) fn leave(&mut self, id: &str) {
        self.places.remove(id);
    }

    fn oldest_awaited(&self, of: impl Fn(&Place) -> bool) -> Option<String> {
        let awaited =
            self.places.iter().filter(|(_, place)| place.presence == Presence::Awaited && of(place));
        awaited.min_by_key(|(_, place)| place.since).map(|(id, _)| id.clone())
    }

    /// Of an address that would still have more than the newcomer's.
    fn awaited_of_a_crowd(&self, newcomer: Option<IpAddr>) -> Option<String> {
        let mut crowds: HashMap<Option<IpAddr>, usize> = HashMap::new();
        for place in self.places.values().filter(|place| place.presence == Presence::Awaited) {
            *crowds.entry(place.address).or_default() += 1;
        }
        let own = crowds.remove(&newcomer).unwrap_or(0);
        let most = crowds.values().copied().max().filter(|most| *most >= own + 2)?;
        self.oldest_awaited(|place| crowds.get(&place.address) == Some(&most))
    }

    /// Of the newcomer's own address.
    fn own_awaited(&self, newcomer: Option<IpAddr>, now: Instant) -> Option<String> {
        let own = |place: &Place| place.address == newcomer;
        let awaited = |place: &&Place| place.presence == Presence::Awaited && own(place);
        let is_crowd = self.places.values().filter(awaited).count() >= CROWD;
        self.oldest_awaited(|place| own(place) && (is_crowd || place.is_due(OWN_GRACE, now)))
    }

    fn longest_cut_off(&self, now: Instant) -> Option<String> {
        let gone = self
            .places
            .iter()
            .filter(|(_, place)| place.presence == Presence::CutOff && place.is_due(PATIENCE, now));
        gone.min_by_key(|(_, place)| place.since).map(|(id, _)| id.clone())
    }
}

/// Who has an address: of IPv6 a whole /64 is one subscriber's.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
