//! One connection of a call, and the resources that it holds.

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

/// The resources of one connection, all released on drop.
pub(super) struct Peer {
    pub(super) host: Arc<WebRtcHost>,
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) gone: CancellationToken,
    pub(super) opus: u8,
    /// The client's certificate fingerprint. An offer with a different one is for a different connection.
    pub(super) fingerprint: String,
    /// Whether the client receives our sound; false while it has us on hold.
    pub(super) hears: AtomicBool,
    /// The connection has a data section.
    pub(super) has_data: AtomicBool,
    /// Number of negotiations so far.
    pub(super) negotiations: AtomicUsize,
    pub(super) candidates: Mutex<Candidates>,
    /// Its share of the call's further tracks.
    pub(super) connection_tracks: ConnectionTracks,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.host.mux.remove(&self.endpoint);
        self.gone.cancel();
    }
}

impl Peer {
    /// Answers the first offer, or a later one for the same connection. One at a time.
    pub(super) async fn negotiate(&self, offer: &Offer) -> Result<String, OfferError> {
        let mut named = Candidates::default();
        let wanted = self.host.usable();
        let usable = offer.candidates.iter().filter(|candidate| named.take(candidate, wanted));
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
        Ok(ours.answer(offer, &self.host.told.candidates()))
    }

    /// Adds a candidate that a client has found since its offer; an unusable one is ignored.
    pub(super) async fn add_candidate(&self, candidate: RemoteCandidate) -> Result<(), OfferError> {
        let text = candidate.candidate.trim();
        // An empty one means that no more follow.
        if text.is_empty() || !self.candidates.lock().take(text, self.host.usable()) {
            return Ok(());
        }
        // All sections share one transport, whichever of them the client names.
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

/// Runs the crate on a client's input; a panic becomes an error.
async fn contain<T>(work: impl Future<Output = Result<T, OfferError>>) -> Result<T, OfferError> {
    let caught = std::panic::AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| Err(OfferError::Malformed { detail: "the offer cannot be read".to_owned() }))
}
