//! State that an engine's threads share, and in which one of them waits for what another brings.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a thread finds when it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look<T> {
    /// What it waits for.
    Found(T),
    /// It is to look again then, or when something changes.
    Until(Instant),
    /// It is to look again when something changes.
    Wait,
}

/// The state. A thread that panicked with it leaves it to the others.
#[derive(Debug, Default)]
pub struct Monitor<S> {
    state: Mutex<S>,
    changed: Condvar,
}

impl<S> Monitor<S> {
    /// A state that nobody waits for yet.
    pub fn new(state: S) -> Self {
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The state; whoever waits for the change is told by [`Self::notify_one`] or [`Self::notify_all`].
    pub fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a thread that waits look again.
    pub fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Lets all threads that wait look again.
    pub fn notify_all(&self) {
        self.changed.notify_all();
    }

    /// Waits until `look` finds something.
    pub fn wait<T>(&self, mut look: impl FnMut(&mut S) -> Look<T>) -> T {
        let mut state = self.lock();
        loop {
            state = match look(&mut state) {
                Look::Found(found) => return found,
                Look::Wait => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Look::Until(then) => {
                    let time = then.saturating_duration_since(Instant::now());
                    self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_thread_that_waits_gets_what_another_brings() {
        let monitor = Monitor::new(None);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| monitor.wait(|state| state.take().map_or(Look::Wait, Look::Found)));
            *monitor.lock() = Some(7);
            monitor.notify_one();
            assert_eq!(waiting.join().unwrap(), 7);
        });
    }

    #[test]
    fn a_time_is_waited_for_though_nothing_changes() {
        let monitor = Monitor::new(());
        let then = Instant::now() + Duration::from_millis(20);
        monitor.wait(|()| if Instant::now() < then { Look::Until(then) } else { Look::Found(()) });
        assert!(Instant::now() >= then);
    }
}
