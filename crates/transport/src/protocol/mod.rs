//! What clients and the server say to each other, as packets: the seam between the transports, which carry packets, and the
//! dialects, which know what they mean. Pure: no I/O, and time is passed in.
//!
//! - this file: [`Protocol`], which each dialect implements, and what goes through it
//! - `dialect`: which there are, and the one place where they are made
//! - `rtvi/`: RTVI 2.1, of `docs/protocol.md`

mod dialect;
mod rtvi;

use std::time::Duration;

use bytes::Bytes;

pub use self::dialect::Dialect;
pub use self::rtvi::{RTVI_VERSION, Rtvi};
use crate::avatar::wire::Batch;
use crate::event::{CallEvent, ClientCommand};
use crate::frame::ResponseId;

/// Samples per second that a client's sound may have.
pub const RATES: [u32; 5] = [8_000, 16_000, 24_000, 44_100, 48_000];

/// What one client says and is told, in its dialect.
///
/// The transport reads and writes at the same time, so both halves take `&self`. What they share is behind atomics, or a
/// lock that is held for a moment and never while a packet is parsed: reading must not hold up what is written.
pub trait Protocol: Send + Sync + 'static {
    /// What holds before the client has said anything: for dialects that have no hello.
    fn begin(&self) -> Message {
        Message::default()
    }

    /// What a packet of the client is. A long text is read on a thread that may block.
    fn receive(&self, packet: Packet) -> Received;

    /// The samples of sound that [`receive`](Self::receive) found: called once the client is entitled to it, and not if it
    /// is dropped.
    ///
    /// # Errors
    /// With what is wrong, for the client.
    fn samples(&self, sound: &Sound) -> Result<Vec<i16>, String>;

    /// What is sent for an event, in order; at an interruption, after the transport has forgotten the speech that waits. A
    /// client that changes its connection may be told the last ones again. `now` is the time since 1970.
    fn event(&self, event: &CallEvent, now: Duration) -> Vec<Packet>;

    /// Samples per second that the client hears; looked at when an answer begins to sound.
    fn speech_rate(&self) -> u32;

    /// What is sent for a piece of speech, where sound travels in packets.
    fn speech(&self, speech: &Speech) -> Vec<Packet>;

    /// What is sent for faces; `offset` is what the transport's clock is ahead of the media clock.
    fn faces(&self, _batch: &Batch, _offset: u32) -> Vec<Packet> {
        Vec::new()
    }

    /// The last word to a client that is given up, before its transport closes.
    fn fatal(&self, error: &str) -> Vec<Packet>;

    /// The last word of a call that has ended, where the transport itself cannot say so.
    fn goodbye(&self) -> Vec<Packet> {
        Vec::new()
    }
}

/// What carries packets. A dialect may look different on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carrier {
    /// A WebSocket, and all of a call in it.
    Socket {
        /// Samples per second of what the client sends, if its packets do not say so themselves: one of [`RATES`].
        rate: u32,
    },
    /// WebRTC's data channels: messages on one, faces on another. Sound goes by RTP.
    #[default]
    Channel,
}

/// One frame of a WebSocket, or one message on a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Packet {
    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl From<String> for Packet {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Packet {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// What a client's packet is.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A message.
    Message(Message),
    /// Sound, still encoded.
    Sound(Sound),
    /// Nothing that could be understood, and why. The client is told; one that sends many is given up.
    Fault(String),
    /// Nothing that goes over this carrier: it is dropped and counted.
    Unwanted,
}

/// What a client's message wants; nothing at all of a keep-alive.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// What the call is to do, in order.
    pub commands: Vec<ClientCommand>,
    /// What the client is told at once, whatever its call is doing.
    pub replies: Vec<Packet>,
}

/// A piece of the person's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second: one of [`RATES`].
    pub rate: u32,
    /// How many samples it holds.
    pub count: usize,
    /// The samples, as the dialect sends them.
    pub encoded: Bytes,
}

impl Sound {
    /// How long it sounds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.count as f64 / f64::from(self.rate)
    }
}

/// A piece of an answer's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// The answer.
    pub response: ResponseId,
    /// When its first sample sounds, on the call's [`crate::frame::MEDIA_CLOCK`].
    pub timestamp: u32,
    /// Samples per second.
    pub rate: u32,
    /// The samples, one or more.
    pub samples: Vec<i16>,
}
