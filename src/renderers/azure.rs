//! Faces in the format of Azure's speech service: 60 rows a second of 55 numbers. Pure.

use serde::Serialize;

use crate::avatar::face::{Face, Pose};
use crate::avatar::shapes::{SHAPES, Weights};

/// Rows in a second.
pub const RATE: u32 = 60;
/// Numbers of a row: the shapes, then the roll of the head and of both eyes.
pub const ROW: usize = SHAPES + 3;
/// Ticks of the face's clock between rows.
const SPACING: u32 = 48_000 / RATE;
/// Faces further apart than this are not interpolated.
const APART: u32 = 48_000 / 4;

/// What Azure sends with a viseme event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Animation {
    /// The number of the first row within the response.
    #[serde(rename = "FrameIndex")]
    pub frame_index: u32,
    /// The rows.
    #[serde(rename = "BlendShapes")]
    pub blend_shapes: Vec<Vec<f32>>,
}

/// A face as a row. The roll of the head is in half turns, positive to the right; the eyes do not roll.
#[must_use]
pub fn row(face: &Face) -> Vec<f32> {
    let mut row: Vec<f32> = face.weights.0.iter().map(|&weight| rounded(weight)).collect();
    row.extend([rounded(-face.pose.roll / 180.0), 0.0, 0.0]);
    row
}

/// Rounds to four digits, which is finer than visible.
pub(super) fn rounded(value: f32) -> f32 {
    if value.is_finite() { (value * 1e4).round() / 1e4 } else { 0.0 }
}

/// Resamples the faces of responses, at whatever rate they arrive, to rows. Pure.
#[derive(Debug, Default)]
pub struct Rows {
    response: u32,
    /// Timestamp of row 0.
    first: u32,
    /// Number of the next row.
    next: u32,
    last: Option<Shown>,
}

/// A face, and when it is shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    timestamp: u32,
    face: Face,
}

impl Rows {
    /// Takes a face; returns the rows up to it. Between responses there are none, and each response counts from 0.
    pub fn push(&mut self, response: u32, timestamp: u32, face: &Face) -> Option<Animation> {
        let follows =
            self.last.is_some_and(|last| (1..=APART).contains(&timestamp.wrapping_sub(last.timestamp)));
        if response == 0 {
            *self = Self::default();
            return None;
        }
        if response != self.response {
            *self = Self { response, first: timestamp, next: 0, last: None };
        }
        let before = self.last.filter(|_| follows).unwrap_or(Shown { timestamp, face: *face });
        if !follows {
            // Skipped rows keep their numbers, so that row numbers follow the audio's clock.
            let passed = timestamp.wrapping_sub(self.first).div_ceil(SPACING);
            self.next = if passed < u32::MAX / SPACING / 2 { self.next.max(passed) } else { self.next };
        }
        self.last = Some(Shown { timestamp, face: *face });
        let frame_index = self.next;
        let mut blend_shapes = Vec::new();
        loop {
            let at = self.first.wrapping_add(self.next * SPACING);
            let (since, whole) =
                (at.wrapping_sub(before.timestamp), timestamp.wrapping_sub(before.timestamp));
            if since > whole {
                break;
            }
            let part = if whole == 0 { 1.0 } else { since as f32 / whole as f32 };
            blend_shapes.push(row(&between(&before.face, face, part)));
            self.next += 1;
        }
        (!blend_shapes.is_empty()).then_some(Animation { frame_index, blend_shapes })
    }
}

/// Interpolates between two faces; `part` is 0 to 1.
#[must_use]
pub fn between(from: &Face, to: &Face, part: f32) -> Face {
    let mix = |a: f32, b: f32| a + (b - a) * part;
    let mut weights = Weights::NEUTRAL;
    for (index, weight) in weights.0.iter_mut().enumerate() {
        *weight = mix(from.weights.0[index], to.weights.0[index]);
    }
    let pose = Pose {
        yaw: mix(from.pose.yaw, to.pose.yaw),
        pitch: mix(from.pose.pitch, to.pose.pitch),
        roll: mix(from.pose.roll, to.pose.roll),
    };
    Face { weights, pose, level: mix(from.level, to.level) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avatar::shapes::Shape;

    fn face(jaw: f32) -> Face {
        let mut face = Face::default();
        face.weights[Shape::JawOpen] = jaw;
        face
    }

    fn jaws(animation: Option<Animation>) -> (u32, Vec<i32>) {
        let animation = animation.expect("there are rows");
        assert!(animation.blend_shapes.iter().all(|row| row.len() == ROW));
        let jaw = |row: &Vec<f32>| (row[Shape::JawOpen.index()] * 100.0).round() as i32;
        (animation.frame_index, animation.blend_shapes.iter().map(jaw).collect())
    }

    #[test]
    fn thirty_faces_a_second_become_sixty_rows_across_the_clocks_wrap() {
        let mut rows = Rows::default();
        let start = 0_u32.wrapping_sub(1600);
        assert_eq!(jaws(rows.push(3, start, &face(0.0))), (0, vec![0]));
        assert_eq!(jaws(rows.push(3, start.wrapping_add(1600), &face(0.2))), (1, vec![10, 20]));
        assert_eq!(jaws(rows.push(3, start.wrapping_add(3200), &face(0.4))), (3, vec![30, 40]));
    }

    #[test]
    fn each_response_counts_from_zero_and_a_hole_keeps_the_time() {
        let mut rows = Rows::default();
        assert_eq!(jaws(rows.push(3, 0, &face(0.1))).0, 0);
        assert_eq!(jaws(rows.push(3, 48_000, &face(0.1))), (60, vec![10]));
        assert_eq!(rows.push(0, 49_600, &face(0.5)), None);
        assert_eq!(jaws(rows.push(4, 96_000, &face(0.3))), (0, vec![30]));
    }

    #[test]
    fn rows_do_not_go_back() {
        let mut rows = Rows::default();
        rows.push(3, 16_000, &face(0.1));
        rows.push(3, 17_600, &face(0.1));
        let again = rows.push(3, 16_800, &face(0.1));
        assert!(again.is_none_or(|animation| animation.frame_index >= 3));
    }
}
