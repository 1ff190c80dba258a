//! What is known of an engine from outside: whether it answers, and the lives of its process.

use serde::Serialize;

/// The state of one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct EngineStatus {
    /// It answers requests.
    pub ready: bool,
    /// What it waits for, or what is wrong.
    pub message: String,
    /// Its model.
    pub model: String,
    /// Where it computes.
    pub device: String,
    /// STT: it can tell the language.
    pub identifies_language: bool,
    /// Languages, when it is restricted to some.
    pub languages: Vec<String>,
    /// LLM: tokens that a conversation can hold, prompt and answer together; 0: not known.
    pub context: u32,
}

impl EngineStatus {
    /// It takes no requests, for this reason.
    #[must_use]
    pub fn not_ready(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// The process of an engine that is a child of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It has ended, and is to be started again.
    Down,
    /// It runs; the number grows with each start.
    Up(u32),
}
