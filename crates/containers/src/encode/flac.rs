//! FLAC: blocks of equal length after a header of our own, because the encoder's header needs the whole sound.

use std::fmt::Display;

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};

use super::Length;
use crate::error::EncodeError;
use crate::format::Format;

/// Samples of a block; the last may be shorter.
const BLOCK: usize = 4_096;
/// The most samples that a header can tell.
const MOST: u64 = (1 << 36) - 1;
/// Where the header has the rate, the channels, the bits and, last, the samples.
const FIELDS_AT: std::ops::Range<usize> = 18..26;

pub(super) struct Writer {
    config: Verified<config::Encoder>,
    info: StreamInfo,
    buffer: FrameBuf,
    pending: Vec<i32>,
    blocks: usize,
    /// Samples received so far.
    taken: u64,
    /// Until it is written.
    header: Option<Vec<u8>>,
}

fn failed(detail: &impl Display) -> EncodeError {
    EncodeError::codec(Format::Flac, detail)
}

impl Writer {
    pub(super) fn new(rate: u32, length: Length) -> Result<Self, EncodeError> {
        Ok(Self {
            config: config::Encoder::default().into_verified().map_err(|(_, error)| failed(&error))?,
            info: StreamInfo::new(rate as usize, 1, 16).map_err(|error| failed(&error))?,
            buffer: FrameBuf::with_size(1, BLOCK).map_err(|error| failed(&error))?,
            pending: Vec::new(),
            blocks: 0,
            taken: 0,
            header: Some(header(rate, length)),
        })
    }

    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.append(&mut self.header.take().unwrap_or_default());
        self.taken += samples.len() as u64;
        self.pending.extend(samples.iter().map(|&sample| i32::from(sample)));
        let pending = std::mem::take(&mut self.pending);
        let mut blocks = pending.chunks_exact(BLOCK);
        for block in blocks.by_ref() {
            self.block(block, out)?;
        }
        self.pending = blocks.remainder().to_vec();
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.append(&mut self.header.take().unwrap_or_default());
        let rest = std::mem::take(&mut self.pending);
        if rest.is_empty() { Ok(()) } else { self.block(&rest, out) }
    }

    /// Writes the number of samples of a complete file into its header.
    pub(super) fn settle(&self, file: &mut [u8]) {
        let Some(place) = file.get_mut(FIELDS_AT).filter(|_| self.taken <= MOST) else { return };
        let mut fields = [0; 8];
        fields.copy_from_slice(place);
        let fields = (u64::from_be_bytes(fields) & !MOST) | self.taken;
        place.copy_from_slice(&fields.to_be_bytes());
    }

    fn block(&mut self, samples: &[i32], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.buffer.fill_interleaved(samples).map_err(|error| failed(&error))?;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &self.buffer, self.blocks, &self.info)
            .map_err(|error| failed(&error))?;
        self.blocks += 1;
        let mut bytes = ByteSink::new();
        frame.write(&mut bytes).map_err(|_| failed(&"a frame cannot be written"))?;
        out.extend_from_slice(bytes.as_slice());
        Ok(())
    }
}

/// The mark and one block of metadata, without the sizes of frames and without a checksum, which only the end knows.
fn header(rate: u32, length: Length) -> Vec<u8> {
    let total = match length {
        Length::Known(samples) if samples <= MOST => samples,
        Length::Open | Length::Known(_) => 0,
    };
    let mut header = b"fLaC\x80\x00\x00\x22".to_vec();
    let block = u16::try_from(BLOCK).expect("a block has fewer than 65,536 samples").to_be_bytes();
    header.extend(block);
    header.extend(block);
    header.extend([0; 6]);
    // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples.
    let fields = (u64::from(rate) << 44) | (15 << 36) | total;
    header.extend(fields.to_be_bytes());
    header.extend([0; 16]);
    header
}
