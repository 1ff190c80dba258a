//! WAV: a header of 44 bytes, then samples.

use visavis_media::audio::pcm;

use super::Length;

/// Bytes of a header that its RIFF length counts.
const COUNTED: u32 = 36;
/// What programs write when they do not know a length.
const NOT_KNOWN: u32 = u32::MAX;

/// Where the header has its lengths.
const COUNTED_AT: std::ops::Range<usize> = 4..8;
const BYTES_AT: std::ops::Range<usize> = 40..44;

pub(super) struct Writer {
    /// Until it is written.
    header: Option<[u8; 44]>,
}

impl Writer {
    pub(super) fn new(rate: u32, length: Length) -> Self {
        Self { header: Some(header(rate, length)) }
    }

    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        out.extend(self.header.take().into_iter().flatten());
        out.extend(pcm::bytes(samples));
    }
}

fn header(rate: u32, length: Length) -> [u8; 44] {
    let bytes = match length {
        Length::Open => NOT_KNOWN,
        // Beyond 4 GiB no header can tell it, and readers go on to the end.
        Length::Known(samples) => u32::try_from(samples.saturating_mul(2)).unwrap_or(NOT_KNOWN),
    };
    let mut header = [0; 44];
    header[..4].copy_from_slice(b"RIFF");
    header[COUNTED_AT].copy_from_slice(&bytes.saturating_add(COUNTED).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    // The length of the format, integers, one channel.
    header[16..24].copy_from_slice(&[16, 0, 0, 0, 1, 0, 1, 0]);
    header[24..28].copy_from_slice(&rate.to_le_bytes());
    header[28..32].copy_from_slice(&rate.saturating_mul(2).to_le_bytes());
    // Bytes and bits of a sample.
    header[32..36].copy_from_slice(&[2, 0, 16, 0]);
    header[36..40].copy_from_slice(b"data");
    header[BYTES_AT].copy_from_slice(&bytes.to_le_bytes());
    header
}

/// Writes the lengths of a complete file into its header.
pub(super) fn settle(file: &mut [u8]) {
    let Some(samples) = file.len().checked_sub(BYTES_AT.end) else { return };
    let bytes = u32::try_from(samples).unwrap_or(NOT_KNOWN);
    file[COUNTED_AT].copy_from_slice(&bytes.saturating_add(COUNTED).to_le_bytes());
    file[BYTES_AT].copy_from_slice(&bytes.to_le_bytes());
}
