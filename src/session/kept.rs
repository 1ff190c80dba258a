//! The context of one call, on its way to the store: what is remembered is saved, and what becomes of it when the call ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use visavis_core::context::CallContext;
use visavis_store::{CallId, End, Saver};

use crate::event::EndReason;

/// How long the context of a call is kept whose client hung up. It may be that of a page that is being loaded anew.
const HUNG_UP: Duration = Duration::from_secs(120);

/// A call's context in the store; nothing, if there is no store.
pub(super) struct Kept(Option<Place>);

struct Place {
    saver: Saver,
    call: CallId,
}

impl Kept {
    /// A call begins.
    pub(super) fn begin(saver: Option<&Saver>, call: &str) -> Self {
        let (Some(saver), Some(call)) = (saver.cloned(), CallId::new(call)) else { return Self(None) };
        saver.begin(&call, None);
        Self(Some(Place { saver, call }))
    }

    /// Saves what the call remembers, until its end. The call never waits for it.
    pub(super) async fn follow(&self, remembered: watch::Receiver<Option<Arc<CallContext>>>) {
        if let Some(Place { saver, call }) = &self.0 {
            saver.follow(call, remembered).await;
        }
    }

    /// The call has ended.
    pub(super) fn end(mut self, reason: EndReason) {
        self.leave(fate(reason));
    }

    fn leave(&mut self, end: End) {
        if let Some(Place { saver, call }) = self.0.take() {
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
        EndReason::EndedByOperator | EndReason::Idle | EndReason::AgentEnded => End::Forget,
        EndReason::HungUp => End::Briefly(HUNG_UP),
        EndReason::ConnectionLost | EndReason::ServerStopping | EndReason::Fault => End::Keep,
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
        for reason in [EndReason::ConnectionLost, EndReason::ServerStopping, EndReason::Fault] {
            assert_eq!(fate(reason), End::Keep);
        }
    }
}
