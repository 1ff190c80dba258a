//! The whole face: combines mood and state layers, gestures, blinks, gaze, breathing and the mouth of speech.

use std::f64::consts::TAU;

use super::blinks::Blinks;
use super::chance::Rng;
use super::cue::{Cue, Gesture, Mood};
use super::face::Face;
use super::gaze::Gaze;
use super::gestures::Gestures;
use super::layers::{Layers, add, mood, state};
use super::lips::Mouth;
use super::shapes::{Shape, Weights};
use super::speech::Prosody;
use super::table::{Aim, TABLE};

pub use super::state::State;

/// The face of one call. Times are seconds of any clock. An earlier face, up to a few seconds ago, may be requested again;
/// the face then continues from there. Cues and states for times before the newest face take effect from that face on.
#[derive(Debug, Clone)]
pub struct Expression {
    rng: Rng,
    moods: Layers,
    states: Layers,
    gestures: Gestures,
    blinks: Blinks,
    gaze: Gaze,
    prosody: Prosody,
    /// Phases of the sines of the head's sway.
    phases: [f64; 6],
    /// Time of the newest face.
    newest: f64,
    /// When the agent last nodded at the person's words.
    nodded: f64,
    speaking: bool,
}

impl Expression {
    /// A neutral face; the seed decides its random behaviour.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            phases: std::array::from_fn(|_| rng.within([0.0, TAU])),
            rng,
            moods: Layers::new(mood(Mood::Neutral)),
            states: Layers::new(state(State::Idle)),
            gestures: Gestures::default(),
            blinks: Blinks::default(),
            gaze: Gaze::default(),
            prosody: Prosody::default(),
            newest: f64::NEG_INFINITY,
            nodded: f64::NEG_INFINITY,
            speaking: false,
        }
    }

    /// Sets what the agent is doing from `t` on.
    pub fn state(&mut self, now: State, t: f64) {
        let t = self.effective(t);
        if !self.states.is(state(now), t) {
            self.states.change(state(now), t);
            self.gaze.hurry(t, &mut self.rng);
        }
    }

    /// Shows a cue from `t` on, which may be in the future.
    pub fn cue(&mut self, cue: Cue, t: f64) {
        let t = self.effective(t);
        match cue {
            Cue::Mood(wanted) => {
                self.moods.change(mood(wanted), t);
                if !mood(wanted).looks.is_empty() {
                    self.gaze.hurry(t, &mut self.rng);
                }
            }
            Cue::Gesture(gesture) => {
                let side = self.rng.side();
                self.gestures.show(gesture, t, 1.0, side);
            }
        }
    }

    /// The person has ended a clause: may cause a nod and a blink.
    pub fn clause(&mut self, t: f64) {
        let t = self.effective(t);
        let clause = &TABLE.clause;
        let listens = self.states.is(state(State::Listening), t);
        if listens && t - self.nodded > clause.pause && self.rng.happens(clause.nod) {
            let size = self.rng.within(clause.size) as f32;
            self.gestures.show(Gesture::Nod, t + self.rng.within(clause.delay), size, 1.0);
            self.nodded = t;
        }
        if self.rng.happens(TABLE.blink.clause) {
            self.blinks.now(t, &mut self.rng);
        }
    }

    /// The face at `t`, with the mouth of speech if the agent is speaking.
    pub fn face(&mut self, t: f64, mouth: Option<&Mouth>) -> Face {
        let t = if t.is_finite() { t } else { self.newest.max(0.0) };
        self.advance(t, mouth);
        let mut face = Face::default();
        let (emphasis, _) = self.moods.add(&mut face, t);
        let (_, sway) = self.states.add(&mut face, t);
        let aside = self.gestures.add(&mut face, t);
        self.breathe_and_sway(&mut face, t, sway);
        self.prosody.add(&mut face, emphasis);
        let (eyes, head) = self.gaze.at(t);
        face.pose.yaw += head.yaw;
        face.pose.pitch += head.pitch;
        look(&mut face, Aim { yaw: eyes.yaw + aside.yaw, pitch: eyes.pitch + aside.pitch });
        let closed = self.blinks.closed(t);
        for lid in [Shape::EyeBlinkLeft, Shape::EyeBlinkRight] {
            // A blink closes the lids whatever the mood.
            face.weights[lid] = face.weights[lid].max(closed);
        }
        for wide in [Shape::EyeWideLeft, Shape::EyeWideRight, Shape::EyeSquintLeft, Shape::EyeSquintRight] {
            face.weights[wide] *= 1.0 - closed;
        }
        self.prosody.lay(&mut face, mouth);
        face
    }

    /// The time at which a change takes effect: faces already shown do not change.
    fn effective(&self, t: f64) -> f64 {
        if t.is_finite() { t.max(self.newest) } else { self.newest.max(0.0) }
    }

    fn advance(&mut self, t: f64, mouth: Option<&Mouth>) {
        self.newest = t;
        self.moods.forget(t);
        self.states.forget(t);
        self.gestures.forget(t);
        self.gaze.forget(t);
        let speaking = mouth.is_some_and(|mouth| mouth.speaking);
        let fell_silent = std::mem::replace(&mut self.speaking, speaking) && !speaking;
        if fell_silent && self.rng.happens(TABLE.blink.clause) {
            self.blinks.now(t, &mut self.rng);
        }
        while let Some(at) = self.gaze.due(t) {
            let looks = match self.moods.looks(at) {
                [] => self.states.looks(at),
                looks => looks,
            };
            let far = self.gaze.draw(at, looks, &mut self.rng);
            if far && self.rng.happens(TABLE.blink.saccade) {
                self.blinks.now(at, &mut self.rng);
            }
        }
        self.blinks.plan(t, &mut self.rng);
        self.prosody.step(t, mouth, &mut self.rng);
    }

    fn breathe_and_sway(&self, face: &mut Face, t: f64, scale: f32) {
        let sine = |period: f64, phase: f64| (t / period * TAU + phase).sin() as f32;
        let [short, long] = TABLE.sway.periods;
        let both = |at: usize| 0.4 * sine(short, self.phases[at]) + 0.6 * sine(long, self.phases[at + 3]);
        face.pose.yaw += TABLE.sway.yaw * scale * both(0);
        face.pose.pitch += TABLE.sway.pitch * scale * both(1);
        face.pose.roll += TABLE.sway.roll * scale * both(2);
        let breath = sine(TABLE.breath.period, self.phases[0]);
        face.pose.pitch += TABLE.breath.pitch * breath;
        add(face, &TABLE.breath.weights, f32::midpoint(breath, 1.0));
    }
}

/// Turns the eyes in this direction, whatever the head's pose.
fn look(face: &mut Face, to: Aim) {
    let full = TABLE.gaze.full;
    let yaw = ((to.yaw - face.pose.yaw) / full).clamp(-1.0, 1.0);
    let pitch = ((to.pitch - face.pose.pitch) / full).clamp(-1.0, 1.0);
    let weights: &mut Weights = &mut face.weights;
    for (shape, weight) in [
        (Shape::EyeLookOutLeft, yaw),
        (Shape::EyeLookInRight, yaw),
        (Shape::EyeLookInLeft, -yaw),
        (Shape::EyeLookOutRight, -yaw),
        (Shape::EyeLookDownLeft, pitch),
        (Shape::EyeLookDownRight, pitch),
        (Shape::EyeLookUpLeft, -pitch),
        (Shape::EyeLookUpRight, -pitch),
    ] {
        weights[shape] = weight.max(0.0);
    }
}

#[cfg(test)]
mod tests;
