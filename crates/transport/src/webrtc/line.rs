//! A call's connections: the current one, and how it is replaced. A client that lost its connection makes a new one and
//! continues the same call.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::peer::Peer;
use super::sdp::{self, Offer};
use super::tracks::Catalogue;
use super::{OfferError, RemoteCandidate, WebRtcHost};

/// Connections that the call has not taken yet; further offers wait.
const WAITING: usize = 2;

/// A connection of a call, with its signals.
pub(super) struct Link {
    pub(super) peer: Arc<Peer>,
    pub(super) connection: Connection,
}

/// The connections of a call.
pub(super) struct Line {
    host: Arc<WebRtcHost>,
    tasks: TaskTracker,
    tracks: Arc<Catalogue>,
    newest: Mutex<Arc<Peer>>,
    next: mpsc::Sender<Link>,
    /// One negotiation at a time.
    pub(super) negotiations: tokio::sync::Mutex<()>,
}

impl Line {
    /// Makes it with the first connection; also returns the receiver of later ones.
    pub(super) fn new(
        host: Arc<WebRtcHost>,
        peer: Arc<Peer>,
        tasks: TaskTracker,
        tracks: Arc<Catalogue>,
    ) -> (Arc<Self>, mpsc::Receiver<Link>) {
        let (next, links) = mpsc::channel(WAITING);
        let newest = Mutex::new(peer);
        let negotiations = tokio::sync::Mutex::default();
        (Arc::new(Self { host, tasks, tracks, newest, next, negotiations }), links)
    }

    fn newest(&self) -> Arc<Peer> {
        self.newest.lock().clone()
    }

    async fn renegotiate(&self, offer: &Offer) -> Result<String, OfferError> {
        let _one = self.negotiations.lock().await;
        let peer = self.newest();
        if peer.fingerprint != offer.transport.fingerprint {
            return self.replace(offer).await;
        }
        if offer.opus != peer.opus {
            let detail = "the payload type of opus cannot change in a connection".to_owned();
            return Err(OfferError::Unsupported { detail });
        }
        peer.negotiate(offer).await
    }

    async fn replace(&self, offer: &Offer) -> Result<String, OfferError> {
        let link = self.host.open(offer, &self.tasks, &self.tracks).await?;
        let peer = link.peer.clone();
        let answer = peer.negotiate(offer).await?;
        self.next.send(link).await.map_err(|_| OfferError::Closed)?;
        *self.newest.lock() = peer;
        metrics::counter!("visavis_webrtc_calls_repaired_total").increment(1);
        Ok(answer)
    }
}

/// A running call, as the HTTP side sees it. Holding one does not keep the call alive.
#[derive(Clone)]
pub struct PeerHandle(pub(super) Weak<Line>);

impl std::fmt::Debug for PeerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerHandle").field("open", &self.is_open()).finish()
    }
}

impl PeerHandle {
    /// Whether the call is still running.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Adds candidates that the client has found since its offer. Unusable ones are ignored, and so are more than a client can
    /// have.
    ///
    /// # Errors
    /// When the call is over, or a candidate is malformed.
    pub async fn add_candidates(&self, candidates: Vec<RemoteCandidate>) -> Result<(), OfferError> {
        let peer = self.0.upgrade().ok_or(OfferError::Closed)?.newest();
        for candidate in candidates {
            peer.add_candidate(candidate).await?;
        }
        Ok(())
    }

    /// Answers a further offer of the same call: for the same connection, such as a hold or an ICE restart, or for a new one
    /// that replaces it.
    ///
    /// # Errors
    /// When the call is over, or the offer is refused; the call then continues as before.
    pub async fn renegotiate(&self, offer_sdp: &str) -> Result<String, OfferError> {
        let line = self.0.upgrade().ok_or(OfferError::Closed)?;
        let offer = sdp::check_offer(offer_sdp)?;
        Box::pin(line.renegotiate(&offer)).await
    }
}
