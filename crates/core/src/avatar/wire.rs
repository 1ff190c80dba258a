//! The binary encoding of faces sent to the page, documented in docs/avatar.md.

use super::face::{Face, Pose};
use super::shapes::{SHAPES, Weights};

/// Version of the format.
const VERSION: u8 = 1;
/// Bytes before the frames.
const HEADER: usize = 13;
/// Bytes of a frame: the weights, yaw, pitch, roll, level.
const FRAME: usize = SHAPES + 4;
/// Most frames in a message.
pub const MAX_FRAMES: usize = 64;
/// Ticks per second of the frames' clock.
const CLOCK: u32 = 48_000;

/// Flag: the face is still after the last frame.
const LAST: u8 = 1;

/// Faces at equal intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The response being spoken; 0: none.
    pub response: u32,
    /// The 48 kHz time of the audio sample that the first face belongs to; wraps.
    pub timestamp: u32,
    /// Faces in a second.
    pub fps: u8,
    /// Incremented, wrapping, when the faces sent before for this moment or later become void.
    pub epoch: u8,
    /// The face is still after the last frame.
    pub last: bool,
    /// The faces, at most [`MAX_FRAMES`].
    pub faces: Vec<Face>,
}

/// Why bytes are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The length does not match the header and the frames.
    #[error("{0} bytes, expected 13 plus 56 for each of {1} frames")]
    Length(usize, usize),
    /// An unknown version.
    #[error("version {0}, expected 1")]
    Version(u8),
    /// No frames, too many, or an invalid rate.
    #[error("{0} frames at {1} per second, expected 1 to 64 at 1 to 120")]
    Count(u8, u8),
}

impl Batch {
    /// Encodes the batch; `offset` is added to the timestamp, for a transport with its own clock.
    #[must_use]
    pub fn encode(&self, offset: u32) -> Vec<u8> {
        let faces = &self.faces[..self.faces.len().min(MAX_FRAMES)];
        let mut bytes = Vec::with_capacity(HEADER + FRAME * faces.len());
        bytes.push(VERSION);
        bytes.push(if self.last { LAST } else { 0 });
        bytes.push(u8::try_from(faces.len()).unwrap_or_default());
        bytes.push(self.fps);
        bytes.extend(self.response.to_le_bytes());
        bytes.extend(self.timestamp.wrapping_add(offset).to_le_bytes());
        bytes.push(self.epoch);
        for face in faces {
            bytes.extend(face.weights.0.iter().map(|&weight| unit(weight)));
            let Pose { yaw, pitch, roll } = face.pose;
            bytes.extend([yaw, pitch, roll].map(angle));
            bytes.push(unit(face.level));
        }
        bytes
    }

    /// Decodes a batch.
    ///
    /// # Errors
    /// If the bytes are not a valid batch of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let [version, flags, count, fps, ..] = *bytes else { return Err(Malformed::Length(bytes.len(), 0)) };
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        if count == 0 || usize::from(count) > MAX_FRAMES || !(1..=120).contains(&fps) {
            return Err(Malformed::Count(count, fps));
        }
        let count = usize::from(count);
        if bytes.len() != HEADER + FRAME * count {
            return Err(Malformed::Length(bytes.len(), count));
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Ok(Self {
            response: word(4),
            timestamp: word(8),
            fps,
            epoch: bytes[12],
            last: flags & LAST != 0,
            faces: bytes[HEADER..].chunks_exact(FRAME).map(face).collect(),
        })
    }

    /// Ticks of the 48 kHz clock from face to face.
    #[must_use]
    pub fn spacing(&self) -> u32 {
        CLOCK / u32::from(self.fps.max(1))
    }
}

fn face(bytes: &[u8]) -> Face {
    let mut weights = Weights::NEUTRAL;
    weights.0.iter_mut().zip(bytes).for_each(|(weight, &byte)| *weight = f32::from(byte) / 255.0);
    let degrees = |at: usize| f32::from(bytes[SHAPES + at] as i8) / 2.0;
    let pose = Pose { yaw: degrees(0), pitch: degrees(1), roll: degrees(2) };
    Face { weights, pose, level: f32::from(bytes[SHAPES + 3]) / 255.0 }
}

/// Encodes 0 to 1 as a byte; NaN becomes 0.
fn unit(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Encodes half degrees as a signed byte.
fn angle(degrees: f32) -> u8 {
    (degrees * 2.0).round().clamp(-127.0, 127.0) as i8 as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avatar::shapes::Shape;

    fn batch() -> Batch {
        let mut face =
            Face { level: 0.2, pose: Pose { yaw: 5.0, pitch: -2.5, roll: 0.0 }, ..Face::default() };
        face.weights[Shape::JawOpen] = 0.4;
        face.weights[Shape::TongueOut] = 1.0;
        Batch { response: 7, timestamp: 0xFFFF_FFF0, fps: 30, epoch: 3, last: false, faces: vec![face] }
    }

    /// The test vector of docs/avatar.md.
    #[test]
    fn the_documented_bytes_are_written_and_read() {
        let mut expected = vec![1, 0, 1, 30, 7, 0, 0, 0, 0x10, 0, 0, 0, 3];
        let mut weights = [0; 52];
        weights[17] = 102;
        weights[51] = 255;
        expected.extend(weights);
        expected.extend([10, 251, 0, 51]);
        assert_eq!(batch().encode(32), expected);
        let read = Batch::decode(&expected).expect("it is well formed");
        assert_eq!(read, Batch { timestamp: 16, ..batch() });
        assert_eq!(read.spacing(), 1600);
    }

    #[test]
    fn malformed_messages_are_refused_with_the_reason() {
        let good = batch().encode(0);
        assert_eq!(Batch::decode(&[]), Err(Malformed::Length(0, 0)));
        assert_eq!(Batch::decode(&good[..40]), Err(Malformed::Length(40, 1)));
        assert_eq!(Batch::decode(&[2, 0, 1, 30]), Err(Malformed::Version(2)));
        assert_eq!(Batch::decode(&[1, 0, 0, 30]), Err(Malformed::Count(0, 30)));
        assert_eq!(Batch::decode(&[1, 0, 65, 30]), Err(Malformed::Count(65, 30)));
        assert_eq!(Batch::decode(&[1, 0, 1, 0]), Err(Malformed::Count(1, 0)));
    }

    #[test]
    fn values_out_of_range_are_clamped() {
        let mut face = Face { level: f32::NAN, ..Face::default() };
        face.pose.yaw = 400.0;
        face.weights.0[0] = 7.0;
        face.weights.0[1] = -1.0;
        let bytes = Batch { faces: vec![face], ..batch() }.encode(0);
        assert_eq!((bytes[13], bytes[14], bytes[65], bytes[68]), (255, 0, 127, 0));
    }
}
