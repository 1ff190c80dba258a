//! Writes contexts in the background: calls leave their newest context here and never wait. `backlog` decides what is written when,
//! `actor` writes it; `tokens`: resume tokens, for which callers do wait.

mod actor;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant as TokioInstant, timeout};
use tokio_util::sync::CancellationToken;
use visavis_core::context::CallContext;

use crate::backlog::{Backlog, Bounds, End, LEASE, Put};
use crate::claim::{Claim, Redemption};
use crate::error::StoreError;
use crate::ids::{CallId, Lease, NodeId};
use crate::vault::Vault;

/// Limits on the contexts that wait for the store: calls and bytes.
const BOUNDS: Bounds = Bounds { calls: 1024, bytes: 64 << 20 };
/// Longest wait for one piece of work in the store.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether contexts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not known yet.
    Opening,
    /// They are.
    Ok,
    /// They wait: the store has failed and is being retried.
    Degraded,
}

/// The state of the store, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `file` or `redis`.
    pub kind: &'static str,
    /// Whether contexts are stored.
    pub state: State,
    /// Why they are not, and what to do; empty if they are.
    pub message: String,
    /// Calls with something that waits to be written.
    pub waiting: usize,
}

/// Saves the contexts of a server's calls; clones share one actor.
#[derive(Clone)]
pub struct Saver(Arc<Shared>);

struct Shared {
    vault: Arc<Vault>,
    node: NodeId,
    backlog: Mutex<Backlog>,
    /// Cancelled when another node takes over a call that began here.
    owned: Mutex<HashMap<CallId, CancellationToken>>,
    /// Wakes the actor.
    changed: Notify,
    /// How many calls wait.
    waiting: watch::Sender<usize>,
    /// The store has answered once.
    proven: watch::Sender<bool>,
    stop: CancellationToken,
}

impl Saver {
    /// Begins to write to a store, as this node. It first checks whether the store can be used.
    #[must_use]
    pub fn start(vault: Arc<Vault>, node: NodeId) -> Self {
        Self::bounded(vault, node, BOUNDS)
    }

    pub(crate) fn bounded(vault: Arc<Vault>, node: NodeId, bounds: Bounds) -> Self {
        let shared = Arc::new(Shared {
            vault,
            node,
            backlog: Mutex::new(Backlog::new(bounds, now())),
            owned: Mutex::default(),
            changed: Notify::new(),
            waiting: watch::Sender::new(0),
            proven: watch::Sender::new(false),
            stop: CancellationToken::new(),
        });
        let actor = shared.clone();
        tokio::spawn(async move { actor.stop.run_until_cancelled(Box::pin(actor.run())).await });
        Self(shared)
    }

    /// The store, for what cannot wait, such as resume tokens.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The name under which this server owns calls.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.0.node
    }

    /// A call begins. `lease`: the call's own, if it goes on from a stored context. The token is cancelled when another node takes
    /// the call
    /// over.
    pub fn begin(&self, call: &CallId, lease: Option<Lease>) -> CancellationToken {
        let lost = CancellationToken::new();
        self.0.owned.lock().insert(call.clone(), lost.clone());
        self.0.backlog.lock().begin(call, lease, now());
        self.0.note();
        lost
    }

    /// Queues a call's context; it replaces an earlier one that was not written yet. The call must have begun.
    pub fn save(&self, call: &CallId, context: Arc<CallContext>) {
        let put = self.0.backlog.lock().put(call, context);
        if put == Put::NoRoom {
            metrics::counter!("visavis_store_dropped_total").increment(1);
            tracing::warn!(%call, "too many contexts wait for the store: this one is not kept");
        }
        self.0.note();
    }

    /// Saves each context that a call remembers, until the call's sender is gone.
    pub async fn follow(&self, call: &CallId, mut remembered: watch::Receiver<Option<Arc<CallContext>>>) {
        while remembered.changed().await.is_ok() {
            let context = remembered.borrow_and_update().clone();
            if let Some(context) = context {
                self.save(call, context);
            }
        }
    }

    /// The call has ended: its last context is written, and then kept or deleted.
    pub fn end(&self, call: &CallId, end: End) {
        self.0.owned.lock().remove(call);
        self.0.backlog.lock().end(call, end);
        self.0.note();
    }

    /// Waits until nothing of a call waits to be written.
    pub async fn written(&self, call: &CallId) {
        let mut waiting = self.0.waiting.subscribe();
        while self.0.backlog.lock().context(call).is_some() {
            if waiting.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether another node has the call, as far as the store tells.
    pub async fn is_elsewhere(&self, call: &CallId) -> bool {
        self.0.is_elsewhere(call).await
    }

    /// The newest context of a call, written or not; `None` if nothing is kept of it.
    ///
    /// # Errors
    /// As [`Vault::load`]; the call can begin without a context.
    pub async fn load(&self, call: &CallId) -> Result<Option<Arc<CallContext>>, StoreError> {
        let waiting = self.0.backlog.lock().context(call);
        if waiting.is_some() {
            return Ok(waiting);
        }
        Ok(in_time(self.0.vault.load(call)).await?.map(Arc::new))
    }

    /// Makes this node the owner of a call whose token was redeemed. Another node that owns the call loses it.
    ///
    /// # Errors
    /// When a later redemption of the token has claimed the call, or the store fails.
    pub async fn take_over(&self, call: &CallId, redemption: Redemption) -> Result<Lease, StoreError> {
        let claim = Claim::Over(redemption);
        in_time(self.0.vault.store().acquire(call, &self.0.node, LEASE, claim)).await
    }

    /// Deletes all that is kept of a call, and keeps nothing of it from now on.
    ///
    /// # Errors
    /// When the store fails; what it has may be there still.
    pub async fn forget(&self, call: &CallId) -> Result<(), StoreError> {
        self.0.backlog.lock().bar(call);
        self.0.note();
        in_time(self.0.vault.delete(call)).await.map(drop)
    }

    /// The state of the store.
    #[must_use]
    pub fn health(&self) -> Health {
        let backlog = self.0.backlog.lock();
        let message = backlog.trouble().map_or_else(String::new, |trouble| trouble.reason.clone());
        let state = match (backlog.trouble(), *self.0.proven.borrow()) {
            (Some(_), _) => State::Degraded,
            (None, true) => State::Ok,
            (None, false) => State::Opening,
        };
        Health { kind: self.0.vault.store().kind(), state, message, waiting: backlog.waiting() }
    }

    /// Writes what waits, for no longer than this, and stops. Returns the number of calls with something unwritten.
    pub async fn stop(&self, within: Duration) -> usize {
        let mut waiting = self.0.waiting.subscribe();
        _ = timeout(within, waiting.wait_for(|waiting| *waiting == 0)).await;
        self.0.stop.cancel();
        self.0.backlog.lock().waiting()
    }
}

/// Gives up a store that hangs.
async fn in_time<T, E: From<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => {
            let late = format!("the store has not answered within {} s", PATIENCE.as_secs());
            Err(StoreError::Unreachable(late).into())
        }
    }
}

/// The moment, of tokio's clock, which tests may stop.
fn now() -> Instant {
    TokioInstant::now().into_std()
}
