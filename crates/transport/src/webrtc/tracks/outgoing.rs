//! A track to the client: sends its source's frames over the connection, and passes keyframe requests back.

use tokio::sync::watch;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::peer_connection::RTCPeerConnectionState;

use super::connection_tracks::{Outlet, Taking};
use super::packets::Packets;
use crate::ports::{Continuity, EncodedFrame, FrameReceiver, OutgoingTrack, Track};

/// A track to the client.
pub(super) struct Outgoing {
    track: Track,
    frames: FrameReceiver,
}

/// An event of a track.
enum Happened {
    /// The client starts or stops accepting it.
    Changed,
    Frame(EncodedFrame),
    KeyframeWanted,
    /// There are no more frames.
    Ended,
    /// The connection is over.
    Closed,
}

impl Outgoing {
    pub(super) fn new(OutgoingTrack { track, frames }: OutgoingTrack) -> Self {
        Self { track, frames }
    }

    /// Sends frames while the client is connected and accepts them; drops all others.
    pub(super) async fn run(&mut self, mut state: watch::Receiver<RTCPeerConnectionState>, outlet: &Outlet) {
        let Ok(mut packets) = Packets::new(&self.track.codec, outlet.ssrc) else { return };
        let mut continuity = Continuity::default();
        let mut taking = outlet.taking.subscribe();
        let mut taken = None;
        let mut has_ended = false;
        loop {
            let is_up = *state.borrow_and_update() == RTCPeerConnectionState::Connected;
            let now = taking.borrow_and_update().filter(|_| is_up);
            if std::mem::replace(&mut taken, now) != now && now.is_some() {
                continuity.interrupt();
                self.frames.request_keyframe();
            }
            let happened = tokio::select! {
                // A frame that came after the client stopped accepting it is not sent any more.
                biased;
                changed = state.changed() => changed.map_or(Happened::Closed, |()| Happened::Changed),
                Ok(()) = taking.changed() => Happened::Changed,
                request = request(outlet) => request,
                frame = self.frames.recv(), if !has_ended => frame.map_or(Happened::Ended, Happened::Frame),
            };
            match happened {
                Happened::Changed => {}
                Happened::Frame(frame) => match taken {
                    Some(taking) if continuity.admits(frame.is_key) => {
                        send(&mut packets, &frame, taking, outlet, self.track.name).await;
                    }
                    Some(_) | None => {}
                },
                Happened::KeyframeWanted => self.frames.request_keyframe(),
                Happened::Ended => has_ended = true,
                Happened::Closed => return,
            }
        }
    }
}

async fn send(
    packets: &mut Packets,
    frame: &EncodedFrame,
    taking: Taking,
    outlet: &Outlet,
    name: &'static str,
) {
    let packets = match packets.of(frame, taking.payload_type) {
        Ok(packets) => packets,
        Err(error) => return tracing::warn!(%error, track = name, "no packets can be made of a frame"),
    };
    for packet in packets {
        // Fails only when the connection is over, which is reported elsewhere.
        _ = outlet.local.write_rtp(packet).await;
    }
    metrics::counter!("visavis_track_frames_total", "direction" => "out", "track" => name).increment(1);
}

/// The client's next feedback about the stream.
async fn request(outlet: &Outlet) -> Happened {
    match outlet.local.poll().await {
        // Only keyframe requests are let through.
        Some(TrackLocalEvent::OnRtcpPacket(_)) => Happened::KeyframeWanted,
        Some(_) => Happened::Changed,
        None => Happened::Closed,
    }
}
