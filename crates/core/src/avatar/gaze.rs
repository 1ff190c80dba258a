//! Where the eyes look, against the viewer, and how far the head follows them.

use super::chance::Chance;
use super::glide::{Change, Glide};
use super::table::{Aim, Look, TABLE};

/// The shortest saccade.
const SHORTEST: f64 = 0.03;
/// How soon the eyes follow a change of mind.
const SOON: [f64; 2] = [0.05, 0.35];
/// A look that is so far away may make the lids close, in degrees.
const FAR: f32 = 8.0;

/// Looks, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Gaze {
    eyes: Glide<Aim>,
    head: Glide<Aim>,
    until: f64,
}

impl Default for Gaze {
    fn default() -> Self {
        let ahead = Aim::default();
        Self { eyes: Glide::new(ahead), head: Glide::new(ahead), until: f64::NEG_INFINITY }
    }
}

impl Gaze {
    /// When the look that is due at `t` begins; a long time without one is not made up for.
    pub(super) fn due(&self, t: f64) -> Option<f64> {
        (self.until <= t).then(|| self.until.max(t - 1.0))
    }

    /// Something has changed at `t`: the eyes go elsewhere soon.
    pub(super) fn hurry(&mut self, t: f64, chance: &mut Chance) {
        self.until = self.until.min(t + chance.within(SOON));
    }

    /// Draws the look that begins at `at`; true when it is far from the one before.
    pub(super) fn draw(&mut self, at: f64, looks: &[Look], chance: &mut Chance) -> bool {
        let mut left = chance.unit() * looks.iter().map(|look| look.chance).sum::<f64>();
        let drawn = looks.iter().find(|look| {
            left -= look.chance;
            left < 0.0
        });
        let Some(look) = drawn.or(looks.last()) else {
            self.until = at + 1.0;
            return false;
        };
        let jitter = f64::from(TABLE.gaze.jitter);
        let mut about = |degrees: f32| degrees + chance.within([-jitter, jitter]) as f32;
        let (yaw, pitch) = (about(look.yaw), about(look.pitch));
        let to = Aim { yaw: yaw * chance.side(), pitch };
        let from = self.eyes.last().to;
        let distance = (to.yaw - from.yaw).hypot(to.pitch - from.pitch);
        let fade = f64::from(distance / TABLE.gaze.speed).max(SHORTEST);
        self.eyes.change(Change { at, fade, to });
        self.head.change(Change { at, fade: TABLE.gaze.follow_time, to });
        self.until = at + fade + chance.within(look.stay);
        distance > FAR
    }

    pub(super) fn forget(&mut self, t: f64) {
        self.eyes.forget(t);
        self.head.forget(t);
    }

    /// Where the eyes look at `t`, and where the head is turned with them.
    pub(super) fn at(&self, t: f64) -> (Aim, Aim) {
        let head = mean(&self.head, t);
        let follow = TABLE.gaze.follow;
        (mean(&self.eyes, t), Aim { yaw: head.yaw * follow, pitch: head.pitch * follow })
    }
}

fn mean(glide: &Glide<Aim>, t: f64) -> Aim {
    glide.shares(t).fold(Aim::default(), |mean, (share, change)| Aim {
        yaw: mean.yaw + share * change.to.yaw,
        pitch: mean.pitch + share * change.to.pitch,
    })
}
