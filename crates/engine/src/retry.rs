//! How long a request waits for an engine that is down or busy: one policy for all requests.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::EngineError;

/// Longest wait for an engine that restarts. A child is back within two seconds, model included.
const PATIENCE: Duration = Duration::from_secs(12);
/// First pause between two attempts; each later one is twice as long.
const SHORTEST: Duration = Duration::from_millis(50);
/// Longest pause between two attempts.
const LONGEST: Duration = Duration::from_millis(500);

/// Retries until a request succeeds, fails with an error that is not `worth` another attempt, or the pauses add up to 12 s.
///
/// # Errors
/// The last attempt's error.
pub async fn patiently<T, A>(
    ask: impl FnMut() -> A,
    worth: impl FnMut(&EngineError) -> bool,
) -> Result<T, EngineError>
where
    A: Future<Output = Result<T, EngineError>>,
{
    let policy = ExponentialBuilder::default()
        .with_min_delay(SHORTEST)
        .with_max_delay(LONGEST)
        .with_total_delay(Some(PATIENCE))
        .without_max_times();
    ask.retry(policy).when(worth).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of attempts on an engine that always fails with this error.
    async fn asked(error: EngineError) -> u32 {
        let mut asked = 0;
        let ask = || {
            asked += 1;
            let error = error.clone();
            async move { Err::<(), _>(error) }
        };
        assert_eq!(patiently(ask, EngineError::is_passing).await, Err(error.clone()));
        asked
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_is_down_is_retried_for_12_s_and_one_that_refuses_is_not() {
        let began = tokio::time::Instant::now();
        assert!(asked(EngineError::Unavailable("it loads".into())).await > 20);
        let waited = began.elapsed();
        assert!(waited > PATIENCE - LONGEST && waited <= PATIENCE, "{waited:?}");
        assert_eq!(asked(EngineError::Invalid("no text".into())).await, 1);
    }
}
