//! The face at one moment.

use super::shapes::Weights;

/// The head's pose in degrees, relative to facing the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// Turn to the character's left.
    pub yaw: f32,
    /// Nod downwards.
    pub pitch: f32,
    /// Tilt towards the character's left shoulder.
    pub roll: f32,
}

/// A complete face at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Face {
    /// The blend shapes.
    pub weights: Weights,
    /// The pose of the head.
    pub pose: Pose,
    /// The voice's loudness, 0 to 1: the root mean square of the 33 ms around the moment, full scale being 1.
    pub level: f32,
}
