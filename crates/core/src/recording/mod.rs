//! Recordings of calls: the conversation's inputs with their times, and its commands, as lines of JSON.
//!
//! - this file: the format
//! - [`replay`]: runs a recording through a new conversation and compares its commands
//!
//! A recording contains what was said in the call, but no audio.

pub mod replay;

use serde::{Deserialize, Serialize};

use crate::context::CallContext;
use crate::conversation::{Command, Input, Settings};
use crate::event::EndReason;
use crate::frame::PlaybackPosition;

/// The `format` in the first line.
pub const FORMAT: &str = "visavis-recording";
/// Increased when readers of the previous version would misread it.
pub const FORMAT_VERSION: u32 = 6;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the server that recorded it.
    pub visavis: String,
    /// The call's id.
    pub call: String,
    /// The settings of its conversation.
    pub settings: Settings,
    /// The context that the call resumed from; `None`: it was new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<CallContext>,
}

impl Header {
    /// The header of a call that this server records.
    #[must_use]
    pub fn new(call: String, settings: Settings, context: Option<CallContext>) -> Self {
        let visavis = env!("CARGO_PKG_VERSION").into();
        Self { format: FORMAT.into(), format_version: FORMAT_VERSION, visavis, call, settings, context }
    }
}

/// A line between the first and the last one: an input and the commands it caused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Milliseconds since the call began.
    pub at: u64,
    /// How far playout had got.
    pub position: PlaybackPosition,
    /// What happened.
    pub input: Input,
    /// The commands it caused.
    pub commands: Vec<Command>,
}

/// The last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why the call ended.
    pub end: EndReason,
    /// Number of lines between the first and this one.
    pub steps: u64,
}

#[cfg(test)]
mod fuzz_tests;
