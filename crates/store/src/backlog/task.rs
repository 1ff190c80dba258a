//! What there is to do in the store, and what may come of it. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use visavis_core::context::CallContext;

use crate::ids::{CallId, Lease};

/// What becomes of a call's context after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is kept as long as configured: the call was cut off, and may go on.
    Keep,
    /// It is kept this long at most: the call may go on soon, or never.
    Briefly(Duration),
    /// It is deleted: the call is over for good.
    Forget,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Do this, then report the result.
    Do(Task),
    /// Wait until this moment, or until a context is put.
    Wait(Instant),
}

/// A piece of work in the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    Acquire(CallId),
    Save { lease: Lease, version: u64, context: Arc<CallContext> },
    Renew(Lease),
    Release { lease: Lease, keep: Option<Duration> },
    Delete(CallId),
    Sweep,
}

/// What became of a context that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits.
    Waits,
    /// The call is not kept any more.
    Ignored,
    /// There is no room.
    NoRoom,
}

/// What became of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// It is tried again.
    Postponed,
    /// It is given up, and with it the call's context.
    Lost,
}

impl Task {
    /// The call that it belongs to; `None` if it belongs to no call.
    pub(crate) fn call(&self) -> Option<&CallId> {
        match self {
            Self::Acquire(call) | Self::Delete(call) => Some(call),
            Self::Save { lease, .. } | Self::Renew(lease) | Self::Release { lease, .. } => Some(&lease.call),
            Self::Sweep => None,
        }
    }
}
