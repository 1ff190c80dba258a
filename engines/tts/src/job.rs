//! An accepted request: what the worker needs, how it is stopped, and the stream that the caller reads.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use ort::session::RunOptions;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tokio_stream::Stream;
use tonic::Status;
use visavis_proto::state::Ticket;
use visavis_proto::v1::{Priority, SpeechPart};

use crate::catalogue::Voice;
use crate::queue::{Interrupt, Queue};
use crate::runtime::run_options;
use crate::split::shorten;
use crate::text::Part;

/// How often a run is interrupted at most. Then the part is halved, so that it fits between what is spoken for calls, and in the end is so
/// brief that it need not be interrupted: a text is spoken in the end, however many calls there are, and none of them waits for it.
const MOST_INTERRUPTIONS: u8 = 8;
/// How many of them may be for work beside calls, so that a call always finds some left.
const MOST_BESIDE_CALLS: u8 = MOST_INTERRUPTIONS / 2;

/// A request that is waiting or being spoken.
pub(crate) struct Job {
    /// The request's text.
    pub(crate) text: String,
    /// The text's parts; the worker has sent those before `next`.
    pub(crate) parts: Vec<Part>,
    /// Index of the next part to speak.
    pub(crate) next: usize,
    /// The voice, or the mix of voices.
    pub(crate) voice: Voice,
    /// 1: as recorded.
    pub(crate) speed: f32,
    /// Work beside calls that leaves most of the cores to them.
    pub(crate) gentle: bool,
    /// Has room for every part and an error, so that a slow reader never blocks the worker.
    pub(crate) sender: mpsc::Sender<Result<SpeechPart, Status>>,
    /// Set when the caller is gone or its deadline has passed.
    pub(crate) stop: Arc<Stop>,
    /// Counts the job in the engine's state.
    pub(crate) ticket: Ticket,
}

impl Job {
    /// The next part has been spoken.
    pub(crate) fn advance(&mut self) {
        self.next += 1;
        self.stop.count_anew();
    }

    /// A run was interrupted, and is to be done again: of a shorter part if that has happened too often.
    pub(crate) fn again(&mut self) {
        if self.stop.is_worn() && shorten(&self.text, &mut self.parts, self.next) {
            self.stop.count_anew();
        }
    }
}

/// Stops or interrupts a job, even in the middle of a network run.
pub(crate) struct Stop {
    stopped: AtomicBool,
    interrupted: AtomicBool,
    /// How often the run of its next part has been interrupted.
    interruptions: AtomicU8,
    deadline: Option<Instant>,
    long: bool,
    /// Created when the job begins, since a request may arrive before ONNX Runtime is loaded.
    run: OnceLock<RunOptions>,
}

impl Stop {
    /// A job that has not been stopped; stops at `deadline`. `long`: release the runtime's memory after each run.
    pub(crate) fn new(deadline: Option<Instant>, long: bool) -> Self {
        Self {
            stopped: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            interruptions: AtomicU8::new(0),
            deadline,
            long,
            run: OnceLock::new(),
        }
    }

    /// The options of every run of the job; only the worker calls this.
    pub(crate) fn run(&self) -> ort::Result<&RunOptions> {
        if self.run.get().is_none() {
            _ = self.run.set(run_options(self.long)?);
            if self.stopped.load(Ordering::Acquire) || self.was_interrupted() {
                self.terminate();
            }
        }
        Ok(self.run.get().expect("it has just been set"))
    }

    /// Whether further work on the job is useless.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.terminate();
    }

    fn terminate(&self) {
        if let Some(Err(error)) = self.run.get().map(RunOptions::terminate) {
            tracing::warn!(%error, "a run could not be terminated");
        }
    }

    /// Whether the run has been interrupted as often as it may be.
    fn is_worn(&self) -> bool {
        self.interruptions.load(Ordering::Acquire) >= MOST_INTERRUPTIONS
    }

    /// Another part is next.
    fn count_anew(&self) {
        self.interruptions.store(0, Ordering::Release);
    }

    /// Whether it is interrupted.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Lets an interrupted job run again; returns whether it was interrupted. Only the worker calls this, after the queue can
    /// no longer interrupt the run.
    pub(crate) fn resume(&self) -> bool {
        if !self.interrupted.swap(false, Ordering::AcqRel) {
            return false;
        }
        if let Some(Err(error)) = self.run.get().map(RunOptions::unterminate) {
            tracing::warn!(%error, "a run could not be resumed");
        }
        if self.stopped.load(Ordering::Acquire) {
            self.terminate();
        }
        true
    }
}

impl Interrupt for Stop {
    fn interrupt(&self, by: Priority) {
        if self.was_interrupted() {
            return;
        }
        let most = if by == Priority::Live { MOST_INTERRUPTIONS } else { MOST_BESIDE_CALLS };
        let more = |count: u8| (count < most).then_some(count + 1);
        if self.interruptions.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok() {
            self.interrupted.store(true, Ordering::Release);
            self.terminate();
        }
    }
}

/// The stream that the caller reads. Dropping it stops the job.
pub(crate) struct SpeechStream {
    parts: mpsc::Receiver<Result<SpeechPart, Status>>,
    late: Option<Pin<Box<Sleep>>>,
    ended: bool,
    stop: Arc<Stop>,
    queue: Arc<Queue<Job>>,
    id: u64,
}

impl SpeechStream {
    /// The stream of the job `id` in `queue`.
    pub(crate) fn new(
        parts: mpsc::Receiver<Result<SpeechPart, Status>>,
        stop: Arc<Stop>,
        queue: Arc<Queue<Job>>,
        id: u64,
    ) -> Self {
        let late = stop.deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline)));
        Self { parts, late, ended: false, stop, queue, id }
    }

    fn end(&mut self) {
        self.ended = true;
        self.stop.stop();
        drop(self.queue.remove(self.id));
    }
}

impl Stream for SpeechStream {
    type Item = Result<SpeechPart, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(part) = self.parts.poll_recv(context) {
            if let Some(part) = part {
                self.ended = part.as_ref().map_or(true, |part| part.last);
                return Poll::Ready(Some(part));
            }
            // The worker dropped the job before its last part.
            let late = self.stop.is_late();
            self.end();
            return Poll::Ready(Some(Err(if late {
                too_late()
            } else {
                Status::unavailable("the engine is shutting down")
            })));
        }
        if self.late.as_mut().is_some_and(|late| late.as_mut().poll(context).is_ready()) {
            self.end();
            return Poll::Ready(Some(Err(too_late())));
        }
        Poll::Pending
    }
}

impl Drop for SpeechStream {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}

fn too_late() -> Status {
    Status::deadline_exceeded("deadline_ms passed before the text was spoken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_not_interrupted_for_ever_and_work_beside_calls_leaves_interruptions_to_calls() {
        let stop = Stop::new(None, false);
        let interrupted = |by: Priority| {
            stop.interrupt(by);
            stop.resume()
        };
        for _ in 0..MOST_BESIDE_CALLS {
            assert!(interrupted(Priority::Speculative));
        }
        assert!(!interrupted(Priority::Speculative));
        for _ in MOST_BESIDE_CALLS..MOST_INTERRUPTIONS {
            assert!(!stop.is_worn() && interrupted(Priority::Live));
        }
        assert!(stop.is_worn() && !interrupted(Priority::Live));
        stop.count_anew();
        assert!(!stop.is_worn() && interrupted(Priority::Live), "another part is another run");
    }
}
