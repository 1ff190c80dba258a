//! Copies of requests for engines on trial. Their output is measured and discarded.
//!
//! A copy has no effect on the request: it is made only if few others run, waits for nothing, and is abandoned after a while.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use super::board::{Board, Plan};
use super::race::{Opening, Pieces};
use crate::EngineError;

/// Longest time for a copy.
const LONGEST: Duration = Duration::from_secs(30);

/// The outcome of a copy, as metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Served,
    Failed,
    Late,
    Skipped,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::Late => "late",
            Self::Skipped => "skipped",
        }
    }

    fn count(self, board: &Board, engine: usize) {
        let (kind, name) = (board.kind().name(), board.name(engine).to_string());
        metrics::counter!("visavis_shadow_total", "kind" => kind, "engine" => name, "outcome" => self.name())
            .increment(1);
    }
}

/// Records the time until an engine's first output, or from a decode request to its transcript.
pub(super) fn measure(board: &Board, engine: usize, took: Duration) {
    let (kind, name) = (board.kind().name(), board.name(engine).to_string());
    metrics::histogram!("visavis_shadow_seconds", "kind" => kind, "engine" => name)
        .record(took.as_secs_f64());
}

/// Runs a copy in the background, unless the engine is not ready or too many copies are running.
pub(super) fn run(
    board: &Arc<Board>,
    engine: usize,
    work: impl Future<Output = Result<(), EngineError>> + Send + 'static,
) {
    let permit = if board.is_ready(engine) { board.shadows.clone().try_acquire_owned().ok() } else { None };
    let Some(permit) = permit else { return Outcome::Skipped.count(board, engine) };
    let board = board.clone();
    tokio::spawn(async move {
        let outcome = match timeout(LONGEST, work).await {
            Ok(Ok(())) => Outcome::Served,
            Ok(Err(error)) => {
                tracing::debug!(engine = %board.name(engine), %error, "a copy of a request failed");
                Outcome::Failed
            }
            Err(_) => Outcome::Late,
        };
        outcome.count(&board, engine);
        drop(permit);
    });
}

/// Runs a copy on each engine that a plan has on trial; `open` makes the request to one.
pub(super) fn run_each<P: Send + 'static>(
    board: &Arc<Board>,
    plan: &Plan,
    open: impl Fn(usize) -> Opening<P>,
) {
    for engine in plan.shadows.iter().copied() {
        let (own, opening) = (board.clone(), open(engine));
        run(board, engine, async move { drain(&own, engine, opening).await });
    }
}

/// Reads an engine's output for a copy, to its end.
///
/// # Errors
/// The engine's own.
async fn drain<P: 'static>(
    board: &Board,
    engine: usize,
    opening: impl Future<Output = Result<Pieces<P>, EngineError>>,
) -> Result<(), EngineError> {
    let began = Instant::now();
    let mut pieces = opening.await?;
    let mut first = true;
    while let Some(piece) = pieces.next().await {
        piece?;
        if std::mem::take(&mut first) {
            measure(board, engine, began.elapsed());
        }
    }
    Ok(())
}
