//! Streams that share a port with HTTP: what each speaks is told from its first bytes, and STUN is given to whoever serves it.
//!
//! - [`kind`]: what a stream speaks (pure)
//! - [`replay`]: a stream with the bytes that were read of it already

pub mod kind;
pub mod replay;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

pub use kind::{PEEK, StreamKind, kind_of_stream};
pub use replay::Replayed;

/// What is read and written of a connection, with TLS or without.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// A connection of any kind.
pub type BoxedStream = Box<dyn ByteStream>;

/// Serves streams of one kind.
#[async_trait]
pub trait StreamHandler: Send + Sync {
    /// Serves a stream, from its first byte on, until either side ends it. The stream holds its place among the listener's
    /// connections until it is dropped; the future is dropped when the server stops.
    async fn serve(&self, stream: BoxedStream, peer: SocketAddr);
}

/// Who serves streams that are not HTTP; a stream for which there is nobody is closed.
#[derive(Clone, Default)]
pub struct StreamHandlers {
    /// [`StreamKind::Stun`]: TURN over TCP, and over TLS.
    pub turn: Option<Arc<dyn StreamHandler>>,
    /// [`StreamKind::FramedStun`]: ICE over TCP.
    pub ice: Option<Arc<dyn StreamHandler>>,
}

impl StreamHandlers {
    /// Who serves streams of this kind.
    #[must_use]
    pub fn of(&self, kind: StreamKind) -> Option<&Arc<dyn StreamHandler>> {
        match kind {
            StreamKind::Stun => self.turn.as_ref(),
            StreamKind::FramedStun => self.ice.as_ref(),
            StreamKind::Http | StreamKind::Tls => None,
        }
    }
}

/// A stream whose kind is known.
#[derive(Debug)]
pub struct Begun<S> {
    /// What it speaks.
    pub kind: StreamKind,
    /// The stream, from its first byte on.
    pub stream: Replayed<S>,
}

/// Reads of a stream until its kind is known, at most [`PEEK`] bytes. Whoever calls it limits the time.
///
/// # Errors
/// If the stream fails, or ends before its kind is known.
pub async fn begin<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<Begun<S>> {
    let mut first = [0; PEEK];
    let mut length = 0;
    loop {
        // Nothing can be read into no room, so that this ends even where no number of bytes would decide.
        let read = stream.read(&mut first[length..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        if let Some(kind) = kind_of_stream(&first[..length]) {
            return Ok(Begun { kind, stream: Replayed::new(stream, first, length) });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_that_was_looked_at_is_given_on_whole() {
        // Byte by byte, as TCP may deliver them.
        for (bytes, kind) in [
            (&b"GET /health HTTP/1.1\r\n\r\n"[..], StreamKind::Http),
            (&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], StreamKind::Stun),
        ] {
            let (mut client, server) = tokio::io::duplex(1);
            let sent = async {
                client.write_all(bytes).await.unwrap();
                drop(client);
            };
            let read = async {
                let Begun { kind, mut stream } = begin(server).await.unwrap();
                let mut whole = Vec::new();
                stream.read_to_end(&mut whole).await.unwrap();
                (kind, whole)
            };
            let ((), (found, whole)) = tokio::join!(sent, read);
            assert_eq!((found, whole.as_slice()), (kind, bytes));
        }
    }

    #[tokio::test]
    async fn a_stream_that_ends_before_its_kind_is_known_has_none() {
        let error = begin(&[0, 1, 0, 0, 0x21][..]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
