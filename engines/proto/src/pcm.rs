//! PCM16 little endian, as all audio of `engine.proto` is. Pure.

/// Samples as bytes.
pub fn encode(samples: impl ExactSizeIterator<Item = i16>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * samples.len());
    samples.for_each(|sample| bytes.extend_from_slice(&sample.to_le_bytes()));
    bytes
}

/// Bytes as samples. `None`: the last one is half a sample.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<impl ExactSizeIterator<Item = i16>> {
    let (samples, odd) = bytes.as_chunks::<2>();
    odd.is_empty().then(|| samples.iter().map(|&sample| i16::from_le_bytes(sample)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_from_their_bytes_and_half_a_sample_is_none() {
        let samples = [0, 1, -2, i16::MIN, i16::MAX];
        let bytes = encode(samples.into_iter());
        assert_eq!(bytes[..4], [0, 0, 1, 0]);
        assert_eq!(decode(&bytes).map(Vec::from_iter), Some(samples.to_vec()));
        assert!(decode(&bytes[1..]).is_none());
    }
}
