//! Places of jobs on their way, of which each address has so many.

use std::sync::Arc;

use parking_lot::Mutex;
use visavis_jobs::{JobId, Jobs};

use super::shares::Shares;
use crate::admission::Principal;

/// The places of all addresses.
#[derive(Debug, Default)]
pub struct Places(Mutex<Shares>);

/// A place of a job on its way; given back when dropped without the job.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    whose: Principal,
    job: Option<JobId>,
}

impl Places {
    /// A place for one more job of this address; none: it has `most` that are not over.
    pub(super) fn take(self: &Arc<Self>, jobs: &Jobs, whose: Principal, most: usize) -> Option<Place> {
        let is_over = |job| jobs.progress(job).is_none_or(|progress| progress.status.is_over());
        let is_free = self.0.lock().take(&whose, most, is_over);
        is_free.then(|| Place { places: self.clone(), whose, job: None })
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
        self.places.0.lock().come(&self.whose, self.job);
    }
}
