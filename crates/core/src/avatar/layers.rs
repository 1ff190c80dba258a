//! Moods and states of the agent, as layers that cross-fade.

use super::cue::Mood;
use super::face::Face;
use super::glide::{Change, Crossfade, smoothstep};
use super::state::State;
use super::table::{Layer, Look, Sparse, TABLE};

/// How long a mood takes to weaken, in seconds.
const WEAKENS: f64 = 2.0;
/// Age of a layer that has always been on, in seconds.
const OLD: f64 = 1e9;

/// The layers of one kind, moods or states.
#[derive(Debug, Clone)]
pub(super) struct Layers(Crossfade<&'static Layer>);

impl Layers {
    pub(super) fn new(first: &'static Layer) -> Self {
        Self(Crossfade::new(first))
    }

    pub(super) fn change(&mut self, layer: &'static Layer, at: f64) {
        self.0.change(Change { at, fade: layer.fade, to: layer });
    }

    pub(super) fn forget(&mut self, t: f64) {
        self.0.forget(t);
    }

    /// Where the eyes look at `t`; empty once the layer has weakened.
    pub(super) fn looks(&self, t: f64) -> &'static [Look] {
        let current = self.0.current(t);
        if age(current, t) < current.to.lasts { &current.to.looks } else { &[] }
    }

    /// Whether this layer is on or fading in at `t`.
    pub(super) fn is(&self, layer: &'static Layer, t: f64) -> bool {
        std::ptr::eq(self.0.current(t).to, layer)
    }

    /// Adds the layers on at `t`; returns the scales of emphasis and sway.
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
