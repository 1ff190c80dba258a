//! One connection's share of a call's tracks, in the `webrtc` crate's terms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::watch;
use webrtc::error::Error;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{MediaEngine, PeerConnection, Registry};

use super::keyframes::{self, Keyframes};
use super::packets::crate_codec;
use super::slots::{Catalogue, Slots};
use crate::ports::{Codec, Track};
use crate::webrtc::OfferError;
use crate::webrtc::sdp::{Offer, TrackId};

/// First payload type for codecs that a connection's first offer lacks; a later offer brings its own.
const NOT_YET_OFFERED: u8 = 96;

/// One connection's share of the call's tracks.
pub(in crate::webrtc) struct ConnectionTracks {
    catalogue: Arc<Catalogue>,
    slots: Mutex<Slots>,
    outlets: Vec<Outlet>,
}

/// The client accepts the track, with this payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taking {
    pub(super) payload_type: u8,
}

/// The sending end of a track to the client.
pub(super) struct Outlet {
    pub(super) local: Arc<TrackLocalStaticRTP>,
    pub(super) ssrc: u32,
    /// How the client accepts it; `None` if it does not.
    pub(super) taking: watch::Sender<Option<Taking>>,
    /// It has been added to the connection.
    is_added: AtomicBool,
}

impl Outlet {
    fn new(track: &Track, stream: &str) -> Self {
        let (ssrc, name) = (rand::random(), track.name.to_owned());
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: crate_codec(&track.codec),
            ..Default::default()
        };
        let kind = kind_of(&track.codec);
        let local = MediaStreamTrack::new(stream.to_owned(), name.clone(), name, kind, vec![encoding]);
        let local = Arc::new(TrackLocalStaticRTP::new(local));
        Self { local, ssrc, taking: watch::Sender::new(None), is_added: AtomicBool::new(false) }
    }
}

impl ConnectionTracks {
    /// Makes them for a connection without any tracks. `stream`: the stream id that its sound has at the client.
    pub(in crate::webrtc) fn new(catalogue: Arc<Catalogue>, stream: &str) -> Self {
        let outlets = catalogue.outgoing.iter().map(|track| Outlet::new(track, stream)).collect();
        Self { slots: Mutex::new(Slots::new(catalogue.clone())), catalogue, outlets }
    }

    pub(super) fn outlets(&self) -> &[Outlet] {
        &self.outlets
    }

    /// Number of tracks that may come from the client.
    pub(in crate::webrtc) fn incoming(&self) -> usize {
        self.catalogue.incoming.len()
    }

    /// Registers the codecs with the crate, before the connection is made.
    pub(in crate::webrtc) fn register(&self, offer: &Offer, media: &mut MediaEngine) -> Result<(), Error> {
        for (track, spare) in self.catalogue.all().zip(NOT_YET_OFFERED..) {
            let offered = offer.further.iter().find_map(|further| further.payload_type(&track.codec));
            let (rtp_codec, payload_type) = (crate_codec(&track.codec), offered.unwrap_or(spare));
            media.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind_of(&track.codec))?;
        }
        Ok(())
    }

    /// Lets clients' keyframe requests through; without tracks nothing changes.
    pub(in crate::webrtc) fn listen(&self, registry: Registry) -> Registry {
        if self.outlets.is_empty() {
            return registry;
        }
        let streams = self.outlets.iter().map(|outlet| outlet.ssrc).collect();
        registry.with(keyframes::SLOT.into(), Keyframes::new(streams))
    }

    /// Assigns tracks to the offer's sections, and adds new ones to the connection.
    pub(in crate::webrtc) async fn slot(
        &self,
        offer: &Offer,
        pc: &dyn PeerConnection,
    ) -> Result<Offer, OfferError> {
        let assigned = self.slots.lock().slot(offer);
        for slot in &assigned.carried.slots {
            let TrackId::Outgoing(at) = slot.track else { continue };
            let Some(outlet) = self.outlets.get(at) else { continue };
            if !outlet.is_added.swap(true, Ordering::Relaxed) {
                let added = pc.add_transceiver_from_track(
                    outlet.local.clone() as Arc<dyn TrackLocal>,
                    Some(send_only()),
                );
                added.await.map_err(|error| OfferError::Internal { detail: error.to_string() })?;
            }
        }
        Ok(assigned)
    }

    /// To be called once the offer is answered: its tracks flow from now on, and no others.
    pub(in crate::webrtc) fn answered(&self, assigned: &Offer) {
        for (at, outlet) in self.outlets.iter().enumerate() {
            let of_track = |slot: usize| {
                assigned.carried.slots.get(slot).filter(|slot| slot.track == TrackId::Outgoing(at))
            };
            let mut taken = assigned.taken().filter(|taken| taken.direction.receives());
            let slot = taken.find_map(|taken| of_track(taken.slot));
            outlet.taking.send_replace(slot.map(|slot| Taking { payload_type: slot.payload_type }));
        }
    }
}

fn send_only() -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction: RTCRtpTransceiverDirection::Sendonly,
        streams: Vec::new(),
        send_encodings: Vec::new(),
    }
}

fn kind_of(codec: &Codec) -> RtpCodecKind {
    RtpCodecKind::from(codec.mime_type.split('/').next().unwrap_or_default())
}
