//! State shared by an engine's threads, in which one thread can wait for a change by another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a waiting thread finds when it looks at the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look<T> {
    /// What it waits for.
    Found(T),
    /// Nothing yet: look again at this time or when the state changes.
    Until(Instant),
    /// Nothing yet: look again when the state changes.
    Wait,
}

/// The shared state. It stays usable after a thread panics while holding it.
#[derive(Debug, Default)]
pub struct Monitor<S> {
    state: Mutex<S>,
    changed: Condvar,
}

impl<S> Monitor<S> {
    /// A monitor with this state and no waiting threads.
    pub fn new(state: S) -> Self {
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Locks the state; after a change, wake waiting threads by [`Self::notify_one`] or [`Self::notify_all`].
    pub fn lock(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one waiting thread look again.
    pub fn notify_one(&self) {
        self.changed.notify_one();
    }

    /// Lets all waiting threads look again.
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
    fn a_waiting_thread_sees_another_threads_change() {
        let monitor = Monitor::new(None);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| monitor.wait(|state| state.take().map_or(Look::Wait, Look::Found)));
            *monitor.lock() = Some(7);
            monitor.notify_one();
            assert_eq!(waiting.join().unwrap(), 7);
        });
    }

    #[test]
    fn a_thread_waits_until_a_given_time_without_a_notification() {
        let monitor = Monitor::new(());
        let then = Instant::now() + Duration::from_millis(20);
        monitor.wait(|()| if Instant::now() < then { Look::Until(then) } else { Look::Found(()) });
        assert!(Instant::now() >= then);
    }
}
