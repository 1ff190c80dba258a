//! WebRTC: the client offers one audio track and one ordered data channel, with the single host candidate that reaches the
//! server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::BytesMut;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceConnectionState,
    RTCIceGatheringState, RTCPeerConnectionState,
};

use super::clip;
use super::comeback::Pass;
use super::detour::{led_to, without_candidates};
use super::error::ClientError;
use super::link::{Event, Inbox, Packet, Uplink, Wiring};
use super::message::parse;
use super::microphone::MicFrame;
use super::server::Server;
use super::setup::{SetupClock, SetupStage};
use super::wire::{self, Header};
use visavis_core::frame::{MIC_RATE, ResponseId};

/// Chromium's payload type for Opus; the server uses the offered one.
const PAYLOAD_TYPE: u8 = 111;
const GATHER_WITHIN: Duration = Duration::from_secs(5);
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// Interval of connectivity checks, as in browsers. The crate's default would add 0.4 s to a call's set-up.
const CHECK_EVERY: Duration = Duration::from_millis(50);
const CHECKS: u16 = 28;
/// The longest Opus packet: 120 ms at 16 kHz.
const LONGEST: usize = 1_920;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    New,
    Gathered,
    Connected,
    Failed,
}

struct Handler {
    setup: SetupClock,
    stage: watch::Sender<Stage>,
    tracks: mpsc::Sender<Arc<dyn TrackRemote>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.stage.send_if_modified(|stage| raise(stage, Stage::Gathered));
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if matches!(state, RTCIceConnectionState::Connected | RTCIceConnectionState::Completed) {
            self.setup.reach(SetupStage::IceConnected);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => {
                self.setup.reach(SetupStage::DtlsConnected);
                self.stage.send_if_modified(|stage| raise(stage, Stage::Connected));
            }
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => {
                self.stage.send_if_modified(|stage| raise(stage, Stage::Failed));
            }
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // Only one track is expected, and the connection's driver must not wait.
        let _ = self.tracks.try_send(track);
    }
}

fn raise(stage: &mut Stage, to: Stage) -> bool {
    let higher = *stage < to;
    if higher {
        *stage = to;
    }
    higher
}

/// A connection with its offer.
pub struct Offering {
    pc: Arc<dyn PeerConnection>,
    channel: Arc<dyn DataChannel>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    stage: watch::Receiver<Stage>,
    tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    /// The offer, with its candidate.
    pub sdp: String,
}

impl Offering {
    /// Builds the connection and gathers its candidate.
    pub async fn new(server: &Server) -> Result<Self, ClientError> {
        Self::timed(server, SetupClock::begin()).await
    }

    async fn timed(server: &Server, setup: SetupClock) -> Result<Self, ClientError> {
        const STAGE: &str = "making the offer";
        let address = SocketAddr::new(server.local_ip().await?, 0);
        let (stage_tx, mut stage) = watch::channel(Stage::New);
        let (tracks_tx, tracks) = mpsc::channel(2);
        let handler = Arc::new(Handler { setup: setup.clone(), stage: stage_tx, tracks: tracks_tx });
        let pc: Arc<dyn PeerConnection> =
            Arc::new(build(address, handler).await.map_err(ClientError::rtc(STAGE))?);
        let channel = pc.create_data_channel("rtvi", None).await.map_err(ClientError::rtc(STAGE))?;
        let ssrc = rand::random();
        let track = Arc::new(microphone_track(ssrc));
        pc.add_track(track.clone()).await.map_err(ClientError::rtc(STAGE))?;
        let offer = pc.create_offer(None).await.map_err(ClientError::rtc(STAGE))?;
        pc.set_local_description(offer).await.map_err(ClientError::rtc(STAGE))?;
        let gathered = stage.wait_for(|&stage| stage >= Stage::Gathered);
        if tokio::time::timeout(GATHER_WITHIN, gathered).await.is_err() {
            return Err(ClientError::TimedOut {
                what: "the ICE candidate",
                seconds: GATHER_WITHIN.as_secs(),
            });
        }
        setup.reach(SetupStage::Gathered);
        let local = pc.local_description().await;
        let sdp = local.map(|description| description.sdp).unwrap_or_default();
        Ok(Self { pc, channel, track, ssrc, stage, tracks, sdp })
    }

    /// Closes the connection.
    pub async fn close(self) {
        let _ = self.pc.close().await;
    }
}

async fn build(
    address: SocketAddr,
    handler: Arc<Handler>,
) -> Result<impl PeerConnection, webrtc::error::Error> {
    let mut media = MediaEngine::default();
    let codec = RTCRtpCodecParameters { rtp_codec: opus_codec(), payload_type: PAYLOAD_TYPE };
    media.register_codec(codec, RtpCodecKind::Audio)?;
    // Send reports, acknowledgements and repeat requests as browsers do, so that the server's cost is not underestimated.
    let registry = register_default_interceptors(Registry::new(), &mut media)?;
    // With mDNS, a host without a default route could not make a call at all.
    let settings = SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_connection_attempts(Some(CHECK_EVERY), Some(CHECKS))
        .build();
    let builder = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .with_handler(handler)
        .with_udp_addrs(vec![address]);
    Box::pin(builder.build()).await
}

fn opus_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

fn microphone_track(ssrc: u32) -> TrackLocalStaticRTP {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: opus_codec(),
        ..Default::default()
    };
    TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "microphone".to_owned(),
        "microphone-audio".to_owned(),
        "microphone".to_owned(),
        RtpCodecKind::Audio,
        vec![coding],
    ))
}

pub(crate) struct RtcUplink {
    pc: Arc<dyn PeerConnection>,
    channel: Arc<dyn DataChannel>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    /// For frames that are not encoded in advance.
    encoder: Option<opus::Encoder>,
    /// Whether silence is not sent, and for how many frames nothing was.
    dtx: bool,
    unsent: u16,
}

pub(crate) async fn connect(
    server: &Server,
    language: Option<&str>,
    resume: Option<&Pass>,
    wiring: &Wiring,
) -> Result<RtcUplink, ClientError> {
    let offering = Offering::timed(server, wiring.setup.clone()).await?;
    let pc = offering.pc.clone();
    let connected = accept(server, language, resume, offering, wiring).await;
    if connected.is_err() {
        // The driver runs until it is told to stop.
        let _ = pc.close().await;
    }
    connected
}

async fn accept(
    server: &Server,
    language: Option<&str>,
    resume: Option<&Pass>,
    offering: Offering,
    wiring: &Wiring,
) -> Result<RtcUplink, ClientError> {
    let Offering { pc, channel, track, ssrc, mut stage, mut tracks, sdp } = offering;
    let sdp = if wiring.via.is_some() { without_candidates(&sdp) } else { sdp };
    let answer = server.offer(&sdp, language, resume).await?;
    wiring.setup.reach(SetupStage::Answered);
    let answered = wiring.via.map_or_else(|| answer.sdp.clone(), |via| led_to(&answer.sdp, via));
    let description =
        RTCSessionDescription::answer(answered).map_err(ClientError::rtc("reading the answer"))?;
    pc.set_remote_description(description).await.map_err(ClientError::rtc("taking the answer"))?;
    let reached = async {
        let stage = *stage.wait_for(|&stage| stage >= Stage::Connected).await.ok()?;
        (stage == Stage::Connected).then_some(())?;
        opened(channel.as_ref()).await
    };
    match tokio::time::timeout(OPEN_WITHIN, reached).await {
        Ok(Some(())) => wiring.setup.reach(SetupStage::Open),
        Ok(None) => {
            let reason = "no candidate pair worked; is the server's UDP port open?".to_owned();
            return Err(ClientError::WebRtc { stage: "connecting", reason });
        }
        Err(_) => {
            let what = "the data channel over UDP";
            return Err(ClientError::TimedOut { what, seconds: OPEN_WITHIN.as_secs() });
        }
    }
    let (inbox, stop, messages) = (wiring.inbox.clone(), wiring.stop.clone(), channel.clone());
    wiring.tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = read_messages(messages, stage, inbox) => {}
        }
    });
    let (inbox, stop) = (wiring.inbox.clone(), wiring.stop.clone());
    wiring.tasks.spawn(async move {
        let audio = async {
            while let Some(track) = tracks.recv().await {
                read_audio(track, &inbox).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = audio => {}
        }
    });
    Ok(RtcUplink { pc, channel, track, ssrc, encoder: None, dtx: wiring.dtx, unsent: 0 })
}

async fn opened(channel: &dyn DataChannel) -> Option<()> {
    loop {
        if matches!(channel.poll().await?, DataChannelEvent::OnOpen) {
            return Some(());
        }
    }
}

async fn read_messages(channel: Arc<dyn DataChannel>, mut stage: watch::Receiver<Stage>, inbox: Inbox) {
    let why = loop {
        let polled = tokio::select! {
            polled = channel.poll() => polled,
            _ = stage.wait_for(|&stage| stage == Stage::Failed) => break "the connection was lost".to_owned(),
        };
        let at = Instant::now();
        let event = match polled {
            Some(DataChannelEvent::OnMessage(message)) => match std::str::from_utf8(&message.data) {
                Ok(text) => parse(text).map_or_else(Event::BadMessage, Event::Message),
                Err(error) => Event::BadMessage(format!("not UTF-8: {error}")),
            },
            Some(DataChannelEvent::OnClose | DataChannelEvent::OnClosing) | None => {
                break "the data channel was closed".to_owned();
            }
            Some(_) => continue,
        };
        if !inbox.put(at, event).await {
            return;
        }
    };
    inbox.put(Instant::now(), Event::Closed(why)).await;
}

async fn read_audio(track: Arc<dyn TrackRemote>, inbox: &Inbox) {
    let made = opus::Decoder::new(MIC_RATE, opus::Channels::Mono);
    let mut decoder = made.expect("16 kHz mono is a format of Opus");
    let mut expected = None;
    while let Some(event) = track.poll().await {
        let at = Instant::now();
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        let sequence = packet.header.sequence_number;
        if inbox.packets && !packet.payload.is_empty() {
            let (timestamp, payload) = (packet.header.timestamp, packet.payload.clone());
            if !inbox.put(at, Event::Packet(Packet { at, sequence, timestamp, payload })).await {
                return;
            }
        }
        let ahead = sequence.wrapping_sub(expected.unwrap_or(sequence));
        if ahead >= 0x8000 || packet.payload.is_empty() {
            // Too late for a listener without a buffer, or a probe without sound.
            continue;
        }
        inbox.counters.packets_lost.fetch_add(u64::from(ahead), Ordering::Relaxed);
        expected = Some(sequence.wrapping_add(1));
        let mut samples = vec![0; LONGEST];
        let event = match decoder.decode(&packet.payload, &mut samples, false) {
            Ok(length) => {
                samples.truncate(length);
                Event::Audio { samples, response: None }
            }
            Err(error) => Event::BadMessage(format!("a packet that is not Opus: {error}")),
        };
        if !inbox.put(at, event).await {
            return;
        }
    }
}

#[async_trait]
impl Uplink for RtcUplink {
    async fn frame(&mut self, frame: MicFrame) -> Result<bool, String> {
        let payload = if frame.beside.is_empty() && self.dtx {
            let Some(payload) = frame.clip.opus_or_pause(frame.index) else {
                self.unsent = self.unsent.wrapping_add(1);
                return Ok(false);
            };
            payload
        } else if frame.beside.is_empty() {
            frame.clip.opus(frame.index)
        } else {
            let encoder = self.encoder.get_or_insert_with(clip::encoder);
            encoder.encode_vec(&frame.pcm(), clip::MAX_PACKET).map_err(|error| error.to_string())?.into()
        };
        let packet = rtc::rtp::Packet {
            header: rtc::rtp::Header {
                version: 2,
                payload_type: PAYLOAD_TYPE,
                sequence_number: frame.sequence.wrapping_sub(self.unsent),
                timestamp: frame.timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            },
            payload,
        };
        self.track.write_rtp(packet).await.map_err(|error| error.to_string())?;
        Ok(true)
    }

    /// By the data channel: the track carries what is said now.
    async fn kept(&mut self, frame: MicFrame) -> Result<(), String> {
        let header =
            Header { sequence: frame.sequence, timestamp: frame.timestamp, response: ResponseId::default() };
        let bytes = wire::encode(header, &frame.pcm());
        self.channel.send(BytesMut::from(bytes.as_slice())).await.map_err(|error| error.to_string())
    }

    async fn message(&mut self, text: String) -> Result<(), String> {
        self.channel.send_text(&text).await.map_err(|error| error.to_string())
    }

    async fn close(&mut self) {
        // The server may be gone already.
        let _ = self.pc.close().await;
    }
}
