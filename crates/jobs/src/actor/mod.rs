//! Carries out what the queue says.
//!
//! - `item`: the work on one item, to its end
//! - `board`: how far jobs are, for those who ask
//! - this file: the one task that owns the queue, and how others reach it

mod board;
mod item;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::fact::Fact;
use crate::id::JobId;
use crate::job::{Job, Progress};
use crate::link::Signer;
use crate::queue::{Bounds, Command, Event, Place, Queue};
use crate::spec::{Kind, Spec};
use crate::store::{Draft, Left, Store, StoreError};
use crate::worker::Worker;
use board::Board;
use item::{Hand, Note};

/// Requests that wait for the queue.
const ORDERS: usize = 64;
/// Notes of items that wait for something.
const NOTES: usize = 64;
/// How often jobs are looked for whose time is over.
const TICK: Duration = Duration::from_secs(60);

/// How jobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The folder.
    pub folder: PathBuf,
    /// Most bytes of all jobs.
    pub most: u64,
    /// How much is done at once, and how long what is done is kept.
    pub bounds: Bounds,
}

/// Why something cannot be done with a job.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such job.
    #[error("there is no such job, or its time is over")]
    Unknown,
    /// It was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// None of its items has failed.
    #[error("none of the job's items has failed")]
    NothingFailed,
    /// It cannot be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

/// The jobs, for those who take requests.
#[derive(Debug)]
pub struct Jobs {
    store: Arc<Store>,
    signer: Signer,
    board: Arc<Board>,
    orders: mpsc::Sender<Order>,
}

/// Does the work.
#[derive(Debug)]
pub struct Runner {
    store: Arc<Store>,
    board: Arc<Board>,
    orders: mpsc::Receiver<Order>,
    queue: Queue,
    left: Vec<Left>,
}

/// What is asked of the queue.
#[derive(Debug)]
enum Order {
    Add { id: JobId, job: Box<Job>, told: oneshot::Sender<()> },
    Change { id: JobId, change: Change, told: oneshot::Sender<Result<Progress, Refusal>> },
}

/// What may become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Cancel,
    Retry,
}

impl Jobs {
    /// Opens the folder. Work begins when the runner runs.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn open(settings: &Settings) -> Result<(Arc<Self>, Runner), StoreError> {
        let (store, left) = Store::open(&settings.folder, settings.most)?;
        let signer = Signer::open(&settings.folder)?;
        let (store, board) = (Arc::new(store), Arc::new(Board::default()));
        for Left { id, job } in &left {
            board.show(*id, job.progress());
        }
        let (sender, orders) = mpsc::channel(ORDERS);
        let queue = Queue::new(settings.bounds);
        let jobs = Self { store: store.clone(), signer, board: board.clone(), orders: sender };
        Ok((Arc::new(jobs), Runner { store, board, orders, queue, left }))
    }

    /// The folder of jobs.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Signs addresses of results.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// How far a job is; none: there is no such job.
    #[must_use]
    pub fn progress(&self, id: JobId) -> Option<Progress> {
        self.board.watch(id).map(|progress| progress.borrow().clone())
    }

    /// How far a job is, from now on.
    #[must_use]
    pub fn watch(&self, id: JobId) -> Option<watch::Receiver<Progress>> {
        self.board.watch(id)
    }

    /// Takes a job. When this returns, it is there to stay.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add(&self, draft: Draft, spec: Spec) -> Result<JobId, Refusal> {
        let written = tokio::task::spawn_blocking(move || draft.commit(spec)).await;
        let (id, job) = written.map_err(|_| Refusal::Stopping)??;
        self.board.show(id, job.progress());
        let (told, added) = oneshot::channel();
        let order = Order::Add { id, job: Box::new(job), told };
        self.orders.send(order).await.map_err(|_| Refusal::Stopping)?;
        added.await.map_err(|_| Refusal::Stopping)?;
        Ok(id)
    }

    /// Stops a job. What is done stays.
    ///
    /// # Errors
    /// If there is none, or that cannot be written down.
    pub async fn cancel(&self, id: JobId) -> Result<Progress, Refusal> {
        self.change(id, Change::Cancel).await
    }

    /// Has the failed items of a job tried again.
    ///
    /// # Errors
    /// If there are none, or that cannot be written down.
    pub async fn retry(&self, id: JobId) -> Result<Progress, Refusal> {
        self.change(id, Change::Retry).await
    }

    async fn change(&self, id: JobId, change: Change) -> Result<Progress, Refusal> {
        let (told, changed) = oneshot::channel();
        let order = Order::Change { id, change, told };
        self.orders.send(order).await.map_err(|_| Refusal::Stopping)?;
        changed.await.map_err(|_| Refusal::Stopping)?
    }
}

/// What is in work.
struct Work {
    worker: Arc<dyn Worker>,
    items: JoinSet<Event>,
    handles: HashMap<Place, AbortHandle>,
    notes: mpsc::Sender<Note>,
}

/// What the runner hears of.
enum Heard {
    Order(Order),
    Event(Event),
    Nothing,
}

impl Runner {
    /// Does what is left, and what comes; never completes. Dropped, it stops all work; what was not done is done by the next one.
    pub async fn run(mut self, worker: Arc<dyn Worker>) {
        let (notes, mut noted) = mpsc::channel(NOTES);
        let mut work = Work { worker, items: JoinSet::new(), handles: HashMap::new(), notes };
        for Left { id, job } in std::mem::take(&mut self.left) {
            self.happened(Event::Added { id, job: Box::new(job) }, &mut work).await;
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
                let changed = self.change(id, change, work).await;
                _ = told.send(changed);
            }
        }
    }

    /// Changes a job, first on the disk.
    async fn change(&mut self, id: JobId, change: Change, work: &mut Work) -> Result<Progress, Refusal> {
        let job = self.queue.job(id).ok_or(Refusal::Unknown)?;
        let (fact, event) = match change {
            // There is nothing left to stop.
            Change::Cancel if job.is_settled() => return Ok(job.progress()),
            Change::Cancel => (Fact::Cancelled, Event::Cancelled(id)),
            Change::Retry if job.is_cancelled() => return Err(Refusal::Cancelled),
            Change::Retry if job.failures() == 0 => return Err(Refusal::NothingFailed),
            Change::Retry => (Fact::Retried, Event::Retried(id)),
        };
        blocking(&self.store, move |store| store.record(id, &fact)).await?;
        self.happened(event, work).await;
        self.queue.progress(id).ok_or(Refusal::Unknown)
    }

    async fn happened(&mut self, event: Event, work: &mut Work) {
        match &event {
            Event::Done(place) => ended(*place, "done", work),
            Event::Failed { place, .. } => ended(*place, "failed", work),
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
                if let Err(error) = blocking(&self.store, move |store| store.remove(id)).await {
                    tracing::warn!(%id, %error, "a job whose time is over is not deleted yet");
                }
            }
        }
    }

    fn start(&self, place: Place, kind: Kind, work: &mut Work) {
        let hand = Hand {
            place,
            kind,
            store: self.store.clone(),
            worker: work.worker.clone(),
            notes: work.notes.clone(),
        };
        let handle = work.items.spawn(hand.work());
        work.handles.insert(place, handle);
    }
}

fn ended(place: Place, outcome: &'static str, work: &mut Work) {
    work.handles.remove(&place);
    metrics::counter!("visavis_job_items_total", "outcome" => outcome).increment(1);
}

/// Does something with the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    store: &Arc<Store>,
    act: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = store.clone();
    let done = tokio::task::spawn_blocking(move || act(&store)).await;
    done.unwrap_or_else(|error| Err(StoreError::Io(std::io::Error::other(error))))
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
