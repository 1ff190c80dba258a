//! The clocks of the embedded store.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::timeline::StoreTime;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, which may be set to anything.
    fn wall(&self) -> StoreTime;

    /// A monotonic clock with an arbitrary origin.
    fn steady(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> StoreTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        StoreTime::default().after(since)
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }
}
