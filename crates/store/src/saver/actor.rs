//! The task that writes in the background: does what the backlog says, one piece of work at a time, and reports the store's state.

use tokio::time::{Instant as TokioInstant, sleep_until};

use super::{Shared, in_time, now};
use crate::backlog::{LEASE, Outcome, Step, Task};
use crate::claim::Claim;
use crate::error::StoreError;
use crate::ids::{CallId, Lease};

impl Shared {
    pub(super) async fn run(&self) {
        loop {
            let step = self.backlog.lock().next(now());
            match step {
                Step::Do(task) => self.perform(&task).await,
                Step::Wait(until) => tokio::select! {
                    () = sleep_until(TokioInstant::from_std(until)) => {}
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    async fn perform(&self, task: &Task) {
        let began = now();
        let result = in_time(self.attempt(task)).await;
        let fault = result.as_ref().err().map(ToString::to_string);
        let is_stale = matches!(result, Err(StoreError::Stale));
        let (before, after, outcome) = {
            let mut backlog = self.backlog.lock();
            let before = backlog.trouble().map(|trouble| trouble.since);
            let outcome = backlog.done(task, result, now());
            (before, backlog.trouble().map(|trouble| trouble.since), outcome)
        };
        if let Task::Save { .. } = task {
            metrics::histogram!("visavis_store_write_seconds").record((now() - began).as_secs_f64());
            metrics::counter!("visavis_store_writes_total", "outcome" => name(outcome)).increment(1);
        }
        if after.is_none() {
            self.proven.send_replace(true);
        }
        let kind = self.vault.store().kind();
        match (before, after, fault) {
            (None, Some(_), Some(error)) => {
                tracing::warn!(store = kind, %error, "contexts of calls cannot be stored now: calls go on, and their contexts wait");
            }
            (Some(since), None, _) => {
                let seconds = (now() - since).as_secs();
                tracing::info!(store = kind, seconds, "contexts of calls are stored again");
            }
            (_, None, Some(error)) => tracing::warn!(call = of(task), %error, "this call is not stored"),
            _ => {}
        }
        self.publish();
        if is_stale {
            self.tell_owner(task).await;
        }
    }

    /// A lease of this node is not the newest. If another node has the call, the call here is told. If no node has it, its data was
    /// deleted, and the call goes on.
    async fn tell_owner(&self, task: &Task) {
        let Some(call) = task.call() else { return };
        if self.is_elsewhere(call).await
            && let Some(lost) = self.owned.lock().get(call)
        {
            lost.cancel();
        }
    }

    pub(super) async fn is_elsewhere(&self, call: &CallId) -> bool {
        let owner = in_time(self.vault.store().owner(call)).await;
        owner.ok().flatten().is_some_and(|owner| owner != self.node)
    }

    async fn attempt(&self, task: &Task) -> Result<Option<Lease>, StoreError> {
        let (vault, store) = (&self.vault, self.vault.store());
        match task {
            Task::Acquire(call) => store.acquire(call, &self.node, LEASE, Claim::Free).await.map(Some),
            Task::Save { lease, version, context } => {
                vault.save(lease, *version, context).await.map(|()| None)
            }
            Task::Renew(lease) => store.renew(lease, LEASE).await.map(|()| None),
            Task::Release { lease, keep } => store.release(lease, *keep).await.map(|()| None),
            Task::Delete(call) => vault.delete(call).await.map(|_| None),
            Task::Sweep => store.sweep().await.map(|()| None),
        }
    }

    /// The backlog has changed.
    pub(super) fn note(&self) {
        self.publish();
        self.changed.notify_one();
    }

    /// Publishes how much waits. The lock is held, so that the last value published is the newest.
    fn publish(&self) {
        let backlog = self.backlog.lock();
        let (waiting, degraded) = (backlog.waiting(), backlog.trouble().is_some());
        self.waiting.send_replace(waiting);
        metrics::gauge!("visavis_store_waiting").set(waiting as f64);
        metrics::gauge!("visavis_store_degraded").set(f64::from(u8::from(degraded)));
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "saved",
        Outcome::Postponed => "postponed",
        Outcome::Lost => "refused",
    }
}

fn of(task: &Task) -> &str {
    task.call().map_or("", CallId::as_str)
}
