//! Connections, over TCP or TLS, of our own listeners or of another.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc_shared::turn_framing::TurnStreamDecoder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::counts::count_dropped;
use super::places::Place;
use super::shared::{Joined, Shared};
use super::tls::Tls;
use crate::protocol::step::Reason;
use crate::protocol::{Client, LONGEST};

/// How long a TLS handshake may take, and a client that does not read what it is sent.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection may have no allocation.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after a failed accept: most likely the process has no descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Least time between two log lines about failed accepts.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Accepts connections; `tls`: they begin with a handshake.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener, tls: Option<Arc<Tls>>) {
    let mut logged: Option<Instant> = None;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client had left already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                if logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
                    tracing::error!(
                        %error,
                        "TURN connections cannot be accepted; if no files can be opened, raise their limit (ulimit -n) or lower \
                         turn.max_connections and turn.max_allocations"
                    );
                    logged = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let Some(place) = shared.admit(peer) else { continue };
        // No Nagle delay: sound must be sent at once.
        _ = stream.set_nodelay(true);
        let of_connection = shared.clone();
        match tls.clone() {
            None => shared.spawn(async move { serve_in(place, &of_connection, stream, peer).await }),
            Some(tls) => shared.spawn(shake_hands(place, of_connection, tls, stream, peer)),
        }
    }
}

async fn shake_hands(place: Place, shared: Arc<Shared>, tls: Arc<Tls>, stream: TcpStream, peer: SocketAddr) {
    let accepted = timeout(PATIENCE, tls.acceptor().accept(stream)).await;
    match accepted {
        Ok(Ok(stream)) => Box::pin(serve_in(place, &shared, stream, peer)).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "TURN: TLS handshake"),
        Err(_) => {}
    }
}

/// Serves a connection until it ends or the server stops, if there is a place for it.
pub(super) async fn serve<S>(shared: &Arc<Shared>, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if let Some(place) = shared.admit(peer) {
        serve_in(place, shared, stream, peer).await;
    }
}

/// `_place`: held while the connection lasts.
async fn serve_in<S>(_place: Place, shared: &Arc<Shared>, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let address = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let Joined { client, outbox } = shared.join(address);
    let _left = LeaveOnDrop { shared, client };
    let (reader, writer) = tokio::io::split(stream);
    let ended = tokio::select! {
        ended = read(shared, client, reader) => ended,
        ended = write(outbox, writer) => ended,
        () = shared.stopping().cancelled() => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a TURN connection has ended");
    }
}

/// Gives back what a connection has, however it ends.
struct LeaveOnDrop<'a> {
    shared: &'a Shared,
    client: Client,
}

impl Drop for LeaveOnDrop<'_> {
    fn drop(&mut self) {
        self.shared.leave(&self.client);
    }
}

async fn read<R: AsyncRead + Unpin>(shared: &Arc<Shared>, client: Client, mut reader: R) -> io::Result<()> {
    let mut decoder = TurnStreamDecoder::new();
    let mut memory = vec![0; LONGEST];
    let mut busy = Instant::now();
    loop {
        if busy.elapsed() >= IDLE {
            if !shared.has_allocation(&client) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            busy = Instant::now();
        }
        let left = IDLE.saturating_sub(busy.elapsed());
        let Ok(read) = timeout(left, reader.read(&mut memory)).await else { continue };
        let count = read?;
        if count == 0 {
            return Ok(());
        }
        decoder.extend_from_slice(&memory[..count]);
        while let Some(message) = decoder.next_message().map_err(|error| malformed(&error))? {
            shared.receive(client, &message);
        }
        // It waits for the rest of a message that is too long.
        if decoder.buffered_len() > LONGEST {
            count_dropped(Reason::Malformed.name());
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn malformed(error: &impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

async fn write<W: AsyncWrite + Unpin>(mut outbox: mpsc::Receiver<Vec<u8>>, mut writer: W) -> io::Result<()> {
    while let Some(mut message) = outbox.recv().await {
        loop {
            timeout(PATIENCE, writer.write_all(&message)).await??;
            match outbox.try_recv() {
                Ok(next) => message = next,
                Err(_) => break,
            }
        }
        timeout(PATIENCE, writer.flush()).await??;
    }
    Ok(())
}
