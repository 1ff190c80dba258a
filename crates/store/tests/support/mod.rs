//! What the store's tests have in common: contexts, a clock that is set by hand, and a Redis of their own.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

mod contexts;
pub mod redis_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) use contexts::context;
use tempfile::TempDir;
use visavis_core::context::CallContext;
use visavis_store::{
    CallId, Clock, Embedded, NodeId, Redemption, ResumeToken, Saver, Store, StoreTime, Vault,
};

/// What the wall clock says when a test begins, in milliseconds since 1970.
pub const NOW: u64 = 1_700_000_000_000;
pub const TTL: Duration = Duration::from_secs(30);
pub const KEEP: Duration = Duration::from_secs(3600);
/// How long something may take that does not depend on time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What somebody has said in a context.
pub fn words(context: Option<&CallContext>) -> Option<&str> {
    context.map(|context| context.messages[0].content.as_str())
}

pub fn call(id: &str) -> CallId {
    CallId::new(id).unwrap()
}

pub fn node(name: &str) -> NodeId {
    NodeId::new(name)
}

/// The first redemption of a token of its own.
pub fn redemption() -> Redemption {
    Redemption { token: ResumeToken::generate().unwrap().hash(), number: 1 }
}

/// A vault without a key.
pub fn vault(store: Arc<dyn Store>) -> Vault {
    Vault::new(store, "", KEEP).unwrap()
}

pub fn saver(store: Arc<dyn Store>) -> Saver {
    Saver::start(Arc::new(vault(store)), node("one"))
}

/// A clock that is set by hand.
pub struct HandClock {
    wall: AtomicU64,
    steady: AtomicU64,
}

impl HandClock {
    /// A clock whose wall clock says these milliseconds since 1970.
    pub fn at(wall: u64) -> Arc<Self> {
        Arc::new(Self { wall: AtomicU64::new(wall), steady: AtomicU64::new(0) })
    }

    /// Time passes, on both clocks.
    pub fn pass(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap();
        self.steady.fetch_add(ms, Ordering::SeqCst);
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }

    /// The wall clock is set back.
    pub fn set_back(&self, time: Duration) {
        self.wall.fetch_sub(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn wall(&self) -> StoreTime {
        StoreTime(self.wall.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.steady.load(Ordering::SeqCst))
    }
}

/// An embedded store in a folder of its own, by a clock that is set by hand.
pub struct FileStore {
    pub store: Arc<Embedded>,
    pub clock: Arc<HandClock>,
    pub folder: TempDir,
}

impl FileStore {
    /// An empty one, at [`NOW`].
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::at(NOW);
        Self { store: Arc::new(Embedded::with_clock(folder.path(), clock.clone())), clock, folder }
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
