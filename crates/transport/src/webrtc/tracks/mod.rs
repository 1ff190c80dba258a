//! A call's further tracks: an actor for each, independent of the sound's.
//!
//! - `slots`: assigns tracks to the sections of an offer (pure); `connection_tracks`: one connection's share of the tracks
//! - `outgoing` sends frames, which `packets` splits into packets (pure); `keyframes`: lets a client request keyframes
//! - `incoming` receives packets, which `assembly` joins into frames (pure)

mod assembly;
mod connection_tracks;
mod incoming;
mod keyframes;
mod outgoing;
mod packets;
mod slots;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::RTCPeerConnectionState;

pub(super) use self::connection_tracks::ConnectionTracks;
pub(super) use self::slots::Catalogue;

use self::incoming::Incoming;
use self::outgoing::Outgoing;
use crate::ports;

/// The further tracks of a call.
pub(super) struct Tracks {
    outgoing: Vec<Outgoing>,
    incoming: Vec<Incoming>,
}

/// Drops the tracks with a codec that cannot be split into packets, or assembled from them.
pub(super) fn keep_known(tracks: &mut ports::Tracks) {
    let keep = |track: &ports::Track, is_known: bool| {
        if !is_known {
            tracing::error!(
                track = track.name,
                codec = track.codec.mime_type,
                "the codec of a track is not known"
            );
        }
        is_known
    };
    tracks.outgoing.retain(|one| keep(&one.track, packets::knows(&one.track.codec)));
    tracks.incoming.retain(|one| keep(&one.track, assembly::knows(&one.track.codec)));
}

impl Tracks {
    pub(super) fn new(tracks: ports::Tracks) -> Self {
        Self {
            outgoing: tracks.outgoing.into_iter().map(Outgoing::new).collect(),
            incoming: tracks.incoming.into_iter().map(Incoming::new).collect(),
        }
    }

    /// Carries all tracks while a connection lasts. `arrivals`: receivers of the client's tracks, one per incoming track.
    pub(super) async fn run(
        &mut self,
        state: watch::Receiver<RTCPeerConnectionState>,
        connection_tracks: &ConnectionTracks,
        arrivals: &mut [mpsc::Receiver<Arc<dyn TrackRemote>>],
    ) {
        let outgoing = self.outgoing.iter_mut().zip(connection_tracks.outlets());
        let outgoing = outgoing.map(|(track, outlet)| track.run(state.clone(), outlet).boxed());
        let incoming = self.incoming.iter_mut().zip(arrivals);
        let incoming = incoming.map(|(track, arrivals)| track.run(arrivals).boxed());
        join_all(outgoing.chain(incoming)).await;
        // The call continues without them.
        std::future::pending().await
    }
}
