//! Further tracks of a call over WebRTC: video to the client and from it, beside the sound.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp::codec::vp8::{Vp8Packet, Vp8Payloader};
use rtc::rtp::packetizer::{Depacketizer, Payloader};
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::ports::{Codec, EncodedFrame, FrameSender, Track, Tracks, call_ports};
use visavis::transport::webrtc::{TransportSide, WebRtcHost};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc_support::{
    Call, Client, PATIENCE, PICTURE, PlainCodec, best_share_of, host, play, until, vp8, within,
};

const CHROMIUM: &str = include_str!("webrtc_support/offer-chromium.sdp");
/// Ticks per frame at 30 frames per second.
const FRAME: u32 = 3_000;
/// Time between frames of these tests: a socket keeps some five of them for a reader that has to wait for a processor.
const PAUSE: Duration = Duration::from_millis(60);

fn track(name: &'static str) -> Track {
    let codec = Codec { mime_type: "video/VP8".into(), clock_rate: 90_000, channels: 0, fmtp: String::new() };
    Track { name, codec }
}

/// A made-up frame: its number and bytes derived from it, in one packet or many.
fn frame(number: u32, is_key: bool) -> EncodedFrame {
    let length = 20 + (number * 7_919 % 20_000) as usize;
    let mut data: Vec<u8> = (0..length).map(|at| (at as u32 * 31 + number) as u8).collect();
    // As in VP8, the first bit says whether it depends on other frames.
    data[0] = u8::from(!is_key);
    EncodedFrame { timestamp: number * FRAME, is_key, data: data.into() }
}

/// Frames in the form of a client's.
struct Seen {
    timestamp: u32,
    data: Bytes,
}

/// Reassembles what arrives on a track.
fn watch(picture: Arc<dyn TrackRemote>) -> mpsc::Receiver<Seen> {
    let (out, seen) = mpsc::channel(1_024);
    tokio::spawn(async move {
        let mut data = Vec::new();
        while let Some(event) = picture.poll().await {
            let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
            assert!(packet.payload.len() <= 1_188, "a packet fits every network");
            assert_eq!(packet.header.payload_type, PICTURE);
            data.extend(Vp8Packet::default().depacketize(&packet.payload).unwrap());
            if packet.header.marker {
                let data = std::mem::take(&mut data).into();
                out.send(Seen { timestamp: packet.header.timestamp, data }).await.unwrap();
            }
        }
    });
    seen
}

fn receive_only() -> Option<RTCRtpTransceiverInit> {
    let direction = RTCRtpTransceiverDirection::Recvonly;
    Some(RTCRtpTransceiverInit { direction, streams: Vec::new(), send_encodings: Vec::new() })
}

/// A call whose client watches a track of the server's.
async fn watched(host: &Arc<WebRtcHost>, client: &mut Client) -> (Call, FrameSender) {
    client.pc.add_transceiver_from_kind(RtpCodecKind::Video, receive_only()).await.unwrap();
    let mut face = None;
    let equip = |tracks: &mut Tracks| face = Some(tracks.send(track("face")));
    let call = client.dial_equipped(host, TaskTracker::new(), |offer| offer, equip).await.unwrap();
    client.connected().await;
    (call, face.unwrap())
}

/// Sends frames with these numbers, never two at once; the first is a keyframe.
async fn show(face: &mut FrameSender, numbers: std::ops::Range<u32>) {
    for number in numbers.clone() {
        face.send(frame(number, number == numbers.start));
        tokio::time::sleep(PAUSE).await;
    }
}

async fn answer(host: &Arc<WebRtcHost>, offer: &str, equip: impl FnOnce(&mut Tracks)) -> String {
    let (mut ports, _pipeline) = call_ports();
    equip(&mut ports.tracks);
    let token = CancellationToken::new();
    token.cancel();
    let side = TransportSide { ports, protocol: Arc::new(PlainCodec), token, tasks: TaskTracker::new() };
    let (answer, _) = host.answer(offer, side).await.unwrap();
    answer
}

#[tokio::test]
async fn video_is_accepted_where_the_call_has_a_track_that_fits_and_refused_elsewhere() {
    let host = host().await;
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96 102\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:2\r\na=recvonly\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:102 H264/90000\r\n";
    let offer = format!("{CHROMIUM}{video}").replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    let refused = "m=video 0 UDP/TLS/RTP/SAVPF 96 102";
    let other = |tracks: &mut Tracks| drop(tracks.receive(track("camera")));
    let unknown = |tracks: &mut Tracks| {
        let mut odd = track("face");
        odd.codec.mime_type = "video/theora".into();
        drop(tracks.send(odd));
    };
    for answer in [
        answer(&host, &offer, |_| {}).await,
        answer(&host, &offer, other).await,
        answer(&host, &offer, unknown).await,
    ] {
        assert!(answer.lines().any(|line| line == refused), "{answer}");
        assert!(answer.lines().any(|line| line == "a=group:BUNDLE 0 1"), "{answer}");
    }
    let accepted = answer(&host, &offer, |tracks| drop(tracks.send(track("face")))).await;
    let video = accepted.split("m=").find(|part| part.starts_with("video")).unwrap();
    for line in [
        "video 9 UDP/TLS/RTP/SAVPF 96",
        "a=mid:2",
        "a=sendonly",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack pli",
        "a=msid:visavis face",
    ] {
        assert!(video.lines().any(|have| have == line), "no {line} in\n{accepted}");
    }
    assert!(accepted.contains("a=group:BUNDLE 0 1 2\r\n"), "{accepted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_arrive_whole_and_in_order_beside_the_sound_and_keyframes_are_requested() {
    let host = host().await;
    let mut client = Client::new().await;
    let (call, mut face) = watched(&host, &mut client).await;
    within(PATIENCE, face.keyframe_wanted()).await;

    // Frames are read while they arrive: a client's track keeps only so many packets unread.
    let see = async {
        let picture = within(PATIENCE, client.pictures.recv()).await.unwrap();
        let mut seen = watch(picture.clone());
        let mut began = None;
        for number in 0..40 {
            let Seen { timestamp, data } = within(PATIENCE, seen.recv()).await.unwrap();
            let sent = frame(number, number == 0);
            assert!(data == sent.data, "frame {number} of {} bytes has {}", sent.data.len(), data.len());
            assert_eq!(timestamp.wrapping_sub(*began.get_or_insert(timestamp)), sent.timestamp);
        }
        picture
    };
    let (picture, (), ()) = tokio::join!(see, show(&mut face, 0..40), play(&call.pipeline, 1, 600.0, 60, 0));
    until("the answer is heard", async || client.heard.packets.lock().len() >= 60).await;
    assert!(best_share_of(600.0, &client.heard.samples.lock()) > 0.95);

    let media_ssrc = picture.ssrcs().await[0];
    picture.write_rtcp(vec![Box::new(PictureLossIndication { sender_ssrc: 1, media_ssrc })]).await.unwrap();
    within(PATIENCE, face.keyframe_wanted()).await;

    drop(call);
    within(PATIENCE, face.closed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_back_or_ends_a_hold_goes_on_with_a_keyframe() {
    let host = host().await;
    let mut client = Client::new().await;
    let (call, mut face) = watched(&host, &mut client).await;
    within(PATIENCE, face.keyframe_wanted()).await;
    show(&mut face, 0..3).await;
    let picture = within(PATIENCE, client.pictures.recv()).await.unwrap();
    let mut seen = watch(picture);
    for number in 0..3 {
        assert_eq!(within(PATIENCE, seen.recv()).await.unwrap().data, frame(number, number == 0).data);
    }

    let offer = client.offer(false).await;
    let hold = offer.replace("a=recvonly", "a=inactive");
    let held = call.handle.renegotiate(&hold).await.unwrap();
    assert!(held.contains("a=inactive\r\n"), "{held}");
    show(&mut face, 3..6).await;
    let answer = call.handle.renegotiate(&offer).await.unwrap();
    client.accept(answer).await;
    within(PATIENCE, face.keyframe_wanted()).await;
    // The client lacks the frames on which this one depends.
    face.send(frame(6, false));
    show(&mut face, 7..9).await;
    for number in 7..9 {
        assert_eq!(within(PATIENCE, seen.recv()).await.unwrap().data, frame(number, number == 7).data);
    }

    let mut new = Client::new().await;
    new.pc.add_transceiver_from_kind(RtpCodecKind::Video, receive_only()).await.unwrap();
    let offer = new.offer(false).await;
    new.accept(call.handle.renegotiate(&offer).await.unwrap()).await;
    new.connected().await;
    within(PATIENCE, face.keyframe_wanted()).await;
    show(&mut face, 9..11).await;
    let mut seen = watch(within(PATIENCE, new.pictures.recv()).await.unwrap());
    assert_eq!(within(PATIENCE, seen.recv()).await.unwrap().data, frame(9, true).data);
    drop(client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn camera_frames_arrive_beside_the_sound() {
    const STREAM: u32 = 77;
    let host = host().await;
    let mut client = Client::new().await;
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(STREAM), ..Default::default() },
        codec: vp8(),
        ..Default::default()
    };
    let name = || "camera".to_owned();
    let camera = MediaStreamTrack::new(name(), name(), name(), RtpCodecKind::Video, vec![encoding]);
    let camera = Arc::new(TrackLocalStaticRTP::new(camera));
    client.pc.add_track(camera.clone() as Arc<dyn TrackLocal>).await.unwrap();
    let mut sink = None;
    let equip = |tracks: &mut Tracks| sink = Some(tracks.receive(track("camera")));
    let mut call = client.dial_equipped(&host, TaskTracker::new(), |offer| offer, equip).await.unwrap();
    client.connected().await;
    let mut sink = sink.unwrap();

    let film = async {
        let (mut payloader, mut sequence) = (Vp8Payloader::default(), 65_000_u16);
        for number in 0..20 {
            let frame = frame(number, number == 0);
            let payloads = payloader.payload(1_000, &frame.data).unwrap();
            let last = payloads.len() - 1;
            for (at, payload) in payloads.into_iter().enumerate() {
                sequence = sequence.wrapping_add(1);
                let header = rtc::rtp::header::Header {
                    version: 2,
                    marker: at == last,
                    payload_type: PICTURE,
                    sequence_number: sequence,
                    timestamp: frame.timestamp,
                    ssrc: STREAM,
                    ..Default::default()
                };
                camera.write_rtp(rtc::rtp::Packet { header, payload }).await.unwrap();
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let see = async {
        for number in 0..20 {
            let seen = within(PATIENCE, sink.recv()).await.unwrap();
            assert_eq!(seen, frame(number, number == 0), "frame {number}");
        }
    };
    let hear = async { while !within(PATIENCE, call.pipeline.mic.recv()).await.unwrap().received {} };
    tokio::join!(film, see, client.speak(440.0, 30, 0), hear);
}
