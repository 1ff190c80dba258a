//! Several engines of one kind as one: each request goes to the engine that the routes name, and to another one when that is not
//! ready, fails, refuses or is late. Without routes nothing of this is used.
//!
//! - pure, with time passed in: [`policy`], which engine next; [`share`], which users are in an engine's share; [`breaker`], whether
//!   an engine is asked after faults; [`rest`], what of a segment is left to speak; `standing`, all engines as one status
//! - [`Board`]: what is known of a kind's engines, and who is asked; `ticket`: what becomes of a request, for the breaker
//! - `race`: asks an engine, and the next one when it is late
//! - [`RoutedLlm`], [`RoutedTts`], [`RoutedStt`]: the engines; `talks`: which of them saw a conversation; `line`: an utterance at one
//!   recogniser
//! - `shadow`: copies of requests, which are measured and never heard

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
mod tts;

use std::sync::Arc;

use tokio::sync::watch;

use crate::status::EngineStatus;
pub use board::{BackendReport, Board};
pub use llm::RoutedLlm;
pub(crate) use standing::follow;
pub use stt::RoutedStt;
pub use tts::{RoutedTts, Voices};

/// An engine among those of its kind, as routes know it.
#[derive(Debug, Clone)]
pub struct Member {
    /// `main`, or the name of its `[backends.NAME]`.
    pub name: Arc<str>,
    /// Whether it is ready.
    pub status: watch::Receiver<EngineStatus>,
}
