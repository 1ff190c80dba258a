//! The places of all recordings at the recogniser: each piece takes one for its recognition, in its turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::turns::{Turn, Turns, Whose};

/// The places; one for the whole server.
#[derive(Debug)]
pub struct Places {
    turns: Mutex<Turns>,
    /// A place was taken or left, or somebody came or went.
    changed: Notify,
    began: Instant,
}

impl Places {
    /// Places, all of them free.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { turns: Mutex::default(), changed: Notify::new(), began: Instant::now() })
    }

    /// Waits for a place; it is given back when dropped.
    pub(crate) async fn take(self: &Arc<Self>, whose: Whose) -> Place {
        let number = self.turns().come(whose);
        let mut asking = Asking { places: self, whose, number, waits: true };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let turn = self.turns().ask(whose, number, self.now());
            match turn {
                Turn::Comes => {
                    asking.waits = false;
                    // There may be another one.
                    self.changed.notify_waiters();
                    return Place { places: self.clone(), whose };
                }
                Turn::Later(then) => _ = tokio::time::timeout_at(self.began + then, changed).await,
                Turn::Waits => changed.await,
            }
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A piece that waits for a place; dropping it gives that up.
struct Asking<'a> {
    places: &'a Places,
    whose: Whose,
    number: u64,
    waits: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.places.turns().give_up(self.whose, self.number);
            self.places.changed.notify_waiters();
        }
    }
}

/// A place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    whose: Whose,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.turns().leave(self.whose, self.places.now());
        self.places.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_recording_that_somebody_waits_for_passes_a_jobs_that_came_before() {
        let places = Places::new();
        let all = [places.take(Whose::Waited).await, places.take(Whose::Waited).await];
        let (tell, mut told) = tokio::sync::mpsc::channel(2);
        for whose in [Whose::Job, Whose::Waited] {
            let (places, tell) = (places.clone(), tell.clone());
            tokio::spawn(async move {
                let place = places.take(whose).await;
                tell.send(whose).await.unwrap();
                tokio::time::sleep(Duration::from_secs(3)).await;
                drop(place);
            });
            // It waits before the next one comes.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let began = Instant::now();
        drop(all);
        assert_eq!(told.recv().await, Some(Whose::Waited));
        assert_eq!(told.recv().await, Some(Whose::Job));
        assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_is_not_waited_for() {
        let places = Places::new();
        let all = [places.take(Whose::Waited).await, places.take(Whose::Waited).await];
        let given_up = tokio::time::timeout(Duration::from_secs(60), places.take(Whose::Waited)).await;
        assert!(given_up.is_err());
        drop(all);
        let job = tokio::time::timeout(Duration::from_secs(60), places.take(Whose::Job)).await;
        assert!(job.is_ok(), "nobody is before it");
    }
}
