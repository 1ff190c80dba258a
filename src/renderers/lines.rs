//! Faces as lines of JSON. Pure.

use serde::Serialize;

use super::azure::rounded;
use crate::avatar::face::Face;

/// A face in JSON: the weights in the order of `avatar::shapes::NAMES`, and the head's yaw, pitch and roll in degrees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frame {
    /// 0 to 1 each.
    pub weights: Vec<f32>,
    /// As in [`crate::avatar::face::Pose`].
    pub head: [f32; 3],
    /// How loud the voice is, 0 to 1.
    pub level: f32,
}

impl From<&Face> for Frame {
    fn from(face: &Face) -> Self {
        let pose = face.pose;
        Self {
            weights: face.weights.0.iter().map(|&weight| rounded(weight)).collect(),
            head: [pose.yaw, pose.pitch, pose.roll].map(rounded),
            level: rounded(face.level),
        }
    }
}

/// A face of a call in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The response being spoken; 0: none.
    pub response: u32,
    /// The audio sample that it belongs to, on the call's 48 kHz clock; wraps.
    pub timestamp: u32,
    /// The face.
    #[serde(flatten)]
    pub frame: Frame,
}
