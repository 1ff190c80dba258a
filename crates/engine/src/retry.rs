//! How long a request waits for an engine that is down or busy: one policy for all requests, none for requests that another
//! engine can serve, and one for readiness checks.

use std::future::Future;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder, Retryable};

use crate::EngineError;

/// Longest wait for an engine that restarts. A child is back within two seconds, model included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);
/// First pause between two attempts; each later one is twice as long.
const SHORTEST: Duration = Duration::from_millis(50);
/// Longest pause between two attempts.
const LONGEST: Duration = Duration::from_millis(500);
/// Longest pause between two checks of an engine that is down; the first pause is [`LONGEST`].
const LONGEST_LOOK: Duration = Duration::from_secs(10);

tokio::task_local! {
    /// Set during a request that another engine can serve.
    static AT_ONCE: ();
}

/// Makes a request without retries: another engine can serve it, so waiting for this one would be worse.
pub(crate) async fn at_once<T>(request: impl Future<Output = T>) -> T {
    AT_ONCE.scope((), request).await
}

/// The same for one poll of a response, during which an adapter may make further requests.
pub(crate) fn poll_at_once<T>(poll: impl FnOnce() -> T) -> T {
    AT_ONCE.sync_scope((), poll)
}

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
    patiently_as_told(ask, worth, |_| None).await
}

/// Like [`patiently`], but waits at least as long as the error demands; gives up at once if that exceeds what is left of
/// the 12 s.
///
/// # Errors
/// The last attempt's error.
pub(crate) async fn patiently_as_told<T, E, A>(
    ask: impl FnMut() -> A,
    mut worth: impl FnMut(&E) -> bool,
    told: impl Fn(&E) -> Option<Duration>,
) -> Result<T, E>
where
    A: Future<Output = Result<T, E>>,
{
    let once = AT_ONCE.try_with(|()| ()).is_ok();
    let policy =
        ExponentialBuilder::default().with_min_delay(SHORTEST).with_max_delay(LONGEST).without_max_times();
    let mut left = PATIENCE;
    ask.retry(policy)
        .when(move |error: &E| !once && worth(error))
        .adjust(move |error: &E, pause: Option<Duration>| {
            let pause = pause?.max(told(error).unwrap_or_default());
            left = left.checked_sub(pause)?;
            Some(pause)
        })
        .await
}

/// Classifies errors as `worth` another attempt until 12 s have passed, attempts included, from this call on.
pub(crate) fn in_time<E>(worth: impl Fn(&E) -> bool) -> impl FnMut(&E) -> bool {
    let began = tokio::time::Instant::now();
    move |error: &E| worth(error) && began.elapsed() < PATIENCE
}

/// Pauses between checks of an engine that is down; they never end.
pub(crate) fn looks() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(LONGEST)
        .with_max_delay(LONGEST_LOOK)
        .without_max_times()
        .build()
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

    #[tokio::test(start_paused = true)]
    async fn a_request_that_another_engine_can_serve_is_not_repeated() {
        assert_eq!(at_once(asked(EngineError::Busy("its queue is full".into()))).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_not_repeated_before_the_time_that_the_error_tells() {
        for (told, attempts, waited) in [(5, 3, 10), (12, 2, 12), (13, 1, 0)] {
            let (mut asked, began) = (0, tokio::time::Instant::now());
            let ask = || {
                asked += 1;
                async move { Err::<(), u64>(told) }
            };
            let done = patiently_as_told(ask, |_| true, |told| Some(Duration::from_secs(*told))).await;
            assert_eq!((done, asked, began.elapsed().as_secs()), (Err(told), attempts, waited));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_attempts_are_not_repeated_after_12_s() {
        let (mut asked, began) = (0, tokio::time::Instant::now());
        let ask = || {
            asked += 1;
            async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Err::<(), u64>(0)
            }
        };
        let done = patiently_as_told(ask, in_time(|_: &u64| true), |_| None).await;
        assert_eq!((done, asked, began.elapsed().as_secs()), (Err(0), 3, 15));
    }

    #[test]
    fn looks_at_an_engine_become_rarer_and_never_end() {
        let mut pauses = looks();
        assert_eq!((pauses.next(), pauses.next()), (Some(LONGEST), Some(LONGEST * 2)));
        assert_eq!(pauses.nth(100), Some(LONGEST_LOOK));
    }
}
