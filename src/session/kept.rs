//! The context of one call, on its way to the store: what is remembered is saved, and what becomes of it when the call ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use visavis_core::context::CallContext;
use visavis_store::{CallId, End, Lease, Saver};

use crate::event::EndReason;

/// Longest wait, at a call's end, for the store to take the last of it. It is tried again after that.
const WRITTEN: Duration = Duration::from_secs(1);

/// A call's context in the store; nothing, if there is no store.
pub(super) struct Kept(Option<Place>);

struct Place {
    saver: Saver,
    call: CallId,
    /// Cancelled when another node has taken the call over.
    lost: CancellationToken,
}

impl Kept {
    /// A call begins; with its lease, if it goes on from what is stored.
    pub(super) fn begin(saver: Option<&Saver>, call: &str, lease: Option<Lease>) -> Self {
        let (Some(saver), Some(call)) = (saver.cloned(), CallId::new(call)) else { return Self(None) };
        let lost = saver.begin(&call, lease);
        Self(Some(Place { saver, call, lost }))
    }

    /// Cancelled when another node has taken the call over; never, if there is no store.
    pub(super) fn lost(&self) -> CancellationToken {
        self.0.as_ref().map(|place| place.lost.clone()).unwrap_or_default()
    }

    /// Saves what the call remembers, until its end, and tells once the store has the last of it. The call never waits for it.
    pub(super) async fn follow(
        &self,
        remembered: watch::Receiver<Option<Arc<CallContext>>>,
        written: CancellationToken,
    ) {
        if let Some(Place { saver, call, .. }) = &self.0 {
            saver.follow(call, remembered).await;
            tokio::select! {
                () = saver.written(call) => {}
                () = tokio::time::sleep(WRITTEN) => {}
            }
        }
        written.cancel();
    }

    /// The call has ended.
    pub(super) fn end(mut self, reason: EndReason) {
        let stays = self.0.as_ref().is_some_and(|place| !place.lost.is_cancelled());
        if reason == EndReason::Moved && stays {
            // Whoever took it over here has what is kept of it.
            self.0 = None;
        } else {
            self.leave(fate(reason));
        }
    }

    fn leave(&mut self, end: End) {
        if let Some(Place { saver, call, .. }) = self.0.take() {
            saver.end(&call, end);
        }
    }
}

impl Drop for Kept {
    /// After a fault in this server.
    fn drop(&mut self) {
        self.leave(End::Keep);
    }
}

/// What becomes of a call's context: what nobody can go on with is not kept.
fn fate(reason: EndReason) -> End {
    match reason {
        EndReason::HungUp | EndReason::EndedByOperator | EndReason::Idle | EndReason::AgentEnded => {
            End::Forget
        }
        EndReason::ConnectionLost | EndReason::ServerStopping | EndReason::Moved | EndReason::Fault => {
            End::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_of_a_call_that_is_over_for_good_is_not_kept() {
        for reason in [EndReason::EndedByOperator, EndReason::Idle, EndReason::AgentEnded] {
            assert!(reason.is_final());
            assert_eq!(fate(reason), End::Forget);
        }
        assert_eq!(fate(EndReason::HungUp), End::Forget);
        for reason in [EndReason::ConnectionLost, EndReason::ServerStopping, EndReason::Fault] {
            assert!(!reason.is_final());
            assert_eq!(fate(reason), End::Keep);
        }
        assert_eq!(fate(EndReason::Moved), End::Keep, "it goes on elsewhere");
    }
}
