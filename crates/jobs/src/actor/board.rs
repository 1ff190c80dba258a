//! How far jobs are, for those who ask.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::id::JobId;
use crate::job::Progress;

/// How far each job is.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<HashMap<JobId, watch::Sender<Progress>>>);

impl Board {
    pub(super) fn show(&self, id: JobId, progress: Progress) {
        let mut jobs = self.0.lock();
        match jobs.get(&id) {
            Some(sender) => _ = sender.send_replace(progress),
            None => _ = jobs.insert(id, watch::Sender::new(progress)),
        }
    }

    /// How far a job is; it closes when the job's time is over.
    pub(super) fn watch(&self, id: JobId) -> Option<watch::Receiver<Progress>> {
        self.0.lock().get(&id).map(watch::Sender::subscribe)
    }

    pub(super) fn remove(&self, id: JobId) {
        self.0.lock().remove(&id);
    }
}
