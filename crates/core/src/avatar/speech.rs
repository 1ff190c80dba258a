//! How speech moves the rest of the face, and how much of the layers' mouth it leaves.

use super::chance::Rng;
use super::face::Face;
use super::layers::add;
use super::lips::Mouth;
use super::shapes::{NAMES, SHAPES, Shape, Weights};
use super::table::TABLE;

/// Longest time step; longer gaps between frames count as this, in seconds.
const LONGEST_STEP: f64 = 0.1;
/// Lips pressed or rolled in by this weight are closed.
const CLOSED: f32 = 0.3;
/// Share of a smile that fully rounded lips remove.
const ROUNDED: f32 = 0.8;

/// The shapes that the voice controls while it speaks.
const MOUTH: [bool; SHAPES] = {
    let mut mouth = [false; SHAPES];
    let mut at = 0;
    while at < SHAPES {
        let name = NAMES[at].as_bytes();
        // jaw…, mouth…, tongue…, cheekPuff
        mouth[at] = matches!(name[0], b'j' | b'm' | b't') || at == Shape::CheekPuff as usize;
        at += 1;
    }
    mouth
};

/// Shapes that part the lips.
const PARTING: [Shape; 8] = [
    Shape::JawOpen,
    Shape::JawForward,
    Shape::MouthFunnel,
    Shape::MouthShrugUpper,
    Shape::MouthUpperUpLeft,
    Shape::MouthUpperUpRight,
    Shape::MouthLowerDownLeft,
    Shape::MouthLowerDownRight,
];

/// How the prosody of the voice moves brows and head.
#[derive(Debug, Clone, Default)]
pub(super) struct Prosody {
    /// 1 while the voice speaks, faded.
    gate: f32,
    /// The stress, smoothed once and twice.
    lift: [f32; 2],
    /// Random strength of the current stress, since not every one raises the brows.
    gain: f32,
    stressed: bool,
    at: f64,
}

impl Prosody {
    /// Advances to `t`; an earlier time changes nothing.
    pub(super) fn step(&mut self, t: f64, mouth: Option<&Mouth>, rng: &mut Rng) {
        let step = (t - self.at).clamp(0.0, LONGEST_STEP) as f32;
        self.at = t;
        let speaking = mouth.is_some_and(|mouth| mouth.speaking);
        let change = step / TABLE.speech.gate;
        self.gate = (self.gate + if speaking { change } else { -change }).clamp(0.0, 1.0);
        let least = TABLE.speech.least_stress;
        let stress = mouth.map_or(0.0, |mouth| if mouth.stress.is_finite() { mouth.stress } else { 0.0 });
        let stressed = stress >= least;
        if stressed && !std::mem::replace(&mut self.stressed, stressed) {
            self.gain = rng.within([0.3, 1.0]) as f32;
        }
        self.stressed = stressed;
        let target = if stressed { stress.min(1.0) * self.gain } else { 0.0 };
        let time = if stressed { TABLE.speech.rise } else { TABLE.speech.fall };
        // Two filters in series, so that no motion starts with a jerk.
        let share = 1.0 - (-2.0 * step / time).exp();
        self.lift[0] += (target - self.lift[0]) * share;
        self.lift[1] += (self.lift[0] - self.lift[1]) * share;
    }

    /// Adds the motion of brows and head, scaled by the mood's emphasis.
    pub(super) fn add(&self, face: &mut Face, emphasis: f32) {
        let lift = self.lift[1] * emphasis;
        add(face, &TABLE.speech.brow, lift);
        face.pose.pitch += TABLE.speech.nod * lift;
    }

    /// Combines the mouth of speech with that of the layers.
    pub(super) fn lay(&self, face: &mut Face, mouth: Option<&Mouth>) {
        let speech = mouth.map_or(Weights::NEUTRAL, |mouth| mouth.weights);
        let closes = [Shape::MouthClose, Shape::MouthPressLeft, Shape::MouthPressRight]
            .into_iter()
            .chain([Shape::MouthRollLower, Shape::MouthRollUpper]);
        let closed = (closes.map(|shape| speech[shape]).fold(0.0, f32::max) / CLOSED).clamp(0.0, 1.0);
        let rounded = speech[Shape::MouthPucker].max(speech[Shape::MouthFunnel]).clamp(0.0, 1.0);
        let left = 1.0 - self.gate * (1.0 - TABLE.speech.mouth * (1.0 - ROUNDED * rounded));
        for shape in PARTING {
            face.weights[shape] *= (1.0 - self.gate) * (1.0 - closed) / left;
        }
        for (at, weight) in face.weights.0.iter_mut().enumerate() {
            let own = if MOUTH[at] { *weight * left } else { *weight };
            let sum = own + speech.0[at];
            *weight = if sum.is_finite() { sum.clamp(0.0, 1.0) } else { 0.0 };
        }
        let jaw = face.weights[Shape::JawOpen];
        let close = &mut face.weights[Shape::MouthClose];
        *close = close.min(jaw);
        face.level = mouth.map_or(0.0, |mouth| mouth.level.clamp(0.0, 1.0));
    }
}
