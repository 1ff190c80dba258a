//! Converts PCM16 little endian, the format of all audio in `engine.proto`. Pure.

/// Samples as bytes.
pub fn encode(samples: impl ExactSizeIterator<Item = i16>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * samples.len());
    samples.for_each(|sample| bytes.extend_from_slice(&sample.to_le_bytes()));
    bytes
}

/// Bytes as samples. `None` if the number of bytes is odd.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<impl ExactSizeIterator<Item = i16>> {
    let (samples, odd) = bytes.as_chunks::<2>();
    odd.is_empty().then(|| samples.iter().map(|&sample| i16::from_le_bytes(sample)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_a_round_trip_and_an_odd_byte_count_is_refused() {
        let samples = [0, 1, -2, i16::MIN, i16::MAX];
        let bytes = encode(samples.into_iter());
        assert_eq!(bytes[..4], [0, 0, 1, 0]);
        assert_eq!(decode(&bytes).map(Vec::from_iter), Some(samples.to_vec()));
        assert!(decode(&bytes[1..]).is_none());
    }
}
