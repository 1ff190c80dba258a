//! What to do with a message. Pure.

use std::net::SocketAddr;
use std::ops::Range;

use super::allocation::Terms;
use super::request::Family;
use super::response::Response;
use crate::peers::Denial;

/// An allocation's name, which is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AllocationId(pub(crate) u64);

/// What to do with a client's message.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing.
    Dropped(Reason),
    /// Send this to the client.
    Answer(Vec<u8>),
    /// The same; it is a refusal with this code, and a denied peer may be why.
    Refused { code: u16, answer: Vec<u8>, denied: Option<DeniedPeer> },
    /// Open a socket for a relayed address, and say how that went: `TurnServer::opened` or `TurnServer::not_opened`.
    Open(Box<Opening>),
    /// Send this part of the message from the relayed address.
    Forward { allocation: AllocationId, to: SocketAddr, payload: Range<usize> },
    /// Close the relayed address, and send this to the client, unless the cryptography failed.
    Close { allocation: AllocationId, answer: Option<Vec<u8>> },
}

/// An allocation that waits for its relayed address.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) family: Family,
    /// Its terms, except the port.
    pub(super) terms: Terms,
    /// Signs its answer.
    pub(super) key: Vec<u8>,
    /// The answer if an address is opened, to which the address is added.
    pub(super) granted: Response,
    /// The answer if no address can be opened.
    pub(super) full: Response,
}

/// An allocation that has begun, and what its client is told.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: AllocationId,
    pub(crate) answer: Vec<u8>,
}

/// A peer to whom nothing is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeniedPeer {
    pub(crate) peer: SocketAddr,
    pub(crate) why: Denial,
}

/// Why a message or a packet is dropped without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Clients may not send such a message.
    Malformed,
    /// Its sender has had its share of answers.
    Rate,
    /// The answer would be too large for a stranger.
    Larger,
    /// It belongs to no allocation or channel.
    Unknown,
    /// Its peer has no permission, or the policy denies it one.
    Forbidden,
    /// The allocation has relayed its share of this second.
    Bandwidth,
    /// The cryptography failed.
    Internal,
}

impl Reason {
    /// Each, for metrics.
    pub(crate) const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Rate,
        Self::Larger,
        Self::Unknown,
        Self::Forbidden,
        Self::Bandwidth,
        Self::Internal,
    ];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Rate => "rate",
            Self::Larger => "larger",
            Self::Unknown => "unknown",
            Self::Forbidden => "forbidden",
            Self::Bandwidth => "bandwidth",
            Self::Internal => "internal",
        }
    }
}
