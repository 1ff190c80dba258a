//! Things that go over into one another, as a function of time: it may be asked for an earlier moment again.

use std::collections::VecDeque;

/// What is older than this, against the newest moment asked for, is no longer told apart.
pub(super) const REMEMBERED: f64 = 4.0;
/// Changes that are known at once; more replace the newest.
const MOST: usize = 32;

/// 0 before 0, 1 after 1, smooth between.
pub(super) fn smoothstep(at: f64) -> f32 {
    let at = at.clamp(0.0, 1.0) as f32;
    at * at * (3.0 - 2.0 * at)
}

/// What there is, from a time on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<T> {
    pub(super) at: f64,
    /// How long it takes.
    pub(super) fade: f64,
    pub(super) to: T,
}

/// Changes in the order of time; there is always one.
#[derive(Debug, Clone)]
pub(super) struct Glide<T> {
    changes: VecDeque<Change<T>>,
}

impl<T: Copy> Glide<T> {
    pub(super) fn new(first: T) -> Self {
        Self { changes: VecDeque::from([Change { at: f64::NEG_INFINITY, fade: 1.0, to: first }]) }
    }

    pub(super) fn change(&mut self, change: Change<T>) {
        if self.changes.len() == MOST {
            self.changes.pop_back();
        }
        let place = self.changes.partition_point(|known| known.at <= change.at);
        self.changes.insert(place, change);
    }

    pub(super) fn forget(&mut self, t: f64) {
        // The one before stands for all that was before it.
        while self.changes.get(1).is_some_and(|second| second.at + second.fade < t - REMEMBERED) {
            self.changes.pop_front();
        }
    }

    pub(super) fn last(&self) -> &Change<T> {
        self.changes.back().expect("there is always one")
    }

    /// What is on at `t`, or comes on.
    pub(super) fn current(&self, t: f64) -> &Change<T> {
        let place = self.changes.partition_point(|change| change.at <= t);
        &self.changes[place.saturating_sub(1)]
    }

    /// What is on at `t`, each with its share; the shares are 1 together.
    pub(super) fn shares(&self, t: f64) -> impl Iterator<Item = (f32, &Change<T>)> {
        let mut left = 1.0;
        let begun = self.changes.iter().rev().filter(move |change| change.at <= t || change.at.is_infinite());
        begun.map_while(move |change| {
            let share = left * smoothstep((t - change.at) / change.fade);
            let on = left > 0.0;
            left -= share;
            on.then_some((share, change))
        })
    }
}
