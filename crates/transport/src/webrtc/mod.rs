//! Calls over WebRTC: one UDP port for all of them, and an actor for each.
//!
//! - [`WebRtcHost`] answers offers; [`PeerHandle`] takes later candidates and offers over HTTP
//! - `mux`: the port (its `socket` and `routes`), kept running by `supervisor`; `endpoint`: a call's side of it; `stun`: identifies
//!   a check's call; `checks`: limits our checks to unproven addresses; `runtime`: the port as the `webrtc` crate sees it
//! - `framed`: ICE over TCP, on the port of HTTP; `ways`: which clients are reached so
//! - `sdp`: requirements on offers, and the text of answers; `addresses`: the server's addresses in them, chosen, and looked at again
//!   while it runs; `questions`: our own to STUN servers, of which they come
//! - `connection`: the `webrtc` crate's peer connection; `peer`: one connection of a call; `line`: replaces it by another
//! - `actor`: everything that runs while a call lasts; `patience`: how long it waits for its client; `cause`: why it ended
//! - `sound` (with `mic`, its `rest`, and `speaker`), `messages`, `faces`: the streams of a call; `packets`: a dialect's packets
//!   on data channels; `kept`: what a client says while it has no connection, which `order` (pure) puts before what it says then
//! - `tracks`: the further tracks of a call

mod actor;
mod addresses;
mod cause;
mod checks;
mod connection;
mod endpoint;
mod faces;
mod framed;
mod kept;
mod line;
mod messages;
pub mod mic;
mod mux;
mod order;
mod packets;
mod patience;
mod peer;
mod questions;
mod rest;
mod runtime;
mod sdp;
mod sound;
mod speaker;
mod stun;
mod supervisor;
mod tracks;
mod unannounced;
mod ways;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::addresses::{AddressRules, Candidate, CandidateKind, OuterRule};
pub use self::line::PeerHandle;

use self::addresses::told::Told;
use self::endpoint::Endpoint;
use self::framed::IceStreams;
use self::line::{Line, Link};
use self::mux::Mux;
use self::peer::Peer;
use self::sdp::{Offer, Usable};
use self::tracks::{Catalogue, ConnectionTracks};
use super::protocol::Protocol;
use crate::ports::TransportPorts;
use crate::streams::StreamHandler;

/// The addresses at which calls are reached.
#[derive(Debug, Clone)]
pub struct WebRtcConfig {
    /// The UDP address of all calls. An unspecified IP means all of the host's addresses; `[::]` means both families.
    pub udp: SocketAddr,
    /// Which addresses clients are told.
    pub addresses: AddressRules,
}

impl WebRtcConfig {
    /// Calls at this UDP address, which clients are told as the host has it.
    #[must_use]
    pub fn at(udp: SocketAddr) -> Self {
        Self { udp, addresses: AddressRules::default() }
    }
}

/// The transport's side of a call.
pub struct TransportSide {
    /// The pipeline's other side.
    pub ports: TransportPorts,
    /// The dialect of its packets.
    pub protocol: Arc<dyn Protocol>,
    /// Ends the call when cancelled; cancelled too when the call has ended.
    pub token: CancellationToken,
    /// Runs the call's tasks.
    pub tasks: TaskTracker,
}

/// A candidate that a client found after its offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCandidate {
    /// The client's `RTCIceCandidate.candidate`; empty after the last one.
    pub candidate: String,
    /// The section to which it belongs.
    pub sdp_mid: Option<String>,
    /// The same, as an index.
    pub sdp_mline_index: Option<u16>,
}

/// Why an offer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// It is not a usable session description.
    #[error("the session description is malformed: {detail}")]
    Malformed {
        /// What is wrong, and what would be right.
        detail: String,
    },
    /// It has no audio section.
    #[error("the offer has no audio section: a call needs one, with opus")]
    NoAudio,
    /// It requires what this server does not support.
    #[error("the offer cannot be answered: {detail}")]
    Unsupported {
        /// What it requires.
        detail: String,
    },
    /// The call is over.
    #[error("the call is over")]
    Closed,
    /// An internal error.
    #[error("the offer could not be answered: {detail}")]
    Internal {
        /// For the log.
        detail: String,
    },
}

/// The server's WebRTC side.
#[derive(Debug)]
pub struct WebRtcHost {
    mux: Arc<Mux>,
    /// The addresses that clients are told.
    told: Arc<Told>,
    /// Clients reach the port through a relay alone.
    relayed_only: bool,
    reader: tokio::task::AbortHandle,
    keeper: tokio::task::AbortHandle,
}

impl Drop for WebRtcHost {
    fn drop(&mut self) {
        self.reader.abort();
        self.keeper.abort();
    }
}

impl WebRtcHost {
    /// Opens the port.
    ///
    /// # Errors
    /// When the port is taken or needs privileges.
    pub async fn bind(config: WebRtcConfig) -> anyhow::Result<Arc<Self>> {
        let WebRtcConfig { udp, addresses } = config;
        let mux = Mux::bind(udp)?;
        let relayed_only = addresses.relayed.is_some();
        let told = Told::new(mux.local_addr(), addresses).await;
        let (keeping, asked) = (told.clone(), mux.clone());
        let keep = move || keeping.clone().keep(asked.clone());
        let keeper = tokio::spawn(supervisor::keep_running("addresses", keep)).abort_handle();
        let reading = mux.clone();
        let reader =
            tokio::spawn(supervisor::keep_running("udp", move || reading.clone().run())).abort_handle();
        Ok(Arc::new(Self { mux, told, relayed_only, reader, keeper }))
    }

    /// The port's address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.mux.local_addr()
    }

    /// Whether the port is being read.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        !self.reader.is_finished()
    }

    /// Number of addresses and names that route to calls; zero when there is no call.
    #[must_use]
    pub fn routes(&self) -> usize {
        self.mux.routes()
    }

    /// Answers an offer. The call then runs until the client leaves, the token is cancelled, or the pipeline drops its ports
    /// and its last events have reached the client.
    ///
    /// # Errors
    /// When the offer cannot be used.
    pub async fn answer(
        self: &Arc<Self>,
        offer_sdp: &str,
        mut side: TransportSide,
    ) -> Result<(String, PeerHandle), OfferError> {
        let offer = sdp::check_offer(offer_sdp)?;
        tracks::keep_known(&mut side.ports.tracks);
        let tracks = Arc::new(Catalogue::of(&side.ports.tracks));
        let link = self.open(&offer, &side.tasks, &tracks).await?;
        let answer = Box::pin(link.peer.negotiate(&offer)).await?;
        let (line, links) = Line::new(self.clone(), link.peer.clone(), side.tasks.clone(), tracks);
        let handle = PeerHandle(Arc::downgrade(&line));
        actor::spawn(line, links, link, side)
            .map_err(|error| OfferError::Internal { detail: error.to_string() })?;
        Ok((answer, handle))
    }

    /// Opens a connection for a client with this offer.
    async fn open(
        self: &Arc<Self>,
        offer: &Offer,
        tasks: &TaskTracker,
        tracks: &Arc<Catalogue>,
    ) -> Result<Link, OfferError> {
        let endpoint = Arc::new(Endpoint::default());
        let gone = CancellationToken::new();
        let abandoned = gone.clone().drop_guard();
        let runtime = runtime::CallRuntime {
            mux: self.mux.clone(),
            endpoint: endpoint.clone(),
            tasks: tasks.clone(),
            gone: gone.clone(),
        };
        let connection_tracks = ConnectionTracks::new(tracks.clone(), connection::STREAM);
        let connection =
            Box::pin(connection::connect(runtime, offer, self.local_addr().is_ipv6(), &connection_tracks))
                .await
                .map_err(|error| OfferError::Internal { detail: error.to_string() })?;
        abandoned.disarm();
        let peer = Arc::new(Peer {
            host: self.clone(),
            pc: connection.pc.clone(),
            endpoint,
            gone,
            opus: offer.opus,
            fingerprint: offer.transport.fingerprint.clone(),
            hears: true.into(),
            has_data: false.into(),
            negotiations: 0.into(),
            candidates: parking_lot::Mutex::default(),
            connection_tracks,
        });
        Ok(Link { peer, connection })
    }

    /// The addresses at which clients are told to reach the UDP port, best first.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let over_udp = |candidate: &Candidate| candidate.is_udp().then_some(candidate.address);
        self.told.candidates().iter().filter_map(over_udp).collect()
    }

    /// Who serves streams that carry ICE.
    #[must_use]
    pub fn streams(&self) -> Arc<dyn StreamHandler> {
        Arc::new(IceStreams(self.mux.clone()))
    }

    /// The same with their kinds, whenever they change. Calls in progress keep those of their last negotiation.
    #[must_use]
    pub fn address_changes(&self) -> watch::Receiver<Vec<Candidate>> {
        self.told.changes()
    }

    /// Takes outer addresses of the host that were learnt elsewhere, such as of its cloud, in place of those before.
    pub fn learn_outer(&self, addresses: Vec<IpAddr>) {
        self.told.learn(addresses);
    }

    /// Which candidates of clients are usable.
    fn usable(&self) -> Usable {
        Usable { by_loopback: self.local_addr().ip().is_loopback(), relayed_only: self.relayed_only }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_is_no_longer_read_reports_that() {
        let udp = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let host = WebRtcHost::bind(WebRtcConfig::at(udp)).await.unwrap();
        assert!(host.is_reading());
        host.reader.abort();
        let ended = async {
            while host.is_reading() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it is not read");
    }
}
