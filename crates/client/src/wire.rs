//! Binary frames of WebSocket mode, as defined in `docs/protocol.md`.

use visavis_core::frame::ResponseId;

/// Length of the header in bytes.
pub const HEADER: usize = 12;
const VERSION: u8 = 1;
const KIND_PCM16: u8 = 1;

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Number of the frame; wraps.
    pub sequence: u16,
    /// When the first sample sounds, on a 48 kHz clock that wraps.
    pub timestamp: u32,
    /// The response, or 0 for the microphone.
    pub response: ResponseId,
}

/// Encodes a frame.
#[must_use]
pub fn encode(header: Header, samples: &[i16]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER + samples.len() * 2);
    frame.extend([VERSION, KIND_PCM16]);
    frame.extend(header.sequence.to_le_bytes());
    frame.extend(header.timestamp.to_le_bytes());
    frame.extend(header.response.0.to_le_bytes());
    frame.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    frame
}

/// Decodes a frame; the error says what is wrong.
pub fn decode(frame: &[u8]) -> Result<(Header, Vec<i16>), String> {
    let Some((head, body)) = frame.split_at_checked(HEADER) else {
        return Err(format!("a frame of {} bytes is shorter than its {HEADER}-byte header", frame.len()));
    };
    if head[0] != VERSION || head[1] != KIND_PCM16 {
        return Err(format!("version {} kind {} is not supported", head[0], head[1]));
    }
    if body.is_empty() || body.len() % 2 != 0 {
        return Err(format!("{} bytes are not 16-bit samples", body.len()));
    }
    let header = Header {
        sequence: u16::from_le_bytes([head[2], head[3]]),
        timestamp: u32::from_le_bytes([head[4], head[5], head[6], head[7]]),
        response: ResponseId(u32::from_le_bytes([head[8], head[9], head[10], head[11]])),
    };
    let samples = body.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok((header, samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_documented_bytes_and_reads_back() {
        let header = Header { sequence: 0x0201, timestamp: 0x0605_0403, response: ResponseId(7) };
        let bytes = encode(header, &[-2, 0x0102]);
        assert_eq!(bytes, [1, 1, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0xfe, 0xff, 2, 1]);
        assert_eq!(decode(&bytes).unwrap(), (header, vec![-2, 0x0102]));
        for cut in [0, 11, 12, 13] {
            assert!(decode(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        assert!(decode(&[&[2], &bytes[1..]].concat()).is_err());
    }
}
