//! Live Link Face, version 6, as Unreal Engine receives it for MetaHumans. Pure.

use crate::avatar::face::{Face, Pose};
use crate::avatar::shapes::Shape;

/// The format's version.
const VERSION: u32 = 6;
/// Curves of a packet: the shapes, then yaw, pitch and roll of the head and of each eye.
const CURVES: u8 = 61;
/// How far an eye turns at the weight 1.
const EYE: f32 = std::f32::consts::PI / 6.0;

/// Whose face is shown: Unreal lists subjects by name, and distinguishes devices by their id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name shown in Unreal.
    pub name: String,
    /// The id of the device.
    pub device: uuid::Uuid,
}

/// The packet of one moment; `frame` counts moments at `fps`.
#[must_use]
pub fn packet(subject: &Subject, frame: u32, fps: u32, face: &Face) -> Vec<u8> {
    let name = subject.name.as_bytes();
    let mut bytes = Vec::with_capacity(62 + name.len() + 4 * usize::from(CURVES));
    bytes.extend(VERSION.to_le_bytes());
    bytes.push(b'$');
    bytes.extend(subject.device.hyphenated().to_string().to_uppercase().as_bytes());
    bytes.extend(u32::try_from(name.len()).unwrap_or_default().to_be_bytes());
    bytes.extend(name);
    bytes.extend(frame.to_be_bytes());
    // The fraction of a frame: moments are at whole frames.
    bytes.extend(0_f32.to_be_bytes());
    bytes.extend(fps.to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.push(CURVES);
    for value in face.weights.0.into_iter().chain(head(face.pose)).chain(eyes(face)) {
        bytes.extend(if value.is_finite() { value } else { 0.0 }.to_be_bytes());
    }
    bytes
}

/// Yaw, pitch and roll in radians on ARKit's axes: positive to the character's left, upwards, and to the right shoulder.
fn head(Pose { yaw, pitch, roll }: Pose) -> [f32; 3] {
    [yaw.to_radians(), -pitch.to_radians(), -roll.to_radians()]
}

/// The same for both eyes, from their gaze weights.
fn eyes(face: &Face) -> [f32; 6] {
    let towards = |more: Shape, less: Shape| (face.weights[more] - face.weights[less]) * EYE;
    [
        towards(Shape::EyeLookOutLeft, Shape::EyeLookInLeft),
        towards(Shape::EyeLookUpLeft, Shape::EyeLookDownLeft),
        0.0,
        towards(Shape::EyeLookInRight, Shape::EyeLookOutRight),
        towards(Shape::EyeLookUpRight, Shape::EyeLookDownRight),
        0.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of `PyLiveLinkFace` 0.1 for this face, except for its time of day and its constant fraction of a frame.
    const GOLDEN: &[u8] = include_bytes!("live_link.golden");

    #[test]
    fn the_packet_equals_that_of_pylivelinkface() {
        let subject = Subject {
            name: "Visavis é".into(),
            device: uuid::uuid!("0f8fad5b-d9cb-469f-a165-70867728950e"),
        };
        let mut face = Face::default();
        for (weight, number) in face.weights.0.iter_mut().zip(0_u8..) {
            *weight = f32::from(number) / 64.0;
        }
        face.pose = Pose { yaw: 90.0, pitch: -45.0, roll: 10.0 };
        assert_eq!(packet(&subject, 1234, 60, &face), GOLDEN);
    }

    #[test]
    fn a_nan_weight_is_sent_as_zero() {
        let subject = Subject { name: "x".into(), device: uuid::Uuid::nil() };
        let mut face = Face::default();
        face.weights[Shape::JawOpen] = f32::NAN;
        assert_eq!(packet(&subject, 1, 60, &face), packet(&subject, 1, 60, &Face::default()));
    }
}
