//! One connection: its handshake, what it speaks, and whoever serves that.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::patient::Patient;
use super::places::Full;
use super::plain;
use super::reserve::Reserved;
use crate::tls::PROOF;
use crate::transport::streams::{self, Begun, BoxedStream, Replayed, StreamHandlers, StreamKind};

/// Longest time for a request's head to arrive, and for a connection to wait for its next request.
const HEAD: Duration = Duration::from_secs(20);
/// Longest time for a handshake, from the connection's beginning on.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest time of a connection in the reserve, as a whole.
const RESERVED: Duration = Duration::from_secs(3);
/// Largest head of a request in bytes, and most bytes of a response buffered in memory.
pub(super) const BUFFER: usize = 64 << 10;

/// What a connection holds for as long as its stream lives.
pub(super) type Holder = Box<dyn Send>;

/// A connection's bytes as they come from the network.
type Accepted = Patient<TcpStream, Holder>;

/// A connection in the reserve.
pub(super) struct Reservation {
    /// Why it is there.
    pub(super) full: Full,
    /// Ends it.
    pub(super) token: CancellationToken,
}

impl Reservation {
    /// Completes when the connection has to go.
    async fn over(&self) {
        tokio::select! {
            () = self.token.cancelled() => {}
            () = tokio::time::sleep(RESERVED) => {}
        }
    }
}

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) address: SocketAddr,
    pub(super) routes: Router,
    /// `None`: the port speaks HTTP.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) handlers: StreamHandlers,
    /// It is in the reserve.
    pub(super) reserved: Option<Reservation>,
    /// Finish the current response, then close.
    pub(super) stop: CancellationToken,
    /// Close now.
    pub(super) end: CancellationToken,
}

impl Connection {
    /// Serves it until either side ends it.
    pub(super) async fn run(self, stream: TcpStream, holder: Holder) {
        // Small audio frames must not be delayed to be sent together.
        _ = stream.set_nodelay(true);
        let served = Box::pin(self.serve(Patient::new(stream, holder)));
        match &self.reserved {
            None => served.await,
            Some(reservation) => {
                tokio::select! {
                    () = served => {}
                    () = reservation.over() => {}
                }
            }
        }
    }

    /// An error here is the client's: it left, was too slow, or speaks something else.
    async fn serve(&self, stream: Accepted) {
        let patience = if self.tls.is_some() { HANDSHAKE } else { HEAD };
        let deadline = Instant::now() + patience;
        let Some(Begun { kind, stream }) = self.begun(stream, deadline).await else { return };
        match (kind, &self.tls) {
            (StreamKind::Tls, Some(tls)) => self.serve_behind(tls, stream, deadline).await,
            (StreamKind::Http, Some(_)) => _ = self.unless_stopped(plain::refuse(stream)).await,
            (StreamKind::Http | StreamKind::Tls, None) => self.serve_http(stream).await,
            (StreamKind::Stun | StreamKind::FramedStun, _) => self.hand_over(kind, stream).await,
        }
    }

    /// The same behind a handshake, which has to be over by the deadline.
    async fn serve_behind(&self, tls: &TlsAcceptor, stream: Replayed<Accepted>, deadline: Instant) {
        let handshake = timeout_at(deadline, tls.accept(stream));
        let Some(shaken) = self.unless_stopped(handshake).await else { return };
        let Some(stream) = outcome(shaken, self.address) else { return };
        if stream.get_ref().1.alpn_protocol() == Some(PROOF) {
            return;
        }
        let Some(Begun { kind, stream }) = self.begun(stream, Instant::now() + HEAD).await else { return };
        match kind {
            StreamKind::Http | StreamKind::Tls => self.serve_http(stream).await,
            StreamKind::Stun | StreamKind::FramedStun => self.hand_over(kind, stream).await,
        }
    }

    /// What a stream speaks, as soon as that is known; `None`: it is too late or over.
    async fn begun<S: AsyncRead + Unpin>(&self, stream: S, deadline: Instant) -> Option<Begun<S>> {
        let begun = timeout_at(deadline, streams::begin(stream));
        self.unless_stopped(begun).await?.ok()?.ok()
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.stop.cancelled() => None,
        }
    }

    /// Gives a stream to whoever serves its kind. One in the reserve is closed: it is there for health and signalling.
    async fn hand_over<S>(&self, kind: StreamKind, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handler = self.handlers.of(kind).filter(|_| self.reserved.is_none());
        if let Some(handler) = handler {
            let stream: BoxedStream = Box::new(stream);
            self.unless_stopped(handler.serve(stream, self.address)).await;
        }
    }

    async fn serve_http<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = self.address;
        let mark = self.reserved.as_ref().map(|reserved| Reserved(reserved.full));
        let routes = self.routes.clone().map_request(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(address));
            if let Some(mark) = mark {
                request.extensions_mut().insert(mark);
            }
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(if mark.is_some() { RESERVED } else { HEAD })
            .keep_alive(mark.is_none())
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = self.end.cancelled() => {}
        }
    }
}

/// Counts how a handshake ended, and takes its stream.
fn outcome<S>(
    shaken: Result<io::Result<TlsStream<S>>, tokio::time::error::Elapsed>,
    address: SocketAddr,
) -> Option<TlsStream<S>> {
    let (outcome, stream) = match shaken {
        Ok(Ok(stream)) => ("done", Some(stream)),
        Ok(Err(error)) => {
            tracing::debug!(%error, %address, "a handshake failed");
            ("failed", None)
        }
        Err(_) => ("late", None),
    };
    metrics::counter!("visavis_tls_handshakes_total", "outcome" => outcome).increment(1);
    stream
}
