//! The bounded queue in front of the model. Live goes before speculative and that before batch, in each of them finals
//! before partials, and then first come, first served.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::OwnedPermit;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use visavis_proto::state::{EngineState, Outcome, Ticket};
use visavis_proto::v1::Transcript;

use crate::audio::heard_until;
use crate::utterance::{Caller, Utterance};

/// A place in the stream of answers, taken before the work so that giving the answer never waits.
pub(crate) type Reply = OwnedPermit<Result<Transcript, Status>>;

/// What a caller asks.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) utterance: Arc<Utterance>,
    pub(crate) number: u32,
    pub(crate) is_final: bool,
    /// Decode the audio before this sample.
    pub(crate) samples: usize,
    /// Where the last sound in it ends.
    pub(crate) speech_end: Option<usize>,
    /// The words that are to stay.
    pub(crate) stable: String,
    /// What may be all that was said.
    pub(crate) phrases: Vec<String>,
    pub(crate) deadline: Option<Instant>,
}

/// An order with its place in the queue.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) order: Order,
    /// The model's time so far, when the job has been interrupted.
    pub(crate) spent: Duration,
    arrival: u64,
    superseded: Arc<AtomicBool>,
    ticket: Ticket,
    reply: Reply,
    _ended: DropGuard,
}

impl Job {
    fn rank(&self) -> (i32, bool) {
        (self.order.utterance.priority.into(), !self.order.is_final)
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_void(&self) -> bool {
        self.order.utterance.caller.is_gone() || self.superseded.load(Ordering::Acquire) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.order.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Gives the answer.
    pub(crate) fn answer(self, transcript: Transcript) {
        // The counters first: who has the answer may look at them.
        self.ticket.end(Outcome::Done);
        self.reply.send(Ok(transcript));
    }

    /// Ends a void job: late ones are told so.
    pub(crate) fn abandon(self) {
        let late = self.is_late();
        self.ticket.end(Outcome::Cancelled);
        if late {
            self.reply.send(Err(Status::deadline_exceeded(format!(
                "decode {}: its deadline_ms passed before the words were found",
                self.order.number
            ))));
        }
    }

    /// The engine could not do it.
    pub(crate) fn fail(self, status: Status) {
        self.ticket.end(Outcome::Failed);
        self.reply.send(Err(status));
    }
}

/// The queue; its places are counted by [`EngineState`].
#[derive(Debug)]
pub(crate) struct Queue {
    state: Arc<EngineState>,
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<Job>,
    running: Option<Running>,
    arrivals: u64,
    closed: bool,
}

#[derive(Debug)]
struct Running {
    caller: u64,
    is_final: bool,
    /// It hears all sound before this sample.
    heard_until: usize,
    superseded: Arc<AtomicBool>,
}

impl Queue {
    pub(crate) fn new(state: Arc<EngineState>) -> Self {
        Self { state, inner: Mutex::default(), arrived: Condvar::new() }
    }

    /// Queues an order, or answers at once why not. A partial of the same utterance that still waits gives it its place.
    pub(crate) fn push(self: &Arc<Self>, order: Order, reply: Reply) {
        let mut inner = self.lock();
        if inner.closed || order.utterance.caller.is_gone() {
            return;
        }
        let caller = order.utterance.caller.id;
        let replaced = inner
            .waiting
            .iter()
            .position(|job| job.order.utterance.caller.id == caller && !job.order.is_final);
        let ticket = match replaced {
            Some(index) => inner.waiting.swap_remove(index).ticket,
            None => match self.state.enter() {
                Ok(ticket) => ticket,
                Err(status) => {
                    drop(inner);
                    reply.send(Err(status));
                    return;
                }
            },
        };
        if let Some(running) = &inner.running
            && running.caller == caller
            && order.is_final
            && !running.is_final
            // Else it is about to find what this one asks for.
            && order.speech_end.is_some_and(|end| end > running.heard_until)
        {
            running.superseded.store(true, Ordering::Release);
        }
        inner.arrivals += 1;
        let arrival = inner.arrivals;
        let ended = CancellationToken::new();
        if let Some(deadline) = order.deadline {
            tokio::spawn(self.clone().expire(arrival, deadline, ended.clone()));
        }
        inner.waiting.push(Job {
            order,
            spent: Duration::ZERO,
            arrival,
            superseded: Arc::default(),
            ticket,
            reply,
            _ended: ended.drop_guard(),
        });
        self.arrived.notify_one();
    }

    /// Answers a job that still waits at its deadline.
    async fn expire(self: Arc<Self>, arrival: u64, deadline: Instant, ended: CancellationToken) {
        tokio::select! {
            () = ended.cancelled() => {}
            () = tokio::time::sleep_until(deadline.into()) => {
                let mut inner = self.lock();
                if let Some(index) = inner.waiting.iter().position(|job| job.arrival == arrival) {
                    let job = inner.waiting.swap_remove(index);
                    drop(inner);
                    job.abandon();
                }
            }
        }
    }

    /// The next job, now counted as in work; waits for one. `None`: the engine ends.
    pub(crate) fn next(&self) -> Option<Job> {
        let mut inner = self.lock();
        inner.running = None;
        loop {
            if inner.closed {
                return None;
            }
            let first = (0..inner.waiting.len())
                .min_by_key(|&index| (inner.waiting[index].rank(), inner.waiting[index].arrival));
            if let Some(index) = first {
                let mut job = inner.waiting.swap_remove(index);
                job.ticket.start();
                inner.running = Some(Running {
                    caller: job.order.utterance.caller.id,
                    is_final: job.order.is_final,
                    heard_until: job.order.speech_end.map_or(0, |end| heard_until(end, job.order.samples)),
                    superseded: job.superseded.clone(),
                });
                return Some(job);
            }
            inner = self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a job of the same rank or before it waits: between the windows of a long utterance others come in.
    pub(crate) fn presses(&self, job: &Job) -> bool {
        self.lock().waiting.iter().any(|waiting| waiting.rank() <= job.rank())
    }

    /// Puts an interrupted job back behind those that wait; it keeps its place in the count.
    pub(crate) fn put_back(&self, mut job: Job) {
        let mut inner = self.lock();
        if !inner.closed {
            inner.arrivals += 1;
            job.arrival = inner.arrivals;
            inner.waiting.push(job);
        }
    }

    /// Removes the waiting jobs of a caller who has left; a running one ends by itself.
    pub(crate) fn forget(&self, caller: &Caller) {
        caller.leave();
        self.lock().waiting.retain(|job| job.order.utterance.caller.id != caller.id);
    }

    /// Ends the queue and the work.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.waiting.clear();
        if let Some(running) = &inner.running {
            running.superseded.store(true, Ordering::Release);
        }
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
