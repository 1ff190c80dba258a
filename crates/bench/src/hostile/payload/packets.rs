//! Packets of the protocols that share the UDP port; no call can use any of them.

/// Longest random packet.
const LONGEST: usize = 200;

/// One packet of each protocol: a check with a known fragment and a wrong password, a DTLS hello, and RTP and RTCP of unknown
/// senders.
pub(crate) fn valid(fragment: &str) -> Vec<Vec<u8>> {
    let hello = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 40, 1][..], &[0; 60]].concat();
    let sound = [&[0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2][..], &[0xfc; 60]].concat();
    let report = [&[0x80, 200, 0, 6][..], &[5; 24]].concat();
    vec![check(fragment), hello, sound, report]
}

/// A STUN binding request.
fn check(fragment: &str) -> Vec<u8> {
    const INTEGRITY: usize = 20;
    let user = format!("{fragment}:abcd");
    let padded = user.len().next_multiple_of(4);
    let length = (4 + padded + 4 + INTEGRITY) as u16;
    let mut bytes = vec![0, 1];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0x21, 0x12, 0xa4, 0x42]);
    bytes.extend([7; 12]);
    bytes.extend([0, 6]);
    bytes.extend((user.len() as u16).to_be_bytes());
    bytes.extend(user.bytes());
    bytes.resize(24 + padded, 0);
    bytes.extend([0, 8, 0, INTEGRITY as u8]);
    bytes.extend([9; INTEGRITY]);
    bytes
}

/// The packet with one byte changed.
pub(crate) fn changed(packet: &[u8], place: u32, change: u8) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    let place = place as usize % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= change;
    }
    bytes
}

/// Random bytes.
pub(crate) fn random() -> Vec<u8> {
    let mut bytes = vec![0; usize::from(rand::random::<u8>()) % LONGEST + 1];
    rand::fill(&mut bytes[..]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_whole_stun_message_with_the_fragment() {
        for fragment in ["abcd", "abcde", "a-longer-fragment"] {
            let bytes = check(fragment);
            let told = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            assert_eq!((bytes.len() % 4, told), (0, bytes.len() - 20));
            assert!(bytes.windows(fragment.len()).any(|window| window == fragment.as_bytes()));
        }
    }

    #[test]
    fn changed_packets_keep_their_length_and_random_ones_are_short() {
        let packets = valid("abcd");
        assert_eq!(packets.len(), 4);
        for packet in &packets {
            assert_eq!(changed(packet, u32::MAX, 1).len(), packet.len());
            assert_ne!(&changed(packet, 5, 1), packet);
        }
        assert!((0..100).all(|_| (1..=LONGEST).contains(&random().len())));
    }
}
