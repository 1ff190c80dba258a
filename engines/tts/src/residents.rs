//! Which loaded models stay in memory: the defaults always, others for a while after their last use. Pure.

use std::time::{Duration, Instant};

/// How long a non-default model stays loaded without use.
pub(crate) const UNUSED: Duration = Duration::from_secs(10 * 60);
/// The same while more than [`MOST`] are loaded; longer than the pauses of a call that uses one.
const CROWDED: Duration = Duration::from_secs(60);
/// Number of non-default models that may stay for [`UNUSED`].
const MOST: usize = 4;

/// A loaded non-default model.
#[derive(Debug, Clone, Copy)]
struct Guest {
    model: usize,
    used: Instant,
}

/// The loaded models; models are referred to by their index.
#[derive(Debug, Default)]
pub(crate) struct Residents {
    defaults: Vec<usize>,
    /// Sorted by last use, the oldest first.
    guests: Vec<Guest>,
}

impl Residents {
    /// No loaded model; those of `defaults` stay once they are loaded.
    pub(crate) fn new(defaults: Vec<usize>) -> Self {
        Self { defaults, guests: Vec::new() }
    }

    /// Replaces the models that stay.
    pub(crate) fn keep(&mut self, defaults: Vec<usize>) {
        self.guests.retain(|guest| !defaults.contains(&guest.model));
        self.defaults = defaults;
    }

    /// Whether the model stays.
    pub(crate) fn is_default(&self, model: usize) -> bool {
        self.defaults.contains(&model)
    }

    /// Records that a model was loaded or used at `now`, which is not before that of the last call.
    pub(crate) fn used(&mut self, model: usize, now: Instant) {
        if !self.is_default(model) {
            self.guests.retain(|guest| guest.model != model);
            self.guests.push(Guest { model, used: now });
        }
    }

    /// When the next model is to be dropped; none if no model is.
    pub(crate) fn next(&self) -> Option<Instant> {
        let stays = if self.guests.len() > MOST { CROWDED } else { UNUSED };
        self.guests.first().map(|first| first.used + stays)
    }

    /// Removes and returns the models to drop at `now`.
    pub(crate) fn unused(&mut self, now: Instant) -> Vec<usize> {
        let mut unused = Vec::new();
        while self.next().is_some_and(|next| next <= now) {
            unused.push(self.guests.remove(0).model);
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_default_stays_and_another_model_until_it_was_unused_for_long() {
        let start = Instant::now();
        let mut residents = Residents::new(vec![0]);
        residents.used(0, start);
        assert_eq!(residents.next(), None, "nothing is ever dropped of the default profile");
        residents.used(3, start);
        residents.used(3, start + 5 * SECOND);
        assert_eq!(residents.next(), Some(start + 5 * SECOND + UNUSED));
        assert!(residents.unused(start + UNUSED).is_empty());
        assert_eq!(residents.unused(start + 5 * SECOND + UNUSED), [3]);
        assert!(residents.next().is_none() && residents.unused(start + UNUSED * 9).is_empty());
    }

    #[test]
    fn beyond_the_bound_the_least_recently_used_goes_first_but_none_in_use() {
        let start = Instant::now();
        let mut residents = Residents::new(vec![0]);
        for (model, second) in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (1, 6)] {
            residents.used(model, start + second * SECOND);
        }
        assert!(residents.unused(start + 10 * SECOND).is_empty(), "all were used just now");
        assert_eq!(residents.next(), Some(start + SECOND + CROWDED));
        assert_eq!(residents.unused(start + 10 * SECOND + CROWDED), [2, 3], "four remain, the bound");
        assert_eq!(residents.next(), Some(start + 3 * SECOND + UNUSED));
    }

    #[test]
    fn a_model_that_becomes_a_default_is_not_dropped_any_more() {
        let start = Instant::now();
        let mut residents = Residents::new(vec![0]);
        residents.used(1, start);
        residents.keep(vec![0, 1]);
        assert_eq!(residents.next(), None);
        residents.used(1, start + UNUSED);
        assert!(residents.is_default(1) && residents.unused(start + UNUSED * 3).is_empty());
    }
}
