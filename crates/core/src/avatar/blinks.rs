//! When the lids close, and how far.

use std::collections::VecDeque;

use super::chance::Chance;
use super::glide::{REMEMBERED, smoothstep};
use super::table::TABLE;

/// Two blinks are at least this far apart.
const APART: f64 = 0.5;

#[derive(Debug, Clone, Copy)]
struct Blink {
    at: f64,
    hold: f64,
}

/// The blinks of a face, the last one still to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Blinks(VecDeque<Blink>);

impl Blinks {
    /// Plans blinks up to past `t`.
    pub(super) fn plan(&mut self, t: f64, chance: &mut Chance) {
        while self.0.back().is_none_or(|last| last.at <= t) {
            let from = self.0.back().map_or(t, |last| last.at.max(t - REMEMBERED));
            let wait = chance.within(TABLE.blink.every);
            self.put(from + wait, chance);
        }
        while self.0.front().is_some_and(|first| first.at < t - REMEMBERED) {
            self.0.pop_front();
        }
    }

    /// One at `at`, unless another is close; the one that was planned next is not for now.
    pub(super) fn now(&mut self, at: f64, chance: &mut Chance) {
        if self.0.iter().any(|blink| blink.at <= at && at - blink.at < APART) {
            return;
        }
        self.0.retain(|blink| blink.at <= at);
        self.put(at, chance);
    }

    fn put(&mut self, at: f64, chance: &mut Chance) {
        let [short, long] = TABLE.blink.hold;
        // Short ones are more frequent.
        let hold = short + (long - short) * chance.unit().powi(2);
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
