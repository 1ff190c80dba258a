//! AAC in ADTS, as a stream: the encoder takes a sound as a whole, and is given it in windows that overlap.
//!
//! A block's packet depends on that block and the one before it, and on whether an onset in one of its neighbours calls for short
//! transforms. So each window begins before the first packet that is taken from it and ends behind the last. What counts as an
//! onset depends a little on the window's loudness: where two windows meet, the seam is at a packet on which both agree.

use rusty_aac::{AacEncoder, AacEncoderConfig, AdtsHeader};

use crate::error::EncodeError;
use crate::format::Format;

/// Samples of a block.
const BLOCK: usize = 1_024;
/// Blocks of a window. From 15 on the encoder starts threads.
const WINDOW: usize = 14;
/// Blocks at a window's beginning whose packets are not taken.
const BEFORE: usize = 3;
/// Blocks at its end whose packets are not taken, unless the sound ends there.
const BEHIND: usize = 2;
/// Packets among which the seam is chosen.
const SEAM: usize = 3;
/// A window's packets from here on are kept for the seam.
const KEPT: usize = WINDOW - BEHIND - SEAM;
/// Bytes of a header.
const HEADER: usize = 7;
/// Up to this rate.
const LOW: u32 = 24_000;

pub(super) struct Writer {
    rate: u32,
    /// From the window's beginning on.
    pending: Vec<f32>,
    /// Blocks of the window whose packets were written.
    written: usize,
    /// The window before has these packets for the blocks that come next.
    kept: Vec<Vec<u8>>,
}

fn failed(error: &rusty_aac::Error) -> EncodeError {
    EncodeError::codec(Format::Aac, error)
}

impl Writer {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, pending: Vec::new(), written: 0, kept: Vec::new() }
    }

    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut rest = samples;
        while !rest.is_empty() {
            let room = WINDOW * BLOCK - self.pending.len();
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            self.pending.extend(piece.iter().map(|&sample| f32::from(sample) / 32_768.0));
            rest = behind;
            if self.pending.len() == WINDOW * BLOCK {
                self.window(out)?;
            }
        }
        Ok(())
    }

    /// Writes the packets of a full window, and begins the next one.
    fn window(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut packets = self.packets()?;
        // The last packets depend on blocks that are not known yet.
        packets.truncate(KEPT + SEAM);
        let kept = packets.split_off(KEPT);
        self.write(packets, out);
        self.kept = kept;
        self.pending.drain(..(KEPT - BEFORE) * BLOCK);
        self.written = BEFORE;
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let packets = self.packets()?;
        self.write(packets, out);
        Ok(())
    }

    /// The window's packets, one for each block and one to end the last.
    fn packets(&self) -> Result<Vec<Vec<u8>>, EncodeError> {
        let bitrate_bps = if self.rate <= LOW { 64_000 } else { 96_000 };
        let mut encoder = AacEncoder::new(AacEncoderConfig { bitrate_bps, ..AacEncoderConfig::default() });
        encoder.push_pcm(&self.pending, 1, self.rate).map_err(|error| failed(&error))?;
        encoder.finish();
        let mut packets = Vec::with_capacity(WINDOW + 1);
        while let Ok(packet) = encoder.next_packet() {
            packets.push(packet.data);
        }
        Ok(packets)
    }

    /// Writes those of a window's packets that were not, up to the seam as the window before has them.
    fn write(&mut self, mut packets: Vec<Vec<u8>>, out: &mut Vec<u8>) {
        let written = self.written.min(packets.len());
        packets.drain(..written);
        let agreed = self.kept.iter().zip(&packets).position(|(before, now)| before == now);
        let seam = agreed.unwrap_or(0);
        let before = self.kept.drain(..).take(seam);
        for packet in before.chain(packets.into_iter().skip(seam)) {
            out.extend(header(self.rate, packet.len()));
            out.extend(packet);
        }
    }
}

fn header(rate: u32, packet: usize) -> Vec<u8> {
    rusty_aac::write_adts_header(&AdtsHeader {
        object_type: 2,
        sample_rate: rate,
        channels: 1,
        frame_length: HEADER + packet,
        header_len: HEADER,
    })
}
