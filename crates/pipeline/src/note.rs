//! What the stages of a response report to the conductor.

use crate::conversation::Input;
use crate::engine::EngineError;
use crate::frame::ResponseId;
use crate::route::{EngineKind, Routed};

/// What the stages of a response report.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseNote {
    /// What the conversation is to know as it stands.
    Input(Input),
    /// There is no voice for a language.
    NoVoice {
        /// ISO 639-1.
        language: String,
        /// The engine's own words.
        reason: String,
    },
    /// The engine refused the voice, and another one speaks.
    VoiceRefused {
        /// The voice.
        voice: String,
        /// The engine's own words.
        reason: String,
        /// It would be refused again: no engine has it any more.
        gone: bool,
    },
    /// An engine failed.
    Failed(ResponseId, EngineError),
    /// The engine of this kind that serves the response from now on, where there are routes.
    Served(ResponseId, EngineKind, Routed),
}

impl From<Input> for ResponseNote {
    fn from(input: Input) -> Self {
        Self::Input(input)
    }
}
