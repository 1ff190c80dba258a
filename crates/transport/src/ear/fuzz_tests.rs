//! Fuzz test: binary frames of arbitrary bytes.

use bytes::Bytes;

use super::*;
use crate::protocol::{Carrier, Packet, Protocol, RATES, Received, Rtvi};

#[test]
fn frames_of_any_bytes_are_refused_or_become_no_more_sound_than_they_contain() {
    visavis_fuzz::run("websocket_sound", |input| {
        let Some((first, mut rest)) = input.split_first() else { return };
        let rate = RATES[usize::from(*first) % RATES.len()];
        let (protocol, mut ear) = (Rtvi::new(Carrier::Socket { rate }), Ear::new());
        let (mut sent, mut heard) = (0.0, 0);
        while let [high, low, behind @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
            let (frame, behind) = behind.split_at(length);
            rest = behind;
            let packet = Packet::Binary(Bytes::copy_from_slice(frame));
            let Received::Sound(sound) = protocol.receive(packet) else { continue };
            assert!(sound.seconds() > 0.0 && sound.seconds() <= 0.2, "{sound:?}");
            sent += sound.seconds();
            let frames = ear.take(sound.rate, &protocol.samples(&sound).unwrap());
            assert!(frames.iter().all(|frame| frame.samples.len() == MIC_FRAME));
            heard += frames.len();
        }
        assert!(heard as f64 * 0.02 <= sent + 0.001, "{heard} frames of {sent} s at {rate} Hz");
    });
}
