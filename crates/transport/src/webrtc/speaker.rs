//! Packs 20 ms of the agent's sound into an RTP packet.

use bytes::Bytes;
use rtc::rtp;

use crate::audio::opus::{Encoder, MAX_PACKET, OpusError};
use crate::frame::{FRAME_TICKS, MediaOut};

/// The speaker's side of a call.
#[derive(Debug)]
pub(super) struct SpeakerPath {
    encoder: Encoder,
    ssrc: u32,
    payload_type: u8,
    sequence: u16,
    /// RTP clocks start anywhere (RFC 3550, 5.1).
    offset: u32,
    /// The next timestamp if there is no gap.
    expected: Option<u32>,
}

impl SpeakerPath {
    pub(super) fn new(ssrc: u32, payload_type: u8) -> Result<Self, OpusError> {
        Ok(Self {
            encoder: Encoder::new()?,
            ssrc,
            payload_type,
            sequence: rand::random(),
            offset: rand::random(),
            expected: None,
        })
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
        if begins {
            self.encoder.reset()?;
        }
        let mut packet = [0; MAX_PACKET];
        let length = self.encoder.encode(&media.samples, &mut packet)?;
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
