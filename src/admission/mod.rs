//! Admission control: one ledger counts all work that clients request. `/ready`, `/metrics` and refusals all read it.
//!
//! - [`Principal`]: the requester; [`Kind`]: the kind of work; [`Limits`]: how much each may have at once (all pure)
//! - `ledger`: who holds a permit, and which is revoked for a newer caller; pure, with the time passed in
//! - [`Capacity`]: what the server bears, as `load` measures it, and how principals share that; pure
//! - [`Refusal`]: why a permit is refused, for programs and for people
//! - this file: the lock around the ledger, [`Permit`]s, the metrics

mod capacity;
mod ledger;
mod limits;
mod principal;
mod refusal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

pub use self::capacity::Capacity;
pub use self::limits::{
    ANIMATIONS, FOLLOWINGS, FOLLOWINGS_PER_ADDRESS, Kind, Limit, Limits, MEASUREMENTS,
    MEASUREMENTS_PER_ADDRESS, SAMPLES, SAMPLES_PER_ADDRESS,
};
pub use self::principal::{Principal, Subscriber};
pub use self::refusal::Refusal;

use self::ledger::{Claim, Ledger, PermitId};
use crate::ports::Presence;

/// Grants permits; shared by all that request them.
pub struct Admission {
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    /// The token to cancel when a permit is revoked, if its work has begun.
    work: HashMap<PermitId, CancellationToken>,
}

impl Admission {
    /// An admission with these limits and no permits granted.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { ledger: Ledger::new(limits), work: HashMap::new() }) })
    }

    /// Grants a permit for one piece of work, possibly by revoking another.
    ///
    /// # Errors
    /// If the limit in all or of this principal is reached, the server bears no further call, or it is stopping.
    pub fn admit(self: &Arc<Self>, principal: Principal, kind: Kind) -> Result<Permit, Refusal> {
        self.grant(principal, kind, Claim::Begins)
    }

    /// Grants a permit for a call that goes on, whatever the load is: it was admitted before.
    ///
    /// # Errors
    /// If the limit in all or of this principal is reached, or the server is stopping.
    pub fn admit_again(self: &Arc<Self>, principal: Principal) -> Result<Permit, Refusal> {
        self.grant(principal, Kind::Call, Claim::GoesOn)
    }

    fn grant(self: &Arc<Self>, principal: Principal, kind: Kind, claim: Claim) -> Result<Permit, Refusal> {
        let mut state = self.state.lock();
        let granted = state
            .ledger
            .admit(principal, kind, claim, Instant::now())
            .inspect_err(|refusal| count_refusal(kind, refusal))?;
        if let Some(revoked) = granted.revoked {
            state.revoke(revoked, kind);
        }
        state.report(kind);
        Ok(Permit { admission: self.clone(), id: granted.id, kind })
    }

    /// The number of permits of this kind that are held.
    #[must_use]
    pub fn active(&self, kind: Kind) -> usize {
        self.state.lock().ledger.count(kind)
    }

    /// How many of these are for work that its client has not joined yet.
    #[must_use]
    pub fn awaited(&self, kind: Kind) -> usize {
        self.state.lock().ledger.count_with(kind, Presence::Awaited)
    }

    /// From now on the server bears this much. Calls in progress go on, even if there are more of them.
    pub fn bear(&self, capacity: Capacity) {
        self.state.lock().ledger.bear(capacity);
    }

    /// What the server bears, as measured last; none: nothing was measured.
    #[must_use]
    pub fn capacity(&self) -> Option<Capacity> {
        self.state.lock().ledger.capacity()
    }

    /// Stops admitting calls.
    pub fn stop(&self) {
        self.state.lock().ledger.stop();
    }

    /// Whether the server has stopped admitting calls.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.state.lock().ledger.is_stopping()
    }
}

impl State {
    /// Cancels the work whose permit the ledger has revoked.
    fn revoke(&mut self, id: PermitId, kind: Kind) {
        if kind.counts_as_call() {
            metrics::counter!("visavis_calls_given_up_total").increment(1);
        }
        if let Some(work) = self.work.remove(&id) {
            work.cancel();
        }
    }

    fn report(&self, kind: Kind) {
        if !kind.counts_as_call() {
            return;
        }
        // The second name is like those of capacity and load.
        for name in ["visavis_calls_active", "visavis_calls"] {
            metrics::gauge!(name).set(self.ledger.count(kind) as f64);
        }
        for (presence, name) in [(Presence::Awaited, "awaited"), (Presence::CutOff, "cut-off")] {
            let calls = self.ledger.count_with(kind, presence) as f64;
            metrics::gauge!("visavis_calls_without_client", "presence" => name).set(calls);
        }
    }
}

fn count_refusal(kind: Kind, refusal: &Refusal) {
    if kind.counts_as_call() {
        metrics::counter!("visavis_calls_refused_total", "reason" => refusal.label()).increment(1);
    }
}

/// The right to do one piece of work. It is held by that work, and given back when dropped.
pub struct Permit {
    admission: Arc<Admission>,
    id: PermitId,
    kind: Kind,
}

impl Permit {
    /// The kind of work that it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Records that the work's client has joined, was cut off, or is back.
    pub fn note(&self, presence: Presence) {
        let mut state = self.admission.state.lock();
        state.ledger.note(self.id, presence, Instant::now());
        state.report(self.kind);
    }

    /// Cancels `work` when the permit is revoked for a newer caller; at once if it already was.
    pub fn cancel_when_revoked(&self, work: CancellationToken) {
        let mut state = self.admission.state.lock();
        if state.ledger.holds(self.id) {
            state.work.insert(self.id, work);
        } else {
            work.cancel();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        state.work.remove(&self.id);
        state.ledger.give_back(self.id);
        state.report(self.kind);
    }
}

#[cfg(test)]
mod tests;
