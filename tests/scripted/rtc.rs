//! The scripted server's WebRTC side.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
};

use super::{In, Out, Script, run};

const SSRC: u32 = 77;

struct Handler {
    gathered: mpsc::Sender<()>,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
    input: mpsc::Sender<In>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.try_send(()).ok();
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.channels.try_send(channel).ok();
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let input = self.input.clone();
        tokio::spawn(async move {
            let mut decoder = opus::Decoder::new(16_000, opus::Channels::Mono).unwrap();
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                let mut samples = vec![0; 1_920];
                let length = decoder.decode(&packet.payload, &mut samples, false).unwrap();
                samples.truncate(length);
                input.send(In::Mic(samples)).await.ok();
            }
        });
    }
}

pub(crate) async fn offer(State(script): State<Arc<Script>>, body: Bytes) -> Response {
    let offer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let description = offer["sdp"].as_str().map(|sdp| RTCSessionDescription::offer(sdp.to_owned()));
    let Some(Ok(description)) = description else {
        let problem = json!({"type": "about:blank", "title": "Bad offer", "status": 400, "detail": "no SDP"});
        let headers = [("content-type", "application/problem+json")];
        return (StatusCode::BAD_REQUEST, headers, problem.to_string()).into_response();
    };
    let sdp = Box::pin(accept(script, description)).await;
    Json(json!({"sdp": sdp, "type": "answer", "pc_id": "scripted"})).into_response()
}

struct Voice {
    channel: Arc<dyn DataChannel>,
    track: Arc<TrackLocalStaticRTP>,
    encoder: opus::Encoder,
    header: rtc::rtp::Header,
}

impl Voice {
    async fn send(&mut self, out: Out) {
        match out {
            Out::Text(value) => drop(self.channel.send_text(&value.to_string()).await),
            Out::Audio(_, samples) => {
                self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
                self.header.timestamp = self.header.timestamp.wrapping_add(960);
                let payload = self.encoder.encode_vec(&samples, 1_275).unwrap().into();
                drop(self.track.write_rtp(rtc::rtp::Packet { header: self.header.clone(), payload }).await);
            }
        }
    }
}

fn codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        ..Default::default()
    }
}

fn voice_track() -> TrackLocalStaticRTP {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(SSRC), ..Default::default() },
        codec: codec(),
        ..Default::default()
    };
    let name = || "voice".to_owned();
    TrackLocalStaticRTP::new(MediaStreamTrack::new(name(), name(), name(), RtpCodecKind::Audio, vec![coding]))
}

async fn accept(script: Arc<Script>, offer: RTCSessionDescription) -> String {
    let (gathered, mut gathered_rx) = mpsc::channel(1);
    let (channels, channels_rx) = mpsc::channel(1);
    let (input, input_rx) = mpsc::channel(64);
    let (out_tx, out) = mpsc::channel(64);
    let mut media = MediaEngine::default();
    let parameters = RTCRtpCodecParameters { rtp_codec: codec(), payload_type: 111 };
    media.register_codec(parameters, RtpCodecKind::Audio).unwrap();
    let registry = register_default_interceptors(Registry::new(), &mut media).unwrap();
    let builder = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_handler(Arc::new(Handler { gathered, channels, input: input.clone() }))
        .with_udp_addrs(vec!["127.0.0.1:0"]);
    let pc = Box::pin(builder.build()).await.unwrap();
    let track = Arc::new(voice_track());
    pc.add_track(track.clone()).await.unwrap();
    pc.set_remote_description(offer).await.unwrap();
    let answer = pc.create_answer(None).await.unwrap();
    pc.set_local_description(answer).await.unwrap();
    gathered_rx.recv().await;
    let sdp = pc.local_description().await.unwrap().sdp;
    tokio::spawn(run(script, input_rx, out_tx));
    tokio::spawn(async move {
        talk(channels_rx, input, out, track).await;
        pc.close().await.ok();
    });
    sdp
}

async fn talk(
    mut channels: mpsc::Receiver<Arc<dyn DataChannel>>,
    input: mpsc::Sender<In>,
    mut out: mpsc::Receiver<Out>,
    track: Arc<TrackLocalStaticRTP>,
) {
    let Some(channel) = channels.recv().await else { return };
    let reader = channel.clone();
    tokio::spawn(async move {
        while let Some(event) = reader.poll().await {
            if let DataChannelEvent::OnMessage(message) = event {
                input.send(In::Text(String::from_utf8(message.data.to_vec()).unwrap())).await.ok();
            }
        }
    });
    let encoder = opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    let header = rtc::rtp::Header { version: 2, payload_type: 111, ssrc: SSRC, ..Default::default() };
    let mut voice = Voice { channel, track, encoder, header };
    while let Some(out) = out.recv().await {
        voice.send(out).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}
