//! MP3: frames after a LAME tag, which tells players which samples to skip.

use rusty_mp3::encode::lametag;
use rusty_mp3::{Mp3Encoder, Mp3EncoderConfig};

use super::Length;
use crate::error::EncodeError;
use crate::format::Format;

/// Transparent for one voice.
const KBPS: u32 = 64;
/// From this rate on frames are of MPEG-1.
const MPEG_1: u32 = 32_000;
/// The mean bit rate there. Not a constant rate: with its bit reservoir the encoder keeps all frames until the end.
const MPEG_1_KBPS: f32 = 96.0;
/// Bytes of the counts of frames and bytes, the table of positions and the quality in a tag.
const COUNTS: usize = 4 + 4 + 100 + 4;
/// Bytes of LAME's part of a tag.
const EXTENSION: usize = 36;
/// Where in it the padding begins, with half a byte.
const PADDING: usize = 22;

pub(super) struct Writer {
    inner: Mp3Encoder,
    rate: u32,
    /// Where in the tag's frame the tag begins.
    tag_at: usize,
    /// Frames are written as they come.
    stream: bool,
    begun: bool,
}

fn failed(error: &rusty_mp3::Error) -> EncodeError {
    EncodeError::codec(Format::Mp3, error)
}

impl Writer {
    pub(super) fn new(rate: u32, length: Length) -> Result<Self, EncodeError> {
        let vbr_quality = (rate >= MPEG_1).then_some(MPEG_1_KBPS);
        let mut inner = Mp3Encoder::new(Mp3EncoderConfig { bitrate_kbps: KBPS, vbr_quality });
        // Fixes rate and channels, so that a sound without samples is a file as well.
        inner.push_pcm_s16(&[], 1, rate).map_err(|error| failed(&error))?;
        let header = rusty_mp3::encoder_header(rate, 1, KBPS).map_err(|error| failed(&error))?;
        let tag_at = 4 + header.side_info_len();
        Ok(Self { inner, rate, tag_at, stream: matches!(length, Length::Open), begun: false })
    }

    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.inner.push_pcm_s16(samples, 1, self.rate).map_err(|error| failed(&error))?;
        while self.stream
            && let Ok(frame) = self.inner.next_packet()
        {
            if self.begun {
                out.extend(frame);
            } else {
                out.extend(open_tag(&frame, self.tag_at));
                self.begun = true;
            }
        }
        Ok(())
    }

    /// The tag is complete if nothing was written before.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.inner.finish();
        while let Ok(frame) = self.inner.next_packet() {
            out.extend(frame);
        }
    }

    /// Replaces the preliminary tag at the beginning of a finished file by the complete one, which has the same length.
    pub(super) fn settle(&self, file: &mut [u8]) {
        if let Some(tag) = self.inner.lame_tag_frame()
            && let Some(place) = file.get_mut(..tag.len())
        {
            place.copy_from_slice(tag);
        }
    }
}

/// The tag of a stream, made from the encoder's tag. It keeps the delay and drops the frame count and the padding, which are not
/// known
/// yet.
fn open_tag(frame: &[u8], at: usize) -> Vec<u8> {
    let (flags, extension) = (at + 4, at + 8 + COUNTS);
    let Some(lame) = frame.get(extension..extension + EXTENSION) else {
        return frame.to_vec();
    };
    let mut open = frame[..flags].to_vec();
    open.extend([0; 4]);
    open.extend(&lame[..EXTENSION - 2]);
    let padding = flags + 4 + PADDING;
    open[padding] &= 0xf0;
    open[padding + 1] = 0;
    let sum = lametag::crc16(0, &open);
    open.extend(sum.to_be_bytes());
    open.resize(frame.len(), 0);
    open
}
