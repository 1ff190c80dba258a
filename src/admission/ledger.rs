//! Tracks permits: how many there may be in all and per principal, and which one is revoked for a newer caller. Pure;
//! time is passed in.
//!
//! A permit is held from the moment that work is requested. When all are taken, calls that nobody has joined give way: those
//! of a principal with more of them than others at once, and any after a while. So offers that never connect cannot keep out
//! those that do. A call whose client has been cut off for a while gives way as well.
//!
//! The measured capacity bounds new calls as well. It ends none, and a call that goes on is admitted whatever the load is.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::capacity::{may_have_more, taken};
use super::{Capacity, Kind, Limit, Limits, Principal, Refusal};
use crate::ports::Presence;

/// A call whose client has been cut off for this long gives way to a new one.
const PATIENCE: Duration = Duration::from_secs(10);
/// A call that nobody has joined for this long gives way to another principal's: browsers connect sooner.
const GRACE: Duration = Duration::from_secs(2);
/// The same for a newer call of the same principal; longer, so that it cannot keep a permit by asking repeatedly.
const OWN_GRACE: Duration = Duration::from_secs(4);
/// With this many unjoined calls of one principal, the oldest gives way to its next at once.
const CROWD: usize = 4;

/// Identifies a permit; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PermitId(u64);

/// A new permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) id: PermitId,
    /// A permit of the same kind that was revoked for it: its work must be ended.
    pub(super) revoked: Option<PermitId>,
}

/// The permits, and who holds them.
#[derive(Debug)]
pub(super) struct Ledger {
    limits: Limits,
    held: BTreeMap<PermitId, Held>,
    granted: u64,
    stopping: bool,
    /// What was measured last; none: nothing was.
    capacity: Option<Capacity>,
}

/// Whether work is new; what goes on is not kept out by what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    Begins,
    GoesOn,
}

#[derive(Debug)]
struct Held {
    principal: Principal,
    kind: Kind,
    presence: Presence,
    since: Instant,
}

impl Held {
    fn is_awaited(&self) -> bool {
        self.presence == Presence::Awaited
    }

    /// Whether it causes load, or is about to: its client is there, was there a moment ago, or has just asked.
    fn weighs(&self, now: Instant) -> bool {
        match self.presence {
            Presence::Here => true,
            Presence::Awaited => !self.is_due(GRACE, now),
            Presence::CutOff => !self.is_due(PATIENCE, now),
        }
    }

    /// Whether its presence has been unchanged for at least `after`.
    fn is_due(&self, after: Duration, now: Instant) -> bool {
        now.duration_since(self.since) >= after
    }
}

/// How new work of a kind is bounded besides its limit.
#[derive(Debug, Clone, Copy)]
struct Measure {
    kind: Kind,
    /// None: nothing was measured yet.
    capacity: Option<Capacity>,
}

/// The permits of one kind.
struct Peers<'a>(Vec<(PermitId, &'a Held)>);

impl Ledger {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, held: BTreeMap::new(), granted: 0, stopping: false, capacity: None }
    }

    /// The number of permits of this kind that are held.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.held.values().filter(|held| held.kind == kind).count()
    }

    /// How many of these have a client of this presence.
    pub(super) fn count_with(&self, kind: Kind, presence: Presence) -> usize {
        self.held.values().filter(|held| held.kind == kind && held.presence == presence).count()
    }

    /// Whether this permit is still held: neither given back nor revoked.
    pub(super) fn holds(&self, id: PermitId) -> bool {
        self.held.contains_key(&id)
    }

    /// Records that the server is stopping.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether the server is stopping.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// From now on the server bears this much.
    pub(super) fn bear(&mut self, capacity: Capacity) {
        self.capacity = Some(capacity);
    }

    /// What was measured last.
    pub(super) fn capacity(&self) -> Option<Capacity> {
        self.capacity
    }

    /// Grants a permit, possibly by revoking another.
    ///
    /// # Errors
    /// If no permit can be granted.
    pub(super) fn admit(
        &mut self,
        principal: Principal,
        kind: Kind,
        claim: Claim,
        now: Instant,
    ) -> Result<Granted, Refusal> {
        if self.stopping && kind.is_refused_while_stopping() {
            return Err(Refusal::Stopping);
        }
        let limit = self.limits.of(&principal, kind);
        let revoked = {
            let peers = self.peers(kind);
            match peers.against_measure(&principal, limit, self.measure(kind, claim), now) {
                // It gives up one of its own instead, if it may.
                Err(refusal) => Some(peers.own_awaited(&principal, now).ok_or(refusal)?),
                Ok(()) => peers.make_room(&principal, kind, limit, now)?,
            }
        };
        if let Some(id) = revoked {
            self.held.remove(&id);
        }
        let id = PermitId(self.granted);
        self.granted += 1;
        self.held.insert(id, Held { principal, kind, presence: kind.presence(), since: now });
        Ok(Granted { id, revoked })
    }

    /// What bounds new work of this kind besides its limit; none: nothing does.
    fn measure(&self, kind: Kind, claim: Claim) -> Option<Measure> {
        let is_bounded = claim == Claim::Begins && kind.is_measured();
        is_bounded.then_some(Measure { kind, capacity: self.capacity })
    }

    fn peers(&self, kind: Kind) -> Peers<'_> {
        Peers(self.held.iter().filter(|(_, held)| held.kind == kind).map(|(id, held)| (*id, held)).collect())
    }

    /// Records that the client of a permit's work has joined, was cut off, or is back.
    pub(super) fn note(&mut self, id: PermitId, presence: Presence, now: Instant) {
        if let Some(held) = self.held.get_mut(&id)
            && held.presence != presence
        {
            (held.presence, held.since) = (presence, now);
        }
    }

    /// Takes a permit back; no effect if it was revoked.
    pub(super) fn give_back(&mut self, id: PermitId) {
        self.held.remove(&id);
    }
}

impl Peers<'_> {
    /// The permit to revoke for a newcomer; none if there is room.
    fn make_room(
        &self,
        newcomer: &Principal,
        kind: Kind,
        limit: Limit,
        now: Instant,
    ) -> Result<Option<PermitId>, Refusal> {
        let own = self.0.iter().filter(|(_, held)| held.principal == *newcomer).count();
        if limit.per_principal.is_some_and(|share| own >= share) {
            return self.own_awaited(newcomer, now).map(Some).ok_or(Refusal::Share(kind));
        }
        if self.0.len() < limit.in_all {
            return Ok(None);
        }
        self.awaited_of_a_crowd(newcomer)
            .or_else(|| self.oldest_awaited(|held| held.principal != *newcomer && held.is_due(GRACE, now)))
            .or_else(|| self.own_awaited(newcomer, now))
            .or_else(|| self.longest_cut_off(now))
            .map(Some)
            .ok_or(Refusal::Full(kind))
    }

    /// Whether what is measured, and what is left for others, allow the newcomer one more.
    fn against_measure(
        &self,
        newcomer: &Principal,
        limit: Limit,
        measure: Option<Measure>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(Measure { kind, capacity }) = measure else { return Ok(()) };
        let own = self.0.iter().filter(|(_, held)| held.principal == *newcomer);
        if limit.per_principal.is_some_and(|share| own.clone().count() >= share) {
            // Its own limit is the better reason.
            return Ok(());
        }
        let mut left = limit.in_all.saturating_sub(self.0.len());
        let is_full = left == 0;
        if let Some(Capacity { calls, retry, .. }) = capacity.filter(|known| known.calls < limit.in_all) {
            let borne = calls.saturating_sub(taken(calls, self.weights(now)));
            if borne == 0 {
                return Err(Refusal::Loaded { retry });
            }
            left = left.min(borne);
        }
        // A server that is full has rules of its own for who gives way.
        let is_shared = limit.per_principal.is_some() && !is_full;
        let present = own.filter(|(_, held)| held.presence != Presence::CutOff).count();
        if is_shared && !may_have_more(present, left) { Err(Refusal::Reserved(kind)) } else { Ok(()) }
    }

    /// For each principal, how many of its permits weigh; those of callers whom nobody knows are one each.
    fn weights(&self, now: Instant) -> Vec<usize> {
        let mut unknown = 0;
        let mut known: HashMap<&Principal, usize> = HashMap::new();
        for (_, held) in self.0.iter().filter(|(_, held)| held.weighs(now)) {
            match held.principal {
                Principal::Anonymous => unknown += 1,
                Principal::Address(_) => *known.entry(&held.principal).or_default() += 1,
            }
        }
        known.into_values().chain(std::iter::repeat_n(1, unknown)).collect()
    }

    /// Of the matching permits, the one whose presence has been unchanged for longest.
    fn oldest(&self, of: impl Fn(&Held) -> bool) -> Option<PermitId> {
        let those = self.0.iter().filter(|(_, held)| of(held));
        those.min_by_key(|(_, held)| held.since).map(|(id, _)| *id)
    }

    fn oldest_awaited(&self, of: impl Fn(&Held) -> bool) -> Option<PermitId> {
        self.oldest(|held| held.is_awaited() && of(held))
    }

    /// The oldest unjoined call of the principal with the most, if it would still have more than the newcomer.
    fn awaited_of_a_crowd(&self, newcomer: &Principal) -> Option<PermitId> {
        let mut crowds: HashMap<&Principal, usize> = HashMap::new();
        for (_, held) in self.0.iter().filter(|(_, held)| held.is_awaited()) {
            *crowds.entry(&held.principal).or_default() += 1;
        }
        let own = crowds.remove(newcomer).unwrap_or(0);
        let most = crowds.values().copied().max().filter(|most| *most >= own + 2)?;
        self.oldest_awaited(|held| crowds.get(&held.principal) == Some(&most))
    }

    /// The oldest unjoined call of the newcomer's own principal, if it may give way.
    fn own_awaited(&self, newcomer: &Principal, now: Instant) -> Option<PermitId> {
        let is_own = |held: &Held| held.principal == *newcomer;
        let is_crowd = self.0.iter().filter(|(_, held)| held.is_awaited() && is_own(held)).count() >= CROWD;
        self.oldest_awaited(|held| is_own(held) && (is_crowd || held.is_due(OWN_GRACE, now)))
    }

    fn longest_cut_off(&self, now: Instant) -> Option<PermitId> {
        self.oldest(|held| held.presence == Presence::CutOff && held.is_due(PATIENCE, now))
    }
}

#[cfg(test)]
mod measured_tests;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
