//! Ends requests to an engine that has fallen silent.
//!
//! What counts is silence while somebody reads: an answer that playout holds back for a minute is none. Silence alone ends
//! nothing soon, since a long prompt takes its time; together with a [`wedged`](super::health) engine it does.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::EngineError;
use super::health::Wedged;

/// Silence in which an engine may still be found wedged.
const SHORT: Duration = Duration::from_millis(500);
/// Longest silence of an engine that answers questions of its health: it has too much to do.
const LONG: Duration = Duration::from_secs(60);

/// Watches the requests to one engine.
#[derive(Debug, Clone)]
pub struct Watchdog {
    wedged: watch::Receiver<Option<Wedged>>,
}

impl Watchdog {
    /// Looks at what is told of the engine's health.
    #[must_use]
    pub fn new(wedged: watch::Receiver<Option<Wedged>>) -> Self {
        Self { wedged }
    }

    /// Waits for an engine's one answer.
    ///
    /// # Errors
    /// The answer's own, [`EngineError::Unavailable`] when the engine is wedged, [`EngineError::Deadline`] when nothing
    /// comes in a minute.
    pub async fn answer<T, E: Into<EngineError>>(
        &self,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            answer = answer => answer.map_err(Into::into),
            error = silence(self.wedged.clone()) => Err(error),
        }
    }

    /// Hands pieces on; the stream ends with an error as [`Self::answer`] when no more come while they are `owed`, which is
    /// looked at whenever there is none.
    pub fn pieces<T: 'static>(
        &self,
        pieces: BoxStream<'static, Result<T, EngineError>>,
        owed: impl Fn() -> bool + Send + Unpin + 'static,
    ) -> BoxStream<'static, Result<T, EngineError>> {
        Watched { pieces: Some(pieces), owed, silence: None, wedged: self.wedged.clone() }.boxed()
    }
}

/// Ends with the reason for which a silent engine need not be waited for.
async fn silence(mut wedged: watch::Receiver<Option<Wedged>>) -> EngineError {
    let found = async {
        tokio::time::sleep(SHORT).await;
        let wedge = wedged.wait_for(Option::is_some).await.ok().and_then(|wedged| *wedged);
        match wedge {
            Some(wedged) => wedged.wedge,
            // Nobody looks after the engine any more: the server ends.
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        wedge = found => EngineError::Unavailable(format!("it {}", wedge.as_str())),
        () = tokio::time::sleep(LONG) => EngineError::Deadline,
    }
}

struct Watched<T, F> {
    /// None: ended.
    pieces: Option<BoxStream<'static, Result<T, EngineError>>>,
    owed: F,
    /// Runs from the first look at which nothing was there.
    silence: Option<BoxFuture<'static, EngineError>>,
    wedged: watch::Receiver<Option<Wedged>>,
}

impl<T, F: Fn() -> bool + Unpin> Stream for Watched<T, F> {
    type Item = Result<T, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(pieces) = &mut this.pieces else { return Poll::Ready(None) };
        if let Poll::Ready(piece) = pieces.poll_next_unpin(context) {
            this.silence = None;
            return Poll::Ready(piece);
        }
        if !(this.owed)() {
            this.silence = None;
            return Poll::Pending;
        }
        let silence = this.silence.get_or_insert_with(|| silence(this.wedged.clone()).boxed());
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
    use tokio::time::{Instant, sleep, timeout};
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
    async fn a_wedged_engine_ends_its_stream_with_a_passing_error_and_a_slow_one_does_not() {
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
        assert_eq!(stream.next().await, Some(Ok(3)), "what has come is handed on");
        let began = Instant::now();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("does not answer"), "{error}");
        assert_eq!(began.elapsed(), SHORT);
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_reads_does_not_count() {
        let (sender, _health, mut stream) = watched(|| true);
        for number in 0..4 {
            sender.send(Ok(number)).await.unwrap();
        }
        for number in 0..4 {
            // Playout holds it back.
            sleep(LONG * 2).await;
            assert_eq!(stream.next().await, Some(Ok(number)));
        }
        sleep(LONG * 2).await;
        assert!(timeout(LONG - TICK, stream.next()).await.is_err(), "it waits anew from when it is read");
        assert_eq!(stream.next().await, Some(Err(EngineError::Deadline)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_owes_nothing_before_it_is_asked() {
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
    async fn a_question_to_a_wedged_engine_is_not_waited_for() {
        let (health, wedged) = watch::channel(None);
        let watchdog = Watchdog::new(wedged);
        let never = || std::future::pending::<Result<(), EngineError>>();
        let hangs = async {
            sleep(Duration::from_secs(5)).await;
            health.send_replace(WEDGED);
        };
        let began = Instant::now();
        let (answer, ()) = tokio::join!(watchdog.answer(never()), hangs);
        assert!(answer.unwrap_err().is_passing());
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        health.send_replace(None);
        assert_eq!(watchdog.answer(never()).await, Err(EngineError::Deadline));
        let quick = std::future::ready(Ok::<_, EngineError>(7));
        assert_eq!(watchdog.answer(quick).await, Ok(7));
    }

    const TICK: Duration = Duration::from_millis(1);
}
