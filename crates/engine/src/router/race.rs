//! Asks an engine, and the next one at once when it fails, or beside it when it is late. The first that returns something
//! serves; the others are dropped, which cancels them.
//!
//! A late engine is not stopped when the next one is asked: most late engines are about to respond, and the next one may be
//! even later. While the last one is waited for, engines that were not ready or were too busy are asked again.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::board::{Board, Picked, Plan};
use super::policy::Fate;
use crate::EngineError;
use crate::retry::{PATIENCE, at_once};
use crate::route::Reason;

/// First and longest pause before engines are asked again.
const AGAIN: Duration = Duration::from_millis(250);
const LONGEST_AGAIN: Duration = Duration::from_secs(2);

/// The pieces that an engine returns for a request.
pub(super) type Pieces<P> = BoxStream<'static, Result<P, EngineError>>;
/// A request on its way to an engine.
pub(super) type Opening<P> = BoxFuture<'static, Result<Pieces<P>, EngineError>>;

/// A request that an engine serves.
pub(super) struct Begun<P> {
    pub(super) picked: Picked,
    /// None: it has ended without a piece.
    pub(super) first: Option<P>,
    /// May be polled beyond its end.
    pub(super) rest: Pieces<P>,
}

/// The first piece of an engine, or why there is none.
struct Came<P> {
    runner: usize,
    outcome: Result<(Option<P>, Pieces<P>), EngineError>,
}

/// An engine that was asked.
struct Runner {
    picked: Picked,
    late: bool,
}

struct Race<'a, P, F> {
    board: &'a Board,
    plan: &'a mut Plan,
    open: F,
    running: FuturesUnordered<BoxFuture<'static, Came<P>>>,
    /// None: it has failed.
    runners: Vec<Option<Runner>>,
    /// When the newest one is late or, after the last one, when absent ones are asked again.
    due: Option<Instant>,
    error: Option<EngineError>,
    /// Engines that were not ready or were too busy, and were not waited for.
    absent: Vec<usize>,
    /// The pause before they are asked again.
    pause: Duration,
    /// When to stop asking them.
    until: Instant,
}

/// Makes a request to the plan's next engine, and to further ones as needed. `open` makes it to the engine with this index.
///
/// # Errors
/// A prompt that is too long; otherwise, if all refused or failed, the error of the first engine that failed, if any.
pub(super) async fn first<P: Send + 'static>(
    board: &Board,
    plan: &mut Plan,
    after: Option<Fate>,
    open: impl Fn(usize, Reason) -> Opening<P>,
) -> Result<Begun<P>, EngineError> {
    let mut race = Race {
        board,
        plan,
        open,
        running: FuturesUnordered::new(),
        runners: Vec::new(),
        due: None,
        error: None,
        absent: Vec::new(),
        pause: AGAIN,
        until: Instant::now() + PATIENCE,
    };
    race.start(after);
    race.run().await
}

impl<P: Send + 'static, F: Fn(usize, Reason) -> Opening<P>> Race<'_, P, F> {
    async fn run(&mut self) -> Result<Begun<P>, EngineError> {
        loop {
            let due = self.due;
            let came = tokio::select! {
                biased;
                Some(came) = self.running.next() => came,
                () = async { sleep_until(due.expect("guarded")).await }, if due.is_some() => {
                    self.is_due();
                    continue;
                }
                else => return Err(self.error.take().unwrap_or_else(none_left)),
            };
            let Some(Runner { mut picked, .. }) = self.runners[came.runner].take() else { continue };
            match came.outcome {
                Ok((first, rest)) => {
                    picked.ticket.begins();
                    self.beaten();
                    return Ok(Begun { picked, first, rest });
                }
                Err(error @ EngineError::TooLong { .. }) => {
                    _ = picked.ticket.failed(&error);
                    return Err(error);
                }
                Err(error) => {
                    let fate = picked.ticket.failed(&error);
                    self.plan.failed(picked.engine, fate);
                    tracing::debug!(engine = %self.board.name(picked.engine), %error, "an engine did not serve a request");
                    self.keep(error);
                    if fate == Fate::Absent && !picked.last {
                        self.absent.push(picked.engine);
                    }
                    self.start(Some(fate));
                }
            }
        }
    }

    /// Asks the next engine, if there is one.
    fn start(&mut self, after: Option<Fate>) {
        self.due = match self.board.pick(self.plan, after) {
            Some(picked) => {
                let ready = self.board.is_ready(picked.engine);
                self.ask(picked);
                let more = self.board.peek(self.plan, None).is_some();
                if !more && !ready {
                    self.next_look()
                } else {
                    let first = self.plan.first.filter(|_| more || !self.absent.is_empty());
                    first.map(|first| Instant::now() + first)
                }
            }
            None => self.next_look(),
        };
    }

    /// When absent engines are asked again, if there are any.
    fn next_look(&self) -> Option<Instant> {
        let at = Instant::now() + self.pause;
        (!self.absent.is_empty() && self.plan.first.is_some() && at < self.until).then_some(at)
    }

    fn ask(&mut self, picked: Picked) {
        let opening = (self.open)(picked.engine, picked.reason);
        let begin = async move {
            let mut rest = opening.await?.fuse();
            let first = rest.next().await.transpose()?;
            Ok::<_, EngineError>((first, rest.boxed()))
        };
        // No other engine can serve now, so the last one has no deadline.
        let begin = if picked.last { begin.boxed() } else { at_once(begin).boxed() };
        let begin = match picked.within {
            Some(within) => {
                timeout(within, begin).map(|in_time| in_time.unwrap_or(Err(EngineError::Deadline))).boxed()
            }
            None => begin,
        };
        let runner = self.runners.len();
        self.runners.push(Some(Runner { picked, late: false }));
        self.running.push(async move { Came { runner, outcome: begin.await } }.boxed());
    }

    /// Nothing has arrived in time: the next engine is asked as well.
    fn is_due(&mut self) {
        if self.board.peek(self.plan, None).is_none() {
            return self.again();
        }
        if let Some(Some(newest)) = self.runners.last_mut() {
            newest.late = true;
        }
        self.start(Some(Fate::Late));
    }

    /// Asks absent engines again that are ready now.
    fn again(&mut self) {
        self.pause = (self.pause * 2).min(LONGEST_AGAIN);
        for engine in std::mem::take(&mut self.absent) {
            if self.board.is_ready(engine) {
                self.ask(self.board.again(engine));
            } else {
                self.absent.push(engine);
            }
        }
        self.due = self.next_look();
    }

    /// Another engine serves: late ones are told so, and may be asked again if it fails.
    fn beaten(&mut self) {
        for Runner { picked, late } in self.runners.drain(..).flatten() {
            self.plan.spare(picked.engine);
            if late {
                picked.ticket.was_late();
            }
        }
    }

    /// A fault counts more than a refusal: with the next attempt the same request may be served.
    fn keep(&mut self, error: EngineError) {
        let refused = |error: &EngineError| matches!(error, EngineError::Invalid(_));
        if self.error.as_ref().is_none_or(|kept| refused(kept) && !refused(&error)) {
            self.error = Some(error);
        }
    }
}

/// The error when no engine was asked.
fn none_left() -> EngineError {
    EngineError::Unavailable("no engine is left to ask".into())
}
