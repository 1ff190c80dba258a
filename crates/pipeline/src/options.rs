//! Options of a call, and the context that outlives it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::context::CallContext;
use crate::engine::Caller;
use crate::voice::ChosenVoice;

/// The latest context, if any. A `watch::Sender` keeps it even without a reader, and takes it by move.
pub type Remembered = watch::Sender<Option<Arc<CallContext>>>;

/// How many hellos of its client a call has answered.
pub type Hellos = watch::Sender<u32>;

/// How long a person waited for a response, from the last word to the response's first sound as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnTime {
    /// The user, or the call's id where nobody knows who calls.
    pub user: Arc<str>,
    /// The time.
    pub waited: Duration,
}

/// Takes the times of turns; what nobody reads in time is lost.
pub type TurnTimes = broadcast::Sender<TurnTime>;

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
    /// Receives each answer to a hello of the client.
    pub hellos: Hellos,
    /// Cancelled when the call goes on over another connection, here or at another server: this one ends, without the call.
    pub moved: CancellationToken,
    /// Cancelled once a store has what was remembered last, for which the end of a call of a server that stops waits a moment;
    /// none: nobody keeps it.
    pub kept: Option<CancellationToken>,
    /// Receives how long the person waited in each turn; none: nobody wants to know.
    pub times: Option<TurnTimes>,
    /// The user served, for routes; without a user: the call's id.
    pub caller: Caller,
}
