//! One UDP port for all calls: a datagram is routed to its call by its source address, a connectivity check by the ICE user
//! name that it carries.
//!
//! The `webrtc` crate wants sockets of its own, so each call gets virtual ones (see [`super::runtime`]), whose datagrams go
//! through here; a few datagrams come over streams instead (see [`super::framed`]). An address belongs to a call once a check
//! from it has proved to know the call's password, so nobody can take over another client's address. UDP and each
//! stream need a proof of their own: over a stream goes only what is sent by the call that was proved over it.

mod routes;
mod socket;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use parking_lot::{Mutex, RwLock};
use webrtc::peer_connection::crypto::{self, RTCCryptoProvider};

use self::routes::Routes;
use self::socket::{Batch, Received, Socket};
use super::checks::Rate;
use super::endpoint::Endpoint;
use super::questions::Questions;
use super::stun;
use super::ways::{Path, Ways};

/// Longest datagram that belongs to a call.
const MAX_DATAGRAM: usize = 2_000;

/// The real socket and the routes behind it.
pub(super) struct Mux {
    socket: Socket,
    routes: RwLock<Routes>,
    /// The rate limit of checks to unproven addresses.
    unasked: Mutex<Rate>,
    /// Our own questions to STUN servers.
    questions: Questions,
    /// Clients that are reached over streams.
    ways: Ways,
    crypto: Arc<dyn RTCCryptoProvider>,
}

impl std::fmt::Debug for Mux {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mux").field("local", &self.socket.local_addr()).finish_non_exhaustive()
    }
}

impl Mux {
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<Arc<Self>> {
        let socket = Socket::bind(address)?;
        let crypto = crypto::default_provider().context("no cryptography for WebRTC")?;
        let unasked = Mutex::new(Rate::new(Instant::now()));
        let (routes, questions, ways) = (RwLock::default(), Questions::default(), Ways::default());
        Ok(Arc::new(Self { socket, routes, unasked, questions, ways, crypto }))
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    pub(super) fn questions(&self) -> &Questions {
        &self.questions
    }

    pub(super) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// Takes a datagram that came over a stream.
    pub(super) fn received(&self, from: SocketAddr, datagram: &[u8]) {
        self.dispatch(Path::over_stream(from), None, datagram);
    }

    /// A stream has ended. Its call is reached over another one only once that has proved itself.
    pub(super) fn hung_up(&self, from: &SocketAddr) {
        self.ways.close(from);
        if let Some(route) = self.routes.write().by_path.get_mut(&Path::over_stream(*from)) {
            route.proven = false;
        }
    }

    /// Whether a check on this path knew the password of a call that goes on.
    pub(super) fn is_proven(&self, path: &Path) -> bool {
        self.routes.read().by_path.get(path).is_some_and(|route| route.proven)
    }

    /// Number of addresses and user names that route to a call.
    pub(super) fn routes(&self) -> usize {
        self.routes.read().count()
    }

    /// Routes checks with these credentials to the call.
    pub(super) fn admit(&self, endpoint: &Arc<Endpoint>, ufrag: &str, password: &str) {
        self.routes.write().admit(endpoint, ufrag, password);
    }

    /// Removes a call's routes.
    pub(super) fn remove(&self, endpoint: &Arc<Endpoint>) {
        self.routes.write().remove(endpoint);
    }

    /// Reads the socket forever.
    pub(super) async fn run(self: Arc<Self>) {
        let mut batch = Batch::new();
        loop {
            match self.socket.receive(&mut batch).await {
                Ok(()) => {
                    for Received { from, ours, datagram } in batch.datagrams() {
                        self.dispatch(Path::over_udp(from), ours, datagram);
                    }
                }
                Err(error) => {
                    // The kernel reports a client's unreachable port here; it must neither stop this loop nor make it spin.
                    tracing::debug!(%error, "UDP receive");
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn dispatch(&self, from: Path, ours: Option<IpAddr>, datagram: &[u8]) {
        if datagram.len() > MAX_DATAGRAM {
            return;
        }
        if stun::is_stun(datagram) && stun::is_request(datagram) {
            return self.dispatch_check(from, ours, datagram);
        }
        if stun::is_stun(datagram) && !from.is_stream() && self.questions.take(from.address, datagram) {
            return;
        }
        let routes = self.routes.read();
        let Some(route) = routes.known(&from) else {
            metrics::counter!("visavis_udp_dropped_total", "reason" => "unknown").increment(1);
            return;
        };
        route.endpoint.deliver(from.address, datagram);
        if route.media != ours && !stun::is_stun(datagram) {
            drop(routes);
            if let Some(route) = self.routes.write().by_path.get_mut(&from) {
                route.media = ours;
            }
        }
    }

    fn dispatch_check(&self, from: Path, ours: Option<IpAddr>, datagram: &[u8]) {
        let found = stun::Check::decode(datagram).and_then(|check| {
            let routes = self.routes.read();
            let (endpoint, password) = routes.by_ufrag.get(&check.ufrag)?;
            let known = routes.of(endpoint, &from).is_some_and(|route| route.proven);
            Some((check, endpoint.clone(), (!known).then(|| password.clone())))
        });
        let Some((mut check, endpoint, password)) = found else {
            metrics::counter!("visavis_udp_dropped_total", "reason" => "unknown").increment(1);
            return;
        };
        if let Some(password) = password {
            if !check.is_genuine(&password, self.crypto.as_ref()) {
                metrics::counter!("visavis_udp_dropped_total", "reason" => "forged").increment(1);
                return;
            }
            self.routes.write().enter(from, &endpoint, true);
        }
        if let Some(transaction) = stun::transaction(datagram)
            && let Some(route) = self.routes.write().by_path.get_mut(&from)
        {
            route.note_check(transaction, ours);
        }
        endpoint.deliver(from.address, datagram);
    }

    /// Whether a check may be sent to an unproven address.
    fn may_check(&self, endpoint: &Endpoint, to: SocketAddr) -> bool {
        endpoint.unasked.lock().take(to) && self.unasked.lock().take(Instant::now())
    }

    /// Sends a call's datagram. Never waits: what the socket does not accept is lost, as on the network.
    pub(super) fn send(&self, endpoint: &Arc<Endpoint>, to: SocketAddr, datagram: &[u8]) {
        let path = Path::over_udp(to);
        let (ours, proven, stream) = {
            let routes = self.routes.read();
            let ours = routes.by_path.get(&path).map(|route| route.source(datagram));
            let proven = routes.of(endpoint, &path).is_some_and(|route| route.proven);
            (ours, proven, routes.of(endpoint, &Path::over_stream(to)).map(|route| route.proven))
        };
        if !proven && let Some(is_open) = stream {
            // A client that came over a stream does not wait for UDP at that address.
            if !(is_open && self.ways.send(&to, datagram)) {
                metrics::counter!("visavis_udp_dropped_total", "reason" => "unknown").increment(1);
            }
            return;
        }
        if stun::is_request(datagram) {
            if !proven && !self.may_check(endpoint, to) {
                metrics::counter!("visavis_udp_dropped_total", "reason" => "unasked").increment(1);
                return;
            }
            if ours.is_none() {
                // A check of our own: its response comes from there.
                self.routes.write().enter(path, endpoint, false);
            }
        }
        self.socket.send(to, ours.flatten(), datagram);
    }

    /// Sends a question to a STUN server.
    pub(super) fn send_question(&self, server: SocketAddr, request: &[u8]) {
        self.socket.send(server, None, request);
    }
}

#[cfg(test)]
mod fuzz_tests;
