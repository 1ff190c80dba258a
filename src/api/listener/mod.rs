//! The HTTP listener: HTTP/1.1 only, with limits on the resources that an idle client can hold.
//!
//! - `places`: limits connections in all and per address (pure); `reserve`: what is served beyond the limits
//! - `patient`: cuts off a client that does not read
//! - [`descriptors`]: how many files and sockets the process may have open
//!
//! HTTP/2 without TLS is not supported: no browser uses it, and each of its streams would be another queue to bound. A
//! reverse proxy can use HTTP/1.1.

pub mod descriptors;
mod patient;
mod places;
pub(super) mod reserve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use patient::Patient;
use places::{Full, Places};
use reserve::{Reserve, Reserved};

/// Longest time for a request's head to arrive, and for a connection to wait for its next request.
const HEAD: Duration = Duration::from_secs(20);
/// The same in the reserve, for the whole connection.
const RESERVED: Duration = Duration::from_secs(3);
/// Largest head of a request in bytes, and most bytes of a response buffered in memory.
const BUFFER: usize = 64 << 10;
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

/// Serves until `stop` is cancelled, and a second longer.
pub async fn serve(listener: TcpListener, routes: Router, limits: Limits, stop: CancellationToken) {
    let server = Server {
        routes,
        places: Arc::new(Mutex::new(Places::new(limits.in_all, limits.of_address))),
        reserve: Reserve::default(),
        connections: TaskTracker::new(),
        stop: stop.clone(),
        end: CancellationToken::new(),
    };
    server.run(listener).await;
}

struct Server {
    routes: Router,
    places: Arc<Mutex<Places>>,
    reserve: Reserve,
    connections: TaskTracker,
    /// Finish the current response, then close.
    stop: CancellationToken,
    /// Close now.
    end: CancellationToken,
}

/// A connection in the reserve.
struct Reservation {
    /// Why it is there.
    full: Full,
    /// Ends it.
    token: CancellationToken,
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
                self.serve(stream, address, place, None);
            }
            Err(full) => {
                metrics::counter!("visavis_connections_refused_total", "reason" => full.reason())
                    .increment(1);
                let token = self.reserve.enter();
                self.serve(stream, address, token.clone().drop_guard(), Some(Reservation { full, token }));
            }
        }
    }

    /// `reserved`: a connection in the reserve.
    fn serve<G: Send + Unpin + 'static>(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        guard: G,
        reserved: Option<Reservation>,
    ) {
        // Small audio frames must not be delayed to be sent together.
        _ = stream.set_nodelay(true);
        let mark = reserved.as_ref().map(|reserved| Reserved(reserved.full));
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
            .header_read_timeout(if reserved.is_some() { RESERVED } else { HEAD })
            .keep_alive(reserved.is_none())
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Patient::new(stream, guard)), TowerToHyperService::new(routes))
            .with_upgrades();
        let (stop, end) = (self.stop.clone(), self.end.clone());
        self.connections.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let evicted = async {
                match &reserved {
                    Some(Reservation { token, .. }) => {
                        tokio::select! {
                            () = token.cancelled() => {}
                            () = tokio::time::sleep(RESERVED) => {}
                        }
                    }
                    None => std::future::pending().await,
                }
            };
            // An error here is the client's: it left, was too slow, or does not speak HTTP.
            tokio::select! {
                _ = connection.as_mut() => return,
                () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
                () = evicted => return,
            }
            tokio::select! {
                _ = connection => {}
                () = end.cancelled() => {}
            }
        });
    }
}

/// Whether accepting failed because the client had already closed the connection.
fn is_client_error(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
