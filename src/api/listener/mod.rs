//! The HTTP listener: HTTP/1.1 only, with TLS or without, with limits on the resources that an idle client can hold.
//!
//! - `places`: limits connections in all and per address (pure); `reserve`: what is served beyond the limits
//! - `connection`: one connection: its handshake, what it speaks, and whoever serves that
//! - `plain`: what a client gets that speaks HTTP where TLS is spoken
//! - `patient`: cuts off a client that does not read
//!
//! HTTP/2 is not supported: each of its streams would be another queue to bound, and no WebSocket of a browser needs it. Browsers
//! and reverse proxies can use HTTP/1.1.

mod connection;
mod patient;
mod places;
mod plain;
pub(super) mod reserve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::Certificate;
use crate::transport::streams::StreamHandlers;
use connection::{Connection, Holder, Reservation};
use places::Places;
use reserve::Reserve;

/// What may be spoken behind a handshake (ALPN): HTTP, and TURN where somebody serves it (RFC 7443).
const HTTP: &str = "http/1.1";
const TURN: &str = "stun.turn";
/// Pause after a failed accept: most likely the process has no descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Least time between two log lines about failed accepts.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Time for connections to finish their responses when the server stops.
const LAST_RESPONSES: Duration = Duration::from_secs(1);

/// Limits on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub in_all: usize,
    /// Per address; for IPv6, per /64 network.
    pub of_address: usize,
}

/// How connections are served.
#[derive(Clone)]
pub struct Options {
    /// How many there may be.
    pub limits: Limits,
    /// The certificate for TLS; `None`: the port speaks HTTP.
    pub certificate: Option<Arc<Certificate>>,
    /// Who serves streams that are not HTTP.
    pub handlers: StreamHandlers,
}

impl From<Limits> for Options {
    /// HTTP alone, without TLS.
    fn from(limits: Limits) -> Self {
        Self { limits, certificate: None, handlers: StreamHandlers::default() }
    }
}

impl Options {
    fn acceptor(&self) -> Option<TlsAcceptor> {
        let protocols: &[&str] = if self.handlers.turn.is_some() { &[HTTP, TURN] } else { &[HTTP] };
        self.certificate.as_ref().map(|certificate| certificate.acceptor(protocols))
    }
}

/// Serves until `stop` is cancelled, and a second longer.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    options: impl Into<Options>,
    stop: CancellationToken,
) {
    let options: Options = options.into();
    let Limits { in_all, of_address } = options.limits;
    let server = Server {
        routes,
        tls: options.acceptor(),
        handlers: options.handlers,
        places: Arc::new(Mutex::new(Places::new(in_all, of_address))),
        reserve: Reserve::default(),
        connections: TaskTracker::new(),
        stop: stop.clone(),
        end: CancellationToken::new(),
    };
    server.run(listener).await;
}

struct Server {
    routes: Router,
    tls: Option<TlsAcceptor>,
    handlers: StreamHandlers,
    places: Arc<Mutex<Places>>,
    reserve: Reserve,
    connections: TaskTracker,
    /// Finish the current response, then close.
    stop: CancellationToken,
    /// Close now.
    end: CancellationToken,
}

/// A place for a connection, given back when dropped.
struct Place(Arc<Mutex<Places>>, SocketAddr);

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.0.lock();
        places.give_back(self.1.ip());
        metrics::gauge!("visavis_connections").set(places.count() as f64);
    }
}

impl Server {
    async fn run(mut self, listener: TcpListener) {
        let mut logged: Option<tokio::time::Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address),
                Err(error) if is_client_error(&error) => {}
                Err(error) => {
                    if logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
                        tracing::error!(%error, "connections cannot be accepted");
                        logged = Some(tokio::time::Instant::now());
                    }
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
        drop(listener);
        self.connections.close();
        // A browser's idle connection must not keep the process running.
        _ = tokio::time::timeout(LAST_RESPONSES, self.connections.wait()).await;
        self.end.cancel();
    }

    fn admit(&mut self, stream: TcpStream, address: SocketAddr) {
        let taken = self.places.lock().take(address.ip());
        match taken {
            Ok(()) => {
                metrics::gauge!("visavis_connections").set(self.places.lock().count() as f64);
                let place = Place(self.places.clone(), address);
                self.serve(stream, address, Box::new(place), None);
            }
            Err(full) => {
                metrics::counter!("visavis_connections_refused_total", "reason" => full.reason())
                    .increment(1);
                let token = self.reserve.enter();
                let holder = Box::new(token.clone().drop_guard());
                self.serve(stream, address, holder, Some(Reservation { full, token }));
            }
        }
    }

    /// `reserved`: a connection in the reserve.
    fn serve(&self, stream: TcpStream, address: SocketAddr, holder: Holder, reserved: Option<Reservation>) {
        let connection = Connection {
            address,
            routes: self.routes.clone(),
            tls: self.tls.clone(),
            handlers: self.handlers.clone(),
            reserved,
            stop: self.stop.clone(),
            end: self.end.clone(),
        };
        self.connections.spawn(connection.run(stream, holder));
    }
}

/// Whether accepting failed because the client had already closed the connection.
fn is_client_error(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
