//! Admission control: one counter for all work that clients may ask for. `/ready`, `/metrics` and refusals read the same one.
//!
//! - [`Principal`]: who asks; [`Kind`]: what for; [`Limits`]: how much each may have at once (all pure)
//! - `ledger`: who holds a permit, and whose goes to a newer caller; pure, with the time passed in
//! - [`Refusal`]: why there is none, for programs and for people
//! - this file: the lock around the ledger, [`Permit`]s, the metrics

mod ledger;
mod limits;
mod principal;
mod refusal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

pub use self::limits::{ANIMATIONS, Kind, Limit, Limits};
pub use self::principal::{Principal, Subscriber};
pub use self::refusal::Refusal;

use self::ledger::{Ledger, PermitId};
use crate::ends::Presence;

/// Who may do what at once; shared by all who ask for it.
pub struct Admission {
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    /// What to cancel when a permit is revoked, where its work has begun.
    work: HashMap<PermitId, CancellationToken>,
}

impl Admission {
    /// Nobody has a permit yet.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { ledger: Ledger::new(limits), work: HashMap::new() }) })
    }

    /// A permit for one piece of work, or why there is none. Another's permit may be revoked for it.
    ///
    /// # Errors
    /// When as much is in work as may be, in all or for this principal, or the server stops.
    pub fn admit(self: &Arc<Self>, principal: Principal, kind: Kind) -> Result<Permit, Refusal> {
        let mut state = self.state.lock();
        let granted = state
            .ledger
            .admit(principal, kind, Instant::now())
            .inspect_err(|refusal| count_refusal(kind, refusal))?;
        if let Some(revoked) = granted.revoked {
            state.revoke(revoked, kind);
        }
        state.report(kind);
        Ok(Permit { admission: self.clone(), id: granted.id, kind })
    }

    /// Permits of this kind that are held.
    #[must_use]
    pub fn active(&self, kind: Kind) -> usize {
        self.state.lock().ledger.count(kind)
    }

    /// Of these, permits for work that its client has not joined yet.
    #[must_use]
    pub fn awaited(&self, kind: Kind) -> usize {
        self.state.lock().ledger.count_with(kind, Presence::Awaited)
    }

    /// Admits no more calls.
    pub fn stop(&self) {
        self.state.lock().ledger.stop();
    }

    /// True once the server takes no more calls.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.state.lock().ledger.is_stopping()
    }
}

impl State {
    /// Tells work whose permit the ledger has given to another.
    fn revoke(&mut self, id: PermitId, kind: Kind) {
        match kind {
            Kind::Call => metrics::counter!("visavis_calls_given_up_total").increment(1),
            Kind::Animation => {}
        }
        if let Some(work) = self.work.remove(&id) {
            work.cancel();
        }
    }

    fn report(&self, kind: Kind) {
        match kind {
            Kind::Call => {
                metrics::gauge!("visavis_calls_active").set(self.ledger.count(kind) as f64);
                for (presence, name) in [(Presence::Awaited, "awaited"), (Presence::CutOff, "cut-off")] {
                    let calls = self.ledger.count_with(kind, presence) as f64;
                    metrics::gauge!("visavis_calls_without_client", "presence" => name).set(calls);
                }
            }
            Kind::Animation => {}
        }
    }
}

fn count_refusal(kind: Kind, refusal: &Refusal) {
    match kind {
        Kind::Call => {
            metrics::counter!("visavis_calls_refused_total", "reason" => refusal.label()).increment(1);
        }
        Kind::Animation => {}
    }
}

/// Leave to do one piece of work. It travels with the work, and is given back when dropped.
pub struct Permit {
    admission: Arc<Admission>,
    id: PermitId,
    kind: Kind,
}

impl Permit {
    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The work's client has come, was cut off, or is back.
    pub fn note(&self, presence: Presence) {
        let mut state = self.admission.state.lock();
        state.ledger.note(self.id, presence, Instant::now());
        state.report(self.kind);
    }

    /// Cancels `work` when the permit is revoked for a newer caller; at once if it has been.
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
