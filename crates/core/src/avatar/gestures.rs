//! Gestures that are shown now or later.

use super::cue::Gesture;
use super::face::Face;
use super::glide::{REMEMBERED, smoothstep};
use super::layers::add;
use super::table::{Aim, Key, TABLE};

/// Most gestures at a time; further ones are not shown.
const MOST: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Shown {
    keys: &'static [Key],
    at: f64,
    size: f32,
    /// 1, or −1 for mirrored.
    side: f32,
}

/// Current and future gestures.
#[derive(Debug, Clone, Default)]
pub(super) struct Gestures(Vec<Shown>);

impl Gestures {
    /// Shows a gesture at `at`, scaled by `size`, and mirrored if `side` is −1.
    pub(super) fn show(&mut self, gesture: Gesture, at: f64, size: f32, side: f32) {
        if self.0.len() < MOST {
            self.0.push(Shown { keys: &TABLE.gestures[&gesture], at, size, side });
        }
    }

    pub(super) fn forget(&mut self, t: f64) {
        self.0.retain(|shown| shown.keys.last().is_some_and(|last| shown.at + last.t > t - REMEMBERED));
    }

    /// Adds the gestures shown at `t`; returns how far the eyes look aside.
    pub(super) fn add(&self, face: &mut Face, t: f64) -> Aim {
        let mut aside = Aim::default();
        for shown in &self.0 {
            let at = t - shown.at;
            let next = shown.keys.partition_point(|key| key.t <= at);
            if next == 0 || next == shown.keys.len() {
                continue;
            }
            let (from, to) = (&shown.keys[next - 1], &shown.keys[next]);
            let done = smoothstep((at - from.t) / (to.t - from.t));
            for (key, share) in [(from, 1.0 - done), (to, done)] {
                let size = share * shown.size;
                add(face, &key.weights, size);
                face.pose.yaw += key.yaw * size * shown.side;
                face.pose.pitch += key.pitch * size;
                face.pose.roll += key.roll * size * shown.side;
                aside.yaw += key.look.yaw * size * shown.side;
                aside.pitch += key.look.pitch * size;
            }
        }
        aside
    }
}
