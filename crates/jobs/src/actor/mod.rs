//! Carries out what the queue says.
//!
//! - `runner`: the one task that owns the queue
//! - `item`: the work on one item, to its end; `shortage`: how long results have not been kept
//! - `board`: how far jobs are, for those who ask
//! - this file: how others reach them

mod board;
mod item;
mod runner;
mod shortage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot, watch};

use crate::id::JobId;
use crate::job::{Job, Progress};
use crate::link::Signer;
use crate::queue::Bounds;
use crate::spec::Spec;
use crate::store::{Draft, Left, Store, StoreError};
use board::Board;

pub use runner::Runner;

/// Requests that wait for the queue.
const ORDERS: usize = 64;
/// How often the failed items of a job may be tried again.
pub const MOST_RETRIES: u32 = 50;

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
    /// Its failed items were tried again as often as may be.
    #[error("the job's failed items were tried again {0} times, which is the most; send them as a new job")]
    Retries(u32),
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
    Delete,
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
        let jobs = Self { store: store.clone(), signer, board: board.clone(), orders: sender };
        Ok((Arc::new(jobs), Runner::new(store, board, orders, settings.bounds, left)))
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

    /// Takes a job. When this returns, it is there to stay. Who waits for this may leave: what has come to the disk is told to the
    /// queue by the same thread.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn add(&self, draft: Draft, spec: Spec) -> Result<JobId, Refusal> {
        let place = self.orders.clone().reserve_owned().await.map_err(|_| Refusal::Stopping)?;
        let board = self.board.clone();
        let (told, added) = oneshot::channel();
        let written = tokio::task::spawn_blocking(move || {
            let (id, job) = draft.commit(spec)?;
            board.show(id, job.progress());
            place.send(Order::Add { id, job: Box::new(job), told });
            Ok::<_, StoreError>(id)
        });
        let id = written.await.map_err(|_| Refusal::Stopping)??;
        tokio::select! {
            biased;
            added = added => added.map_err(|_| Refusal::Stopping)?,
            // What is sent into a place that was taken before is not refused.
            () = self.orders.closed() => return Err(Refusal::Stopping),
        }
        Ok(id)
    }

    /// Stops a job: what is done stays, and its texts and recordings are deleted. Needs no room on the disk. Nothing changes about one
    /// that is over.
    ///
    /// # Errors
    /// If there is none.
    pub async fn cancel(&self, id: JobId) -> Result<Progress, Refusal> {
        self.change(id, Change::Cancel).await
    }

    /// Deletes a job with all that it has, and stops it before if it is in work; returns how far it was. What the disk does not delete
    /// at once, it is asked for again.
    ///
    /// # Errors
    /// If there is none.
    pub async fn delete(&self, id: JobId) -> Result<Progress, Refusal> {
        self.change(id, Change::Delete).await
    }

    /// Has the failed items of a job tried again.
    ///
    /// # Errors
    /// If there are none, or they were tried too often, or that cannot be written down.
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
