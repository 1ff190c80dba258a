//! Frames of WebSockets: pings, and noise as sound.

use visavis_client::wire::{Header, encode};
use visavis_core::frame::{FRAME_TICKS, MIC_FRAME, ResponseId};

/// The request headers of a WebSocket upgrade.
pub(crate) const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// Longest payload of a control frame.
const CONTROL: u8 = 125;

/// A ping of 125 bytes, masked with zeros.
pub(crate) fn ping() -> Vec<u8> {
    let mut frame = vec![0x89, 0x80 | CONTROL, 0, 0, 0, 0];
    frame.resize(frame.len() + usize::from(CONTROL), 7);
    frame
}

/// Endless frames of loud noise.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    sequence: u16,
    timestamp: u32,
    dice: u32,
}

impl Default for Frames {
    fn default() -> Self {
        Self { sequence: 0, timestamp: 0, dice: 0x2545_f491 }
    }
}

impl Iterator for Frames {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let header =
            Header { sequence: self.sequence, timestamp: self.timestamp, response: ResponseId::default() };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        let samples: Vec<i16> = (0..MIC_FRAME).map(|_| self.sample()).collect();
        Some(encode(header, &samples))
    }
}

impl Frames {
    /// White noise at about -15 dBFS.
    fn sample(&mut self) -> i16 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 17;
        self.dice ^= self.dice << 5;
        (self.dice >> 16) as u16 as i16 / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_a_whole_masked_control_frame() {
        let ping = ping();
        assert_eq!((ping.len(), ping[0], ping[1]), (131, 0x89, 0xfd));
    }

    #[test]
    fn frames_are_20_ms_of_noise_in_order() {
        let frames: Vec<Vec<u8>> = Frames::default().take(3).collect();
        for (number, frame) in frames.iter().enumerate() {
            let (header, samples) = visavis_client::wire::decode(frame).unwrap();
            assert_eq!((usize::from(header.sequence), samples.len()), (number, MIC_FRAME));
            assert!(samples.iter().any(|sample| *sample > 5_000), "loud");
        }
        assert_ne!(frames[0][12..], frames[1][12..]);
    }
}
