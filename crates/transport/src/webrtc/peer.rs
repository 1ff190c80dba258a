//! One connection of a call, and what it has of the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};

use super::endpoint::Endpoint;
use super::sdp::{AUDIO, Candidates, Offer, Ours};
use super::tracks::ConnectionTracks;
use super::{OfferError, RemoteCandidate, WebRtcHost};

/// What one connection has of the host; all of it is given back on drop.
pub(super) struct Peer {
    pub(super) host: Arc<WebRtcHost>,
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) gone: CancellationToken,
    pub(super) opus: u8,
    /// The client's certificate. An offer with another one is another connection.
    pub(super) fingerprint: String,
    /// Whether the client takes our sound, or has us on hold.
    pub(super) hears: AtomicBool,
    /// The connection has a data section.
    pub(super) has_data: AtomicBool,
    /// Negotiations so far.
    pub(super) negotiations: AtomicUsize,
    pub(super) candidates: Mutex<Candidates>,
    /// What it has of the call's further tracks.
    pub(super) connection_tracks: ConnectionTracks,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.host.mux.remove(&self.endpoint);
        self.gone.cancel();
    }
}

impl Peer {
    /// Answers an offer: the first, or a later one of the same connection. One at a time.
    pub(super) async fn negotiate(&self, offer: &Offer) -> Result<String, OfferError> {
        let mut named = Candidates::default();
        let by_loopback = self.host.local_addr().ip().is_loopback();
        let usable = offer.candidates.iter().filter(|candidate| named.take(candidate, by_loopback));
        let usable: Vec<String> = usable.cloned().collect();
        *self.candidates.lock() = named;
        let has_data = self.has_data.fetch_or(offer.has_data(), Ordering::Relaxed);
        let offer = &self.connection_tracks.slot(offer, self.pc.as_ref()).await?;
        let plain = offer.plain(&usable, has_data);
        let work = async {
            let refused =
                |error| OfferError::Malformed { detail: format!("the offer cannot be used: {error}") };
            let offer = RTCSessionDescription::offer(plain).map_err(refused)?;
            self.pc.set_remote_description(offer).await.map_err(refused)?;
            let answer = self.pc.create_answer(None).await.map_err(refused)?;
            let text = answer.sdp.clone();
            self.pc.set_local_description(answer).await.map_err(refused)?;
            Ok(text)
        };
        let ours = Ours::read(&contain(work).await?)?;
        self.host.mux.admit(&self.endpoint, &ours.ufrag, &ours.password);
        self.hears.store(offer.direction.receives(), Ordering::Relaxed);
        self.connection_tracks.answered(offer);
        self.negotiations.fetch_add(1, Ordering::Relaxed);
        Ok(ours.answer(offer, &self.host.addresses()))
    }

    /// Looks at what a client has found since its offer; what cannot be used is ignored.
    pub(super) async fn add_candidate(&self, candidate: RemoteCandidate) -> Result<(), OfferError> {
        let text = candidate.candidate.trim();
        // An empty one says that no more come.
        if text.is_empty() || !self.candidates.lock().take(text, self.host.local_addr().ip().is_loopback()) {
            return Ok(());
        }
        // All sections share one transport, whichever of them the client means.
        let init = RTCIceCandidateInit {
            candidate: text.to_owned(),
            sdp_mid: Some(AUDIO.to_owned()),
            sdp_mline_index: Some(0),
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
