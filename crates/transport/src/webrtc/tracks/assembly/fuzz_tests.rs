//! A client's stream of arbitrary packets.

use super::*;

/// Reads an input as packets: milliseconds since the previous one, sequence number, timestamp, marker, length and bytes.
fn packets(mut input: &[u8]) -> Vec<Early> {
    let (mut all, mut at) = (Vec::new(), Duration::ZERO);
    while let [step, s0, s1, t0, t1, t2, t3, marker, length, rest @ ..] = input {
        let (payload, behind) = rest.split_at(usize::from(*length).min(rest.len()));
        at += Duration::from_millis(u64::from(*step));
        let header = rtp::header::Header {
            marker: marker & 1 == 1,
            sequence_number: u16::from_le_bytes([*s0, *s1]),
            timestamp: u32::from_le_bytes([*t0, *t1, *t2, *t3]),
            ..Default::default()
        };
        all.push(Early { at, packet: rtp::Packet { header, payload: Bytes::copy_from_slice(payload) } });
        input = behind;
    }
    all
}

#[test]
fn arbitrary_packets_yield_no_more_bytes_than_they_hold() {
    visavis_fuzz::run("track_frames", |input| {
        for mime_type in ["video/VP8", "audio/opus"] {
            let codec =
                Codec { mime_type: mime_type.into(), clock_rate: 90_000, channels: 0, fmtp: String::new() };
            let mut assembly = Assembly::new(&codec);
            let (mut taken, mut given) = (0, 0);
            for Early { at, packet } in packets(input) {
                taken += packet.payload.len();
                for assembled in assembly.packet(at, packet) {
                    if let Assembled::Frame(frame) = assembled {
                        assert!(!frame.data.is_empty());
                        given += frame.data.len();
                    }
                }
                assert!(given <= taken && assembly.early.len() <= WAITING + 1);
            }
        }
    });
}
