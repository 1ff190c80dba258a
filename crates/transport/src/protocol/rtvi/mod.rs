//! The dialect of `docs/protocol.md`: events and commands in RTVI 2.1's envelope, and binary frames.
//!
//! - this file: the envelope
//! - `commands`: clients' messages; among them `context`: text, and `requests`: `client-message`s, which get responses
//! - `events`: messages to clients; among them `output`: captions, and `times`: the times of a turn
//! - `binary`: sound and faces

mod binary;
mod commands;
mod context;
mod events;
mod output;
mod requests;
mod times;

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Carrier, Message, Packet, Protocol, Received, Sound, Speech};
use crate::audio::pcm;
use crate::avatar::wire::Batch;
use crate::event::{CallEvent, ClientCommand};
use crate::plain::without_lone_surrogates;

/// The protocol's version.
pub const RTVI_VERSION: &str = "2.1.0";
/// Samples per second of the sound that comes by a data channel.
const KEPT_RATE: u32 = 16_000;
/// Tells Pipecat's clients that the call has ended, so that they do not reconnect.
const PEER_LEFT: &str = r#"{"type":"signalling","message":{"type":"peerLeft"}}"#;

/// RTVI 2.1 with one client.
#[derive(Debug, Default)]
pub struct Rtvi {
    carrier: Carrier,
    /// The client speaks RTVI 1, where each `bot-output` is new text.
    is_old: AtomicBool,
    is_muted: AtomicBool,
    /// Sequence number of the next frame of speech.
    sequence: AtomicU16,
}

impl Protocol for Rtvi {
    fn receive(&self, packet: Packet) -> Received {
        match (packet, self.carrier) {
            (Packet::Text(text), _) => self.decode(&text).into(),
            (Packet::Binary(frame), Carrier::Socket { rate }) => {
                binary::sound(&frame, rate).map_or_else(Received::Fault, Received::Sound)
            }
            // What a client kept while it had no connection.
            (Packet::Binary(frame), Carrier::Channel) => {
                binary::sound(&frame, KEPT_RATE).map_or(Received::Unwanted, Received::Sound)
            }
        }
    }

    fn may_take_long(&self, packet: &Packet) -> bool {
        // A declaration of tools, whose name may be written with escapes.
        matches!(packet, Packet::Text(text) if text.contains("tools") || text.contains("\\u"))
    }

    fn samples(&self, sound: &Sound) -> Result<Vec<i16>, String> {
        Ok(pcm::samples(&sound.encoded).collect())
    }

    fn event(&self, event: &CallEvent, now: Duration) -> Vec<Packet> {
        self.texts(event, now).into_iter().map(Packet::Text).collect()
    }

    fn speech_rate(&self) -> u32 {
        binary::SPEECH_RATE
    }

    fn speech(&self, speech: &Speech) -> Vec<Packet> {
        // Wraps around.
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        vec![binary::speech(speech, sequence).into()]
    }

    fn faces(&self, batch: &Batch, offset: u32) -> Vec<Packet> {
        let bytes = match self.carrier {
            Carrier::Socket { .. } => binary::faces(batch, offset),
            // Faces have their own channel.
            Carrier::Channel => batch.encode(offset),
        };
        vec![bytes.into()]
    }

    fn fatal(&self, error: &str) -> Vec<Packet> {
        vec![Outgoing { id: Some("0".into()), ..events::fatal(error) }.text().into()]
    }

    fn goodbye(&self) -> Vec<Packet> {
        vec![PEER_LEFT.to_owned().into()]
    }
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

impl Rtvi {
    /// RTVI for a client that has not sent anything yet.
    #[must_use]
    pub fn new(carrier: Carrier) -> Self {
        Self { carrier, ..Self::default() }
    }

    fn texts(&self, event: &CallEvent, now: Duration) -> Vec<String> {
        let is_old = self.is_old.load(Ordering::Relaxed);
        let told = |event: &&CallEvent| !is_old || !matches!(event, CallEvent::SegmentProgress { .. });
        Some(event)
            .filter(told)
            .into_iter()
            .flat_map(|event| events::messages(event, now))
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

/// What a client's message asks for.
#[derive(Debug, PartialEq, Default)]
struct Incoming {
    /// `None`: nothing, as for keep-alives.
    command: Option<ClientCommand>,
    replies: Vec<String>,
}

impl From<ClientCommand> for Incoming {
    fn from(command: ClientCommand) -> Self {
        Self { command: Some(command), replies: Vec::new() }
    }
}

impl From<Incoming> for Received {
    fn from(incoming: Incoming) -> Self {
        match incoming.command {
            // With an id it is at least a message, and its error response says what is wrong.
            Some(ClientCommand::Bad { id: None, message }) => Self::Fault(message),
            command => Self::Message(Message {
                commands: command.into_iter().collect(),
                replies: incoming.replies.into_iter().map(Packet::Text).collect(),
            }),
        }
    }
}

/// A message to a client.
struct Outgoing {
    kind: &'static str,
    /// The id of the message that it responds to, if any.
    id: Option<String>,
    data: Value,
}

impl Outgoing {
    fn new(kind: &'static str, data: Value) -> Self {
        Self { kind, id: None, data }
    }

    fn response(kind: &'static str, id: Option<String>, data: Value) -> Self {
        Self { kind, id, data }
    }

    /// The complete message, with a new id unless it is a response.
    fn text(&self) -> String {
        let own = || uuid::Uuid::new_v4().simple().to_string()[..8].to_string();
        let id = self.id.clone().unwrap_or_else(own);
        json!({ "label": "rtvi-ai", "type": self.kind, "id": id, "data": self.data }).to_string()
    }
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod packet_tests;
#[cfg(test)]
mod tests;
