//! Packs 20 ms of the agent's sound into an RTP packet.

use bytes::Bytes;
use rtc::rtp;

use crate::audio::opus::{Encoder, MAX_PACKET, OpusError};
use crate::frame::{FRAME_TICKS, MediaOut};

/// The speaker's side of a call.
#[derive(Debug)]
pub(super) struct SpeakerPath {
    /// None at rest.
    encoder: Option<Encoder>,
    ssrc: u32,
    payload_type: u8,
    sequence: u16,
    /// RTP clocks start anywhere (RFC 3550, 5.1).
    offset: u32,
    /// The next timestamp if there is no gap.
    expected: Option<u32>,
}

impl SpeakerPath {
    pub(super) fn new(ssrc: u32, payload_type: u8) -> Self {
        Self {
            encoder: None,
            ssrc,
            payload_type,
            sequence: rand::random(),
            offset: rand::random(),
            expected: None,
        }
    }

    /// Frees the encoder's memory until the next sound. That begins after a gap, with an encoder that knows no other sound.
    pub(super) fn rest(&mut self) {
        self.encoder = None;
    }

    /// Whether it holds no encoder.
    pub(super) fn rests(&self) -> bool {
        self.encoder.is_none()
    }

    /// Continues as another stream, for a client that has reconnected.
    pub(super) fn move_to(&mut self, ssrc: u32, payload_type: u8) {
        (self.ssrc, self.payload_type, self.expected) = (ssrc, payload_type, None);
    }

    /// The RTP timestamp at zero of the call's media clock.
    pub(super) fn offset(&self) -> u32 {
        self.offset
    }

    /// Packs a frame. The marker signals that sound begins after a gap, so that the client may adjust its delay.
    pub(super) fn packet(&mut self, media: &MediaOut) -> Result<rtp::Packet, OpusError> {
        let begins = self.expected != Some(media.timestamp);
        let encoder = match self.encoder.take() {
            Some(mut encoder) if begins => {
                encoder.reset()?;
                encoder
            }
            Some(encoder) => encoder,
            None => Encoder::new()?,
        };
        let mut packet = [0; MAX_PACKET];
        let length = self.encoder.insert(encoder).encode(&media.samples, &mut packet)?;
        self.expected = Some(media.timestamp.wrapping_add(FRAME_TICKS));
        self.sequence = self.sequence.wrapping_add(1);
        Ok(rtp::Packet {
            header: rtp::header::Header {
                version: 2,
                marker: begins,
                payload_type: self.payload_type,
                sequence_number: self.sequence,
                timestamp: self.offset.wrapping_add(media.timestamp),
                ssrc: self.ssrc,
                ..Default::default()
            },
            payload: Bytes::copy_from_slice(&packet[..length]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::opus::Decoder;
    use crate::frame::{OUT_FRAME, ResponseId};

    /// Frame `index` of a response whose first frame is `from` on the media clock.
    fn media(from: u32, index: u32) -> MediaOut {
        let sample = |n: usize| ((n as f64 * 0.1).sin() * 9_000.0) as i16;
        let samples = (0..OUT_FRAME).map(|n| sample(n + index as usize * OUT_FRAME)).collect();
        MediaOut { response: ResponseId(1), timestamp: (from + index) * FRAME_TICKS, samples }
    }

    #[test]
    fn a_response_after_a_rest_sounds_as_one_after_a_gap_and_numbers_go_on() {
        let say = |rests: bool| {
            let mut path = SpeakerPath::new(7, 111);
            let packets = |from: u32, path: &mut SpeakerPath| -> Vec<rtp::Packet> {
                (0..10).map(|index| path.packet(&media(from, index)).unwrap()).collect()
            };
            let before = packets(0, &mut path);
            if rests {
                path.rest();
            }
            assert_eq!(path.rests(), rests);
            let after = packets(500, &mut path);
            let step = after[0].header.sequence_number.wrapping_sub(before[9].header.sequence_number);
            assert_eq!((step, after[0].header.marker, after[1].header.marker), (1, true, false));
            let mut decoder = Decoder::new().unwrap();
            let mut loud = 0;
            for packet in &after {
                let samples = decoder.decode(&packet.payload).unwrap();
                loud += samples.iter().filter(|sample| sample.unsigned_abs() > 3_000).count();
            }
            loud
        };
        let (rested, went_on) = (say(true), say(false));
        assert!(
            rested > 1_500 && rested.abs_diff(went_on) < 300,
            "{rested} and {went_on} loud samples of 3200"
        );
    }
}
