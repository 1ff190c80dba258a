//! A stream with the bytes that were read of it already, which come first.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::kind::PEEK;

/// A stream with the bytes that were read of it already, which come first.
#[derive(Debug)]
pub struct Replayed<S> {
    stream: S,
    first: [u8; PEEK],
    /// How many of them there are, and how many of these have been read again.
    length: usize,
    read: usize,
}

impl<S> Replayed<S> {
    /// `length`: how many bytes of `first` were read of the stream.
    pub fn new(stream: S, first: [u8; PEEK], length: usize) -> Self {
        Self { stream, first, length: length.min(PEEK), read: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read == this.length {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        let end = this.length.min(this.read + buffer.remaining());
        buffer.put_slice(&this.first[this.read..end]);
        this.read = end;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
