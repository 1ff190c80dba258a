//! ICE over TCP (RFC 6544, our side passive): streams on the port of HTTP, each a way for datagrams between a client and its call.
//!
//! A stream's datagrams bear their length (RFC 4571). The mux treats them as if they had come over UDP from the stream's address. Once a
//! check has proved that the stream is a call's, what the call sends to that address goes over it, so that calls know nothing of TCP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::mux::Mux;
use super::ways::Path;
use crate::streams::{BoxedStream, StreamHandler};

/// Longest time without a check that knows a call's password, and without a datagram thereafter.
const STRANGER: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(30);
/// Longest datagram of a client in bytes.
const LONGEST: usize = 2_000;

/// Serves streams that carry ICE.
pub(super) struct IceStreams(pub(super) Arc<Mux>);

#[async_trait]
impl StreamHandler for IceStreams {
    async fn serve(&self, stream: BoxedStream, peer: SocketAddr) {
        let mux = &self.0;
        let from = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        // Calls have virtual sockets for the families of the UDP port.
        if from.is_ipv6() && !mux.local_addr().is_ipv6() {
            return;
        }
        let Some(outbox) = mux.ways().open(from) else { return };
        let _open = Open { mux, from };
        let (reader, writer) = tokio::io::split(stream);
        tokio::select! {
            () = receive(mux, reader, from) => {}
            () = send(writer, outbox) => {}
        }
    }
}

/// A stream as a way to its client; closed when dropped.
struct Open<'a> {
    mux: &'a Mux,
    from: SocketAddr,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.mux.hung_up(&self.from);
    }
}

/// Gives the mux what arrives, until the client has gone, is silent for too long, or turns out to be nobody's.
async fn receive(mux: &Mux, reader: impl AsyncRead + Unpin, from: SocketAddr) {
    let mut reader = BufReader::new(reader);
    let mut datagram = Vec::new();
    let mut deadline = Instant::now() + STRANGER;
    let path = Path::over_stream(from);
    while let Ok(Ok(())) = timeout_at(deadline, next(&mut reader, &mut datagram)).await {
        mux.received(from, &datagram);
        if mux.is_proven(&path) {
            deadline = Instant::now() + IDLE;
        } else if Instant::now() >= deadline {
            // One that sends without a pause never waits, and so never times out.
            return;
        }
    }
}

/// Reads the next datagram.
///
/// # Errors
/// If the stream has ended, or it is none that belongs to a call.
async fn next(reader: &mut (impl AsyncRead + Unpin), datagram: &mut Vec<u8>) -> io::Result<()> {
    let length = usize::from(reader.read_u16().await?);
    if !(1..=LONGEST).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    datagram.resize(length, 0);
    reader.read_exact(datagram).await?;
    Ok(())
}

/// Writes what is sent to the client, until it has gone.
async fn send(mut writer: impl AsyncWrite + Unpin, mut outbox: mpsc::Receiver<Vec<u8>>) {
    while let Some(framed) = outbox.recv().await {
        if writer.write_all(&framed).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
