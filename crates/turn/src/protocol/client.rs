//! Where a client's messages come from, and how much it may be answered. Pure.

use std::net::SocketAddr;

/// Bytes of the headers of IP and UDP.
const HEADERS_V4: usize = 28;
const HEADERS_V6: usize = 48;

/// A client: what RFC 8656 calls its 5-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// By UDP.
    Datagrams {
        /// Where its datagrams come from.
        address: SocketAddr,
    },
    /// On a connection.
    Stream {
        /// Its other end.
        address: SocketAddr,
        /// Which connection: addresses are reused.
        number: u64,
    },
}

impl Client {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Datagrams { address } | Self::Stream { address, .. } => *address,
        }
    }

    /// Whether messages are cut out of a stream, and must be padded for it.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    /// Whether an answer has at most one and a half times the request's size, headers included. Over UDP the sender's address may
    /// be
    /// forged, and the victim must not get much more than the attacker has sent.
    pub(super) fn may_get(&self, answer: usize, request: usize) -> bool {
        let headers = if self.address().is_ipv4() { HEADERS_V4 } else { HEADERS_V6 };
        self.is_stream() || 2 * (answer + headers) <= 3 * (request + headers)
    }
}
