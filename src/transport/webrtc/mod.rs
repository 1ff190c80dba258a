//! Calls over WebRTC: one UDP port for all of them, an actor for each.
//!
//! - [`WebRtcHost`] answers offers; [`PeerHandle`] takes what comes later over HTTP
//! - `mux`: the port, `endpoint`: a call's place behind it, `stun`: whose check it is, `runtime`: the crate's view of it
//! - `sdp`: what offers must have and answers say
//! - `connection`: the `webrtc` crate's peer connection, `peer`: what a call holds, `actor`: what runs while it lasts
//! - `mic`, `speaker`, `messages`: the three streams of a call

mod actor;
mod connection;
mod endpoint;
mod faces;
mod messages;
mod mic;
mod mux;
mod peer;
mod runtime;
mod sdp;
mod speaker;
mod stun;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::peer::PeerHandle;

use self::endpoint::Endpoint;
use self::mux::Mux;
use self::peer::Peer;
use super::MessageCodec;
use crate::ends::TransportEnds;

/// Addresses in an answer; a host with more keeps the first.
const MAX_ADDRESSES: usize = 12;

/// Where calls are reached, and how many there may be.
#[derive(Debug, Clone)]
pub struct WebRtcConfig {
    /// The UDP address of all calls. An unspecified IP stands for all of the host's; `[::]` for both families.
    pub udp: SocketAddr,
    /// Where the port is reached from outside, behind 1:1 NAT; named in answers before the host's own addresses.
    pub public_addresses: Vec<IpAddr>,
    /// Calls at a time.
    pub max_calls: usize,
}

/// A candidate that a client found after its offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCandidate {
    /// As in the client's `RTCIceCandidate.candidate`; empty when no more come.
    pub candidate: String,
    /// The section that it belongs to.
    pub sdp_mid: Option<String>,
    /// The same, as an index.
    pub sdp_mline_index: Option<u16>,
}

/// Why an offer is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// It is not a session description that can be used.
    #[error("the session description is malformed: {detail}")]
    Malformed {
        /// What is wrong, and what would be right.
        detail: String,
    },
    /// It has no audio section.
    #[error("the offer has no audio section: a call needs one, with opus")]
    NoAudio,
    /// It asks for what this server does not do.
    #[error("the offer cannot be answered: {detail}")]
    Unsupported {
        /// What it is.
        detail: String,
    },
    /// All places are taken.
    #[error("all calls are taken; try again later")]
    TooManyCalls,
    /// The call is over.
    #[error("the call is over")]
    Closed,
    /// A fault of ours.
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
    public: Vec<IpAddr>,
    slots: Arc<Semaphore>,
    reader: tokio::task::AbortHandle,
}

impl Drop for WebRtcHost {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl WebRtcHost {
    /// Opens the port.
    ///
    /// # Errors
    /// When it is taken or not ours to open.
    #[allow(clippy::unused_async)] // the socket needs a runtime around it, and callers need not know which part
    pub async fn bind(config: WebRtcConfig) -> anyhow::Result<Arc<Self>> {
        let mux = Mux::bind(config.udp)?;
        let reader = tokio::spawn(mux.clone().run()).abort_handle();
        let slots = Arc::new(Semaphore::new(config.max_calls.min(Semaphore::MAX_PERMITS)));
        Ok(Arc::new(Self { mux, public: config.public_addresses, slots, reader }))
    }

    /// The port's address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.mux.local_addr()
    }

    /// How many addresses and names lead to calls at present; none when there is no call.
    #[must_use]
    pub fn routes(&self) -> usize {
        self.mux.routes()
    }

    /// Answers an offer. The call then runs in `tasks` until the client goes, `token` is cancelled, or the pipeline drops
    /// its end and its last events have reached the client.
    ///
    /// # Errors
    /// When the offer cannot be used, or all places are taken.
    pub async fn answer(
        self: &Arc<Self>,
        offer_sdp: &str,
        ends: TransportEnds,
        codec: Arc<dyn MessageCodec>,
        token: CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<(String, PeerHandle), OfferError> {
        let offer = sdp::check_offer(offer_sdp)?;
        let permit = self.slots.clone().try_acquire_owned().map_err(|_| OfferError::TooManyCalls)?;
        let internal = |detail: String| OfferError::Internal { detail };
        let endpoint = Arc::new(Endpoint::default());
        let gone = CancellationToken::new();
        let abandoned = gone.clone().drop_guard();
        let runtime = runtime::CallRuntime {
            mux: self.mux.clone(),
            endpoint: endpoint.clone(),
            tasks: tasks.clone(),
            gone: gone.clone(),
        };
        let connection = Box::pin(connection::connect(runtime, offer.opus, self.local_addr().is_ipv6()))
            .await
            .map_err(|error| internal(error.to_string()))?;
        abandoned.disarm();
        let peer = Arc::new(Peer {
            host: self.clone(),
            pc: connection.pc.clone(),
            endpoint,
            gone,
            opus: offer.opus,
            negotiations: tokio::sync::Mutex::default(),
            restarts: 0.into(),
            candidates: 0.into(),
            _permit: permit,
        });
        let expects_messages = offer.has_data;
        let answer = Box::pin(peer.negotiate(offer)).await?;
        let handle = PeerHandle(Arc::downgrade(&peer));
        actor::spawn(peer, connection, ends, codec, expects_messages, token, tasks)
            .map_err(|error| internal(error.to_string()))?;
        Ok((answer, handle))
    }

    /// Where clients are told to reach us, best first.
    fn addresses(&self) -> Vec<SocketAddr> {
        let local = self.local_addr();
        let mut ips = self.public.clone();
        if local.ip().is_unspecified() {
            ips.extend(host_addresses(local.is_ipv6()));
            // A browser on this machine, or behind a tunnel to it, comes by loopback.
            ips.push(Ipv4Addr::LOCALHOST.into());
        } else {
            ips.push(local.ip());
        }
        let mut addresses: Vec<SocketAddr> = Vec::with_capacity(ips.len());
        for ip in ips {
            let address = SocketAddr::new(ip, local.port());
            if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
                addresses.push(address);
            }
        }
        addresses
    }
}

/// The host's own addresses that a client elsewhere could use.
fn host_addresses(v6: bool) -> Vec<IpAddr> {
    let interfaces = rtc::shared::ifaces::ifaces().unwrap_or_default();
    let ips = interfaces.into_iter().filter_map(|interface| interface.addr).map(|address| address.ip());
    ips.filter(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => v6 && !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    })
    .collect()
}
