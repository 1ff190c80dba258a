//! The work on one item, to its end: until its result, or that it failed, stands on the disk.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::blocking;
use super::shortage::{LONGEST_SHORTAGE, Shortage};
use crate::fact::Fact;
use crate::queue::{Event, Place};
use crate::spec::Kind;
use crate::store::{Store, StoreError};
use crate::worker::{Fault, Product, Worker};

/// Attempts at an item before it has failed: an item that kills its engine must not kill it for ever.
const ATTEMPTS: u32 = 8;
/// The pause before another attempt, which doubles, and its longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause before a disk without room is asked again.
const FOR_ROOM: Duration = Duration::from_secs(5);
/// What a client is told of an item whose work panicked.
pub(super) const BROKEN: &str = "The server failed on this item; see its log.";

/// What an item waits for.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) place: Place,
    pub(super) why: String,
}

/// What an item's work needs.
pub(super) struct Hand {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) store: Arc<Store>,
    pub(super) worker: Arc<dyn Worker>,
    pub(super) notes: mpsc::Sender<Note>,
    pub(super) shortage: Arc<Shortage>,
}

impl Hand {
    /// Returns when what has become of the item stands on the disk.
    pub(super) async fn work(self) -> Event {
        let place = self.place;
        let made = AssertUnwindSafe(self.made()).catch_unwind().await;
        let reason = match made.unwrap_or_else(|_| Err(BROKEN.to_owned())) {
            Ok(Product { bytes, ending }) => {
                match self.until_kept(move |store| store.keep(place, ending, &bytes)).await {
                    Ok(()) => {
                        self.shortage.over();
                        return Event::Done(place);
                    }
                    Err(error) => format!("The result cannot be kept: {error}."),
                }
            }
            Err(reason) => reason,
        };
        let fact = Fact::failed(place.item, &reason);
        let written = self.until_kept(move |store| store.record(place.job, &fact)).await;
        if let Err(error) = written {
            tracing::warn!(job = %place.job, item = place.item, %error, "the next start tries a failed item again");
        }
        Event::Failed { place, reason }
    }

    /// The result, or why there is none.
    async fn made(&self) -> Result<Product, String> {
        let (place, kind) = (self.place, self.kind);
        let (mut attempts, mut pause) = (0, PAUSE);
        loop {
            let task = blocking(&self.store, move |store| store.task(place, kind)).await;
            let task = task.map_err(|error| format!("The item cannot be read: {error}."))?;
            let why = match self.worker.work(task).await {
                Ok(product) => return Ok(product),
                Err(Fault::Failed(reason)) => return Err(reason),
                Err(Fault::Again(reason)) => {
                    attempts += 1;
                    if attempts == ATTEMPTS {
                        return Err(reason);
                    }
                    reason
                }
                Err(Fault::Later(reason)) => reason,
            };
            self.tell(why).await;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes until it is written: what was made is not made anew because the disk was full. But nothing waits for room for ever, nor
    /// for room that its job may not have.
    async fn until_kept(
        &self,
        write: impl Fn(&Store) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Result<(), StoreError> {
        let write = Arc::new(write);
        let mut since: Option<Instant> = None;
        loop {
            let once = write.clone();
            let error = match blocking(&self.store, move |store| once(store)).await {
                Ok(()) => return Ok(()),
                // The queue has closed the job and stops this.
                Err(StoreError::Gone) => std::future::pending().await,
                Err(error) if error.is_too_large() => return Err(error),
                Err(error) => error,
            };
            if since.is_none() {
                tracing::warn!(job = %self.place.job, %error, "a result waits to be kept");
            }
            let shortage = self.shortage.since();
            if since.get_or_insert(shortage).elapsed() >= LONGEST_SHORTAGE {
                return Err(error);
            }
            self.tell(format!("It waits until results can be kept: {error}.")).await;
            tokio::time::sleep(FOR_ROOM).await;
        }
    }

    async fn tell(&self, why: String) {
        _ = self.notes.send(Note { place: self.place, why }).await;
    }
}
