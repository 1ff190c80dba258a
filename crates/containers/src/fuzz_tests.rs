//! Sound files of arbitrary bytes.

use crate::Decoder;

/// Pieces that are read of a file. A few bytes of FLAC or MP4 can promise hours of silence.
const PIECES: usize = 24;
/// More samples are in no piece: the largest packets of FLAC and WAV at the lowest rate are below it.
const LARGEST: usize = 1 << 20;

#[test]
fn a_sound_file_of_any_bytes_is_refused_with_a_reason_or_read_in_bounded_pieces() {
    visavis_fuzz::run("sound_file", |input| {
        let mut decoder = match Decoder::from_bytes(input.to_vec()) {
            Ok(decoder) => decoder,
            Err(refused) => return assert!(!refused.to_string().is_empty()),
        };
        let info = decoder.info();
        assert!(info.seconds.is_none_or(|seconds| seconds >= 0.0), "{info:?}");
        for _ in 0..PIECES {
            match decoder.read() {
                Ok(Some(piece)) => assert!((1..=LARGEST).contains(&piece.len()), "{}", piece.len()),
                Ok(None) => break,
                Err(refused) => return assert!(!refused.to_string().is_empty()),
            }
        }
    });
}
