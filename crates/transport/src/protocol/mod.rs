//! The interface between the transports, which carry packets, and the dialects, which interpret them. Pure: no I/O, and time
//! is passed in.
//!
//! - this file: [`Dialect`], the list of dialects; [`Protocol`], which each of them implements, and its types
//! - `rtvi/`: RTVI 2.1, as in `docs/protocol.md`

mod rtvi;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::rtvi::{RTVI_VERSION, Rtvi};
use crate::avatar::wire::Batch;
use crate::event::{CallEvent, ClientCommand};
use crate::frame::ResponseId;

/// Sample rates that a client's sound may have.
pub const RATES: [u32; 5] = [8_000, 16_000, 24_000, 44_100, 48_000];

/// A dialect. The address that a client connects to says which one it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// RTVI 2.1, as in `docs/protocol.md`.
    #[default]
    Rtvi,
}

impl Dialect {
    /// Creates the dialect for one client, for the carrier of its packets.
    #[must_use]
    pub fn open(self, carrier: Carrier) -> Arc<dyn Protocol> {
        match self {
            Self::Rtvi => Arc::new(Rtvi::new(carrier)),
        }
    }
}

/// The dialect of one client.
///
/// The transport reads and writes at the same time, so all methods take `&self`. Shared state is behind atomics, or a lock
/// that is held briefly and never while a packet is parsed, so that reading does not delay writing.
pub trait Protocol: Send + Sync + 'static {
    /// What to do before the client has sent anything, for dialects without a hello.
    fn begin(&self) -> Message {
        Message::default()
    }

    /// Interprets a packet from the client. Long texts, and those that [may take long](Self::may_take_long), are interpreted on a thread
    /// that may block.
    fn receive(&self, packet: Packet) -> Received;

    /// Whether a packet may take milliseconds to interpret however short it is, such as a declaration of tools with patterns.
    fn may_take_long(&self, _packet: &Packet) -> bool {
        false
    }

    /// Decodes sound found by [`receive`](Self::receive); called only for sound within the client's allowance, not if it is
    /// dropped.
    ///
    /// # Errors
    /// What is wrong, for the client.
    fn samples(&self, sound: &Sound) -> Result<Vec<i16>, String>;

    /// The packets for an event, in order; for an interruption they are sent after queued speech is dropped. A client that
    /// changes its connection may be sent the last ones again. `now` is the time since 1970.
    fn event(&self, event: &CallEvent, now: Duration) -> Vec<Packet>;

    /// The sample rate of speech to the client; read when a response begins to sound.
    fn speech_rate(&self) -> u32;

    /// The packets for a piece of speech, if sound is sent in packets.
    fn speech(&self, speech: &Speech) -> Vec<Packet>;

    /// The packets for faces; `offset`: how far the transport's clock is ahead of the media clock.
    fn faces(&self, _batch: &Batch, _offset: u32) -> Vec<Packet> {
        Vec::new()
    }

    /// The last packets to a client that is given up, before its transport closes.
    fn fatal(&self, error: &str) -> Vec<Packet>;

    /// The last packets of a call that has ended, if the transport itself cannot signal it.
    fn goodbye(&self) -> Vec<Packet> {
        Vec::new()
    }
}

/// What carries packets. A dialect may differ between carriers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carrier {
    /// A WebSocket that carries the whole call.
    Socket {
        /// The sample rate of the client's sound, if its packets do not contain it: one of [`RATES`].
        rate: u32,
    },
    /// WebRTC's data channels: messages on one, faces on another. Sound is sent by RTP, but for what a client kept while it had no
    /// connection.
    #[default]
    Channel,
}

/// A frame on a WebSocket, or a message on a data channel.
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

/// What a client's packet contains.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A message.
    Message(Message),
    /// Sound, still encoded.
    Sound(Sound),
    /// Something invalid, and why. The client is told; one that sends many is given up.
    Fault(String),
    /// Something not expected on this carrier: it is dropped and counted.
    Unwanted,
}

/// What a client's message asks for; nothing, if it is a keep-alive.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// Commands for the call, in order.
    pub commands: Vec<ClientCommand>,
    /// Packets to send at once, whatever the call is doing.
    pub replies: Vec<Packet>,
}

/// A piece of the person's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second: one of [`RATES`].
    pub rate: u32,
    /// Number of samples.
    pub count: usize,
    /// When its first sample was spoken, on the client's own clock of [`crate::frame::MEDIA_CLOCK`]; none: the dialect does not say.
    pub timestamp: Option<u32>,
    /// The samples, in the dialect's encoding.
    pub encoded: Bytes,
}

impl Sound {
    /// Its length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.count as f64 / f64::from(self.rate)
    }
}

/// A piece of a response's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// The response.
    pub response: ResponseId,
    /// When its first sample sounds, on the call's [`crate::frame::MEDIA_CLOCK`].
    pub timestamp: u32,
    /// Samples per second.
    pub rate: u32,
    /// The samples, at least one.
    pub samples: Vec<i16>,
}
