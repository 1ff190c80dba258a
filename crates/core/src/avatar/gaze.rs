//! Where the eyes look, relative to the viewer, and how far the head follows.

use super::chance::Rng;
use super::glide::{Change, Crossfade};
use super::table::{Aim, Look, TABLE};

/// Shortest saccade, in seconds.
const SHORTEST: f64 = 0.03;
/// Delay of the eyes after a change, in seconds.
const SOON: [f64; 2] = [0.05, 0.35];
/// A saccade longer than this, in degrees, may cause a blink.
const FAR: f32 = 8.0;

/// A sequence of looks.
#[derive(Debug, Clone)]
pub(super) struct Gaze {
    eyes: Crossfade<Aim>,
    head: Crossfade<Aim>,
    /// End of the current look.
    until: f64,
}

impl Default for Gaze {
    fn default() -> Self {
        let ahead = Aim::default();
        Self { eyes: Crossfade::new(ahead), head: Crossfade::new(ahead), until: f64::NEG_INFINITY }
    }
}

impl Gaze {
    /// The start of the next look, if it is due at `t`; at most a second is caught up.
    pub(super) fn due(&self, t: f64) -> Option<f64> {
        (self.until <= t).then(|| self.until.max(t - 1.0))
    }

    /// Ends the current look soon after a change at `t`.
    pub(super) fn hurry(&mut self, t: f64, rng: &mut Rng) {
        self.until = self.until.min(t + rng.within(SOON));
    }

    /// Draws the look that begins at `at`; returns whether it is far from the previous one.
    pub(super) fn draw(&mut self, at: f64, looks: &[Look], rng: &mut Rng) -> bool {
        let mut left = rng.unit() * looks.iter().map(|look| look.chance).sum::<f64>();
        let drawn = looks.iter().find(|look| {
            left -= look.chance;
            left < 0.0
        });
        let Some(look) = drawn.or(looks.last()) else {
            self.until = at + 1.0;
            return false;
        };
        let jitter = f64::from(TABLE.gaze.jitter);
        let mut about = |degrees: f32| degrees + rng.within([-jitter, jitter]) as f32;
        let (yaw, pitch) = (about(look.yaw), about(look.pitch));
        let to = Aim { yaw: yaw * rng.side(), pitch };
        let from = self.eyes.last().to;
        let distance = (to.yaw - from.yaw).hypot(to.pitch - from.pitch);
        let fade = f64::from(distance / TABLE.gaze.speed).max(SHORTEST);
        self.eyes.change(Change { at, fade, to });
        self.head.change(Change { at, fade: TABLE.gaze.follow_time, to });
        self.until = at + fade + rng.within(look.stay);
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

fn mean(looks: &Crossfade<Aim>, t: f64) -> Aim {
    looks.shares(t).fold(Aim::default(), |mean, (share, change)| Aim {
        yaw: mean.yaw + share * change.to.yaw,
        pitch: mean.pitch + share * change.to.pitch,
    })
}
