//! Recordings of calls: what went into the conversation, when, and what it commanded, as lines of JSON.
//!
//! - this file: the format
//! - [`replay`]: gives a recording to a new conversation and compares
//!
//! A recording holds what was said in the call. It holds no sound.

pub mod replay;

use serde::{Deserialize, Serialize};

use crate::context::CallContext;
use crate::conversation::{Command, Input, Settings};
use crate::event::EndReason;
use crate::frame::PlaybackPosition;

/// What the first line names itself.
pub const FORMAT: &str = "visavis-recording";
/// Goes up when a reader of the last version would misunderstand.
pub const FORMAT_VERSION: u32 = 3;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The server that recorded it.
    pub visavis: String,
    /// The call.
    pub call: String,
    /// What its conversation was made with.
    pub settings: Settings,
    /// What the call went on from; none: it was new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<CallContext>,
}

impl Header {
    /// Of a call that this server records.
    #[must_use]
    pub fn new(call: String, settings: Settings, context: Option<CallContext>) -> Self {
        let visavis = env!("CARGO_PKG_VERSION").into();
        Self { format: FORMAT.into(), format_version: FORMAT_VERSION, visavis, call, settings, context }
    }
}

/// A line between the first and the last one: what happened, and what was commanded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Milliseconds since the call began.
    pub at: u64,
    /// How far playout had come.
    pub position: PlaybackPosition,
    /// What happened.
    pub input: Input,
    /// What was commanded.
    pub commands: Vec<Command>,
}

/// The last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why the call ended.
    pub end: EndReason,
    /// How many lines are between the first and this one.
    pub steps: u64,
}

#[cfg(test)]
mod fuzz_tests;
