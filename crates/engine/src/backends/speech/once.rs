//! Asks a server once for each clip.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::EngineError;
use crate::backends::http::Refused;

/// What a server returned for clips, by tag.
pub(super) struct Once<T> {
    kept: Arc<Cache<String, T>>,
    /// How long the server may take for one clip.
    longest: Duration,
}

impl<T: Clone + Send + Sync + 'static> Once<T> {
    /// Keeps the results of at most `most` clips.
    pub(super) fn new(most: usize, longest: Duration) -> Self {
        Self { kept: Arc::new(Cache::new(most)), longest }
    }

    /// The result for a clip; `asked` runs if there is none yet. It goes on when its requester is dropped, because the next segment
    /// needs the same result.
    ///
    /// # Errors
    /// Those of `asked`, which are not kept.
    pub(super) async fn get(
        &self,
        tag: &str,
        asked: impl Future<Output = Result<T, Refused>> + Send + 'static,
    ) -> Result<T, Refused> {
        if let Some(known) = self.kept.get(tag) {
            return Ok(known);
        }
        let (kept, tag, longest) = (self.kept.clone(), tag.to_owned(), self.longest);
        let work = tokio::spawn(async move {
            let result = tokio::time::timeout(longest, kept.get_or_insert_async(&tag, asked)).await;
            result.unwrap_or_else(|_| Err(EngineError::Deadline.into()))
        });
        work.await.unwrap_or_else(|error| Err(EngineError::Failed(error.to_string()).into()))
    }

    /// Forgets all results.
    pub(super) fn clear(&self) {
        self.kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_requester_that_leaves_does_not_lose_the_work() {
        let (once, times) = (Once::new(8, LONGEST), Arc::new(AtomicU32::new(0)));
        let asked = || {
            let times = times.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(times.fetch_add(1, Ordering::Relaxed))
            }
        };
        let left = tokio::time::timeout(Duration::from_secs(1), once.get("a", asked())).await;
        assert!(left.is_err());
        assert_eq!(once.get("a", asked()).await.unwrap(), 0);
        assert_eq!(once.get("a", asked()).await.unwrap(), 0);
        assert_eq!(once.get("b", asked()).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_and_a_silent_server_are_asked_again() {
        let once = Once::new(8, LONGEST);
        let refused = async { Err(EngineError::Busy("full".into()).into()) };
        assert_eq!(once.get("a", refused).await.unwrap_err().error, EngineError::Busy("full".into()));
        assert_eq!(once.get("a", std::future::pending()).await.unwrap_err().error, EngineError::Deadline);
        assert_eq!(once.get("a", async { Ok(7) }).await.unwrap(), 7);
    }
}
