//! What a conversation is configured with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ModelAbilities;
use crate::tool::Tool;
use crate::turn_prediction::Eagerness;
use crate::voice::KnownVoice;

/// The settings of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The system prompt.
    pub instructions: String,
    /// ISO 639-1; `None`: it is identified.
    pub language: Option<String>,
    /// The voice; empty: the first voice of the language.
    pub voice: String,
    /// Languages that the voices speak, ISO 639-1; empty: not known.
    #[serde(default)]
    pub voices: Vec<String>,
    /// The voices, as far as the engine lists them.
    #[serde(default)]
    pub known_voices: Vec<KnownVoice>,
    /// The voices that the client chose, by the language that each speaks (ISO 639-1; empty: any).
    #[serde(default)]
    pub chosen_voices: BTreeMap<String, String>,
    /// What the agent says first; empty: it says nothing.
    pub greeting: String,
    /// How soon the agent takes the turn.
    pub eagerness: Eagerness,
    /// Milliseconds without a word after which the agent asks whether the person is there; 0: never.
    pub idle_ms: u64,
    /// Milliseconds without a word after that question, after which the call ends.
    pub idle_end_ms: u64,
    /// What the language model can do.
    #[serde(default)]
    pub model: ModelAbilities,
    /// Tokens that a prompt may have, until the engine reports its limit.
    pub prompt_tokens: usize,
    /// The server's tools that the model may call.
    pub tools: Vec<Tool>,
    /// Most tool calls in one response.
    pub tool_rounds: u32,
    /// Whether the model sums up what no longer fits into the history.
    pub summarise: bool,
}
