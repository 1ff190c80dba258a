//! The storage beneath the memory: speech that outlives the process, independent of the format it is sent in. Another tier, such as
//! a Redis for
//! several servers, implements [`Tier`].

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::key::Key;
use crate::times::Times;

/// A piece of speech, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// When it was spoken.
    pub made: SystemTime,
    /// Samples of [`OUT_RATE`](visavis_core::frame::OUT_RATE).
    pub samples: Arc<Vec<i16>>,
    /// What is said in them.
    pub times: Times,
}

/// Keeps speech. It never fails a request: what cannot be loaded is spoken again, and what cannot be kept is dropped.
#[async_trait]
pub trait Tier: Send + Sync {
    /// Whether something is probably kept under this key; quick, and false where it is not known.
    fn holds(&self, key: Key) -> bool;

    /// What is kept under this key, if it is whole and not too old.
    async fn load(&self, key: Key) -> Option<Speech>;

    /// Keeps it.
    async fn keep(&self, key: Key, speech: Speech);
}
