//! Values that cross-fade as a function of time, so that an earlier moment can be requested again.

use std::collections::VecDeque;

/// Seconds before the newest requested moment that are remembered.
pub(super) const REMEMBERED: f64 = 4.0;
/// Most changes at a time; a further one replaces the newest.
const MOST: usize = 32;

/// 0 below 0, 1 above 1, smooth in between.
pub(super) fn smoothstep(at: f64) -> f32 {
    let at = at.clamp(0.0, 1.0) as f32;
    at * at * (3.0 - 2.0 * at)
}

/// A value from a time on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<T> {
    pub(super) at: f64,
    /// Duration of the cross-fade, in seconds.
    pub(super) fade: f64,
    pub(super) to: T,
}

/// Changes in order of time, always at least one.
#[derive(Debug, Clone)]
pub(super) struct Crossfade<T> {
    changes: VecDeque<Change<T>>,
}

impl<T: Copy> Crossfade<T> {
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
        // The first change stands for everything before it.
        while self.changes.get(1).is_some_and(|second| second.at + second.fade < t - REMEMBERED) {
            self.changes.pop_front();
        }
    }

    pub(super) fn last(&self) -> &Change<T> {
        self.changes.back().expect("there is always one")
    }

    /// The change that is complete or fading in at `t`.
    pub(super) fn current(&self, t: f64) -> &Change<T> {
        let place = self.changes.partition_point(|change| change.at <= t);
        &self.changes[place.saturating_sub(1)]
    }

    /// The changes visible at `t` with their shares, which add up to 1.
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
