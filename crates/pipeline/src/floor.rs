//! Orders the speech of one response on its way to playout: a filler first, as a whole, then the response itself.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// One response's floor, shared by the tasks that speak for it. True inside: the response has begun.
#[derive(Debug, Clone, Default)]
pub struct Floor(Arc<Mutex<bool>>);

impl Floor {
    /// The response begins to speak, after any filler that is being sent.
    pub async fn begin(&self) {
        *self.0.lock().await = true;
    }

    /// Takes the floor for a filler, until the guard is dropped; `None`: the response has begun, and no filler may delay it.
    pub async fn take(&self) -> Option<OwnedMutexGuard<bool>> {
        let begun = self.0.clone().lock_owned().await;
        (!*begun).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_filler_is_said_whole_before_the_response_or_not_at_all() {
        let floor = Floor::default();
        let guard = floor.take().await.expect("nothing was said");
        let response = tokio::spawn({
            let floor = floor.clone();
            async move { floor.begin().await }
        });
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(!response.is_finished(), "the filler is not over");
        drop(guard);
        response.await.unwrap();
        assert!(floor.take().await.is_none(), "the response has begun");
    }
}
