//! What one call has of the host, and the handle that the HTTP side holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};

use super::endpoint::Endpoint;
use super::sdp::{self, Offer};
use super::{OfferError, RemoteCandidate, WebRtcHost};

/// Candidates that a client may send in all.
const MAX_CANDIDATES: usize = 64;

/// What one call has of the host; all of it is given back on drop.
pub(super) struct Peer {
    pub(super) host: Arc<WebRtcHost>,
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) gone: CancellationToken,
    pub(super) opus: u8,
    /// One negotiation at a time.
    pub(super) negotiations: tokio::sync::Mutex<()>,
    pub(super) restarts: AtomicUsize,
    pub(super) candidates: AtomicUsize,
    pub(super) _permit: OwnedSemaphorePermit,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.host.mux.remove(&self.endpoint);
        self.gone.cancel();
    }
}

impl Peer {
    /// Answers an offer: the first, or a later one of the same call.
    pub(super) async fn negotiate(&self, offer: Offer) -> Result<String, OfferError> {
        let _one = self.negotiations.lock().await;
        let work = async {
            let refused =
                |error| OfferError::Malformed { detail: format!("the offer cannot be used: {error}") };
            let offer = RTCSessionDescription::offer(offer.sdp).map_err(refused)?;
            self.pc.set_remote_description(offer).await.map_err(refused)?;
            let answer = self.pc.create_answer(None).await.map_err(refused)?;
            let text = answer.sdp.clone();
            self.pc.set_local_description(answer).await.map_err(refused)?;
            Ok(text)
        };
        let answer = contain(work).await?;
        let (ufrag, password) = sdp::credentials(&answer)
            .ok_or_else(|| OfferError::Internal { detail: "the answer has no ICE credentials".to_owned() })?;
        self.host.mux.admit(&self.endpoint, &ufrag, &password);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        Ok(sdp::finish_answer(&answer, &self.host.addresses(), self.opus))
    }

    async fn add_candidate(&self, candidate: RemoteCandidate) -> Result<(), OfferError> {
        let text = candidate.candidate.trim();
        // An empty one says that no more come.
        if text.is_empty() || !sdp::is_usable_candidate(text) {
            return Ok(());
        }
        if self.candidates.fetch_add(1, Ordering::Relaxed) >= MAX_CANDIDATES {
            return Ok(());
        }
        let init = RTCIceCandidateInit {
            candidate: text.to_owned(),
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_mline_index,
            ..Default::default()
        };
        let added = async {
            let refused =
                |error| OfferError::Malformed { detail: format!("the candidate cannot be used: {error}") };
            self.pc.add_ice_candidate(init).await.map_err(refused)
        };
        contain(added).await
    }
}

/// Runs the crate on what a client sent; a panic there is an error here.
async fn contain<T>(work: impl Future<Output = Result<T, OfferError>>) -> Result<T, OfferError> {
    let caught = std::panic::AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| Err(OfferError::Malformed { detail: "the offer cannot be read".to_owned() }))
}

/// A running call, as the HTTP side sees it. Holding one does not keep the call alive.
#[derive(Clone)]
pub struct PeerHandle(pub(super) Weak<Peer>);

impl std::fmt::Debug for PeerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerHandle").field("open", &(self.0.strong_count() > 0)).finish()
    }
}

impl PeerHandle {
    /// Takes candidates that the client has found since its offer. Those that cannot be used are ignored.
    ///
    /// # Errors
    /// When the call is over, or a candidate is not one.
    pub async fn add_candidates(&self, candidates: Vec<RemoteCandidate>) -> Result<(), OfferError> {
        let peer = self.0.upgrade().ok_or(OfferError::Closed)?;
        for candidate in candidates {
            peer.add_candidate(candidate).await?;
        }
        Ok(())
    }

    /// Answers a further offer of the same call, such as an ICE restart.
    ///
    /// # Errors
    /// When the call is over, or the offer is refused; the call then goes on as before.
    pub async fn renegotiate(&self, offer_sdp: &str) -> Result<String, OfferError> {
        let peer = self.0.upgrade().ok_or(OfferError::Closed)?;
        let offer = sdp::check_offer(offer_sdp)?;
        if offer.opus != peer.opus {
            return Err(OfferError::Unsupported {
                detail: "the payload type of opus cannot change in a call".to_owned(),
            });
        }
        peer.negotiate(offer).await
    }
}
