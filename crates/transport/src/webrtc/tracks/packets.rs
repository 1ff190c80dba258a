//! Splits an encoded frame into RTP packets. Pure.

use bytes::Bytes;
use rtc::rtp::packetizer::Payloader;
use rtc::rtp::{self, header::Header};
use rtc::rtp_transceiver::rtp_sender::RTCRtpCodec;
use rtc::shared::error::Error;

use crate::ports::{Codec, EncodedFrame};

/// Bytes of a payload. With the headers of RTP, SRTP, UDP and IPv6 a packet fits every network.
const PAYLOAD: usize = 1_188;

/// Whether this codec's frames can be split into packets.
pub(super) fn knows(codec: &Codec) -> bool {
    crate_codec(codec).payloader().is_ok()
}

/// The codec in the crate's form.
pub(super) fn crate_codec(codec: &Codec) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: codec.mime_type.clone(),
        clock_rate: codec.clock_rate,
        channels: codec.channels,
        sdp_fmtp_line: codec.fmtp.clone(),
        rtcp_feedback: Vec::new(),
    }
}

/// Makes one stream's packets. The crate's own packetiser derives timestamps from the length of frames; our frames carry
/// theirs.
#[derive(Debug)]
pub(super) struct Packets {
    payloader: Box<dyn Payloader>,
    ssrc: u32,
    sequence: u16,
    /// RTP clocks start anywhere (RFC 3550, 5.1).
    offset: u32,
}

impl Packets {
    pub(super) fn new(codec: &Codec, ssrc: u32) -> Result<Self, Error> {
        let payloader = crate_codec(codec).payloader()?;
        Ok(Self { payloader, ssrc, sequence: rand::random(), offset: rand::random() })
    }

    /// The frame's packets; the last has the marker.
    pub(super) fn of(&mut self, frame: &EncodedFrame, payload_type: u8) -> Result<Vec<rtp::Packet>, Error> {
        let payloads = self.payloader.payload(PAYLOAD, &frame.data)?;
        let last = payloads.len().saturating_sub(1);
        let timestamp = self.offset.wrapping_add(frame.timestamp);
        let mut packet = |(at, payload): (usize, Bytes)| {
            self.sequence = self.sequence.wrapping_add(1);
            let header = Header {
                version: 2,
                marker: at == last,
                payload_type,
                sequence_number: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            };
            rtp::Packet { header, payload }
        };
        Ok(payloads.into_iter().enumerate().map(&mut packet).collect())
    }
}
