//! Which models give back the memory that large runs needed, and when. Pure.

use std::time::{Duration, Instant};

/// Delay after a model's last large run.
const AFTER: Duration = Duration::from_secs(2);

/// A model that holds more memory than it needs.
#[derive(Debug, Clone, Copy)]
struct Trim {
    model: usize,
    due: Instant,
}

/// The models to trim; models are referred to by their index.
#[derive(Debug, Default)]
pub(crate) struct Trims(Vec<Trim>);

impl Trims {
    /// Records a large run of a model that ended at `now`, which is not before that of the last call.
    pub(crate) fn spoken(&mut self, model: usize, now: Instant) {
        self.0.retain(|trim| trim.model != model);
        self.0.push(Trim { model, due: now + AFTER });
    }

    /// When the next model is to be trimmed; none if no model is.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|first| first.due)
    }

    /// Delays all that is due at `now`.
    pub(crate) fn postpone(&mut self, now: Instant) {
        for model in self.due(now) {
            self.spoken(model, now);
        }
    }

    /// Removes and returns the models to trim at `now`.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<usize> {
        self.0.extract_if(.., |trim| trim.due <= now).map(|trim| trim.model).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_trimmed_once_some_time_after_its_last_large_run() {
        let start = Instant::now();
        let mut trims = Trims::default();
        assert_eq!(trims.next(), None);
        trims.spoken(1, start);
        trims.spoken(2, start + AFTER / 4);
        trims.spoken(1, start + AFTER / 2);
        assert_eq!(trims.next(), Some(start + AFTER / 4 + AFTER));
        assert_eq!(trims.due(start + AFTER), [0; 0]);
        trims.postpone(start + AFTER / 4 + AFTER);
        assert_eq!(trims.due(start + 2 * AFTER), [1]);
        assert_eq!(trims.due(start + 3 * AFTER), [2]);
        assert_eq!(trims.next(), None);
    }
}
