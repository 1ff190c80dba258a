//! One UDP port for all calls: a datagram is routed to its call by its source address, a connectivity check by the ICE user
//! name that it carries.
//!
//! The `webrtc` crate wants sockets of its own, so each call gets virtual ones (see [`super::runtime`]), whose datagrams go
//! through here; a few datagrams come over streams instead (see [`super::framed`]). An address belongs to a call once a check
//! from it has proved to know the call's password, so nobody can take over another client's address. UDP and each
//! stream need a proof of their own: over a stream goes only what is sent by the call that was proved over it.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use parking_lot::{Mutex, RwLock};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use webrtc::peer_connection::crypto::{self, RTCCryptoProvider};
use webrtc::runtime::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use super::checks::{Rate, Unasked};
use super::endpoint::Endpoint;
use super::questions::Questions;
use super::stun::{self, Transaction};
use super::ways::{Path, Ways};

/// Addresses from which one call may be reached; beyond them the oldest is forgotten.
const MAX_ADDRESSES: usize = 64;
/// ICE credentials of one call: the current ones and those before the last restart.
const MAX_CREDENTIALS: usize = 2;
/// Checks from one address that may await their response.
const OPEN_CHECKS: usize = 8;
/// Requested from the kernel, which grants at most `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 4 << 20;
/// Messages read from the kernel at once, and bytes for each: 64 coalesced datagrams.
const BATCH: usize = 8;
const MESSAGE: usize = 64 * 1500;
/// Longest datagram that belongs to a call.
const MAX_DATAGRAM: usize = 2_000;

/// The real socket and the routes behind it.
pub(super) struct Mux {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    routes: RwLock<Routes>,
    /// The rate limit of checks to unproven addresses.
    unasked: Mutex<Rate>,
    /// Our own questions to STUN servers.
    questions: Questions,
    /// Clients that are reached over streams.
    ways: Ways,
    crypto: Arc<dyn RTCCryptoProvider>,
}

#[derive(Default)]
struct Routes {
    by_path: HashMap<Path, Route>,
    by_ufrag: HashMap<String, (Arc<Endpoint>, String)>,
}

struct Route {
    endpoint: Arc<Endpoint>,
    /// Set by a check that knew the password, not by our own sending to the address.
    proven: bool,
    /// The local address that each of the client's last checks reached: its response is sent from there.
    checks: VecDeque<(Transaction, Option<IpAddr>)>,
    /// The local address that the client's media reach: ours are sent from there.
    media: Option<IpAddr>,
}

impl Routes {
    fn known(&self, path: &Path) -> Option<&Route> {
        // A stream that has proved nothing belongs to no call, even if an earlier stream from its address did.
        self.by_path.get(path).filter(|route| route.proven || !path.is_stream())
    }

    fn of(&self, endpoint: &Arc<Endpoint>, path: &Path) -> Option<&Route> {
        self.by_path.get(path).filter(|route| Arc::ptr_eq(&route.endpoint, endpoint))
    }
}

impl Route {
    fn new(endpoint: &Arc<Endpoint>, proven: bool) -> Self {
        Self { endpoint: endpoint.clone(), proven, checks: VecDeque::new(), media: None }
    }

    /// The local address from which to send a datagram to the client, on a host that has several.
    fn source(&self, datagram: &[u8]) -> Option<IpAddr> {
        let answered = stun::transaction(datagram)
            .and_then(|sent| self.checks.iter().rev().find(|(transaction, _)| *transaction == sent));
        match answered {
            Some((_, ours)) => *ours,
            None => self.media.or_else(|| self.checks.back().and_then(|(_, ours)| *ours)),
        }
    }
}

impl std::fmt::Debug for Mux {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mux").field("local", &self.local).finish_non_exhaustive()
    }
}

impl Mux {
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<Arc<Self>> {
        let socket = bind_socket(address).with_context(|| {
            format!("cannot listen on UDP {address}: is another server running there? Stop it, or choose another port")
        })?;
        let socket = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        let crypto = crypto::default_provider().context("no cryptography for WebRTC")?;
        let unasked = Mutex::new(Rate::new(Instant::now()));
        let (routes, questions, ways) = (RwLock::default(), Questions::default(), Ways::default());
        Ok(Arc::new(Self { socket, state, local, routes, unasked, questions, ways, crypto }))
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
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
        let routes = self.routes.read();
        routes.by_path.len() + routes.by_ufrag.len()
    }

    /// Routes checks with these credentials to the call.
    pub(super) fn admit(&self, endpoint: &Arc<Endpoint>, ufrag: &str, password: &str) {
        let mut routes = self.routes.write();
        let mut names = endpoint.names.lock();
        if names.closed {
            return;
        }
        *endpoint.unasked.lock() = Unasked::default();
        let known =
            routes.by_ufrag.insert(ufrag.to_owned(), (endpoint.clone(), password.to_owned())).is_some();
        if !known {
            names.ufrags.push_back(ufrag.to_owned());
        }
        if names.ufrags.len() > MAX_CREDENTIALS
            && let Some(old) = names.ufrags.pop_front()
        {
            routes.by_ufrag.remove(&old);
        }
    }

    /// Removes a call's routes.
    pub(super) fn remove(&self, endpoint: &Arc<Endpoint>) {
        let mut routes = self.routes.write();
        let mut names = endpoint.names.lock();
        names.closed = true;
        for ufrag in names.ufrags.drain(..) {
            routes.by_ufrag.remove(&ufrag);
        }
        for path in names.paths.drain(..) {
            if routes.of(endpoint, &path).is_some() {
                routes.by_path.remove(&path);
            }
        }
    }

    /// Routes a path to a call. Only a proven owner takes it from another call.
    fn route(&self, path: Path, endpoint: &Arc<Endpoint>, proven: bool) {
        let mut routes = self.routes.write();
        let mut names = endpoint.names.lock();
        if names.closed || (!proven && routes.by_path.contains_key(&path)) {
            return;
        }
        routes.by_path.insert(path, Route::new(endpoint, proven));
        if !names.paths.contains(&path) {
            names.paths.push_back(path);
        }
        if names.paths.len() > MAX_ADDRESSES
            && let Some(old) = names.paths.pop_front()
            && routes.of(endpoint, &old).is_some()
        {
            routes.by_path.remove(&old);
        }
    }

    /// Reads the socket forever.
    pub(super) async fn run(self: Arc<Self>) {
        let mut memory = vec![vec![0; MESSAGE]; BATCH];
        loop {
            let mut metas = [RecvMeta::default(); BATCH];
            let read = self.socket.async_io(Interest::READABLE, || {
                let mut buffers = memory.iter_mut().map(|buffer| IoSliceMut::new(buffer));
                let mut slices: [IoSliceMut<'_>; BATCH] =
                    std::array::from_fn(|_| buffers.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)
            });
            match read.await {
                Ok(count) => {
                    for (buffer, meta) in memory.iter().zip(&metas[..count]) {
                        for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                            self.dispatch(Path::over_udp(unmapped(meta.addr)), meta.dst_ip, datagram);
                        }
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
            self.route(from, &endpoint, true);
        }
        if let Some(transaction) = stun::transaction(datagram)
            && let Some(route) = self.routes.write().by_path.get_mut(&from)
        {
            route.checks.push_back((transaction, ours));
            if route.checks.len() > OPEN_CHECKS {
                route.checks.pop_front();
            }
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
                self.route(path, endpoint, false);
            }
        }
        self.transmit(to, ours.flatten(), datagram);
    }

    /// Sends a question to a STUN server.
    pub(super) fn send_question(&self, server: SocketAddr, request: &[u8]) {
        self.transmit(server, None, request);
    }

    /// Sends a datagram, from one of the host's addresses if it has several.
    fn transmit(&self, to: SocketAddr, ours: Option<IpAddr>, datagram: &[u8]) {
        let destination = match (self.local.is_ipv6(), to) {
            (true, SocketAddr::V4(v4)) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
            _ => to,
        };
        let transmit =
            Transmit { destination, ecn: None, contents: datagram, segment_size: None, src_ip: ours };
        let sent = self
            .socket
            .try_io(Interest::WRITABLE, || self.state.try_send(UdpSockRef::from(&self.socket), &transmit));
        if let Err(error) = sent {
            tracing::trace!(%to, %error, "UDP send");
        }
    }
}

fn bind_socket(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::DGRAM,
        Some(socket2::Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Unmaps an IPv4 address that a socket of both families reports.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod fuzz_tests;
