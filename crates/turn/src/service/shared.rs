//! What the sockets of a server share: the state machine behind a lock, and the sockets that it names.
//!
//! The lock is held while a message is handled, some microseconds, and never while something is awaited.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::counts::{count_allocations, count_bytes, count_dropped};
use super::datagrams::{Datagrams, send};
use super::places::{Place, Places};
use super::relaying;
use crate::peers::OwnMedia;
use crate::protocol::step::{AllocationId, Opening, Reason, Step};
use crate::protocol::{Client, LONGEST, Now, RelayedIps, TurnServer};
use crate::settings::{Relays, Settings};

/// Messages that wait for one connection; more are dropped, as by a full socket.
pub(super) const OUTBOX: usize = 64;

/// What is shared.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    datagrams: Option<Datagrams>,
    relays: Relays,
    places: Arc<Mutex<Places>>,
    began: Instant,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct State {
    server: TurnServer,
    open: HashMap<AllocationId, Relayed>,
    /// Where messages for connections are left, by their numbers.
    streams: HashMap<u64, mpsc::Sender<Vec<u8>>>,
    next_stream: u64,
}

/// The socket of a relayed address; its reader ends with it.
#[derive(Debug)]
struct Relayed {
    socket: Arc<UdpSocket>,
    _reader: DropGuard,
}

/// A connection's side of the server.
pub(super) struct Joined {
    pub(super) client: Client,
    pub(super) outbox: mpsc::Receiver<Vec<u8>>,
}

impl Shared {
    pub(super) fn new(settings: Settings, datagrams: Option<Datagrams>) -> anyhow::Result<Arc<Self>> {
        let Settings { relays, secret, policy, limits, .. } = settings;
        let told =
            RelayedIps { v4: relays.v4.map(|relay| relay.told), v6: relays.v6.map(|relay| relay.told) };
        let server = TurnServer::new(secret, policy, limits, told)?;
        Ok(Arc::new(Self {
            state: Mutex::new(State {
                server,
                open: HashMap::new(),
                streams: HashMap::new(),
                next_stream: 0,
            }),
            datagrams,
            relays,
            places: Arc::new(Mutex::new(Places::new(limits.connections, limits.connections_per_address))),
            began: Instant::now(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    pub(super) fn set_own(&self, own_media: Vec<OwnMedia>, own_addresses: Vec<IpAddr>) {
        self.state.lock().server.set_own(own_media, own_addresses);
    }

    /// Runs a task until the server stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            _ = stop.run_until_cancelled(task).await;
        });
    }

    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let mut state = self.state.lock();
        state.open.clear();
        state.streams.clear();
    }

    pub(super) fn datagrams(&self) -> Option<&Datagrams> {
        self.datagrams.as_ref()
    }

    pub(super) fn allocations(&self) -> usize {
        self.state.lock().server.count()
    }

    pub(super) fn has_allocation(&self, client: &Client) -> bool {
        self.state.lock().server.has_allocation(client)
    }

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { elapsed: self.began.elapsed(), unix_seconds: unix.as_secs() }
    }

    /// A place for another connection, if there is one.
    pub(super) fn admit(&self, peer: SocketAddr) -> Option<Place> {
        let place = Places::take(&self.places, peer.ip());
        if place.is_none() {
            count_dropped("full");
        }
        place
    }

    pub(super) fn join(&self, address: SocketAddr) -> Joined {
        let (inbox, outbox) = mpsc::channel(OUTBOX);
        let mut state = self.state.lock();
        let number = state.next_stream;
        state.next_stream += 1;
        state.streams.insert(number, inbox);
        Joined { client: Client::Stream { address, number }, outbox }
    }

    pub(super) fn leave(&self, client: &Client) {
        let mut state = self.state.lock();
        if let Client::Stream { number, .. } = client {
            state.streams.remove(number);
        }
        if let Some(id) = state.server.hung_up(client) {
            state.open.remove(&id);
        }
        count_allocations(&state.server);
    }

    pub(super) fn sweep(&self) {
        let mut state = self.state.lock();
        for id in state.server.expire(&self.now()) {
            state.open.remove(&id);
        }
        count_allocations(&state.server);
    }

    /// Takes a whole message of a client.
    pub(super) fn receive(self: &Arc<Self>, client: Client, message: &[u8]) {
        let now = self.now();
        let mut state = self.state.lock();
        match state.server.received(client, message, &now) {
            Step::Dropped(reason) => count_dropped(reason.name()),
            Step::Answer(answer) => self.reply(&state, &client, answer),
            step @ Step::Refused { .. } => self.refuse(&state, &client, step),
            Step::Open(opening) => self.open(&mut state, client, *opening, &now),
            Step::Forward { allocation, to, payload } => {
                let socket = state.open.get(&allocation).map(|relayed| relayed.socket.clone());
                drop(state);
                if let Some(socket) = socket {
                    count_bytes("to_peer", payload.len());
                    send(&socket, &message[payload], to);
                }
            }
            Step::Close { allocation, answer } => {
                state.open.remove(&allocation);
                count_allocations(&state.server);
                if let Some(answer) = answer {
                    self.reply(&state, &client, answer);
                }
            }
        }
    }

    fn refuse(&self, state: &State, client: &Client, step: Step) {
        let Step::Refused { code, answer, denied } = step else { return };
        metrics::counter!("visavis_turn_refused_total", "code" => code.to_string()).increment(1);
        if let Some(denied) = denied {
            let (peer, why) = (denied.peer, denied.why);
            tracing::debug!(client = %client.address(), %peer, "nothing is relayed to a peer that {why}");
        }
        self.reply(state, client, answer);
    }

    /// Opens a relayed address. That takes a few system calls, during which the lock keeps the client's place in its quota.
    fn open(self: &Arc<Self>, state: &mut State, client: Client, opening: Opening, now: &Now) {
        let opened = match relaying::open(&self.relays, opening.family) {
            Ok(opened) => opened,
            Err(error) => {
                let advice = relaying::advice(&error);
                tracing::warn!(%error, "no relayed address can be opened: {advice}");
                let step = state.server.not_opened(opening);
                return self.refuse(state, &client, step);
            }
        };
        let Some(begun) = state.server.opened(opening, opened.port, now) else {
            return count_dropped(Reason::Internal.name());
        };
        let reader = CancellationToken::new();
        let (shared, id, mut message) = (self.clone(), begun.id, Vec::with_capacity(LONGEST));
        let deliver = move |from, packet: &[u8]| shared.peer_sent(id, from, packet, &mut message);
        let task = relaying::read(opened.socket.clone(), deliver);
        let ended = reader.clone();
        self.spawn(async move {
            _ = ended.run_until_cancelled(task).await;
        });
        state.open.insert(begun.id, Relayed { socket: opened.socket, _reader: reader.drop_guard() });
        metrics::counter!("visavis_turn_allocations_total").increment(1);
        count_allocations(&state.server);
        self.reply(state, &client, begun.answer);
    }

    /// Takes a packet from a peer; `message`: memory for what the client is sent.
    fn peer_sent(&self, id: AllocationId, from: SocketAddr, packet: &[u8], message: &mut Vec<u8>) {
        let now = self.now();
        let mut state = self.state.lock();
        match state.server.peer_sent(id, from, packet, &now, message) {
            Err(reason) => count_dropped(reason.name()),
            Ok(client) => {
                count_bytes("to_client", packet.len());
                match client {
                    Client::Datagrams { address } => {
                        drop(state);
                        self.send_datagram(address, message);
                    }
                    Client::Stream { .. } => self.reply(&state, &client, message.clone()),
                }
            }
        }
    }

    fn reply(&self, state: &State, client: &Client, message: Vec<u8>) {
        match client {
            Client::Datagrams { address } => self.send_datagram(*address, &message),
            Client::Stream { number, .. } => {
                let sent = state.streams.get(number).map(|inbox| inbox.try_send(message));
                if let Some(Err(_)) = sent {
                    count_dropped("full");
                }
            }
        }
    }

    fn send_datagram(&self, to: SocketAddr, message: &[u8]) {
        if let Some(datagrams) = &self.datagrams {
            datagrams.send(to, message);
        }
    }
}
