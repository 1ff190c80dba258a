//! The wire messages of `docs/protocol.md`: the RTVI 2.1 envelope around events and commands.
//!
//! - this file: the envelope
//! - `commands`: what clients send; `context`: what they write among it, `requests`: the `client-message`s, which get responses
//! - `events`: what clients are told; `output`: captions, `metrics`: the times of a turn

mod commands;
mod context;
mod events;
mod metrics;
mod output;
mod requests;

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Incoming, MessageCodec};
use crate::event::{CallEvent, ClientCommand};
use crate::plain::without_lone_surrogates;

/// The protocol's version.
pub const RTVI_VERSION: &str = "2.1.0";

/// RTVI 2.1 with one client.
#[derive(Debug, Default)]
pub struct Rtvi {
    /// The client speaks RTVI 1, in which each `bot-output` is new text.
    is_old: AtomicBool,
    is_muted: AtomicBool,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    id: Option<Value>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

impl Envelope {
    fn id(&self) -> Option<String> {
        self.id.as_ref().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_string))
    }
}

impl MessageCodec for Rtvi {
    fn encode(&self, event: &CallEvent) -> Vec<String> {
        let is_old = self.is_old.load(Ordering::Relaxed);
        let told = |event: &&CallEvent| !is_old || !matches!(event, CallEvent::PhraseProgress { .. });
        Some(event)
            .filter(told)
            .into_iter()
            .flat_map(events::messages)
            .map(|message| message.text())
            .collect()
    }

    fn decode(&self, text: &str) -> Incoming {
        if text.starts_with("ping") {
            return Incoming::default();
        }
        let bad = |id, message| Incoming::from(ClientCommand::Bad { id, message });
        let message: Envelope = match serde_json::from_str(&without_lone_surrogates(text)) {
            Ok(message) => message,
            Err(error) => {
                let expected = "expected {\"label\":\"rtvi-ai\",\"type\":…}";
                return bad(None, format!("not a message: {error}; {expected}"));
            }
        };
        let mut incoming = commands::read(&message).unwrap_or_else(|fault| bad(message.id(), fault));
        match incoming.command {
            Some(ClientCommand::Ready) => {
                self.is_old.store(commands::is_old(&message.data), Ordering::Relaxed)
            }
            Some(ClientCommand::Muted(muted)) if self.is_muted.swap(muted, Ordering::Relaxed) != muted => {
                let kind = if muted { "user-mute-started" } else { "user-mute-stopped" };
                incoming.replies.push(Outgoing::new(kind, json!({})).text());
            }
            _ => {}
        }
        incoming
    }
}

/// A message to a client.
struct Outgoing {
    kind: &'static str,
    /// The id of the message that it answers, if it answers one.
    id: Option<String>,
    data: Value,
}

impl Outgoing {
    fn new(kind: &'static str, data: Value) -> Self {
        Self { kind, id: None, data }
    }

    fn answer(kind: &'static str, id: Option<String>, data: Value) -> Self {
        Self { kind, id, data }
    }

    /// The whole message, with an id of its own unless it answers another.
    fn text(&self) -> String {
        let own = || uuid::Uuid::new_v4().simple().to_string()[..8].to_string();
        let id = self.id.clone().unwrap_or_else(own);
        json!({ "label": "rtvi-ai", "type": self.kind, "id": id, "data": self.data }).to_string()
    }
}

#[cfg(test)]
mod tests;
