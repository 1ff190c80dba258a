//! The binary frames of `docs/protocol.md` on a WebSocket: sound both ways, and faces to the client.

use bytes::Bytes;

use crate::audio::pcm;
use crate::avatar::wire::Batch;
use crate::protocol::{Sound, Speech};

/// Sample rate of speech to the client.
pub(super) const SPEECH_RATE: u32 = 16_000;
const VERSION: u8 = 1;
const PCM16: u8 = 1;
const FACE: u8 = 2;
/// Bytes before the samples.
const HEADER: usize = 12;

/// Reads the sound in a client's frame; the error says what is wrong.
pub(super) fn sound(frame: &Bytes, rate: u32) -> Result<Sound, String> {
    let Some((header, body)) = frame.split_at_checked(HEADER) else {
        return Err(format!("a binary frame has at least {HEADER} bytes of header, not {}", frame.len()));
    };
    if header[0] != VERSION || header[1] != PCM16 {
        return Err(format!(
            "byte 0 must be version {VERSION} and byte 1 kind {PCM16} (PCM16), not {} and {}",
            header[0], header[1]
        ));
    }
    let (size, longest) = (body.len(), rate as usize / 5 * 2);
    if size == 0 || size % 2 == 1 || size > longest {
        return Err(format!(
            "the samples must be an even number of bytes from 2 to {longest} (200 ms), not {size}"
        ));
    }
    let timestamp = header[4..8].try_into().ok().map(u32::from_le_bytes);
    Ok(Sound { rate, count: size / 2, timestamp, encoded: frame.slice(HEADER..) })
}

/// Encodes a frame of speech.
pub(super) fn speech(speech: &Speech, sequence: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + speech.samples.len() * 2);
    bytes.extend([VERSION, PCM16]);
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(speech.timestamp.to_le_bytes());
    bytes.extend(speech.response.0.to_le_bytes());
    bytes.extend(pcm::bytes(&speech.samples));
    bytes
}

/// Encodes a frame of faces.
pub(super) fn faces(batch: &Batch, offset: u32) -> Vec<u8> {
    [&[VERSION, FACE], batch.encode(offset).as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RATES;

    fn frame(samples: usize) -> Vec<u8> {
        let mut bytes = vec![1, 1];
        bytes.resize(HEADER + samples * 2, 0);
        bytes
    }

    #[test]
    fn a_frame_of_the_wrong_size_or_kind_is_refused_with_the_limit() {
        for (bytes, part) in [
            (vec![1; 5], "12 bytes"),
            (vec![2; 40], "version 1"),
            (frame(0), "2 to 6400"),
            (frame(3201), "2 to 6400"),
            ([frame(1), vec![0]].concat(), "even"),
        ] {
            assert!(sound(&bytes.into(), 16_000).unwrap_err().contains(part));
        }
    }

    #[test]
    fn sound_of_up_to_200_ms_is_accepted_at_every_rate() {
        for rate in RATES {
            let samples = rate as usize / 5;
            let found = sound(&frame(samples).into(), rate).unwrap();
            assert_eq!((found.rate, found.count), (rate, samples));
            assert!((found.seconds() - 0.2).abs() < 1e-9);
            assert!(sound(&frame(samples + 1).into(), rate).is_err());
        }
    }

    #[test]
    fn sound_has_the_time_that_its_header_says() {
        let mut bytes = frame(320);
        bytes[4..8].copy_from_slice(&[1, 2, 3, 4]);
        assert_eq!(sound(&bytes.into(), 16_000).unwrap().timestamp, Some(0x0403_0201));
    }

    #[test]
    fn samples_are_little_endian_both_ways() {
        let said = [0, 1, -2, i16::MAX, i16::MIN];
        let sent = Speech {
            response: crate::frame::ResponseId(0x0403_0201),
            timestamp: 0x0807_0605,
            rate: SPEECH_RATE,
            samples: said.to_vec(),
        };
        let bytes = speech(&sent, 0x0a09);
        assert_eq!(bytes[..HEADER], [1, 1, 0x09, 0x0a, 5, 6, 7, 8, 1, 2, 3, 4]);
        assert_eq!(bytes[HEADER..], [0, 0, 1, 0, 0xfe, 0xff, 0xff, 0x7f, 0, 0x80]);
        assert_eq!(pcm::samples(&sound(&bytes.into(), 16_000).unwrap().encoded).collect::<Vec<_>>(), said);
    }
}
