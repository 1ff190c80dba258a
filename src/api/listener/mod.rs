//! The HTTP socket: HTTP/1.1 alone, with limits on what a client can hold without using it.
//!
//! - `places`: connections in all and for each address (pure); `reserve`: what is answered beyond them
//! - `patient`: a client that does not read is cut off; `body`: one that does not send is answered 408
//! - [`descriptors`]: how many files and sockets the process may have open
//!
//! HTTP/2 without TLS is not spoken: no browser does, and each of its streams would be one more queue to bound. A reverse
//! proxy speaks HTTP/1.1 to the server.

pub(super) mod body;
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

/// Longest time for a request's head to come, and for a connection to wait for its next request.
const HEAD: Duration = Duration::from_secs(20);
/// The same in the reserve, for the whole connection.
const RESERVED: Duration = Duration::from_secs(3);
/// Largest head of a request in bytes, and most of an answer that waits in memory.
const BUFFER: usize = 64 << 10;
/// A pause after a failed accept: most likely the process has no descriptors left.
const BREATH: Duration = Duration::from_millis(100);
/// Between two lines in the log about failed accepts.
const SAID: Duration = Duration::from_secs(10);
/// What connections get to finish their answers when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Most connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub in_all: usize,
    /// Of one address; of IPv6, of one network of 64 bits.
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
    /// Finish the answer in work, then close.
    stop: CancellationToken,
    /// Close now.
    end: CancellationToken,
}

/// A place, given back when dropped.
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
        let mut said: Option<tokio::time::Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address),
                Err(error) if of_the_client(&error) => {}
                Err(error) => {
                    if said.is_none_or(|at| at.elapsed() >= SAID) {
                        tracing::error!(%error, "connections cannot be accepted");
                        said = Some(tokio::time::Instant::now());
                    }
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(listener);
        self.connections.close();
        // A browser's idle connection must not hold the process.
        _ = tokio::time::timeout(LAST_ANSWERS, self.connections.wait()).await;
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
                self.serve(stream, address, token.clone().drop_guard(), Some((full, token)));
            }
        }
    }

    /// `reserved`: a connection in the reserve, and the token that ends it.
    fn serve<G: Send + Unpin + 'static>(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        guard: G,
        reserved: Option<(Full, CancellationToken)>,
    ) {
        // Small frames of sound must not wait for each other.
        _ = stream.set_nodelay(true);
        let mark = reserved.as_ref().map(|(full, _)| Reserved(*full));
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
                    Some((_, token)) => {
                        tokio::select! {
                            () = token.cancelled() => {}
                            () = tokio::time::sleep(RESERVED) => {}
                        }
                    }
                    None => std::future::pending().await,
                }
            };
            // What fails here failed for the client: it left, was too slow, or speaks no HTTP.
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

/// The connection was gone before it was accepted.
fn of_the_client(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
