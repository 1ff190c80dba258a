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

    /// The command in a message; `None` when there is nothing to do, as for keep-alives.
    fn decode(&self, text: &str) -> Option<ClientCommand>;
}
