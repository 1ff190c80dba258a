//! Places of jobs on their way, of which each address has so many.

use std::sync::Arc;

use axum::extract::Request;
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

/// A request that may bring a job.
pub(super) struct Seated {
    pub(super) request: Request,
    /// None: its client has no share.
    pub(super) place: Option<Place>,
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
    fn fill(mut self, job: JobId) {
        self.job = Some(job);
    }
}

/// The job of a place, if its client has a share, has come.
pub(super) fn fill(place: Option<Place>, job: JobId) {
    if let Some(place) = place {
        place.fill(job);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.lock().come(&self.whose, self.job);
    }
}
