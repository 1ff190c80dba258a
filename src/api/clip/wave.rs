//! A growing WAV file in base64: samples are encoded as they arrive, and only the text is kept. Pure.

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::audio::{pcm, wav_header};
use crate::frame::OUT_RATE;

/// The header and the samples encoded with it: a multiple of three bytes.
const FIRST: usize = 48;

/// The file so far.
#[derive(Default)]
pub(super) struct Wave {
    /// The first bytes after the header, kept until the header is known.
    first: Vec<u8>,
    parts: Vec<Bytes>,
    /// Bytes that do not fill a group of three yet.
    rest: Vec<u8>,
    samples: usize,
}

impl Wave {
    /// Appends samples.
    pub(super) fn push(&mut self, samples: &[i16]) {
        self.samples += samples.len();
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend(pcm::bytes(samples));
        let missing = (FIRST - wav_header::BYTES - self.first.len()).min(bytes.len());
        self.first.extend(bytes.drain(..missing));
        let whole = bytes.len() / 3 * 3;
        self.rest = bytes.split_off(whole);
        if !bytes.is_empty() {
            self.parts.push(STANDARD.encode(bytes).into());
        }
    }

    /// The file's text, in parts.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        let mut begin = wav_header::header(OUT_RATE, Some(self.samples as u64)).to_vec();
        begin.append(&mut self.first);
        let mut parts = vec![Bytes::from(STANDARD.encode(begin))];
        parts.append(&mut self.parts);
        parts.push(STANDARD.encode(&self.rest).into());
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::animation::recording::{decode, encode};

    #[test]
    fn a_file_written_piece_by_piece_equals_one_written_at_once() {
        let samples: Vec<i16> = (0..4801).map(|at| at * 5 % 9001).collect();
        for piece in [1, 2, 7, 480, 10_000] {
            let mut wave = Wave::default();
            samples.chunks(piece).for_each(|part| wave.push(part));
            let text = wave.finish().concat();
            let file = STANDARD.decode(text).unwrap();
            assert_eq!(file, encode(&samples).unwrap(), "{piece}");
            assert_eq!(decode(&file).unwrap(), samples);
        }
        assert_eq!(STANDARD.decode(Wave::default().finish().concat()).unwrap(), encode(&[]).unwrap());
        let mut short = Wave::default();
        short.push(&[7]);
        assert_eq!(STANDARD.decode(short.finish().concat()).unwrap(), encode(&[7]).unwrap());
    }
}
