//! How long the model worked for an answer, and whether anybody will ever hear it: what speculation costs.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

/// The model's work for one answer.
pub(super) struct Effort {
    hidden: bool,
    began: Instant,
    ended: Arc<OnceLock<Instant>>,
}

impl Effort {
    pub(super) fn begin(hidden: bool) -> Self {
        Self { hidden, began: Instant::now(), ended: Arc::default() }
    }

    /// The work, which notes when it is done.
    pub(super) fn of<T, F: Future<Output = T>>(&self, work: F) -> impl Future<Output = T> + use<T, F> {
        let ended = self.ended.clone();
        async move {
            let done = work.await;
            _ = ended.set(Instant::now());
            done
        }
    }

    /// The answer will be heard.
    pub(super) fn was_wanted(&mut self) {
        self.hidden = false;
    }

    /// Counts it, once the answer is over.
    pub(super) fn count(self) {
        let until = self.ended.get().copied().unwrap_or_else(Instant::now);
        let answer = if self.hidden { "discarded" } else { "wanted" };
        metrics::histogram!("visavis_generation_seconds", "answer" => answer)
            .record(until.duration_since(self.began).as_secs_f64());
    }
}
