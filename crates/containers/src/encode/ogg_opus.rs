//! Opus in Ogg (RFC 7845): the last page's position cuts the last packet to length.

use std::fmt::Display;

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Signal};

use crate::error::EncodeError;
use crate::format::Format;

/// Positions count at this rate, whatever a sound's own is.
const CLOCK: u64 = 48_000;
/// A packet's length on that clock: 20 ms.
const PACKET: u64 = CLOCK / 50;
/// Packets on a page: 200 ms of sound for some 30 bytes of header.
const PAGE: u64 = 10;
/// Transparent for one voice.
const BITRATE: i32 = 32_000;
/// Room for any packet.
const LARGEST: usize = 1_275;
/// The only stream of a file may have any number.
const SERIAL: u32 = 1;
/// Who wrote the file.
const VENDOR: &[u8] = b"Visavis";

pub(super) struct Writer {
    encoder: opus::Encoder,
    pages: PacketWriter<'static, Vec<u8>>,
    /// Samples of a packet.
    frame: usize,
    /// Of the clock, for each sample.
    ticks: u64,
    pre_skip: u64,
    pending: Vec<i16>,
    taken: u64,
    /// The newest packet, which may be the last.
    held: Option<Vec<u8>>,
    /// Packets on pages.
    paged: u64,
}

fn failed(detail: &impl Display) -> EncodeError {
    EncodeError::codec(Format::Opus, detail)
}

impl Writer {
    pub(super) fn new(rate: u32) -> Result<Self, EncodeError> {
        let mut encoder =
            opus::Encoder::new(rate, Channels::Mono, Application::Audio).map_err(|error| failed(&error))?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE)).map_err(|error| failed(&error))?;
        encoder.set_signal(Signal::Voice).map_err(|error| failed(&error))?;
        let ticks = CLOCK / u64::from(rate);
        let ahead = encoder.get_lookahead().map_err(|error| failed(&error))?;
        let pre_skip =
            u16::try_from(u64::try_from(ahead).unwrap_or(0) * ticks).map_err(|error| failed(&error))?;
        let mut pages = PacketWriter::new(Vec::new());
        for packet in [head(rate, pre_skip), tags()] {
            pages
                .write_packet(packet, SERIAL, PacketWriteEndInfo::EndPage, 0)
                .map_err(|error| failed(&error))?;
        }
        Ok(Self {
            encoder,
            pages,
            frame: rate as usize / 50,
            ticks,
            pre_skip: u64::from(pre_skip),
            pending: Vec::new(),
            taken: 0,
            held: None,
            paged: 0,
        })
    }

    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.taken += samples.len() as u64;
        self.pending.extend_from_slice(samples);
        let pending = std::mem::take(&mut self.pending);
        let mut frames = pending.chunks_exact(self.frame);
        for frame in frames.by_ref() {
            self.packet(frame)?;
        }
        self.pending = frames.remainder().to_vec();
        out.append(self.pages.inner_mut());
        Ok(())
    }

    /// Silence pushes the last samples through the encoder.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let end = self.pre_skip + self.taken * self.ticks;
        let due = end.div_ceil(PACKET).max(1);
        while self.paged + u64::from(self.held.is_some()) < due {
            let mut frame = std::mem::take(&mut self.pending);
            frame.resize(self.frame, 0);
            self.packet(&frame)?;
        }
        if let Some(last) = self.held.take() {
            self.page(last, PacketWriteEndInfo::EndStream, end)?;
        }
        out.append(self.pages.inner_mut());
        Ok(())
    }

    fn packet(&mut self, frame: &[i16]) -> Result<(), EncodeError> {
        let packet = self.encoder.encode_vec(frame, LARGEST).map_err(|error| failed(&error))?;
        let Some(before) = self.held.replace(packet) else { return Ok(()) };
        let full = (self.paged + 1).is_multiple_of(PAGE);
        let end = if full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.page(before, end, (self.paged + 1) * PACKET)
    }

    fn page(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, position: u64) -> Result<(), EncodeError> {
        self.paged += 1;
        self.pages.write_packet(packet, SERIAL, end, position).map_err(|error| failed(&error))
    }
}

/// The first packet: version 1, one channel, no gain, mapping family 0.
fn head(rate: u32, pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(rate.to_le_bytes());
    head.extend([0; 3]);
    head
}

/// The second packet: a vendor and no comments.
fn tags() -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    tags.extend(u32::try_from(VENDOR.len()).expect("the name is short").to_le_bytes());
    tags.extend(VENDOR);
    tags.extend([0; 4]);
    tags
}
