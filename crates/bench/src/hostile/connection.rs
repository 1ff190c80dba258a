//! One hostile connection, what comes back over it, and how much all of them may send.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes that all attacks may send together.
pub const BYTES: u64 = 4 << 30;
/// How much of a response is kept; the rest is read and dropped.
const KEPT: usize = 64 << 10;
/// Bytes that are read at once.
const PIECE: usize = 16 << 10;

/// The bytes that all attacks have sent.
#[derive(Debug, Clone, Default)]
pub struct Spent(Arc<AtomicU64>);

impl Spent {
    /// Counts bytes that are about to be sent.
    ///
    /// # Errors
    /// When all that may be sent has been.
    pub fn spend(&self, bytes: usize) -> io::Result<()> {
        let before = self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        if before < BYTES { Ok(()) } else { Err(io::Error::other("the attacks have sent all that they may")) }
    }
}

/// A connection. Its place is free again once it is dropped.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    spent: Spent,
    place: OwnedSemaphorePermit,
}

/// The parts of a connection, for a protocol on top.
#[derive(Debug)]
pub struct Parts {
    /// The byte stream.
    pub stream: TcpStream,
    /// Counts the bytes.
    pub spent: Spent,
    /// Holds the connection's place in the limit.
    pub place: OwnedSemaphorePermit,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// The beginning of its body.
    pub body: String,
}

impl Reply {
    /// Reads a response; `None`: not a valid response.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let status = text.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Some(Self { status, body: body.to_owned() })
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream, spent: Spent, place: OwnedSemaphorePermit) -> Self {
        Self { stream, spent, place }
    }

    /// Sends all of these bytes.
    ///
    /// # Errors
    /// When the server has cut the connection off, or the budget is used up.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.spent.spend(bytes.len())?;
        self.stream.write_all(bytes).await
    }

    /// Reads a response's head and leaves the body unread; `None`: the connection ended before.
    pub async fn head(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < KEPT {
            head.push(self.stream.read_u8().await.ok()?);
        }
        Reply::read(&head)
    }

    /// Reads until the server closes the connection; `None`: no response arrived.
    pub async fn reply(&mut self) -> Option<Reply> {
        let mut kept = Vec::new();
        let mut piece = vec![0; PIECE];
        while let Ok(read @ 1..) = self.stream.read(&mut piece).await {
            let room = KEPT.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..read.min(room)]);
        }
        Reply::read(&kept)
    }

    /// Splits the connection into its parts.
    #[must_use]
    pub fn into_parts(self) -> Parts {
        Parts { stream: self.stream, spent: self.spent, place: self.place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_more_is_sent_once_all_is_spent() {
        let spent = Spent::default();
        spent.spend(1 << 30).unwrap();
        spent.spend(3 << 30).unwrap();
        assert!(spent.clone().spend(1).unwrap_err().to_string().contains("all that they may"));
    }

    #[test]
    fn a_response_has_its_status_and_body_and_anything_else_is_none() {
        let reply = Reply::read(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n{}").unwrap();
        assert_eq!(reply, Reply { status: 503, body: "{}".to_owned() });
        assert_eq!(Reply::read(b"HTTP/1.1 204 No Content\r\n").unwrap().body, "");
        for bad in [&b""[..], b"HTTP/1.1", b"HTTP/1.1 20", b"\0\0\x12\x04"] {
            assert_eq!(Reply::read(bad), None, "{bad:?}");
        }
    }
}
