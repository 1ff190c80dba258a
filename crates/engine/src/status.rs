//! What is known about an engine from outside: whether it is ready, what waits in it, and the lives of its process.

use serde::Serialize;
use tokio::sync::watch;

/// The state of one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct EngineStatus {
    /// It takes requests.
    pub ready: bool,
    /// What it is waiting for, or what is wrong.
    pub message: String,
    /// The name of its model.
    pub model: String,
    /// The device that it computes on.
    pub device: String,
    /// STT: it can identify the language.
    pub identifies_language: bool,
    /// Its languages, if restricted.
    pub languages: Vec<String>,
    /// LLM: most tokens of prompt and response together; 0: not known.
    pub context: u32,
}

impl EngineStatus {
    /// An engine that takes no requests, for this reason.
    #[must_use]
    pub fn not_ready(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Publishes the state of the engine of this name, and logs what has changed.
    pub(crate) fn publish(self, name: &'static str, to: &watch::Sender<Self>) {
        metrics::gauge!("visavis_engine_ready", "engine" => name).set(f64::from(u8::from(self.ready)));
        to.send_if_modified(|old| {
            let changed = *old != self;
            if changed {
                tracing::info!(engine = name, ready = self.ready, message = %self.message, "engine state");
            }
            *old = self;
            changed
        });
    }
}

/// What waits in an engine program of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Requests that wait.
    pub queued: u32,
    /// The most that may wait; 0: not known.
    pub capacity: u32,
    /// Requests refused since its start because its queue was full.
    pub rejected: u64,
}

/// The life of a child engine's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It has ended, and will be restarted.
    Down,
    /// It is running; the number grows with each start.
    Up(u32),
}
