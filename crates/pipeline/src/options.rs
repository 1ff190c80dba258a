//! What whoever starts a call wants of it, and how they learn what must outlive it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::context::CallContext;

/// The context that was remembered last, if any: the latest wins. A sender keeps it without a reader, and
/// moves it.
pub type Remembered = watch::Sender<Option<Arc<CallContext>>>;

/// What whoever starts a call wants of it.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The language to speak; none: as configured. One that goes on speaks its own.
    pub language: Option<String>,
    /// What the call goes on from; none: it is new.
    pub context: Option<Arc<CallContext>>,
    /// Takes the call's context each time it changes: a store subscribes to it.
    pub remembered: Remembered,
}
