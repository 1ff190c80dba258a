//! A pool of copies of something that one user at a time may use. It grows to as many as were ever needed at once, so that
//! memory is spent only where users would wait for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

type Copies<T> = Arc<Vec<Arc<Mutex<T>>>>;

/// The pool; starts with one copy.
pub(super) struct Pool<T>(Arc<Shared<T>>);

struct Shared<T> {
    copies: RwLock<Copies<T>>,
    most: usize,
    make: Box<dyn Fn() -> anyhow::Result<T> + Send + Sync>,
    /// A copy is being made, or making one failed.
    grows: AtomicBool,
    next: AtomicUsize,
}

impl<T: Send + 'static> Pool<T> {
    /// Makes the first copy; later ones, up to `most`, are made in the background.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(
        most: usize,
        make: impl Fn() -> anyhow::Result<T> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let first = Arc::new(Mutex::new(make()?));
        let copies = RwLock::new(Arc::new(vec![first]));
        let (grows, next) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok(Self(Arc::new(Shared { copies, most, make: Box::new(make), grows, next })))
    }

    /// Runs `work` with a free copy, the most used first. If all are in use, waits for one and has another made.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let copies = self.0.copies.read().clone();
        if let Some(mut free) = copies.iter().find_map(|copy| copy.try_lock()) {
            return work(&mut free);
        }
        self.grow(copies.len());
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed) % copies.len();
        let mut next = copies[turn].lock();
        work(&mut next)
    }

    fn grow(&self, count: usize) {
        if count >= self.0.most || self.0.grows.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = self.0.clone();
        std::thread::spawn(move || match (shared.make)() {
            Ok(copy) => {
                let mut copies = shared.copies.write();
                *copies = Arc::new(copies.iter().cloned().chain([Arc::new(Mutex::new(copy))]).collect());
                shared.grows.store(false, Ordering::Release);
            }
            Err(error) => {
                tracing::warn!(%error, "another copy of a model cannot be loaded; calls wait for each other")
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn copies_are_made_when_users_collide_and_never_more_than_allowed() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let pool = Pool::new(2, move || Ok(count.fetch_add(1, Ordering::Relaxed))).unwrap();
        for _ in 0..3 {
            assert_eq!(pool.with(|copy| *copy), 0, "users that do not collide share one");
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);

        let inner = Pool(pool.0.clone());
        // While the first is in use a second user waits for it, and a copy is made for later users.
        let waiting = pool.with(|_| {
            let waiting = std::thread::spawn(move || inner.with(|copy| *copy));
            while pool.0.copies.read().len() < 2 {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(pool.with(|copy| *copy), 1);
            waiting
        });
        assert_eq!(waiting.join().unwrap(), 0);
        pool.with(|_| {
            pool.with(|_| {
                let inner = Pool(pool.0.clone());
                std::thread::spawn(move || inner.with(|_| ()));
            });
        });
        assert_eq!((made.load(Ordering::Relaxed), pool.0.copies.read().len()), (2, 2));
    }
}
