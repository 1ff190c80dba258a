//! Several engines of one kind as one: each request goes to the engine that the routes name, and to another one if that is not
//! ready, fails, refuses or is late. Without routes none of this is used.
//!
//! - pure, with time passed in: [`policy`], the next engine; [`tries`], which engines a request may ask again; [`share`], the users in
//!   an engine's share; [`breaker`], whether an engine is asked after faults; [`rest`], the unspoken rest of a segment; `standing`,
//!   all engines as one status
//! - [`Board`]: the state of a kind's engines, and the choice among them; `ticket`: the outcome of a request, for the breaker
//! - `race`: asks an engine, and the next one when it is late
//! - [`RoutedLlm`], [`RoutedTts`], [`RoutedStt`]: the engines; `talks`: the engines of each conversation; `line`: an utterance
//!   at one recogniser
//! - `shadow`: copies of requests, whose output is measured and discarded

mod board;
pub mod breaker;
mod line;
mod llm;
pub mod policy;
mod race;
pub mod rest;
mod shadow;
pub mod share;
mod standing;
mod stt;
mod talks;
mod ticket;
pub mod tries;
mod tts;

use std::sync::Arc;

use tokio::sync::watch;

use crate::status::EngineStatus;
pub use board::{BackendReport, Board};
pub use llm::RoutedLlm;
pub(crate) use standing::follow;
pub use stt::RoutedStt;
pub use tts::{RoutedTts, Voices};

/// One of several engines of a kind.
#[derive(Debug, Clone)]
pub struct Member {
    /// `main`, or the name of its `[backends.NAME]`.
    pub name: Arc<str>,
    /// Whether it is ready.
    pub status: watch::Receiver<EngineStatus>,
}
