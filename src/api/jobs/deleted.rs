//! Jobs that were deleted while the queue still knows them, which it does until their time is over. Pure.

use std::collections::BTreeMap;

use visavis_jobs::JobId;

/// Most such jobs, and most items of them together: the queue has a byte for each.
const MOST: usize = 100_000;
const MOST_ITEMS: u64 = 64 << 20;

/// The deleted jobs, with their numbers of items.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    jobs: BTreeMap<JobId, u32>,
    items: u64,
}

impl Deleted {
    /// Adds a job; false: there are too many.
    pub(super) fn add(&mut self, job: JobId, items: u32) -> bool {
        let all = self.items + u64::from(items);
        let fits = self.jobs.len() < MOST && all <= MOST_ITEMS;
        if fits && self.jobs.insert(job, items).is_none() {
            self.items = all;
        }
        fits
    }

    /// Takes a job back that could not be deleted.
    pub(super) fn take_back(&mut self, job: JobId) {
        if let Some(items) = self.jobs.remove(&job) {
            self.items -= u64::from(items);
        }
    }

    /// Whether this job was deleted.
    pub(super) fn has(&self, job: JobId) -> bool {
        self.jobs.contains_key(&job)
    }

    /// Forgets those that the queue does not know any more.
    pub(super) fn sweep(&mut self, is_known: impl Fn(JobId) -> bool) {
        self.jobs.retain(|job, _| is_known(*job));
        self.items = self.jobs.values().map(|items| u64::from(*items)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_queue_still_holds_of_deleted_jobs_is_bounded() {
        let (mut deleted, job) = (Deleted::default(), JobId::random());
        let half = u32::try_from(MOST_ITEMS / 2).unwrap();
        assert!(deleted.add(job, half) && deleted.add(job, half), "the same again is no more");
        assert!(deleted.has(job) && !deleted.has(JobId::random()));
        assert!(deleted.add(JobId::random(), half));
        assert!(!deleted.add(JobId::random(), 1));
        deleted.take_back(job);
        assert!(!deleted.has(job) && deleted.add(job, 1));
        deleted.sweep(|known| known != job);
        assert!(!deleted.has(job));
        deleted.sweep(|_| false);
        assert!(deleted.add(job, half) && deleted.add(JobId::random(), half), "all of it is given back");
    }
}
