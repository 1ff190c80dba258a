//! Keeps a task that all calls depend on running: restarts it when it fails.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

/// Time from a failure to the restart, so that a lasting fault does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs the task forever, restarting it when it panics or ends.
pub(super) async fn keep_running<F: Future<Output = ()>>(name: &'static str, mut task: impl FnMut() -> F) {
    loop {
        let ended = AssertUnwindSafe(async { task().await }).catch_unwind().await;
        tracing::error!(
            task = name,
            panicked = ended.is_err(),
            "a task that all calls need has ended; it is restarted"
        );
        metrics::counter!("visavis_task_restarts_total", "task" => name).increment(1);
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_is_restarted() {
        let (runs, settled) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, told) = (runs.clone(), settled.clone());
        let task = move || {
            let (run, told) = (counted.fetch_add(1, Ordering::Relaxed), told.clone());
            async move {
                assert!(run != 0, "the first run panics");
                if run == 2 {
                    told.notify_one();
                    std::future::pending::<()>().await;
                }
            }
        };
        let kept = tokio::spawn(keep_running("test", task));
        settled.notified().await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        kept.abort();
    }
}
