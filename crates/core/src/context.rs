//! A call's context: everything of a call that must outlive its process, as one value with a version. A call
//! can go on from it after a crash, on another connection or on another server. Pure.
//!
//! `conversation/remembering.rs` says when a conversation remembers its context, and how another one begins
//! from it. A store keeps what [`CallContext::to_json`] writes, and [`CallContext::read`] takes nothing that
//! it cannot trust.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::avatar::cue::Mood;
use crate::conversation::{LONGEST_SUMMARY, Settings};
use crate::frame::{Message, Role};
use crate::tool::{self, Tool};

/// The version that is written. Goes up when a reader of the last one would misunderstand.
pub const VERSION: u32 = 1;
/// The versions that are read.
pub const READABLE: RangeInclusive<u32> = 1..=VERSION;

/// A longer context is not read: several times the window of any model in bytes, and tools.
pub const LONGEST_CONTEXT: usize = 4 << 20;
/// More messages are not read: the shortest ones take more tokens than any window has.
pub const MOST_MESSAGES: usize = 1 << 15;
/// A message of more bytes is not read.
pub const LONGEST_CONTENT: usize = 1 << 20;
/// More answers are not counted: there must be ids for those to come.
pub const MOST_RESPONSES: u32 = u32::MAX / 2;

/// What a call needs to go on as if nothing had happened.
///
/// Left out is what is only about a turn in progress: utterances that are open or whose words are still to
/// come, the answer in work or hidden with its tools, retries, marks and votes, a summary that is being
/// written, tools that are still being counted. Whoever was cut off in a turn says it again. Left out as
/// well:
///
/// - [`Settings`] but for the language: they are the server's configuration, and its present one holds;
/// - tokens that an engine has counted, and what it has read: another engine counts and reads again, at the
///   client's hello;
/// - times, which count from the beginning of a call: nobody is taken for silent while the call was away;
/// - a reason to end: who comes back wants the call to go on;
/// - what is learnt of the sound (echo, levels, which languages are likely): the microphone may be another
///   one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallContext {
    /// [`VERSION`].
    pub version: u32,
    /// What was said and heard, as the model is told it, without instructions: calls of tools and their
    /// results are in it.
    pub messages: Vec<Message>,
    /// What was forgotten before it, if it was summed up.
    pub summary: String,
    /// The language that was spoken last, ISO 639-1; empty: not known.
    pub language: String,
    /// The language that was set, ISO 639-1; none: it is identified.
    pub set_language: Option<String>,
    /// Another language than English has been spoken.
    pub multilingual: bool,
    /// The person knows that their language has no voice.
    pub no_voice_told: bool,
    /// Tools that the client brought.
    pub tools: Vec<Tool>,
    /// The mood of the face, as the client set it.
    pub mood: Mood,
    /// The agent has begun the call with its greeting, if it has one.
    pub greeted: bool,
    /// Answers that were begun, hidden ones among them; ids go on behind them.
    pub responses: u32,
}

/// Why a context cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// It was written by another version.
    #[error("the call's context has version {found}, and this program reads {}", readable())]
    OtherVersion {
        /// Its version.
        found: u64,
    },
    /// It makes no sense.
    #[error("the call's context is damaged ({}; this program reads {}): {reason}", named(.found), readable())]
    Damaged {
        /// Its version, if it names one.
        found: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// There is too much of something.
    #[error("the call's context has {found} {what}; at most {limit} are read")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much.
        found: usize,
        /// How much is read.
        limit: usize,
    },
}

impl CallContext {
    /// As a store keeps it.
    ///
    /// # Errors
    /// When it is so long that it would not be read.
    pub fn to_json(&self) -> Result<String, ContextError> {
        let damaged = |error: serde_json::Error| ContextError::Damaged {
            found: Some(self.version.into()),
            reason: error.to_string(),
        };
        let json = serde_json::to_string(self).map_err(damaged)?;
        at_most("bytes", json.len(), LONGEST_CONTEXT)?;
        Ok(json)
    }

    /// Reads what a store has kept.
    ///
    /// # Errors
    /// When it is of another version, damaged or absurdly long.
    pub fn read(json: &str) -> Result<Self, ContextError> {
        at_most("bytes", json.len(), LONGEST_CONTEXT)?;
        let damaged =
            |error: serde_json::Error| ContextError::Damaged { found: None, reason: error.to_string() };
        Self::from_value(serde_json::from_str(json).map_err(damaged)?)
    }

    /// Reads it as a part of something else.
    ///
    /// # Errors
    /// When it is of another version, damaged or absurdly long.
    pub fn from_value(value: Value) -> Result<Self, ContextError> {
        let found = value.get("version").and_then(Value::as_u64);
        let damaged = |reason: String| ContextError::Damaged { found, reason };
        let version = found.ok_or_else(|| damaged("it names no version".into()))?;
        if !u32::try_from(version).is_ok_and(|version| READABLE.contains(&version)) {
            return Err(ContextError::OtherVersion { found: version });
        }
        // As strictly as when they came from the client: schemas are checked, and none is the server's own.
        let tools = tool::of_client(value.get("tools").unwrap_or(&Value::Null), 0).map_err(damaged)?;
        let context: Self = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        let context = Self { tools, ..context };
        context.check()?;
        Ok(context)
    }

    fn check(&self) -> Result<(), ContextError> {
        at_most("messages", self.messages.len(), MOST_MESSAGES)?;
        at_most("bytes of summary", self.summary.len(), LONGEST_SUMMARY)?;
        at_most("answers", self.responses as usize, MOST_RESPONSES as usize)?;
        for (at, message) in self.messages.iter().enumerate() {
            at_most("bytes in one message", message.content.len(), LONGEST_CONTENT)?;
            if message.role == Role::System {
                let reason = format!("messages[{at}]: instructions are the server's own");
                return Err(ContextError::Damaged { found: Some(self.version.into()), reason });
            }
        }
        Ok(())
    }

    /// The settings of the call that goes on from here, on a server with these.
    #[must_use]
    pub fn over(&self, settings: Settings) -> Settings {
        Settings { language: self.set_language.clone(), ..settings }
    }
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), ContextError> {
    if found > limit { Err(ContextError::TooMuch { what, found, limit }) } else { Ok(()) }
}

fn readable() -> String {
    let (first, last) = (READABLE.start(), READABLE.end());
    if first == last { format!("version {last}") } else { format!("versions {first} to {last}") }
}

fn named(version: &Option<u64>) -> String {
    version.map_or_else(|| "of no known version".into(), |version| format!("of version {version}"))
}

#[cfg(test)]
mod tests;
