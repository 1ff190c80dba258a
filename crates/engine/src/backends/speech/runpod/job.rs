//! A job at RunPod, which is cancelled if it is dropped before its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::reply::Reply;
use crate::EngineError;
use crate::backends::http::Http;
use crate::backends::speech::api;

/// Longest time for a cancellation.
const CANCELLING: Duration = Duration::from_secs(5);

/// A job.
pub(super) struct Job {
    http: Arc<Http>,
    tracker: TaskTracker,
    id: String,
    over: AtomicBool,
}

impl Job {
    /// The job with this id.
    pub(super) fn new(http: Arc<Http>, tracker: TaskTracker, id: String) -> Self {
        Self { http, tracker, id, over: AtomicBool::new(false) }
    }

    /// There is nothing left to cancel.
    pub(super) fn over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Requests its state; `what`: `stream` or `status`.
    pub(super) async fn ask(&self, what: &str) -> Result<Reply, EngineError> {
        let request = self.http.get(self.http.url(&[what, self.id.as_str()]));
        let asked = api::asked(&self.http, request, what).await;
        let response = asked.map_err(|refused| refused.error)?;
        Ok(Reply::of(api::json(&self.http, response).await?))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.id.is_empty() || self.over.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime, the server has already ended.
        let Ok(runtime) = Handle::try_current() else { return };
        let (http, id) = (self.http.clone(), std::mem::take(&mut self.id));
        let cancelled = async move {
            let request = http.post(http.url(&["cancel", id.as_str()]));
            match timeout(CANCELLING, http.send(request)).await {
                Ok(Ok(_)) => tracing::debug!("a job at RunPod was cancelled"),
                Ok(Err(error)) => tracing::warn!(%error, "a job at RunPod could not be cancelled"),
                Err(_) => tracing::warn!("a job at RunPod could not be cancelled in time"),
            }
        };
        self.tracker.spawn_on(cancelled, &runtime);
    }
}
