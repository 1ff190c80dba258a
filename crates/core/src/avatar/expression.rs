//! The whole face: layers, gestures, life and the mouth of speech, put together.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::blinks::Blinks;
use super::chance::Chance;
use super::cue::{Cue, Gesture, Mood};
use super::face::Face;
use super::gaze::Gaze;
use super::gestures::Gestures;
use super::layers::{Layers, add, mood, state};
use super::lips::Mouth;
use super::shapes::{Shape, Weights};
use super::speech::Prosody;
use super::table::{Aim, TABLE};

/// What the agent does, as its face shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody speaks, and nobody is waited for.
    #[default]
    Idle,
    /// It hears the person: eye contact, nods.
    Listening,
    /// It has no answer yet: glances aside.
    Thinking,
    /// It speaks.
    Speaking,
}

/// The face of one call. Its times are seconds of any clock; it may be asked again for the face of a few seconds ago, and
/// then goes on from there. What it is told for a time before the newest face takes effect from that face on.
#[derive(Debug, Clone)]
pub struct Expression {
    chance: Chance,
    moods: Layers,
    states: Layers,
    gestures: Gestures,
    blinks: Blinks,
    gaze: Gaze,
    prosody: Prosody,
    /// Where the sines of the head's small motion begin.
    phases: [f64; 6],
    /// The time of the newest face.
    newest: f64,
    /// When the agent last nodded at the person's words.
    nodded: f64,
    speaking: bool,
}

impl Expression {
    /// A neutral face; the seed decides its chance.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        Self {
            phases: std::array::from_fn(|_| chance.within([0.0, TAU])),
            chance,
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

    /// The agent does this from `t` on.
    pub fn state(&mut self, now: State, t: f64) {
        let t = self.effective(t);
        if !self.states.is(state(now), t) {
            self.states.change(state(now), t);
            self.gaze.hurry(t, &mut self.chance);
        }
    }

    /// Shows this from `t` on, which may lie ahead.
    pub fn cue(&mut self, cue: Cue, t: f64) {
        let t = self.effective(t);
        match cue {
            Cue::Mood(wanted) => {
                self.moods.change(mood(wanted), t);
                if !mood(wanted).looks.is_empty() {
                    self.gaze.hurry(t, &mut self.chance);
                }
            }
            Cue::Gesture(gesture) => {
                let side = self.chance.side();
                self.gestures.show(gesture, t, 1.0, side);
            }
        }
    }

    /// The person has ended a clause: perhaps a nod, perhaps a blink.
    pub fn clause(&mut self, t: f64) {
        let t = self.effective(t);
        let chances = &TABLE.clause;
        let listens = self.states.is(state(State::Listening), t);
        if listens && t - self.nodded > chances.pause && self.chance.happens(chances.nod) {
            let size = self.chance.within(chances.size) as f32;
            self.gestures.show(Gesture::Nod, t + self.chance.within(chances.delay), size, 1.0);
            self.nodded = t;
        }
        if self.chance.happens(TABLE.blink.clause) {
            self.blinks.now(t, &mut self.chance);
        }
    }

    /// The face at `t`, with this mouth if the voice speaks.
    pub fn face(&mut self, t: f64, mouth: Option<&Mouth>) -> Face {
        let t = if t.is_finite() { t } else { self.newest.max(0.0) };
        self.go_on(t, mouth);
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
            // Closed lids are closed, whatever a mood does to them.
            face.weights[lid] = face.weights[lid].max(closed);
        }
        for wide in [Shape::EyeWideLeft, Shape::EyeWideRight, Shape::EyeSquintLeft, Shape::EyeSquintRight] {
            face.weights[wide] *= 1.0 - closed;
        }
        self.prosody.lay(&mut face, mouth);
        face
    }

    /// A face that has been shown does not change any more.
    fn effective(&self, t: f64) -> f64 {
        if t.is_finite() { t.max(self.newest) } else { self.newest.max(0.0) }
    }

    fn go_on(&mut self, t: f64, mouth: Option<&Mouth>) {
        self.newest = t;
        self.moods.forget(t);
        self.states.forget(t);
        self.gestures.forget(t);
        self.gaze.forget(t);
        let speaking = mouth.is_some_and(|mouth| mouth.speaking);
        let fell_silent = std::mem::replace(&mut self.speaking, speaking) && !speaking;
        if fell_silent && self.chance.happens(TABLE.blink.clause) {
            self.blinks.now(t, &mut self.chance);
        }
        while let Some(at) = self.gaze.due(t) {
            let looks = match self.moods.looks(at) {
                [] => self.states.looks(at),
                looks => looks,
            };
            let far = self.gaze.draw(at, looks, &mut self.chance);
            if far && self.chance.happens(TABLE.blink.saccade) {
                self.blinks.now(at, &mut self.chance);
            }
        }
        self.blinks.plan(t, &mut self.chance);
        self.prosody.step(t, mouth, &mut self.chance);
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

/// Turns the eyes, so that they look there however the head is turned.
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
