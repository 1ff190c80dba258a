//! The one task that owns the queue.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::board::Board;
use super::item::{Hand, Note};
use super::shortage::Shortage;
use super::{Change, MOST_RETRIES, Order, Refusal, blocking, now};
use crate::fact::Fact;
use crate::id::JobId;
use crate::job::Progress;
use crate::queue::{Bounds, Command, Event, Place, Queue};
use crate::spec::Kind;
use crate::store::{Left, Store, StoreError};
use crate::worker::Worker;

/// Notes of items that wait for something.
const NOTES: usize = 64;
/// How often jobs are looked for whose time is over, and what the disk refused is tried again.
pub(super) const TICK: Duration = Duration::from_secs(60);

/// Does the work.
#[derive(Debug)]
pub struct Runner {
    store: Arc<Store>,
    board: Arc<Board>,
    orders: mpsc::Receiver<Order>,
    queue: Queue,
    left: Vec<Left>,
    /// What the disk has refused so far.
    chores: Vec<Chore>,
}

/// What is to come to the disk sooner or later; at most one thing for each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chore {
    Cancel(JobId),
    Remove(JobId),
}

impl Chore {
    fn id(self) -> JobId {
        match self {
            Self::Cancel(id) | Self::Remove(id) => id,
        }
    }

    fn carry_out(self, store: &Store) -> Result<(), StoreError> {
        match self {
            Self::Cancel(id) => store.cancel(id),
            Self::Remove(id) => store.remove(id),
        }
    }
}

/// What is in work.
struct Work {
    worker: Arc<dyn Worker>,
    items: JoinSet<Event>,
    handles: HashMap<Place, AbortHandle>,
    notes: mpsc::Sender<Note>,
    shortage: Arc<Shortage>,
}

/// What the runner hears of.
enum Heard {
    Order(Order),
    Event(Event),
    Nothing,
}

impl Runner {
    pub(super) fn new(
        store: Arc<Store>,
        board: Arc<Board>,
        orders: mpsc::Receiver<Order>,
        bounds: Bounds,
        left: Vec<Left>,
    ) -> Self {
        Self { store, board, orders, queue: Queue::new(bounds), left, chores: Vec::new() }
    }

    /// Does what is left, and what comes; never completes. Dropped, it stops all work; what was not done is done by the next one.
    pub async fn run(mut self, worker: Arc<dyn Worker>) {
        let (notes, mut noted) = mpsc::channel(NOTES);
        let shortage = Arc::new(Shortage::default());
        let mut work = Work { worker, items: JoinSet::new(), handles: HashMap::new(), notes, shortage };
        for Left { id, job } in std::mem::take(&mut self.left) {
            let is_cancelled = job.is_cancelled();
            self.happened(Event::Added { id, job: Box::new(job) }, &mut work).await;
            if is_cancelled {
                // The server before may have stopped when that was written down and its texts still stood there.
                self.chore(Chore::Cancel(id)).await;
            }
        }
        let mut tick = tokio::time::interval(TICK);
        loop {
            let heard = tokio::select! {
                Some(order) = self.orders.recv() => Heard::Order(order),
                Some(ended) = work.items.join_next() => ended.map_or(Heard::Nothing, Heard::Event),
                Some(Note { place, why }) = noted.recv() => Heard::Event(Event::Hindered { place, why }),
                _ = tick.tick() => Heard::Event(Event::Tick),
            };
            match heard {
                Heard::Order(order) => self.order(order, &mut work).await,
                Heard::Event(event) => self.happened(event, &mut work).await,
                // Work that was stopped.
                Heard::Nothing => {}
            }
        }
    }

    async fn order(&mut self, order: Order, work: &mut Work) {
        match order {
            Order::Add { id, job, told } => {
                self.happened(Event::Added { id, job }, work).await;
                _ = told.send(());
            }
            Order::Change { id, change, told } => {
                let changed = match change {
                    Change::Cancel => self.cancel(id, work).await,
                    Change::Delete => self.delete(id, work).await,
                    Change::Retry => self.retry(id, work).await,
                };
                _ = told.send(changed);
            }
        }
    }

    /// Cancels a job, whether the disk takes that now or later.
    async fn cancel(&mut self, id: JobId, work: &mut Work) -> Result<Progress, Refusal> {
        if !self.is_over(id)? {
            self.finish(id, work).await;
        }
        // If what it still had in work was done, nothing is left to cancel.
        if !self.is_over(id)? {
            if let Err(error) = blocking(&self.store, move |store| store.record(id, &Fact::Cancelled)).await {
                tracing::warn!(%id, %error, "that a job is cancelled is not written down yet");
            }
            self.happened(Event::Cancelled(id), work).await;
            self.chore(Chore::Cancel(id)).await;
        }
        self.progress(id)
    }

    /// Deletes a job, whether the disk does so now or later; one in work is cancelled first.
    async fn delete(&mut self, id: JobId, work: &mut Work) -> Result<Progress, Refusal> {
        let last = self.cancel(id, work).await?;
        self.happened(Event::Deleted(id), work).await;
        Ok(last)
    }

    /// No further result of a job comes to the disk; an item whose result stands there, though nobody has heard of it yet, is done.
    async fn finish(&mut self, id: JobId, work: &mut Work) {
        let results = blocking(&self.store, move |store| store.close(id)).await;
        let results = results.unwrap_or_else(|error| {
            tracing::warn!(%id, %error, "the results of a cancelled job cannot be listed");
            Vec::new()
        });
        for place in results.into_iter().map(|item| Place { job: id, item }) {
            if let Some(handle) = work.handles.get(&place) {
                handle.abort();
                self.happened(Event::Done(place), work).await;
            }
        }
    }

    /// Has failed items tried again, first on the disk.
    async fn retry(&mut self, id: JobId, work: &mut Work) -> Result<Progress, Refusal> {
        let job = self.queue.job(id).ok_or(Refusal::Unknown)?;
        if job.is_cancelled() {
            return Err(Refusal::Cancelled);
        }
        if job.failures() == 0 {
            return Err(Refusal::NothingFailed);
        }
        if job.retries() >= MOST_RETRIES {
            return Err(Refusal::Retries(MOST_RETRIES));
        }
        let working: BTreeSet<u32> =
            work.handles.keys().filter(|place| place.job == id).map(|place| place.item).collect();
        blocking(&self.store, move |store| store.retry(id, &working)).await?;
        self.happened(Event::Retried(id), work).await;
        self.progress(id)
    }

    fn is_over(&self, id: JobId) -> Result<bool, Refusal> {
        Ok(self.queue.job(id).ok_or(Refusal::Unknown)?.is_settled())
    }

    fn progress(&self, id: JobId) -> Result<Progress, Refusal> {
        self.queue.progress(id).ok_or(Refusal::Unknown)
    }

    async fn happened(&mut self, event: Event, work: &mut Work) {
        match &event {
            Event::Done(place) => ended(*place, "done", work),
            Event::Failed { place, .. } => ended(*place, "failed", work),
            Event::Tick => self.catch_up().await,
            _ => {}
        }
        for command in self.queue.handle(event, now()) {
            self.carry_out(command, work).await;
        }
        metrics::gauge!("visavis_job_items_waiting").set(self.queue.left() as f64);
    }

    async fn carry_out(&mut self, command: Command, work: &mut Work) {
        match command {
            Command::Start { place, kind } => self.start(place, kind, work),
            Command::Stop(place) => {
                if let Some(handle) = work.handles.remove(&place) {
                    handle.abort();
                }
            }
            Command::Show(id) => {
                if let Some(progress) = self.queue.progress(id) {
                    self.board.show(id, progress);
                }
            }
            Command::End { id, at } => {
                self.store.rest(id);
                let written = blocking(&self.store, move |store| store.record(id, &Fact::Ended { at })).await;
                if let Err(error) = written {
                    // The next start finds that nothing is left to do, and counts from then.
                    tracing::warn!(%id, %error, "the end of a job is not written down");
                }
            }
            Command::Remove(id) => {
                self.board.remove(id);
                self.chore(Chore::Remove(id)).await;
            }
        }
    }

    /// Does something on the disk, or leaves it to the next tick.
    async fn chore(&mut self, chore: Chore) {
        let id = chore.id();
        self.chores.retain(|other| other.id() != id);
        if let Err(error) = blocking(&self.store, move |store| chore.carry_out(store)).await {
            tracing::warn!(%id, %error, "a job, or what is left of it, is not deleted yet; that is tried again every minute");
            self.chores.push(chore);
        }
    }

    async fn catch_up(&mut self) {
        for chore in self.chores.clone() {
            self.chore(chore).await;
        }
    }

    fn start(&self, place: Place, kind: Kind, work: &mut Work) {
        let hand = Hand {
            place,
            kind,
            store: self.store.clone(),
            worker: work.worker.clone(),
            notes: work.notes.clone(),
            shortage: work.shortage.clone(),
        };
        let handle = work.items.spawn(hand.work());
        work.handles.insert(place, handle);
    }
}

/// The work on an item has ended. Of one that is done before that is heard, it is told twice.
fn ended(place: Place, outcome: &'static str, work: &mut Work) {
    if work.handles.remove(&place).is_some() {
        metrics::counter!("visavis_job_items_total", "outcome" => outcome).increment(1);
    }
}
