//! The wire messages of `docs/protocol.md`: the RTVI 2.1 envelope around events and commands.
//!
//! - this file: the envelope
//! - `commands`: what clients send; `requests`: the `client-message`s among it, which get responses
//! - `events`: what clients are told

mod commands;
mod events;
mod requests;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Incoming, MessageCodec};
use crate::event::{CallEvent, ClientCommand};
use crate::plain::without_lone_surrogates;

/// The protocol's version.
pub const RTVI_VERSION: &str = "2.1.0";

/// RTVI 2.1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rtvi;

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
        events::messages(event).into_iter().map(|message| message.text()).collect()
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
        commands::read(&message).unwrap_or_else(|fault| bad(message.id(), fault))
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
