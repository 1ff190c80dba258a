//! Options of a call, and the context that outlives it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::context::CallContext;
use crate::engine::Caller;
use crate::voice::ChosenVoice;

/// The latest context, if any. A `watch::Sender` keeps it even without a reader, and takes it by move.
pub type Remembered = watch::Sender<Option<Arc<CallContext>>>;

/// Options for starting a call.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The language to speak; none: as configured. A resumed call keeps its own.
    pub language: Option<String>,
    /// The voice that speaks its language; none: as configured. A resumed call keeps its own.
    pub voice: Option<ChosenVoice>,
    /// The context to resume from; none: the call is new.
    pub context: Option<Arc<CallContext>>,
    /// Receives the call's context each time it changes; a store subscribes to it.
    pub remembered: Remembered,
    /// The user served, for routes; without a user: the call's id.
    pub caller: Caller,
}
