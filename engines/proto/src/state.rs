//! An engine's health and counters, and the bound of the queue in front of its model.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::v1::{self, HealthReply, StatsReply, health_reply::State};

/// How long a request waits for a loading model: its caller would retry anyway, but later than necessary.
const LOADS_WITHIN: Duration = Duration::from_secs(5);

/// Health and counters of one engine process, shared between its gRPC service and its model threads.
#[derive(Debug)]
pub struct EngineState {
    health: watch::Sender<HealthReply>,
    capacity: u32,
    /// Requests that are waiting for the model to load.
    early: AtomicU32,
    queued: AtomicU32,
    /// Requests that wait behind calls, in a part of the queue of their own.
    behind: AtomicU32,
    active: AtomicU32,
    requests: AtomicU64,
    rejected: AtomicU64,
    cancelled: AtomicU64,
    failed: AtomicU64,
    busy_us: AtomicU64,
    units: AtomicU64,
    /// When the model's current step began.
    step: Mutex<Option<Instant>>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was completed.
    Done,
    /// The caller went away or its deadline passed.
    Cancelled,
    /// The engine failed.
    Failed,
}

/// In which part of the queue a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    Queued,
    Behind,
}

/// The most requests that wait behind calls in an engine whose queue holds so many.
#[must_use]
pub fn most_behind(capacity: u32) -> u32 {
    (capacity / 4).max(1)
}

impl EngineState {
    /// A loading engine whose queue holds at most `queue_capacity` requests.
    #[must_use]
    pub fn new(queue_capacity: u32) -> Arc<Self> {
        Arc::new(Self {
            health: watch::Sender::default(),
            capacity: queue_capacity,
            early: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            behind: AtomicU32::new(0),
            active: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            busy_us: AtomicU64::new(0),
            units: AtomicU64::new(0),
            step: Mutex::new(None),
        })
    }

    /// Records that the model is loaded; `about` needs no `state`.
    pub fn set_ready(&self, about: HealthReply) {
        self.health.send_replace(HealthReply { state: State::Ready.into(), ..about });
    }

    /// Records that the model cannot be loaded, and why.
    pub fn set_failed(&self, message: impl Into<String>) {
        self.health.send_modify(|health| {
            health.state = State::Failed.into();
            health.message = message.into();
        });
    }

    /// The engine's current health.
    #[must_use]
    pub fn health(&self) -> HealthReply {
        let step = *self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let step_ms = step.map_or(0, |begun| u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX));
        HealthReply { step_ms, ..self.health.borrow().clone() }
    }

    /// The current counters.
    #[must_use]
    pub fn stats(&self) -> StatsReply {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // In the order in which requests move on: one that starts meanwhile is counted twice and never overlooked, and one that is
        // no longer counted here has its outcome below.
        let behind = self.behind.load(Ordering::Acquire);
        let queued = self.queued.load(Ordering::Acquire) + behind;
        let active = self.active.load(Ordering::Acquire);
        StatsReply {
            requests: get(&self.requests),
            rejected: get(&self.rejected),
            cancelled: get(&self.cancelled),
            failed: get(&self.failed),
            active,
            queued,
            behind,
            queue_capacity: self.capacity,
            busy_ms: get(&self.busy_us) / 1000,
            units: get(&self.units),
        }
    }

    /// Waits for a loading model, so that the first request is served as soon as possible. If loading takes too long, or
    /// more requests wait than the queue holds, it returns, and the request is refused.
    pub async fn loaded(&self) {
        if self.health.borrow().state() != State::Loading {
            return;
        }
        let others = self.early.fetch_add(1, Ordering::AcqRel);
        let _place = Early(&self.early);
        if others < self.capacity {
            let mut health = self.health.subscribe();
            let loaded = health.wait_for(|health| health.state() != State::Loading);
            _ = tokio::time::timeout(LOADS_WITHIN, loaded).await;
        }
    }

    /// Enters the queue, or fails at once.
    ///
    /// # Errors
    /// `UNAVAILABLE` while the model loads, `FAILED_PRECONDITION` if it could not be loaded, `RESOURCE_EXHAUSTED` if the
    /// queue is full.
    pub fn enter(self: &Arc<Self>) -> Result<Ticket, Status> {
        if self.health.borrow().state() == State::Loading {
            return Err(Status::unavailable("the model is still loading"));
        }
        self.enter_early()
    }

    /// Enters the queue behind calls, which has a quarter of the queue's places besides those of calls: such work takes none of theirs. A
    /// refusal is not counted: it says nothing of how calls fare.
    ///
    /// # Errors
    /// As [`Self::enter`].
    pub fn enter_behind(self: &Arc<Self>) -> Result<Ticket, Status> {
        if self.health.borrow().state() == State::Loading {
            return Err(Status::unavailable("the model is still loading"));
        }
        self.usable()?;
        let most = most_behind(self.capacity);
        let full = || Status::resource_exhausted(format!("{most} wait behind calls already"));
        self.place(Waits::Behind, most).ok_or_else(full)
    }

    /// Enters the queue, even before the model is loaded.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` if the model could not be loaded, `RESOURCE_EXHAUSTED` if the queue is full.
    pub fn enter_early(self: &Arc<Self>) -> Result<Ticket, Status> {
        self.usable()?;
        self.place(Waits::Queued, self.capacity).ok_or_else(|| {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            Status::resource_exhausted(format!("the queue is full ({} waiting)", self.capacity))
        })
    }

    /// A place in this part of the queue, if fewer than `most` wait there.
    fn place(self: &Arc<Self>, waits: Waits, most: u32) -> Option<Ticket> {
        let free = |queued: u32| (queued < most).then_some(queued + 1);
        self.waiting(waits).fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        Some(Ticket { state: self.clone(), waits, working: false, outcome: Outcome::Cancelled })
    }

    fn waiting(&self, waits: Waits) -> &AtomicU32 {
        match waits {
            Waits::Queued => &self.queued,
            Waits::Behind => &self.behind,
        }
    }

    /// Whether the engine has a model or is loading one.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` with the reason if the model could not be loaded.
    pub fn usable(&self) -> Result<(), Status> {
        let health = self.health.borrow();
        match health.state() {
            State::Failed => Err(Status::failed_precondition(&health.message)),
            State::Loading | State::Ready => Ok(()),
        }
    }

    /// Begins a step of the model's work, of a few seconds at most. Health reports how long the current step has taken.
    pub fn step(&self) -> Step<'_> {
        let step = Step { state: self, begun: Instant::now() };
        step.advance();
        step
    }

    /// Begins work of a thread that leaves the processor to calls. It counts as busy time, but health reports no step: it takes the
    /// longer the more is done for calls.
    pub fn aside(&self) -> Aside<'_> {
        Aside { state: self, begun: Instant::now() }
    }

    fn set_step(&self, begun: Option<Instant>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = begun;
    }

    fn add_busy(&self, time: Duration) {
        self.busy_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts samples heard, tokens generated or samples spoken.
    pub fn add_units(&self, units: u64) {
        self.units.fetch_add(units, Ordering::Relaxed);
    }
}

/// Counts a request that waits for the model to load, until dropped.
struct Early<'a>(&'a AtomicU32);

impl Drop for Early<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A step of the model's work; dropping it adds its duration to the busy time.
#[derive(Debug)]
pub struct Step<'a> {
    state: &'a EngineState,
    begun: Instant,
}

impl Step<'_> {
    /// Restarts the step's clock between the parts of long work.
    pub fn advance(&self) {
        self.state.set_step(Some(Instant::now()));
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.state.set_step(None);
        self.state.add_busy(self.begun.elapsed());
    }
}

/// Work beside the model's steps; dropping it adds its duration to the busy time.
#[derive(Debug)]
pub struct Aside<'a> {
    state: &'a EngineState,
    begun: Instant,
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.state.add_busy(self.begun.elapsed());
    }
}

/// Counts a request as queued, then as active; dropping it ends that and counts how the request ended.
#[derive(Debug)]
pub struct Ticket {
    state: Arc<EngineState>,
    waits: Waits,
    working: bool,
    outcome: Outcome,
}

impl Ticket {
    /// Moves the request from queued to active.
    pub fn start(&mut self) {
        if !self.working {
            self.working = true;
            self.state.active.fetch_add(1, Ordering::AcqRel);
            self.state.waiting(self.waits).fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Ends the request; a ticket that is only dropped counts as cancelled.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Before the place is given back: who sees that the request is over sees how it ended.
        match self.outcome {
            Outcome::Done => {}
            Outcome::Cancelled => _ = self.state.cancelled.fetch_add(1, Ordering::Relaxed),
            Outcome::Failed => _ = self.state.failed.fetch_add(1, Ordering::Relaxed),
        }
        let place = if self.working { &self.state.active } else { self.state.waiting(self.waits) };
        place.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The `Engine` service that every engine program serves.
#[derive(Debug, Clone)]
pub struct EngineService(pub Arc<EngineState>);

#[tonic::async_trait]
impl v1::engine_server::Engine for EngineService {
    async fn health(&self, _: Request<v1::HealthRequest>) -> Result<Response<HealthReply>, Status> {
        Ok(Response::new(self.0.health()))
    }

    async fn stats(&self, _: Request<v1::StatsRequest>) -> Result<Response<StatsReply>, Status> {
        Ok(Response::new(self.0.stats()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_reports_the_age_of_the_step_whose_end_adds_busy_time() {
        let state = EngineState::new(1);
        assert_eq!(state.health().step_ms, 0);
        let step = state.step();
        std::thread::sleep(Duration::from_millis(20));
        assert!(state.health().step_ms >= 20);
        let aside = state.aside();
        drop(step);
        assert_eq!(state.health().step_ms, 0, "what is done aside is no step");
        let busy = state.stats().busy_ms;
        assert!(busy >= 20);
        std::thread::sleep(Duration::from_millis(20));
        drop(aside);
        assert!(state.stats().busy_ms >= busy + 20);
    }

    #[test]
    fn a_full_queue_refuses_at_once_and_a_dropped_ticket_frees_its_place() {
        let state = EngineState::new(1);
        assert_eq!(state.enter().unwrap_err().code(), tonic::Code::Unavailable);
        state.set_ready(HealthReply::default());
        let mut first = state.enter().unwrap();
        assert_eq!(state.enter().unwrap_err().code(), tonic::Code::ResourceExhausted);
        first.start();
        let second = state.enter().unwrap();
        drop(second);
        first.end(Outcome::Done);
        let stats = state.stats();
        assert_eq!((stats.queued, stats.active, stats.rejected, stats.cancelled), (0, 0, 1, 1));
    }

    #[test]
    fn work_behind_calls_leaves_them_all_of_their_queue_and_its_refusals_are_not_counted() {
        let state = EngineState::new(8);
        assert_eq!(state.enter_behind().unwrap_err().code(), tonic::Code::Unavailable);
        state.set_ready(HealthReply::default());
        let behind: Vec<_> = (0..2).map(|_| state.enter_behind().unwrap()).collect();
        assert_eq!(state.enter_behind().unwrap_err().code(), tonic::Code::ResourceExhausted);
        let calls: Vec<_> = (0..8).map(|_| state.enter().unwrap()).collect();
        let stats = state.stats();
        assert_eq!((stats.queued, stats.behind, stats.rejected), (10, 2, 0));
        drop(calls);
        assert!(state.enter_behind().is_err(), "two wait still");
        let mut behind = behind.into_iter();
        let mut first = behind.next().unwrap();
        first.start();
        let stats = state.stats();
        assert_eq!((stats.queued, stats.behind, stats.active), (1, 1, 1));
        assert!(state.enter_behind().is_ok());
        first.end(Outcome::Done);
        drop(behind);
        let stats = state.stats();
        assert_eq!((stats.queued, stats.behind, stats.active, stats.cancelled), (0, 0, 0, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_requests_as_the_queue_holds_wait_for_a_loading_model_for_a_limited_time() {
        let state = EngineState::new(1);
        let waiting = tokio::spawn({
            let state = state.clone();
            async move { state.loaded().await }
        });
        tokio::task::yield_now().await;
        state.loaded().await;
        assert!(!waiting.is_finished(), "the first request waits, the second does not");
        state.set_ready(HealthReply::default());
        waiting.await.unwrap();
        let slow = EngineState::new(1);
        let begun = tokio::time::Instant::now();
        slow.loaded().await;
        assert_eq!(begun.elapsed(), LOADS_WITHIN);
        assert_eq!(slow.enter().unwrap_err().code(), tonic::Code::Unavailable);
    }
}
