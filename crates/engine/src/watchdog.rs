//! Ends requests to an engine that has become silent.
//!
//! Only silence while somebody reads counts, not a response that playout holds back for a minute. Silence alone ends a request
//! late, since a long prompt takes its time; silence of a [`wedged`](super::health) engine ends it soon. So does silence within
//! a response, once all its output has been heard: the engine has stalled.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::EngineError;
use super::health::Wedged;

/// Silence after which a request to a wedged engine ends.
const SHORT: Duration = Duration::from_millis(500);
/// Silence after which a request to a healthy engine ends: it has too much to do.
const LONG: Duration = Duration::from_secs(60);
/// The same for a request that is behind others: they may have all of the engine for as long.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Longest time that is allowed for an engine's output to be heard; some of a model's text is never spoken.
const AHEAD: Duration = Duration::from_secs(20);

tokio::task_local! {
    /// Set while a stream is polled by a caller that does not wait.
    static GLANCE: ();
}

/// Polls for a piece without waiting for it: silence counts only from when somebody waits.
pub(crate) fn glance<T>(pieces: &mut BoxStream<'static, T>) -> Option<Option<T>> {
    GLANCE.sync_scope((), || pieces.next().now_or_never())
}

/// Watches the requests to one engine.
#[derive(Debug, Clone)]
pub struct Watchdog {
    wedged: watch::Receiver<Option<Wedged>>,
    /// Silence before a response begins after which its request ends, whatever the engine's health.
    first: Duration,
    /// The same within a response.
    between: Duration,
}

impl Watchdog {
    /// Watches by the engine's health.
    #[must_use]
    pub fn new(wedged: watch::Receiver<Option<Wedged>>) -> Self {
        Self { wedged, first: LONG, between: LONG }
    }

    /// Watches only silence, for an engine that reports no health.
    #[must_use]
    pub fn of_silence(patience: Duration) -> Self {
        // The sender is dropped at once, so `silence` waits only for its timeout.
        let (_, wedged) = watch::channel(None);
        Self { wedged, first: patience, between: patience }
    }

    /// The same for a request that is behind others: only an engine that is wedged ends it soon.
    #[must_use]
    pub fn behind_others(self) -> Self {
        Self { first: LONGEST, between: LONGEST, ..self }
    }

    /// The same, with at most this much silence within a response: its engine has read its prompt, and is at work.
    #[must_use]
    pub fn of_stalls(self, between: Duration) -> Self {
        Self { between: between.min(self.first), ..self }
    }

    /// Waits for an engine's single response, or for the beginning of one that comes in pieces.
    ///
    /// # Errors
    /// The response's own error; [`EngineError::Unavailable`] if the engine is wedged; [`EngineError::Deadline`] if nothing
    /// arrives in time.
    pub async fn response<T, E: Into<EngineError>>(
        &self,
        response: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            response = response => response.map_err(Into::into),
            error = silence(self.wedged.clone(), self.first) => Err(error),
        }
    }

    /// Passes on the pieces of a response that has begun. The stream ends with an error as in [`Self::response`] if no more come
    /// while some are `owed`, which is checked whenever none is available.
    pub fn pieces<T: 'static>(
        &self,
        pieces: BoxStream<'static, Result<T, EngineError>>,
        owed: impl Fn() -> bool + Send + Unpin + 'static,
    ) -> BoxStream<'static, Result<T, EngineError>> {
        self.watched(pieces, owed, |_: &T| Duration::ZERO)
    }

    /// The same for pieces that are heard for as long as they `last`. Silence counts only after that.
    pub fn heard_pieces<T: 'static>(
        &self,
        pieces: BoxStream<'static, Result<T, EngineError>>,
        lasts: impl FnMut(&T) -> Duration + Send + Unpin + 'static,
    ) -> BoxStream<'static, Result<T, EngineError>> {
        self.watched(pieces, || true, lasts)
    }

    fn watched<T: 'static>(
        &self,
        pieces: BoxStream<'static, Result<T, EngineError>>,
        owed: impl Fn() -> bool + Send + Unpin + 'static,
        lasts: impl FnMut(&T) -> Duration + Send + Unpin + 'static,
    ) -> BoxStream<'static, Result<T, EngineError>> {
        let Self { wedged, between, .. } = self.clone();
        let heard = Instant::now();
        Watched { pieces: Some(pieces), owed, lasts, heard, silence: None, wedged, between }.boxed()
    }
}

/// Resolves with the reason to stop waiting for a silent engine.
async fn silence(mut wedged: watch::Receiver<Option<Wedged>>, patience: Duration) -> EngineError {
    let found = async {
        tokio::time::sleep(SHORT).await;
        let wedge = wedged.wait_for(Option::is_some).await.ok().and_then(|wedged| *wedged);
        match wedge {
            Some(wedged) => wedged.wedge,
            // The channel is closed: the engine reports no health, or the server ends.
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        wedge = found => EngineError::Unavailable(format!("it {}", wedge.as_str())),
        () = tokio::time::sleep(patience) => EngineError::Deadline,
    }
}

struct Watched<T, F, L> {
    /// None: ended.
    pieces: Option<BoxStream<'static, Result<T, EngineError>>>,
    owed: F,
    lasts: L,
    /// When all pieces so far will have been heard, if playback began as soon as they arrived.
    heard: Instant,
    /// Started by the first poll that found nothing.
    silence: Option<BoxFuture<'static, EngineError>>,
    wedged: watch::Receiver<Option<Wedged>>,
    between: Duration,
}

impl<T, F: Fn() -> bool + Unpin, L: FnMut(&T) -> Duration + Unpin> Stream for Watched<T, F, L> {
    type Item = Result<T, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(pieces) = &mut this.pieces else { return Poll::Ready(None) };
        if let Poll::Ready(piece) = pieces.poll_next_unpin(context) {
            this.silence = None;
            if let Some(Ok(piece)) = &piece {
                let now = Instant::now();
                this.heard = (this.heard.max(now) + (this.lasts)(piece)).min(now + AHEAD);
            }
            return Poll::Ready(piece);
        }
        if !(this.owed)() {
            this.silence = None;
            return Poll::Pending;
        }
        if GLANCE.try_with(|()| ()).is_ok() {
            return Poll::Pending;
        }
        let silence = this.silence.get_or_insert_with(|| {
            let patience = this.heard.saturating_duration_since(Instant::now()) + this.between;
            silence(this.wedged.clone(), patience).boxed()
        });
        match silence.poll_unpin(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(error) => {
                (this.pieces, this.silence) = (None, None);
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::mpsc;
    use tokio::time::{sleep, timeout};
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;
    use crate::health::Wedge;

    const WEDGED: Option<Wedged> = Some(Wedged { number: 1, wedge: Wedge::Silent });

    type Piece = Result<u32, EngineError>;

    fn watched(
        owed: impl Fn() -> bool + Send + Unpin + 'static,
    ) -> (mpsc::Sender<Piece>, watch::Sender<Option<Wedged>>, BoxStream<'static, Piece>) {
        let (sender, pieces) = mpsc::channel(4);
        let (health, wedged) = watch::channel(None);
        let stream = Watchdog::new(wedged).pieces(ReceiverStream::new(pieces).boxed(), owed);
        (sender, health, stream)
    }

    #[tokio::test(start_paused = true)]
    async fn a_wedged_engine_ends_its_stream_with_a_transient_error_and_a_slow_one_does_not() {
        let (sender, health, mut stream) = watched(|| true);
        sender.send(Ok(1)).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(1)));
        let slow = async {
            sleep(LONG - Duration::from_secs(1)).await;
            sender.send(Ok(2)).await.unwrap();
        };
        assert_eq!(tokio::join!(stream.next(), slow).0, Some(Ok(2)), "a long prompt takes its time");

        health.send_replace(WEDGED);
        sender.send(Ok(3)).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(3)), "a piece that has arrived is passed on");
        let began = Instant::now();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("does not answer"), "{error}");
        assert_eq!(began.elapsed(), SHORT);
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_behind_others_ends_soon_only_with_a_wedged_engine() {
        let (health, wedged) = watch::channel(None);
        let (sender, pieces) = mpsc::channel::<Piece>(1);
        let watchdog = Watchdog::new(wedged).behind_others();
        let mut stream = watchdog.pieces(ReceiverStream::new(pieces).boxed(), || true);
        assert!(timeout(LONG * 5, stream.next()).await.is_err(), "others have the engine");
        health.send_replace(WEDGED);
        assert!(stream.next().await.unwrap().unwrap_err().is_passing());
        drop(sender);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_reads_does_not_count() {
        let (sender, _health, mut stream) = watched(|| true);
        for number in 0..4 {
            sender.send(Ok(number)).await.unwrap();
        }
        for number in 0..4 {
            // Playout holds the stream back.
            sleep(LONG * 2).await;
            assert_eq!(stream.next().await, Some(Ok(number)));
        }
        sleep(LONG * 2).await;
        assert!(timeout(LONG - TICK, stream.next()).await.is_err(), "the wait restarts when it is read");
        assert_eq!(stream.next().await, Some(Err(EngineError::Deadline)));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_before_a_request_does_not_count() {
        let asked = Arc::new(AtomicBool::new(false));
        let owed = asked.clone();
        let (sender, health, mut stream) = watched(move || owed.load(Ordering::Relaxed));
        health.send_replace(WEDGED);
        assert!(timeout(LONG * 3, stream.next()).await.is_err(), "nobody has asked");
        asked.store(true, Ordering::Relaxed);
        assert!(stream.next().await.unwrap().is_err());
        drop(sender);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_to_a_wedged_engine_is_not_waited_for() {
        let (health, wedged) = watch::channel(None);
        let watchdog = Watchdog::new(wedged);
        let never = || std::future::pending::<Result<(), EngineError>>();
        let hangs = async {
            sleep(Duration::from_secs(5)).await;
            health.send_replace(WEDGED);
        };
        let began = Instant::now();
        let (answer, ()) = tokio::join!(watchdog.response(never()), hangs);
        assert!(answer.unwrap_err().is_passing());
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        health.send_replace(None);
        assert_eq!(watchdog.response(never()).await, Err(EngineError::Deadline));
        let quick = std::future::ready(Ok::<_, EngineError>(7));
        assert_eq!(watchdog.response(quick).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_without_health_is_given_up_after_its_own_time_of_silence() {
        let patience = Duration::from_secs(30);
        let (_sender, pieces) = mpsc::channel::<Piece>(1);
        let watchdog = Watchdog::of_silence(patience);
        let mut stream = watchdog.pieces(ReceiverStream::new(pieces).boxed(), || true);
        let began = Instant::now();
        assert_eq!(stream.next().await, Some(Err(EngineError::Deadline)));
        assert_eq!(began.elapsed(), patience);
        let never = std::future::pending::<Result<(), EngineError>>();
        assert_eq!(watchdog.response(never).await, Err(EngineError::Deadline));
        assert_eq!(began.elapsed(), patience * 2);
    }

    const TICK: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// Up to 3 s of silence are allowed within a response; each piece is heard for as many seconds as its number.
    fn stalls() -> (mpsc::Sender<Piece>, BoxStream<'static, Piece>) {
        let (sender, pieces) = mpsc::channel(4);
        let watchdog = Watchdog::of_silence(30 * SECOND).of_stalls(3 * SECOND);
        let lasts = |seconds: &u32| *seconds * SECOND;
        (sender, watchdog.heard_pieces(ReceiverStream::new(pieces).boxed(), lasts))
    }

    #[tokio::test(start_paused = true)]
    async fn within_a_response_less_silence_is_borne_than_before_it() {
        let watchdog = Watchdog::of_silence(30 * SECOND).of_stalls(3 * SECOND);
        let began = Instant::now();
        let never = std::future::pending::<Result<(), EngineError>>();
        assert_eq!(watchdog.response(never).await, Err(EngineError::Deadline));
        assert_eq!(began.elapsed(), 30 * SECOND);
        let (sender, mut stream) = stalls();
        let began = Instant::now();
        for _ in 0..4 {
            let slow = async {
                sleep(3 * SECOND - TICK).await;
                sender.send(Ok(0)).await.unwrap();
            };
            assert_eq!(tokio::join!(stream.next(), slow).0, Some(Ok(0)), "it is slow, and has not stalled");
        }
        let worked = began.elapsed();
        assert_eq!(stream.next().await, Some(Err(EngineError::Deadline)));
        assert_eq!(began.elapsed() - worked, 3 * SECOND);
        assert_eq!(stream.next().await, None);
        let impatient = Watchdog::of_silence(SECOND).of_stalls(3 * SECOND);
        let (_sender, pieces) = mpsc::channel::<Piece>(1);
        let began = Instant::now();
        let error = impatient.pieces(ReceiverStream::new(pieces).boxed(), || true).next().await;
        assert_eq!(
            (error, began.elapsed()),
            (Some(Err(EngineError::Deadline)), SECOND),
            "never more than before it"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_once_all_that_was_given_has_been_heard() {
        let (sender, mut stream) = stalls();
        let began = Instant::now();
        for seconds in [2, 5] {
            sender.send(Ok(seconds)).await.unwrap();
            assert_eq!(stream.next().await, Some(Ok(seconds)));
        }
        assert!(timeout(10 * SECOND - TICK, stream.next()).await.is_err());
        assert_eq!(stream.next().await, Some(Err(EngineError::Deadline)));
        assert_eq!(began.elapsed(), 10 * SECOND);
        let (sender, mut stream) = stalls();
        sender.send(Ok(600)).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(600)));
        let began = Instant::now();
        assert_eq!(stream.next().await, Some(Err(EngineError::Deadline)));
        assert_eq!(began.elapsed(), AHEAD + 3 * SECOND, "what is never heard excuses no long silence");
    }

    #[tokio::test(start_paused = true)]
    async fn a_glance_at_what_comes_next_is_no_wait_for_it() {
        let (sender, mut stream) = stalls();
        assert_eq!(glance(&mut stream), None);
        sleep(60 * SECOND).await;
        assert!(timeout(3 * SECOND - TICK, stream.next()).await.is_err(), "nobody has read for a minute");
        sender.send(Ok(1)).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(1)));
        sender.send(Ok(2)).await.unwrap();
        assert_eq!(glance(&mut stream), Some(Some(Ok(2))));
    }
}
