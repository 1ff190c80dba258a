use super::*;
use crate::ports::Codec;

fn vp8() -> Codec {
    Codec { mime_type: "video/VP8".into(), clock_rate: 90_000, channels: 0, fmtp: String::new() }
}

/// A packet of VP8: the `first` of its frame, or the `last`.
fn packet(sequence: u16, timestamp: u32, first: bool, last: bool, data: &[u8]) -> rtp::Packet {
    let mut payload = vec![if first { 0x10 } else { 0 }];
    payload.extend_from_slice(data);
    let header = rtp::header::Header {
        version: 2,
        marker: last,
        sequence_number: sequence,
        timestamp,
        ..Default::default()
    };
    rtp::Packet { header, payload: payload.into() }
}

fn whole(sequence: u16, is_key: bool) -> rtp::Packet {
    packet(sequence, u32::from(sequence) * 3_000, true, true, &[u8::from(!is_key), 2, 3, 4])
}

/// The results for packets that arrive this many milliseconds apart, one word each: the frame's timestamp, or "lost".
fn assembled(packets: Vec<rtp::Packet>, step: u64) -> Vec<String> {
    let mut assembly = Assembly::new(&vp8());
    let times = (0..).map(|at| Duration::from_millis(at * step));
    let told = times.zip(packets).flat_map(|(now, packet)| assembly.packet(now, packet));
    let word = |assembled| match assembled {
        Assembled::Frame(frame) => (frame.timestamp / 3_000).to_string(),
        Assembled::Lost => "lost".to_owned(),
    };
    told.map(word).collect()
}

#[test]
fn a_frame_is_complete_as_soon_as_its_last_packet_arrives() {
    let mut assembly = Assembly::new(&vp8());
    let mut take = |packet| assembly.packet(Duration::ZERO, packet);
    assert!(take(packet(65_535, 7, true, false, &[0, 1, 2])).is_empty());
    let frames = take(packet(0, 7, false, true, &[3, 4, 5]));
    let data = Bytes::from_static(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(frames, [Assembled::Frame(EncodedFrame { timestamp: 7, is_key: true, data })]);
    let [Assembled::Frame(next)] = &take(whole(1, false))[..] else { panic!("a frame") };
    assert!(!next.is_key);
}

#[test]
fn packets_are_reordered_and_duplicates_dropped() {
    let order = [65_534, 0, 65_535, 65_535, 2, 1, 1, 3];
    let frames = assembled(order.map(|sequence| whole(sequence, true)).to_vec(), 1);
    assert_eq!(frames, ["65534", "65535", "0", "1", "2", "3"]);
}

#[test]
fn a_missing_packet_is_given_up_soon() {
    let order = [1, 2, 4, 5, 6, 7, 8];
    assert_eq!(
        assembled(order.map(|sequence| whole(sequence, true)).to_vec(), 30),
        ["1", "2", "lost", "4", "5", "6", "7", "8"]
    );
    // The rest of a frame whose beginning is lost is not a frame.
    let torn = vec![whole(1, true), packet(3, 9_000, false, true, &[1, 2, 3]), whole(4, true)];
    assert_eq!(assembled(torn, 200), ["1", "lost", "lost", "4"]);
}

#[test]
fn a_stream_that_restarts_is_followed() {
    let again = (0..200).map(|number| whole(if number < 100 { 10_000 + number } else { number }, true));
    let told = assembled(again.collect(), 10);
    assert_eq!(told.last().map(String::as_str), Some("199"));
    assert_eq!(told.iter().filter(|word| *word == "lost").count(), 1);
}

#[test]
fn a_client_cannot_send_more_than_video_needs() {
    let packets: Vec<rtp::Packet> =
        (0..20_000).map(|number| packet(number, 0, number == 0, false, &[0; 1_000])).collect();
    let mut assembly = Assembly::new(&vp8());
    for packet in packets {
        assembly.packet(Duration::ZERO, packet);
        assert!(assembly.early.len() <= WAITING + 1);
        assert!(assembly.begun.as_ref().is_none_or(|begun| begun.data.len() <= LONGEST));
    }
    assert!(assembly.next.is_some_and(|next| next < (1 << 32) + 2_001));
}
