//! How a call reaches its client: the only rooms that know of sockets, sessions and wire formats of media.

pub mod bucket;
pub mod inbox;
pub mod protocol;
pub mod stutter;
pub mod webrtc;
pub mod websocket;

use crate::event::{CallEvent, ClientCommand};

/// The wire format of messages, shared by all transports: events become text, text becomes commands.
pub trait MessageCodec: Send + Sync + 'static {
    /// The messages that tell of an event, in order.
    fn encode(&self, event: &CallEvent) -> Vec<String>;

    /// What a client's message wants.
    fn decode(&self, text: &str) -> Incoming;
}

/// What a client's message wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Incoming {
    /// What the call is to do; `None`: nothing, as for keep-alives.
    pub command: Option<ClientCommand>,
    /// What the client is told at once, whatever its call is doing.
    pub replies: Vec<String>,
}

impl From<ClientCommand> for Incoming {
    fn from(command: ClientCommand) -> Self {
        Self { command: Some(command), replies: Vec::new() }
    }
}
