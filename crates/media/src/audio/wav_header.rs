//! The header of a WAV file of mono PCM16, whose length may be unknown until the file is complete. Pure.

use std::ops::Range;

/// Bytes of a header.
pub const BYTES: usize = 44;
/// Bytes of a header that its RIFF length counts.
const COUNTED: u32 = 36;
/// What programs write for a length that they do not know, or that 32 bits cannot hold; readers go on to the end of the file.
const NOT_KNOWN: u32 = u32::MAX;
/// Where the header has its lengths.
const COUNTED_AT: Range<usize> = 4..8;
const SOUND_AT: Range<usize> = 40..44;

/// The header of a file with this many samples; none: it is not known yet.
#[must_use]
pub fn header(rate: u32, samples: Option<u64>) -> [u8; BYTES] {
    let mut header = [0; BYTES];
    header[..4].copy_from_slice(b"RIFF");
    header[8..16].copy_from_slice(b"WAVEfmt ");
    // The length of the format, integers, one channel.
    header[16..24].copy_from_slice(&[16, 0, 0, 0, 1, 0, 1, 0]);
    header[24..28].copy_from_slice(&rate.to_le_bytes());
    header[28..32].copy_from_slice(&rate.saturating_mul(2).to_le_bytes());
    // Bytes and bits of a sample.
    header[32..36].copy_from_slice(&[2, 0, 16, 0]);
    header[36..40].copy_from_slice(b"data");
    set_length(&mut header, samples.map(|samples| samples.saturating_mul(2)));
    header
}

/// Writes into a header how many bytes of samples follow it; none: it is not known.
pub fn set_length(header: &mut [u8; BYTES], sound: Option<u64>) {
    let sound = sound.and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or(NOT_KNOWN);
    header[COUNTED_AT].copy_from_slice(&sound.saturating_add(COUNTED).to_le_bytes());
    header[SOUND_AT].copy_from_slice(&sound.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{pcm, wav};

    #[test]
    fn a_file_with_the_header_is_read_as_it_was_written() {
        let samples: Vec<i16> = (0..1_600).map(|at| at * 20 - 16_000).collect();
        let head = header(16_000, Some(samples.len() as u64));
        let file: Vec<u8> = head.into_iter().chain(pcm::bytes(&samples)).collect();
        assert_eq!(wav::read(&file[..], 16_000).unwrap(), samples);
        let mut late = header(16_000, None);
        set_length(&mut late, Some(2 * samples.len() as u64));
        assert_eq!(late, head, "a length may be written once it is known");
    }

    #[test]
    fn a_length_that_is_not_known_or_too_large_is_written_as_not_known() {
        for samples in [None, Some(1 << 31), Some(u64::MAX)] {
            let header = header(24_000, samples);
            assert_eq!(
                (&header[COUNTED_AT], &header[SOUND_AT]),
                (&[255; 4][..], &[255; 4][..]),
                "{samples:?}"
            );
        }
    }
}
