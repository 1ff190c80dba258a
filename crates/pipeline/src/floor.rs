//! Who may send speech of one answer to playout: a holding phrase in front of it, whole, and then the answer itself.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// One answer's floor, shared by the tasks that speak for it. True inside: the answer has begun.
#[derive(Debug, Clone, Default)]
pub struct Floor(Arc<Mutex<bool>>);

impl Floor {
    /// The answer begins to speak, after a holding phrase that is being sent.
    pub async fn begin(&self) {
        *self.0.lock().await = true;
    }

    /// The floor for a whole holding phrase, until it is dropped; `None`: the answer has begun, so nothing holds it up.
    pub async fn hold(&self) -> Option<OwnedMutexGuard<bool>> {
        let begun = self.0.clone().lock_owned().await;
        (!*begun).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_holding_phrase_is_said_whole_before_the_answer_or_not_at_all() {
        let floor = Floor::default();
        let held = floor.hold().await.expect("nothing was said");
        let answer = tokio::spawn({
            let floor = floor.clone();
            async move { floor.begin().await }
        });
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(!answer.is_finished(), "the phrase is not over");
        drop(held);
        answer.await.unwrap();
        assert!(floor.hold().await.is_none(), "the answer has begun");
    }
}
