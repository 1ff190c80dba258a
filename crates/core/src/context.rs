//! A call's context: everything about a call that must outlive its process, as one versioned value. A call
//! can resume from it after a crash, on another connection or on another server. Pure.
//!
//! `conversation/remembering.rs` decides when a conversation saves its context, and how another one resumes
//! from it. A store keeps what [`CallContext::to_json`] writes; [`CallContext::read`] rejects what it cannot
//! trust.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::avatar::cue::Mood;
use crate::frame::{Message, Role};
use crate::tool::{self, Tool};
use crate::usage::Usage;
use crate::voice::LONGEST_NAME;

/// The version that is written; increased when readers of the previous one would misread it.
pub const VERSION: u32 = 1;
/// The versions that are read.
pub const READABLE: RangeInclusive<u32> = 1..=VERSION;

/// Most bytes of a context that is read: several times any model's window, plus tools.
pub const LONGEST_CONTEXT: usize = 4 << 20;
/// Most messages of a context that is read: more would exceed any model's window, however short.
pub const MOST_MESSAGES: usize = 1 << 15;
/// Most bytes of a message that is read.
pub const LONGEST_CONTENT: usize = 1 << 20;
/// Most bytes of a summary, which is read with every response; a longer one is cut.
pub const LONGEST_SUMMARY: usize = 500;
/// Most chosen voices of a context that is read: one for each language that is spoken.
pub const MOST_VOICES: usize = 64;
/// Most responses of a context that is read: there must be ids for those to come.
pub const MOST_RESPONSES: u32 = u32::MAX / 2;

/// What a call needs to resume as if nothing had happened.
///
/// Of a turn in progress it has the person's words, once the turn was decided, and how far the response had got
/// ([`PendingTurn`]). It omits utterances that are open or whose words are still to come, the speculative
/// response, tools that run (their results count as unknown), retries, marks and turn prediction, a summary that
/// is being written, tools that are still being counted. Whoever was cut off while they spoke says it again.
/// Also omitted:
///
/// - [`Settings`](crate::conversation::Settings) except the language and the chosen voices: the server's current configuration applies;
/// - token counts and prefilled prompts of an engine: another engine counts and prefills again at the
///   client's hello;
/// - times, which count from the start of a call: the time away does not count as the person's silence;
/// - a reason to end: whoever comes back wants the call to continue;
/// - what was learnt about the sound (echo, levels, likely languages): the microphone may be another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallContext {
    /// [`VERSION`].
    pub version: u32,
    /// What was said and heard, as the model is told it: with tool calls and their results, without
    /// instructions.
    pub messages: Vec<Message>,
    /// The summary of what was forgotten before, if there is one.
    pub summary: String,
    /// The language spoken last, ISO 639-1; empty: not known.
    pub language: String,
    /// The language that was set, ISO 639-1; `None`: it is identified.
    pub set_language: Option<String>,
    /// The voices that the client chose, by the language that each speaks (ISO 639-1; empty: any).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub voices: BTreeMap<String, String>,
    /// A language other than English has been spoken.
    pub multilingual: bool,
    /// The person was told that their language has no voice.
    pub no_voice_told: bool,
    /// The client's tools.
    pub tools: Vec<Tool>,
    /// The face's mood, as the client set it.
    pub mood: Mood,
    /// The greeting has been said, if there is one.
    pub greeted: bool,
    /// Number of responses begun, speculative ones included; later ids are higher.
    pub responses: u32,
    /// The turn that was not over, if there was one. What was heard of its response is in the messages too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingTurn>,
    /// What the model's texts took so far, as far as engines count: responses that were cut off are not in it.
    #[serde(default, skip_serializing_if = "Usage::is_none")]
    pub usage: Usage,
}

/// A decided turn whose response was not heard to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTurn {
    /// What was heard of the response.
    pub heard: String,
    /// What was written of it beyond that.
    pub rest: String,
    /// There is nothing more of it than this.
    pub complete: bool,
    /// It was spoken; otherwise it was shown as text.
    pub aloud: bool,
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
    /// It is not a valid context.
    #[error("the call's context is damaged ({}; this program reads {}): {reason}", named(.found), readable())]
    Damaged {
        /// Its version, if it names one.
        found: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// It exceeds a limit.
    #[error("the call's context has {found} {what}; at most {limit} are read")]
    TooMuch {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The most that are read.
        limit: usize,
    },
}

impl CallContext {
    /// The JSON that a store keeps.
    ///
    /// # Errors
    /// When it is too long to be read again.
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
    /// When it is of another version, damaged or too long.
    pub fn read(json: &str) -> Result<Self, ContextError> {
        at_most("bytes", json.len(), LONGEST_CONTEXT)?;
        let damaged =
            |error: serde_json::Error| ContextError::Damaged { found: None, reason: error.to_string() };
        Self::from_value(serde_json::from_str(json).map_err(damaged)?)
    }

    /// Reads a context that is part of another document.
    ///
    /// # Errors
    /// When it is of another version, damaged or too long.
    pub fn from_value(value: Value) -> Result<Self, ContextError> {
        let found = value.get("version").and_then(Value::as_u64);
        let damaged = |reason: String| ContextError::Damaged { found, reason };
        let version = found.ok_or_else(|| damaged("it names no version".into()))?;
        if !u32::try_from(version).is_ok_and(|version| READABLE.contains(&version)) {
            return Err(ContextError::OtherVersion { found: version });
        }
        // Checked as strictly as on arrival from the client: schemas are validated, and none is the server's own.
        let tools = tool::of_client(value.get("tools").unwrap_or(&Value::Null), 0).map_err(damaged)?;
        let context: Self = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        let context = Self { tools, ..context };
        context.check()?;
        Ok(context)
    }

    fn check(&self) -> Result<(), ContextError> {
        at_most("messages", self.messages.len(), MOST_MESSAGES)?;
        at_most("bytes of summary", self.summary.len(), LONGEST_SUMMARY)?;
        at_most("voices", self.voices.len(), MOST_VOICES)?;
        for text in self.voices.iter().flat_map(|(language, name)| [language, name]) {
            at_most("bytes in the name of a voice", text.len(), LONGEST_NAME)?;
        }
        at_most("responses", self.responses as usize, MOST_RESPONSES as usize)?;
        for text in self.pending.iter().flat_map(|pending| [&pending.heard, &pending.rest]) {
            at_most("bytes of a response", text.len(), LONGEST_CONTENT)?;
        }
        for (at, message) in self.messages.iter().enumerate() {
            at_most("bytes in one message", message.content.len(), LONGEST_CONTENT)?;
            if message.role == Role::System {
                let reason = format!("messages[{at}]: only the server gives instructions");
                return Err(ContextError::Damaged { found: Some(self.version.into()), reason });
            }
        }
        Ok(())
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
