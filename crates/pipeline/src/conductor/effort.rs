//! How long the model worked on a response, and whether it was heard: the cost of speculation.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

/// The model's work on one response.
pub(super) struct Effort {
    speculative: bool,
    began: Instant,
    ended: Arc<OnceLock<Instant>>,
}

impl Effort {
    pub(super) fn begin(speculative: bool) -> Self {
        Self { speculative, began: Instant::now(), ended: Arc::default() }
    }

    /// Wraps the work to record when it ends.
    pub(super) fn of<T, F: Future<Output = T>>(&self, work: F) -> impl Future<Output = T> + use<T, F> {
        let ended = self.ended.clone();
        async move {
            let done = work.await;
            _ = ended.set(Instant::now());
            done
        }
    }

    /// The response will be heard.
    pub(super) fn was_wanted(&mut self) {
        self.speculative = false;
    }

    /// Records the metric, once the response is over.
    pub(super) fn count(self) {
        let until = self.ended.get().copied().unwrap_or_else(Instant::now);
        let response = if self.speculative { "discarded" } else { "wanted" };
        metrics::histogram!("visavis_generation_seconds", "response" => response)
            .record(until.duration_since(self.began).as_secs_f64());
    }
}
