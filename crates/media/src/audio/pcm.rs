//! Samples as little-endian PCM16, as used by engines, sockets and files.

/// Converts samples to bytes.
pub fn bytes(samples: &[i16]) -> impl Iterator<Item = u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes())
}

/// Converts bytes to samples; an odd last byte is ignored.
pub fn samples(bytes: &[u8]) -> impl Iterator<Item = i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_the_round_trip_and_an_odd_byte_is_ignored() {
        let all = [0, 1, -1, 258, i16::MAX, i16::MIN];
        let mut carried: Vec<u8> = bytes(&all).collect();
        assert_eq!(carried[6..8], [2, 1]);
        carried.push(7);
        assert_eq!(samples(&carried).collect::<Vec<_>>(), all);
    }
}
