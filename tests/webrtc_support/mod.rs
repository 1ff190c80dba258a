//! A browser-like client, built on the same crate, and the pipeline's ports of its call.
#![allow(dead_code, unreachable_pub)] // each test uses its part

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::audio::opus::{Decoder, Encoder, MAX_PACKET};
use visavis::ports::{PipelinePorts, Tracks, call_ports};
use visavis::transport::protocol::{Message, Packet, Protocol, Received, Sound, Speech};
use visavis::transport::webrtc::{OfferError, PeerHandle, TransportSide, WebRtcConfig, WebRtcHost};
use visavis_core::avatar::wire::Batch;
use visavis_core::event::{CallEvent, ClientCommand};
use visavis_core::frame::{MediaOut, OUT_FRAME, OUT_RATE, ResponseId};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration,
    RTCConfigurationBuilder, RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy,
    RTCSessionDescription, SettingEngineBuilder,
};

/// Far longer than anything here takes, also for forty calls on two busy cores; only turns a hang into a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Test dialect: messages are words, `ping`s, and `echo TEXT`, which is replied to at once, to show what arrives.
pub struct PlainCodec;

impl Protocol for PlainCodec {
    fn receive(&self, packet: Packet) -> Received {
        let Packet::Text(text) = packet else { return Received::Unwanted };
        Received::Message(match text.strip_prefix("echo ") {
            Some(echo) => Message { replies: vec![echo.to_owned().into()], ..Message::default() },
            None if text.starts_with("ping") => Message::default(),
            None => Message { commands: vec![ClientCommand::Say(text)], ..Message::default() },
        })
    }

    fn samples(&self, _: &Sound) -> Result<Vec<i16>, String> {
        Err("sound comes by RTP".to_owned())
    }

    fn event(&self, event: &CallEvent, _: Duration) -> Vec<Packet> {
        vec![format!("{event:?}").into()]
    }

    fn speech_rate(&self) -> u32 {
        OUT_RATE
    }

    fn speech(&self, _: &Speech) -> Vec<Packet> {
        Vec::new()
    }

    fn faces(&self, batch: &Batch, offset: u32) -> Vec<Packet> {
        vec![batch.encode(offset).into()]
    }

    fn fatal(&self, error: &str) -> Vec<Packet> {
        vec![error.to_owned().into()]
    }

    fn goodbye(&self) -> Vec<Packet> {
        vec![r#"{"type":"signalling","message":{"type":"peerLeft"}}"#.to_owned().into()]
    }
}

/// A server on its own port.
pub async fn host() -> Arc<WebRtcHost> {
    let udp = SocketAddr::from(([127, 0, 0, 1], 0));
    WebRtcHost::bind(WebRtcConfig::at(udp)).await.unwrap()
}

/// The server's side of a call.
pub struct Call {
    pub pipeline: PipelinePorts,
    pub handle: PeerHandle,
    pub token: CancellationToken,
    pub tasks: TaskTracker,
}

/// What the client has received.
#[derive(Default)]
pub struct Heard {
    pub samples: Mutex<Vec<i16>>,
    /// Timestamp, sequence number and marker of each packet.
    pub packets: Mutex<Vec<(u32, u16, bool)>>,
}

pub struct Client {
    pub pc: Arc<dyn PeerConnection>,
    /// A client without messages never sends on it.
    pub channel: Arc<dyn DataChannel>,
    pub heard: Arc<Heard>,
    pub messages: mpsc::Receiver<String>,
    /// Video, as frames arrive.
    pub pictures: mpsc::Receiver<Arc<dyn TrackRemote>>,
    track: Arc<TrackLocalStaticRTP>,
    gathered: mpsc::Receiver<()>,
}

struct Reports {
    heard: Arc<Heard>,
    pictures: mpsc::Sender<Arc<dyn TrackRemote>>,
    gathered: mpsc::Sender<()>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Reports {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        if track.kind().await == RtpCodecKind::Video {
            return self.pictures.try_send(track).unwrap_or_else(|_| panic!("few pictures"));
        }
        let heard = self.heard.clone();
        tokio::spawn(async move {
            let mut decoder = Decoder::new().unwrap();
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let header = &packet.header;
                    heard.packets.lock().push((header.timestamp, header.sequence_number, header.marker));
                    heard.samples.lock().extend_from_slice(decoder.decode(&packet.payload).unwrap());
                }
            }
        });
    }
}

fn codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// The payload type of video.
pub const PICTURE: u8 = 97;

/// The codec of video.
pub fn vp8() -> RTCRtpCodec {
    RTCRtpCodec { mime_type: "video/VP8".to_owned(), clock_rate: 90_000, ..RTCRtpCodec::default() }
}

/// Where a client is that has IPv4 alone.
const V4: &str = "127.0.0.1:0";

const SSRC: u32 = 0x1234_5678;

impl Client {
    pub async fn new() -> Self {
        Self::with_channel("messages").await
    }

    /// A client whose only data channel has this label.
    pub async fn with_channel(label: &str) -> Self {
        Self::with(label, None, RTCConfiguration::default(), V4).await
    }

    /// A client that has IPv6 alone.
    pub async fn over_ipv6() -> Self {
        Self::with("messages", None, RTCConfiguration::default(), "[::1]:0").await
    }

    /// A client that may use nothing but this relay.
    pub async fn relayed(server: RTCIceServer) -> Self {
        let configuration = RTCConfigurationBuilder::new()
            .with_ice_servers(vec![server])
            .with_ice_transport_policy(RTCIceTransportPolicy::Relay)
            .build();
        Self::with("messages", None, configuration, V4).await
    }

    /// A client that does not announce its only data channel, which has this number.
    pub async fn negotiated(number: u16) -> Self {
        let init = RTCDataChannelInit { negotiated: Some(number), ..Default::default() };
        Self::with("messages", Some(init), RTCConfiguration::default(), V4).await
    }

    async fn with(
        label: &str,
        init: Option<RTCDataChannelInit>,
        configuration: RTCConfiguration,
        at: &'static str,
    ) -> Self {
        let mut media = MediaEngine::default();
        let opus = RTCRtpCodecParameters { rtp_codec: codec(), payload_type: 111 };
        media.register_codec(opus, RtpCodecKind::Audio).unwrap();
        let picture = RTCRtpCodecParameters { rtp_codec: vp8(), payload_type: PICTURE };
        media.register_codec(picture, RtpCodecKind::Video).unwrap();
        let heard = Arc::new(Heard::default());
        let (gathered_tx, gathered) = mpsc::channel(4);
        let (pictures_tx, pictures) = mpsc::channel(4);
        let no_mdns = SettingEngineBuilder::new()
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            .build();
        let building = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_media_engine(media)
            .with_setting_engine(no_mdns)
            .with_handler(Arc::new(Reports {
                heard: heard.clone(),
                pictures: pictures_tx,
                gathered: gathered_tx,
            }))
            .with_udp_addrs(vec![at])
            .build();
        let pc: Arc<dyn PeerConnection> = Arc::new(Box::pin(building).await.unwrap());
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "client".to_owned(),
            "mic".to_owned(),
            "mic".to_owned(),
            RtpCodecKind::Audio,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(SSRC), ..Default::default() },
                codec: codec(),
                ..Default::default()
            }],
        )));
        pc.add_track(track.clone() as Arc<dyn TrackLocal>).await.unwrap();
        let channel = pc.create_data_channel(label, init).await.unwrap();
        let messages = read(channel.clone());
        Self { pc, channel, heard, messages, pictures, track, gathered }
    }

    pub async fn offer(&mut self, restart: bool) -> String {
        let options = RTCOfferOptions { ice_restart: restart };
        let offer = self.pc.create_offer(Some(options)).await.unwrap();
        self.pc.set_local_description(offer).await.unwrap();
        within(PATIENCE, self.gathered.recv()).await.unwrap();
        self.pc.local_description().await.unwrap().sdp
    }

    pub async fn accept(&self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).unwrap();
        self.pc.set_remote_description(answer).await.unwrap();
    }

    /// Sends an offer, takes the answer, and connects.
    pub async fn call(&mut self, host: &Arc<WebRtcHost>) -> Result<Call, OfferError> {
        let call = self.dial(host, TaskTracker::new()).await?;
        self.connected().await;
        Ok(call)
    }

    pub async fn dial(&mut self, host: &Arc<WebRtcHost>, tasks: TaskTracker) -> Result<Call, OfferError> {
        self.dial_with(host, tasks, |offer| offer).await
    }

    /// Sends the offer as changed by `edit`, and takes the answer.
    pub async fn dial_with(
        &mut self,
        host: &Arc<WebRtcHost>,
        tasks: TaskTracker,
        edit: impl FnOnce(String) -> String,
    ) -> Result<Call, OfferError> {
        self.dial_equipped(host, tasks, edit, |_| {}).await
    }

    /// The same, in a call with the tracks that `equip` adds.
    pub async fn dial_equipped(
        &mut self,
        host: &Arc<WebRtcHost>,
        tasks: TaskTracker,
        edit: impl FnOnce(String) -> String,
        equip: impl FnOnce(&mut Tracks),
    ) -> Result<Call, OfferError> {
        let offer = edit(self.offer(false).await);
        let (mut ports, pipeline) = call_ports();
        equip(&mut ports.tracks);
        let token = CancellationToken::new();
        let side = TransportSide {
            ports,
            protocol: Arc::new(PlainCodec),
            token: token.clone(),
            tasks: tasks.clone(),
        };
        let (answer, handle) = host.answer(&offer, side).await?;
        self.accept(answer).await;
        Ok(Call { pipeline, handle, token, tasks })
    }

    pub async fn connected(&self) {
        within(PATIENCE, self.channel.writable()).await.unwrap();
        until("the data channel is open", async || {
            self.channel
                .ready_state()
                .await
                .is_ok_and(|state| state == webrtc::data_channel::RTCDataChannelState::Open)
        })
        .await;
    }

    pub async fn say(&self, text: &str) {
        self.channel.send_text(text).await.unwrap();
    }

    /// Sends a tone for this many frames of 20 ms, in real time.
    pub async fn speak(&self, hz: f64, frames: u16, first: u16) {
        // One second, repeated: a whole number of periods, and cheap to encode.
        let second = encoded_second(hz);
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        for frame in 0..frames {
            ticks.tick().await;
            let number = first.wrapping_add(frame);
            let packet = rtc::rtp::Packet {
                header: rtc::rtp::header::Header {
                    version: 2,
                    payload_type: 111,
                    sequence_number: number,
                    timestamp: u32::from(number) * 960,
                    ssrc: SSRC,
                    ..Default::default()
                },
                payload: second[usize::from(frame) % 50].clone(),
            };
            let _ = self.track.write_rtp(packet).await;
        }
    }
}

/// The messages that arrive on a channel.
pub fn read(channel: Arc<dyn DataChannel>) -> mpsc::Receiver<String> {
    let (messages_tx, messages) = mpsc::channel(1024);
    tokio::spawn(async move {
        while let Some(event) = channel.poll().await {
            if let DataChannelEvent::OnMessage(message) = event {
                let _ = messages_tx.try_send(String::from_utf8_lossy(&message.data).into_owned());
            }
        }
    });
    messages
}

fn encoded_second(hz: f64) -> Vec<bytes::Bytes> {
    let mut encoder = Encoder::new().unwrap();
    let packet = |frame| {
        let mut packet = [0; MAX_PACKET];
        let length = encoder.encode(&tone(hz, frame), &mut packet).unwrap();
        bytes::Bytes::copy_from_slice(&packet[..length])
    };
    (0..50).map(packet).collect()
}

/// One frame of a tone at the output rate.
pub fn tone(hz: f64, frame: usize) -> Vec<i16> {
    let at = |n: usize| (frame * OUT_FRAME + n) as f64 / f64::from(OUT_RATE);
    #[allow(clippy::cast_possible_truncation)]
    (0..OUT_FRAME).map(|n| ((at(n) * hz * std::f64::consts::TAU).sin() * 12_000.0) as i16).collect()
}

/// Sends a response's frames as playout would, in real time.
pub async fn play(pipeline: &PipelinePorts, response: u32, hz: f64, frames: usize, start: u32) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for frame in 0..frames {
        ticks.tick().await;
        let timestamp = start.wrapping_add(u32::try_from(frame).unwrap() * 960);
        let media = MediaOut { response: ResponseId(response), timestamp, samples: tone(hz, frame) };
        pipeline.media.send(media).await.unwrap();
    }
}

/// The share of this tone in sound at 16 kHz: 1 if there is nothing else.
pub fn share_of(hz: f64, samples: &[i16]) -> f64 {
    let step = std::f64::consts::TAU * hz / 16_000.0;
    let part = |wave: fn(f64) -> f64| -> f64 {
        samples.iter().enumerate().map(|(n, &x)| f64::from(x) * wave(n as f64 * step)).sum()
    };
    let energy: f64 = samples.iter().map(|&x| f64::from(x).powi(2)).sum();
    (part(f64::sin).powi(2) + part(f64::cos).powi(2)) * 2.0 / (samples.len() as f64 * energy.max(1.0))
}

/// The share in the best 100 ms, where a continuous tone has no phase jump.
pub fn best_share_of(hz: f64, samples: &[i16]) -> f64 {
    samples.chunks(1_600).map(|part| share_of(hz, part)).fold(0.0, f64::max)
}

pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, future).await.expect("took too long")
}

pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
