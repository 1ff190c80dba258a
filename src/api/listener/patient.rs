//! A connection that is cut off if its client does not read what it requested.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Longest time that a client may read nothing while data waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream whose writes fail once they have been stuck for [`PATIENCE`]. `G` is kept for the stream's lifetime, also
/// after an upgrade.
pub(super) struct Patient<S, G> {
    stream: S,
    stuck: Option<Pin<Box<Sleep>>>,
    _guard: G,
}

impl<S, G> Patient<S, G> {
    pub(super) fn new(stream: S, guard: G) -> Self {
        Self { stream, stuck: None, _guard: guard }
    }

    /// Passes on the outcome of a write, or fails one that has been stuck for too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let due = || Box::pin(tokio::time::sleep_until(Instant::now() + PATIENCE));
        let late = self.stuck.get_or_insert_with(due).as_mut().poll(cx);
        late.map(|()| {
            metrics::counter!("visavis_connections_cut_total").increment(1);
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read"))
        })
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Patient<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Patient<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(cx, written)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_to_a_stalled_reader_fails_and_a_slow_reader_is_served() {
        let (server, mut client) = tokio::io::duplex(1000);
        let mut server = Patient::new(server, ());
        let slow = async {
            for _ in 0..5 {
                tokio::time::sleep(PATIENCE / 2).await;
                client.read_exact(&mut [0; 1000]).await.unwrap();
            }
            client
        };
        let (written, _client) = tokio::join!(server.write_all(&[7; 6000]), slow);
        written.unwrap();
        let began = Instant::now();
        let error = server.write_all(&[7; 2000]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed() >= PATIENCE), (io::ErrorKind::TimedOut, true));
    }
}
