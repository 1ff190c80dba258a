//! Moods and states of the agent, as layers that go over into one another.

use super::cue::Mood;
use super::expression::State;
use super::face::Face;
use super::glide::{Change, Glide, smoothstep};
use super::table::{Layer, Look, Sparse, TABLE};

/// How long a mood takes to weaken.
const WEAKENS: f64 = 2.0;
/// What has been on always is so old.
const OLD: f64 = 1e9;

/// One kind of layers.
#[derive(Debug, Clone)]
pub(super) struct Layers(Glide<&'static Layer>);

impl Layers {
    pub(super) fn new(first: &'static Layer) -> Self {
        Self(Glide::new(first))
    }

    pub(super) fn change(&mut self, layer: &'static Layer, at: f64) {
        self.0.change(Change { at, fade: layer.fade, to: layer });
    }

    pub(super) fn forget(&mut self, t: f64) {
        self.0.forget(t);
    }

    /// Where the eyes go at `t`, unless it has weakened.
    pub(super) fn looks(&self, t: f64) -> &'static [Look] {
        let current = self.0.current(t);
        if age(current, t) < current.to.lasts { &current.to.looks } else { &[] }
    }

    /// Whether this layer is on at `t`, or comes on.
    pub(super) fn is(&self, layer: &'static Layer, t: f64) -> bool {
        std::ptr::eq(self.0.current(t).to, layer)
    }

    /// Adds what is on at `t`; returns what scales the emphasis and the sway.
    pub(super) fn add(&self, face: &mut Face, t: f64) -> (f32, f32) {
        let mut scales = (0.0, 0.0);
        for (share, change) in self.0.shares(t) {
            let layer = change.to;
            scales.0 += share * layer.emphasis;
            scales.1 += share * layer.sway;
            let weakened = smoothstep((age(change, t) - layer.lasts) / WEAKENS);
            let share = share * (1.0 - weakened * (1.0 - layer.rest));
            add(face, &layer.weights, share);
            face.pose.yaw += layer.yaw * share;
            face.pose.pitch += layer.pitch * share;
            face.pose.roll += layer.roll * share;
        }
        scales
    }
}

fn age(change: &Change<&'static Layer>, t: f64) -> f64 {
    (t - change.at).min(OLD)
}

pub(super) fn mood(mood: Mood) -> &'static Layer {
    &TABLE.moods[&mood]
}

pub(super) fn state(state: State) -> &'static Layer {
    &TABLE.states[&state]
}

pub(super) fn add(face: &mut Face, weights: &Sparse, share: f32) {
    for (shape, weight) in &weights.0 {
        face.weights.0[*shape] += weight * share;
    }
}
