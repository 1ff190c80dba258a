//! One moment of the face.

use super::shapes::Weights;

/// The head, against looking straight ahead, in degrees: as a person who faces the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// Turned to the character's left.
    pub yaw: f32,
    /// Nodded down.
    pub pitch: f32,
    /// Tilted to the character's left shoulder.
    pub roll: f32,
}

/// A whole face at one moment: nothing needs to be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Face {
    /// The blend shapes.
    pub weights: Weights,
    /// The head.
    pub pose: Pose,
    /// How loud the voice is, 0 to 1: the root mean square of the 33 ms around the moment, full scale being 1.
    pub level: f32,
}
