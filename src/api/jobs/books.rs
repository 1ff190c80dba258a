//! What is known of jobs beside the disk: how many each address has, and which are deleted.

use std::sync::Arc;

use parking_lot::Mutex;
use visavis_jobs::{JobId, Jobs};

use super::deleted::Deleted;
use super::shares::Shares;
use crate::admission::Principal;

/// The books of this process.
#[derive(Debug, Default)]
pub struct Books {
    shares: Mutex<Shares>,
    deleted: Mutex<Deleted>,
}

/// A place of a job on its way; given back when dropped without the job.
#[derive(Debug)]
pub(super) struct Place {
    books: Arc<Books>,
    whose: Principal,
    job: Option<JobId>,
}

impl Books {
    /// A place for one more job of this address; none: it has `most` that are not over.
    pub(super) fn place(self: &Arc<Self>, jobs: &Jobs, whose: Principal, most: usize) -> Option<Place> {
        let is_over = |job| jobs.progress(job).is_none_or(|progress| progress.status.is_over());
        let is_free = self.shares.lock().take(&whose, most, is_over);
        is_free.then(|| Place { books: self.clone(), whose, job: None })
    }

    /// Notes that a job of so many items is deleted; false: there are too many of whose items the queue still has.
    pub(super) fn delete(&self, jobs: &Jobs, job: JobId, items: u32) -> bool {
        let mut deleted = self.deleted.lock();
        deleted.add(job, items) || {
            deleted.sweep(|job| jobs.progress(job).is_some());
            deleted.add(job, items)
        }
    }

    /// Notes that a job could not be deleted.
    pub(super) fn keep(&self, job: JobId) {
        self.deleted.lock().take_back(job);
    }

    /// Whether a job is deleted.
    pub(super) fn is_deleted(&self, job: JobId) -> bool {
        self.deleted.lock().has(job)
    }
}

impl Place {
    /// The job has come.
    pub(super) fn fill(mut self, job: JobId) {
        self.job = Some(job);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.books.shares.lock().come(&self.whose, self.job);
    }
}
