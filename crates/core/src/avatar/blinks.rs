//! When and how far the eyelids close.

use std::collections::VecDeque;

use super::chance::Rng;
use super::glide::{REMEMBERED, smoothstep};
use super::table::TABLE;

/// Shortest time between two blinks, in seconds.
const APART: f64 = 0.5;

#[derive(Debug, Clone, Copy)]
struct Blink {
    at: f64,
    hold: f64,
}

/// The blinks of a face; the last one is still to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Blinks(VecDeque<Blink>);

impl Blinks {
    /// Plans blinks until one is after `t`.
    pub(super) fn plan(&mut self, t: f64, rng: &mut Rng) {
        while self.0.back().is_none_or(|last| last.at <= t) {
            let from = self.0.back().map_or(t, |last| last.at.max(t - REMEMBERED));
            let wait = rng.within(TABLE.blink.every);
            self.put(from + wait, rng);
        }
        while self.0.front().is_some_and(|first| first.at < t - REMEMBERED) {
            self.0.pop_front();
        }
    }

    /// Blinks at `at`, unless another blink is close; drops the blinks planned for later.
    pub(super) fn now(&mut self, at: f64, rng: &mut Rng) {
        if self.0.iter().any(|blink| blink.at <= at && at - blink.at < APART) {
            return;
        }
        self.0.retain(|blink| blink.at <= at);
        self.put(at, rng);
    }

    fn put(&mut self, at: f64, rng: &mut Rng) {
        let [short, long] = TABLE.blink.hold;
        // Short blinks are more frequent.
        let hold = short + (long - short) * rng.unit().powi(2);
        self.0.push_back(Blink { at, hold });
    }

    /// How far the lids are closed at `t`.
    pub(super) fn closed(&self, t: f64) -> f32 {
        let times = &TABLE.blink;
        let one = |blink: &Blink| {
            let opens = blink.at + times.close + blink.hold;
            smoothstep((t - blink.at) / times.close) * (1.0 - smoothstep((t - opens) / times.open))
        };
        self.0.iter().map(one).fold(0.0, f32::max)
    }
}
