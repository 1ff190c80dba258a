//! RTVI as the transports see it: packets in and out, without any I/O.

use super::*;
use crate::avatar::face::Face;
use crate::frame::ResponseId;
use crate::protocol::Dialect;

const SOCKET: Carrier = Carrier::Socket { rate: 24_000 };

fn frame(samples: &[i16]) -> Packet {
    let header = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let body = samples.iter().flat_map(|sample| sample.to_le_bytes());
    header.into_iter().chain(body).collect::<Vec<u8>>().into()
}

fn value(packets: &[Packet]) -> Value {
    let [Packet::Text(text)] = packets else { panic!("{packets:?}") };
    serde_json::from_str(text).unwrap()
}

fn bytes(packets: &[Packet]) -> Vec<u8> {
    let [Packet::Binary(bytes)] = packets else { panic!("{packets:?}") };
    bytes.to_vec()
}

#[test]
fn a_binary_frame_on_a_socket_is_sound_at_the_agreed_rate() {
    let rtvi = Dialect::default().open(SOCKET);
    let Received::Sound(sound) = rtvi.receive(frame(&[1, -2, 300])) else { panic!() };
    assert_eq!((sound.rate, sound.count), (24_000, 3));
    assert_eq!(rtvi.samples(&sound), Ok(vec![1, -2, 300]));
    let Received::Fault(fault) = rtvi.receive(frame(&[])) else { panic!() };
    assert!(fault.contains("2 to 9600"), "{fault}");
}

#[test]
fn binary_packets_on_a_data_channel_are_sound_at_16_khz_or_unwanted() {
    let rtvi = Rtvi::new(Carrier::Channel);
    let Received::Sound(sound) = rtvi.receive(frame(&[1, -2])) else { panic!() };
    assert_eq!((sound.rate, rtvi.samples(&sound)), (16_000, Ok(vec![1, -2])));
    for packet in [frame(&[]), Vec::<u8>::new().into(), vec![9_u8; 40].into()] {
        assert_eq!(rtvi.receive(packet), Received::Unwanted);
    }
}

#[test]
fn an_invalid_packet_is_a_fault_and_a_wrong_message_with_an_id_is_not() {
    let rtvi = Rtvi::new(SOCKET);
    let receive = |text: &str| rtvi.receive(text.to_owned().into());
    for text in ["{", r#"{"type":"dance"}"#] {
        assert!(matches!(receive(text), Received::Fault(_)), "{text}");
    }
    let Received::Message(message) = receive(r#"{"type":"dance","id":"7"}"#) else { panic!() };
    assert!(matches!(&message.commands[..], [ClientCommand::Bad { id: Some(id), .. }] if id == "7"));
    assert_eq!(receive("ping 1"), Received::Message(Message::default()));
}

#[test]
fn a_message_yields_its_command_and_immediate_replies() {
    let mute = r#"{"type":"client-message","id":"7","data":{"t":"mute","d":{"muted":true}}}"#;
    let Received::Message(message) = Rtvi::new(SOCKET).receive(mute.to_owned().into()) else { panic!() };
    assert_eq!(message.commands, [ClientCommand::Muted(true)]);
    let kinds: Vec<Value> = message.replies.chunks(1).map(|reply| value(reply)["type"].clone()).collect();
    assert_eq!(kinds, ["server-response", "user-mute-started"]);
}

#[test]
fn nothing_is_sent_or_done_before_the_clients_hello() {
    assert_eq!(Rtvi::new(SOCKET).begin(), Message::default());
}

#[test]
fn a_clients_version_decides_what_it_is_sent() {
    let rtvi = Rtvi::new(SOCKET);
    let progress =
        CallEvent::SegmentProgress { response: ResponseId(1), index: 0, text: "Hi.".into(), said: 3 };
    assert_eq!(rtvi.event(&progress, Duration::ZERO).len(), 1);
    let hello = r#"{"type":"client-ready","id":"1","data":{"version":"1.2.0"}}"#;
    rtvi.receive(hello.to_owned().into());
    assert!(rtvi.event(&progress, Duration::ZERO).is_empty());
}

#[test]
fn a_transcript_has_the_time_that_is_passed_in() {
    let words =
        CallEvent::UserTranscript { text: "Hi.".into(), stable: 3, last: true, language: "en".into() };
    let told = value(&Rtvi::new(SOCKET).event(&words, Duration::ZERO));
    assert_eq!(told["data"]["timestamp"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn sequence_numbers_of_speech_wrap_around() {
    let rtvi = Rtvi::new(SOCKET);
    let said = Speech { response: ResponseId(3), timestamp: 960, rate: rtvi.speech_rate(), samples: vec![5] };
    for sequence in (0..=u16::MAX).chain(0..2) {
        let [low, high] = sequence.to_le_bytes();
        let sent = bytes(&rtvi.speech(&said));
        assert_eq!(sent, [1, 1, low, high, 0xc0, 3, 0, 0, 3, 0, 0, 0, 5, 0]);
    }
}

#[test]
fn faces_have_a_two_byte_header_if_they_share_a_socket_with_sound() {
    let faces = vec![Face::default()];
    let batch = Batch { response: 1, timestamp: 5, fps: 30, epoch: 0, last: true, faces };
    let alone = bytes(&Rtvi::new(Carrier::Channel).faces(&batch, 7));
    assert_eq!(Batch::decode(&alone), Ok(Batch { timestamp: 12, ..batch.clone() }));
    let shared = bytes(&Rtvi::new(SOCKET).faces(&batch, 0));
    assert_eq!((&shared[..2], &shared[2..]), (&[1, 2][..], &batch.encode(0)[..]));
}

#[test]
fn a_client_given_up_gets_a_fatal_error_and_one_whose_call_ends_is_told_that_its_peer_left() {
    let rtvi = Rtvi::new(SOCKET);
    let data = json!({ "error": "Too fast.", "message": "Too fast.", "fatal": true });
    let expected = json!({ "label": "rtvi-ai", "type": "error", "id": "0", "data": data });
    assert_eq!(value(&rtvi.fatal("Too fast.")), expected);
    let left = json!({ "type": "signalling", "message": { "type": "peerLeft" } });
    assert_eq!(value(&rtvi.goodbye()), left, "Pipecat's clients reconnect unless they are told of the end");
}
