//! WAV: a header of 44 bytes, then samples.

use visavis_media::audio::{pcm, wav_header};

use super::Length;

pub(super) struct Writer {
    /// Until it is written.
    header: Option<[u8; wav_header::BYTES]>,
}

impl Writer {
    pub(super) fn new(rate: u32, length: Length) -> Self {
        let samples = match length {
            Length::Open => None,
            Length::Known(samples) => Some(samples),
        };
        Self { header: Some(wav_header::header(rate, samples)) }
    }

    pub(super) fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        out.extend(self.header.take().into_iter().flatten());
        out.extend(pcm::bytes(samples));
    }
}

/// Writes the lengths of a complete file into its header.
pub(super) fn settle(file: &mut [u8]) {
    if let Some((header, sound)) = file.split_first_chunk_mut() {
        wav_header::set_length(header, Some(sound.len() as u64));
    }
}
