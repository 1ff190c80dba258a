//! The state of one call: its lease, the newest context that waits, and what to do next. Pure.

use std::sync::Arc;
use std::time::Instant;

use visavis_core::context::CallContext;

use super::task::{End, Task};
use crate::ids::{CallId, Lease};

/// A context that waits.
pub(super) struct Waiting {
    pub(super) context: Arc<CallContext>,
    pub(super) version: u64,
    pub(super) bytes: usize,
}

/// A call in progress, or an ended one with something left to write.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) lease: Option<Lease>,
    pub(super) renew: Option<Instant>,
    /// A lease was asked for: something may be in the store.
    pub(super) begun: bool,
    pub(super) version: u64,
    pub(super) waiting: Option<Waiting>,
    pub(super) end: Option<End>,
    /// Nothing is written any more: another node has the call, its data was deleted, or the store refuses it.
    pub(super) barred: bool,
    /// Its place in the order: the lowest comes first.
    pub(super) turn: u64,
}

impl Entry {
    /// Whether something is to be written, apart from renewals.
    pub(super) fn is_due(&self) -> bool {
        self.waiting.is_some() || self.end.is_some()
    }

    /// The next step for a call that is due.
    pub(super) fn task(&mut self, call: &CallId) -> Task {
        match (self.end, &self.lease, &self.waiting) {
            (Some(End::Forget), _, _) => Task::Delete(call.clone()),
            (_, None, _) => {
                self.begun = true;
                Task::Acquire(call.clone())
            }
            (_, Some(lease), Some(Waiting { context, version, .. })) => {
                Task::Save { lease: lease.clone(), version: *version, context: context.clone() }
            }
            (Some(End::Briefly(keep)), Some(lease), None) => {
                Task::Release { lease: lease.clone(), keep: Some(keep) }
            }
            (_, Some(lease), None) => Task::Release { lease: lease.clone(), keep: None },
        }
    }
}

/// The approximate size of a context in bytes.
pub(super) fn weight(context: &CallContext) -> usize {
    const MESSAGE: usize = 64;
    const REST: usize = 1024;
    let messages = context.messages.iter().map(|message| message.content.len() + MESSAGE);
    messages.sum::<usize>() + context.summary.len() + REST
}
