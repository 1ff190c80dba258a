//! The bounded queue in front of the model. Live goes before speculative, speculative before recordings, and of these the ones that
//! somebody waits for before jobs; within each, finals before partials, then first come, first served. Recordings may have a thread of
//! their own; then nothing of a call ever waits for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::OwnedPermit;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use visavis_proto::monitor::{Look, Monitor};
use visavis_proto::queue::{PriorityQueue, Waiting};
use visavis_proto::state::{EngineState, Outcome, Ticket};
use visavis_proto::v1::Transcript;

use crate::audio::heard_until;
use crate::class::Class;
use crate::utterance::{Caller, Utterance};

/// A reserved slot in the stream of transcripts, taken before the work so that delivering never waits.
pub(crate) type Reply = OwnedPermit<Result<Transcript, Status>>;

/// A caller's request for a decode.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) utterance: Arc<Utterance>,
    pub(crate) number: u32,
    pub(crate) is_final: bool,
    /// The audio before this sample is decoded.
    pub(crate) samples: usize,
    /// Where the last sound in it ends.
    pub(crate) speech_end: Option<usize>,
    /// The words to be kept.
    pub(crate) stable: String,
    /// Phrases that may be the whole utterance.
    pub(crate) phrases: Vec<String>,
    pub(crate) deadline: Option<Instant>,
}

/// An order with its place in the queue.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) order: Order,
    /// The model's time so far, if the job has been interrupted.
    pub(crate) spent: Duration,
    /// How often it has been stopped for a better one in the middle of a window, whose work is lost.
    pub(crate) stops: u32,
    superseded: Arc<AtomicBool>,
    ticket: Ticket,
    reply: Reply,
    _ended: DropGuard,
}

/// How often a recording is stopped in the middle of a window: then it is heard to its end, or it never would be.
const MOST_STOPS: u32 = 4;

/// An order's position in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    is_partial: bool,
}

impl Job {
    fn rank(&self) -> Rank {
        Rank { class: self.order.utterance.class, is_partial: !self.order.is_final }
    }

    /// Whether nobody waits for the transcript any more.
    pub(crate) fn is_obsolete(&self) -> bool {
        self.order.utterance.caller.is_gone() || self.superseded.load(Ordering::Acquire) || self.is_late()
    }

    fn is_late(&self) -> bool {
        self.order.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Delivers the transcript.
    pub(crate) fn complete(self, transcript: Transcript) {
        // Update the counters first: whoever has the transcript may read them.
        self.ticket.end(Outcome::Done);
        self.reply.send(Ok(transcript));
    }

    /// Ends an obsolete job, with an error if its deadline passed.
    pub(crate) fn abandon(self) {
        let late = self.is_late();
        self.ticket.end(Outcome::Cancelled);
        if late {
            self.reply.send(Err(Status::deadline_exceeded(format!(
                "decode {}: its deadline_ms passed before it was complete",
                self.order.number
            ))));
        }
    }

    /// The engine failed.
    pub(crate) fn fail(self, status: Status) {
        self.ticket.end(Outcome::Failed);
        self.reply.send(Err(status));
    }
}

/// The queue; [`EngineState`] counts and bounds it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Arc<EngineState>,
    jobs: Monitor<Jobs>,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: PriorityQueue<Rank, Job>,
    running: Option<Running>,
    /// The recording at work, if recordings have a thread of their own.
    aside: Option<Running>,
    /// They have one.
    apart: bool,
    arrivals: u64,
    closed: bool,
}

impl Jobs {
    /// Adds a job behind its equals; returns the id by which it can be removed.
    fn add(&mut self, job: Job) -> u64 {
        self.arrivals += 1;
        self.waiting.push(Waiting { id: self.arrivals, rank: job.rank(), item: job });
        self.arrivals
    }

    /// What is at work.
    fn running(&self) -> impl Iterator<Item = &Running> {
        [&self.running, &self.aside].into_iter().flatten()
    }

    /// Whether a job of this class is for the thread of recordings.
    fn is_aside(&self, class: Class) -> bool {
        self.apart && class.is_recording()
    }

    /// The first job that waits for the thread at which this one is. A recording that began before recordings got a thread of their own is
    /// at that of calls.
    fn rival(&self, job: &Job) -> Option<Rank> {
        let caller = job.order.utterance.caller.id;
        let aside = self.aside.as_ref().is_some_and(|running| running.caller == caller);
        self.waiting.iter().map(|waiting| waiting.rank).find(|rank| self.is_aside(rank.class) == aside)
    }

    /// Takes the first job for one of the threads.
    fn take(&mut self, aside: bool) -> Option<Job> {
        let apart = self.apart;
        let first =
            self.waiting.remove_first(|waiting| (apart && waiting.rank.class.is_recording()) == aside);
        let mut job = first?.item;
        job.ticket.start();
        Some(job)
    }
}

/// What the thread of recordings does next.
#[derive(Debug)]
pub(crate) enum Aside {
    /// Work on this job.
    Job(Box<Job>),
    /// There was nothing to do until then.
    Idle,
    /// The engine is ending.
    Closed,
}

#[derive(Debug)]
struct Running {
    caller: u64,
    is_final: bool,
    /// It covers all sound before this sample.
    heard_until: usize,
    superseded: Arc<AtomicBool>,
}

impl Running {
    fn of(job: &Job) -> Self {
        Self {
            caller: job.order.utterance.caller.id,
            is_final: job.order.is_final,
            heard_until: job.order.speech_end.map_or(0, |end| heard_until(end, job.order.samples)),
            superseded: job.superseded.clone(),
        }
    }
}

impl Queue {
    pub(crate) fn new(state: Arc<EngineState>) -> Self {
        Self { state, jobs: Monitor::default() }
    }

    /// Queues an order, or replies at once with the reason why not. It replaces a waiting partial of the same utterance.
    pub(crate) fn push(self: &Arc<Self>, order: Order, reply: Reply) {
        let mut jobs = self.jobs.lock();
        if jobs.closed || order.utterance.caller.is_gone() {
            return;
        }
        let caller = order.utterance.caller.id;
        let replaced = jobs.waiting.remove_first(|waiting| {
            let order = &waiting.item.order;
            order.utterance.caller.id == caller && !order.is_final
        });
        let ticket = match replaced {
            Some(replaced) => replaced.item.ticket,
            None => match self.enter(order.utterance.class) {
                Ok(ticket) => ticket,
                Err(status) => {
                    drop(jobs);
                    reply.send(Err(status));
                    return;
                }
            },
        };
        for running in jobs.running() {
            if running.caller == caller
                && order.is_final
                && !running.is_final
                // Without newer speech the running partial is about to find the same words.
                && order.speech_end.is_some_and(|end| end > running.heard_until)
            {
                running.superseded.store(true, Ordering::Release);
            }
        }
        let (deadline, ended) = (order.deadline, CancellationToken::new());
        let id = jobs.add(Job {
            order,
            spent: Duration::ZERO,
            stops: 0,
            superseded: Arc::default(),
            ticket,
            reply,
            _ended: ended.clone().drop_guard(),
        });
        if let Some(deadline) = deadline {
            tokio::spawn(self.clone().expire(id, deadline, ended));
        }
        // Two threads may wait, and either one may be meant.
        self.jobs.notify_all();
    }

    /// A place in the queue; recordings take none of those of calls.
    fn enter(&self, class: Class) -> Result<Ticket, Status> {
        if class.is_recording() { self.state.enter_behind() } else { self.state.enter() }
    }

    /// Fails a job that is still waiting at its deadline.
    async fn expire(self: Arc<Self>, id: u64, deadline: Instant, ended: CancellationToken) {
        tokio::select! {
            () = ended.cancelled() => {}
            () = tokio::time::sleep_until(deadline.into()) => {
                let late = self.jobs.lock().waiting.remove(id);
                if let Some(late) = late {
                    late.item.abandon();
                }
            }
        }
    }

    /// From now on recordings have a thread of their own, which calls [`Self::next_aside`].
    pub(crate) fn set_apart(&self) {
        self.jobs.lock().apart = true;
    }

    /// Waits for the next job, which then counts as active: one of a call, or any if recordings have no thread of their own. `None` if
    /// the engine is ending.
    pub(crate) fn next(&self) -> Option<Job> {
        self.jobs.lock().running = None;
        self.jobs.wait(|jobs| {
            if jobs.closed {
                return Look::Found(None);
            }
            let Some(job) = jobs.take(false) else { return Look::Wait };
            jobs.running = Some(Running::of(&job));
            Look::Found(Some(job))
        })
    }

    /// Waits for the next recording, which then counts as active; without `until` as long as it takes.
    pub(crate) fn next_aside(&self, until: Option<Instant>) -> Aside {
        self.jobs.lock().aside = None;
        self.jobs.wait(|jobs| {
            if jobs.closed {
                return Look::Found(Aside::Closed);
            }
            if let Some(job) = jobs.take(true) {
                jobs.aside = Some(Running::of(&job));
                return Look::Found(Aside::Job(Box::new(job)));
            }
            match until {
                Some(until) if Instant::now() >= until => Look::Found(Aside::Idle),
                Some(until) => Look::Until(until),
                None => Look::Wait,
            }
        })
    }

    /// Whether a job of the same or a better rank waits for the same thread: it goes in between the windows of a long utterance.
    pub(crate) fn should_yield(&self, job: &Job) -> bool {
        self.jobs.lock().rival(job).is_some_and(|first| first <= job.rank())
    }

    /// Whether a recording is to stop at once, since a call, or for a job a recording that somebody waits for, waits for the same thread:
    /// a window takes seconds.
    pub(crate) fn should_stop(&self, job: &Job) -> bool {
        let class = job.order.utterance.class;
        class.is_recording()
            && job.stops < MOST_STOPS
            && self.jobs.lock().rival(job).is_some_and(|first| first.class < class)
    }

    /// Puts an interrupted job back behind its equals; it still counts as active.
    pub(crate) fn put_back(&self, job: Job) {
        let mut jobs = self.jobs.lock();
        if !jobs.closed {
            jobs.add(job);
            // Since it began, recordings may have got a thread of their own.
            self.jobs.notify_all();
        }
    }

    /// Removes the waiting jobs of a caller that has left; a running one stops by itself.
    pub(crate) fn forget(&self, caller: &Caller) {
        caller.leave();
        self.jobs.lock().waiting.remove_all(|waiting| waiting.item.order.utterance.caller.id == caller.id);
    }

    /// Closes the queue and stops the running job.
    pub(crate) fn close(&self) {
        let mut jobs = self.jobs.lock();
        jobs.closed = true;
        jobs.waiting.clear();
        jobs.running().for_each(|running| running.superseded.store(true, Ordering::Release));
        self.jobs.notify_all();
    }
}

#[cfg(test)]
mod tests;
