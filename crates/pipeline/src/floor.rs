//! Orders the speech of one response on its way to playout: a filler is sent whole, in a silence of the response, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Held by whoever speaks, until what is said has been sent.
pub(super) type Guard = OwnedMutexGuard<()>;

/// One response's floor, shared by the tasks that speak for it.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    speaker: Arc<Mutex<()>>,
    /// How many chunks of the response have begun; its end counts as one.
    begun: Arc<AtomicU64>,
}

impl Floor {
    /// The response begins a chunk, after any filler that is being sent, and sends it while the guard is held.
    pub async fn begin(&self) -> Guard {
        let guard = self.speaker.clone().lock_owned().await;
        self.begun.fetch_add(1, Ordering::Relaxed);
        guard
    }

    /// The claim of a filler that is ordered now.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim { begun: self.begun.load(Ordering::Relaxed), floor: self.clone() }
    }
}

/// A filler's claim to the floor, which the response's next chunk ends, or its end.
#[derive(Debug)]
pub struct Claim {
    floor: Floor,
    /// How many chunks had begun when the filler was ordered.
    begun: u64,
}

impl Claim {
    /// Takes the floor, until the guard is dropped; `None`: the response has spoken since, and no filler may delay it.
    pub async fn take(&self) -> Option<Guard> {
        let guard = self.floor.speaker.clone().lock_owned().await;
        (self.floor.begun.load(Ordering::Relaxed) == self.begun).then_some(guard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_filler_is_said_whole_before_the_next_chunk_or_not_at_all() {
        let floor = Floor::default();
        for chunk in 0..2 {
            let claim = floor.claim();
            let guard = claim.take().await.expect("nothing was said since");
            let response = tokio::spawn({
                let floor = floor.clone();
                async move { drop(floor.begin().await) }
            });
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            assert!(!response.is_finished(), "the filler is not over before chunk {chunk}");
            drop(guard);
            response.await.unwrap();
            assert!(claim.take().await.is_none(), "chunk {chunk} has begun");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_filler_that_waits_for_a_chunk_to_be_sent_is_not_said() {
        let floor = Floor::default();
        let claim = floor.claim();
        let chunk = floor.begin().await;
        let filler = tokio::spawn(async move { claim.take().await.is_some() });
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(!filler.is_finished(), "the chunk is being sent");
        drop(chunk);
        assert!(!filler.await.unwrap());
    }
}
