//! The `webrtc` crate's peer connection, set up for a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use webrtc::data_channel::DataChannel;
use webrtc::error::Error;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
    Registry, SettingEngine, SettingEngineBuilder, configure_rtcp_reports,
};
use webrtc::rtp_transceiver::RtpSender;

use super::runtime::CallRuntime;
use super::sdp::Offer;
use super::tracks::ConnectionTracks;

/// Tracks and channels that a client may open before the call has taken them.
const PENDING: usize = 8;
/// Bytes of messages that the client has not acknowledged; beyond them sending waits, and events queue up.
const SEND_BUFFER: usize = 256 << 10;
/// Bytes that a client may send before we read them.
const RECEIVE_BUFFER: u32 = 256 << 10;
/// Time without a response to our checks until ICE reports disconnected, and then failed, which is later than the call gives
/// up.
const DISCONNECTED: Duration = Duration::from_secs(4);
const FAILED: Duration = Duration::from_secs(60);
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// The label of the data channel for the face.
const FACE: &str = "avatar";
/// The stream id passed to the client's `ontrack`.
pub(super) const STREAM: &str = "visavis";

/// What the connection reports.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) state: watch::Receiver<RTCPeerConnectionState>,
    pub(super) tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    /// Further tracks, by index.
    pub(super) further: Vec<mpsc::Receiver<Arc<dyn TrackRemote>>>,
    pub(super) channels: mpsc::Receiver<Arc<dyn DataChannel>>,
    /// The data channels for the face.
    pub(super) faces: mpsc::Receiver<Arc<dyn DataChannel>>,
    /// The client has opened a data channel, of any kind.
    pub(super) announced: Arc<AtomicBool>,
}

/// A connection that waits for its offer.
pub(super) struct Connection {
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) sender: Arc<dyn RtpSender>,
    pub(super) ssrc: u32,
    pub(super) signals: Signals,
}

struct Reports {
    state: watch::Sender<RTCPeerConnectionState>,
    tracks: mpsc::Sender<Arc<dyn TrackRemote>>,
    further: Vec<mpsc::Sender<Arc<dyn TrackRemote>>>,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
    faces: mpsc::Sender<Arc<dyn DataChannel>>,
    announced: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Reports {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.announced.store(true, Ordering::Relaxed);
        // Called on the connection's own task, which must not wait: a client that opens more at once loses them.
        let face = channel.label().await.is_ok_and(|label| label == FACE);
        let _ = if face { &self.faces } else { &self.channels }.try_send(channel);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // The plain offer names further tracks by their index.
        let place = track.track_id().await.parse().ok().and_then(|place: usize| self.further.get(place));
        let _ = place.unwrap_or(&self.tracks).try_send(track);
    }
}

/// Makes a connection for a client with this offer.
pub(super) async fn connect(
    runtime: CallRuntime,
    offer: &Offer,
    both_families: bool,
    connection_tracks: &ConnectionTracks,
) -> Result<Connection, Error> {
    let mut media = MediaEngine::default();
    media.register_codec(
        RTCRtpCodecParameters { rtp_codec: codec(), payload_type: offer.opus },
        RtpCodecKind::Audio,
    )?;
    connection_tracks.register(offer, &mut media)?;
    let (state_tx, state) = watch::channel(RTCPeerConnectionState::New);
    let (tracks_tx, tracks) = mpsc::channel(PENDING);
    let (further_tx, further) = (0..connection_tracks.incoming()).map(|_| mpsc::channel(PENDING)).unzip();
    let (channels_tx, channels) = mpsc::channel(PENDING);
    let (faces_tx, faces) = mpsc::channel(PENDING);
    let announced = Arc::new(AtomicBool::default());
    let mut addresses = vec!["127.0.0.1:0"];
    if both_families {
        addresses.push("[::1]:0");
    }
    let building = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_setting_engine(settings(offer.transport.passive))
        .with_interceptor_registry(connection_tracks.listen(configure_rtcp_reports(Registry::new())))
        .with_handler(Arc::new(Reports {
            state: state_tx,
            tracks: tracks_tx,
            further: further_tx,
            channels: channels_tx,
            faces: faces_tx,
            announced: announced.clone(),
        }))
        .with_runtime(Arc::new(runtime))
        .with_data_channel_send_buffer_limit(SEND_BUFFER)
        .with_udp_addrs(addresses)
        .build();
    let pc = Box::pin(building).await?;
    let ssrc = rand::random();
    let track = Arc::new(voice(ssrc));
    let pc: Arc<dyn PeerConnection> = Arc::new(pc);
    let sender = pc.add_track(track.clone() as Arc<dyn TrackLocal>).await?;
    let signals = Signals { state, tracks, further, channels, faces, announced };
    Ok(Connection { pc, track, sender, ssrc, signals })
}

/// The track of the agent's voice.
fn voice(ssrc: u32) -> TrackLocalStaticRTP {
    TrackLocalStaticRTP::new(rtc::media_stream::MediaStreamTrack::new(
        STREAM.to_owned(),
        "voice".to_owned(),
        "voice".to_owned(),
        RtpCodecKind::Audio,
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: codec(),
            ..Default::default()
        }],
    ))
}

fn codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: Vec::new(),
    }
}

/// We act as the DTLS server, which connects sooner, unless the client is passive and waits for us to begin.
fn settings(client_is_passive: bool) -> SettingEngine {
    let role = if client_is_passive { RTCDtlsRole::Client } else { RTCDtlsRole::Server };
    SettingEngineBuilder::new()
        .with_answering_dtls_role(role)
        .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
        .with_ice_timeouts(Some(DISCONNECTED), Some(FAILED), Some(KEEP_ALIVE))
        .with_sctp_max_receive_buffer_size(RECEIVE_BUFFER)
        .build()
}
