//! What is to be written next, and when what failed is tried again. Pure; time is passed in.
//!
//! One thing is written at a time. Of each call only its newest context waits. Calls whose context waits are bounded: when there
//! is no room, the oldest context of an ended call is dropped; if no such call waits, the new context is refused, and the call
//! tries
//! again at its next change. Before its first context a call gets a lease, which is renewed until the call's end.

mod entry;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use visavis_core::context::CallContext;

use self::entry::{Entry, Waiting, weight};
use crate::error::StoreError;
use crate::ids::{CallId, Lease};
use crate::trouble::Trouble;

pub use self::task::End;
pub(crate) use self::task::{Outcome, Put, Step, Task};

/// How long a lease lasts. After a node has died, other nodes need a resume token to get its calls for this long.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// The age at which a lease is renewed.
const RENEWED: Duration = Duration::from_secs(10);
/// How often expired contexts are removed, and the store is probed while nothing is written.
const SWEPT: Duration = Duration::from_secs(15);

/// How many contexts may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Calls.
    pub(crate) calls: usize,
    /// Approximate bytes of all their contexts.
    pub(crate) bytes: usize,
}

/// All that is to be written.
pub(crate) struct Backlog {
    calls: HashMap<CallId, Entry>,
    bounds: Bounds,
    bytes: usize,
    turns: u64,
    sweep: Instant,
    trouble: Option<Trouble>,
}

impl Backlog {
    /// An empty backlog. The first step probes whether the store can be used.
    pub(crate) fn new(bounds: Bounds, now: Instant) -> Self {
        Self { calls: HashMap::new(), bounds, bytes: 0, turns: 0, sweep: now, trouble: None }
    }

    /// A call begins. `lease`: the one that it already has, if it goes on from a stored context.
    pub(crate) fn begin(&mut self, call: &CallId, lease: Option<Lease>, now: Instant) {
        let renew = lease.is_some().then_some(now + RENEWED);
        let entry = Entry { begun: lease.is_some(), lease, renew, ..Entry::default() };
        self.drop_call(call);
        self.calls.insert(call.clone(), entry);
    }

    /// Takes a call's newest context; it replaces one that still waits.
    pub(crate) fn put(&mut self, call: &CallId, context: Arc<CallContext>) -> Put {
        let bytes = weight(&context);
        let taken = |entry: &&Entry| !entry.barred && entry.end.is_none();
        let Some(entry) = self.calls.get(call).filter(taken) else { return Put::Ignored };
        let replaced = entry.waiting.as_ref().map(|waiting| waiting.bytes);
        if !self.make_room(bytes, replaced) {
            return Put::NoRoom;
        }
        self.bytes = self.bytes - replaced.unwrap_or_default() + bytes;
        let Some(entry) = self.calls.get_mut(call) else { return Put::Ignored };
        if replaced.is_none() {
            self.turns += 1;
            entry.turn = self.turns;
        }
        entry.version += 1;
        entry.waiting = Some(Waiting { context, version: entry.version, bytes });
        Put::Waits
    }

    /// The call has ended, and gets no further context.
    pub(crate) fn end(&mut self, call: &CallId, end: End) {
        let Some(entry) = self.calls.get_mut(call) else { return };
        if end == End::Forget {
            self.bytes -= entry.waiting.take().map_or(0, |waiting| waiting.bytes);
        }
        let stored = if end == End::Forget { entry.begun } else { entry.lease.is_some() };
        if entry.barred || (entry.waiting.is_none() && !stored) {
            self.drop_call(call);
            return;
        }
        if entry.waiting.is_none() {
            self.turns += 1;
            entry.turn = self.turns;
        }
        (entry.end, entry.renew) = (Some(end), None);
    }

    /// The call's data was deleted on request: nothing more is written of the call, however long it lasts.
    pub(crate) fn bar(&mut self, call: &CallId) {
        let Some(entry) = self.calls.get_mut(call) else { return };
        self.bytes -= entry.waiting.take().map_or(0, |waiting| waiting.bytes);
        (entry.barred, entry.renew) = (true, None);
        if entry.end.is_some() {
            self.drop_call(call);
        }
    }

    /// What to do now.
    pub(crate) fn next(&mut self, now: Instant) -> Step {
        if let Some(trouble) = &self.trouble
            && trouble.until > now
        {
            return Step::Wait(trouble.until);
        }
        if self.sweep <= now {
            return Step::Do(Task::Sweep);
        }
        let renewals = self.calls.values().filter_map(|entry| Some((entry.renew?, entry.lease.as_ref()?)));
        let renewal = renewals.min_by_key(|(at, _)| *at);
        if let Some((at, lease)) = renewal
            && at <= now
        {
            return Step::Do(Task::Renew(lease.clone()));
        }
        let idle = renewal.map_or(self.sweep, |(at, _)| at.min(self.sweep));
        let due = self.calls.iter_mut().filter(|(_, entry)| entry.is_due());
        match due.min_by_key(|(_, entry)| entry.turn) {
            Some((call, entry)) => Step::Do(entry.task(call)),
            None => Step::Wait(idle),
        }
    }

    /// Takes the result of a piece of work: a lease, if one was requested.
    pub(crate) fn done(
        &mut self,
        task: &Task,
        result: Result<Option<Lease>, StoreError>,
        now: Instant,
    ) -> Outcome {
        let result = match result {
            Ok(lease) => Ok(lease),
            Err(error) => match Trouble::of(self.trouble.take(), &error, now) {
                Some(trouble) => {
                    self.trouble = Some(trouble);
                    return Outcome::Postponed;
                }
                None => Err(error),
            },
        };
        // Any answer, even a refusal, shows that the store can be reached.
        self.trouble = None;
        if self.is_past(task) {
            return if result.is_ok() { Outcome::Done } else { Outcome::Lost };
        }
        let Some(call) = task.call() else {
            self.sweep = now + SWEPT;
            return Outcome::Done;
        };
        match result {
            Ok(lease) => {
                self.settle(call, task, lease, now);
                Outcome::Done
            }
            // The context is too long. A later one may be shorter.
            Err(StoreError::Context(_)) => {
                self.settle(call, task, None, now);
                Outcome::Lost
            }
            Err(_) => {
                self.bar(call);
                Outcome::Lost
            }
        }
    }

    /// The call's context that waits, which is newer than what is stored.
    pub(crate) fn context(&self, call: &CallId) -> Option<Arc<CallContext>> {
        self.calls.get(call)?.waiting.as_ref().map(|waiting| waiting.context.clone())
    }

    /// How many contexts wait, and calls to be ended.
    pub(crate) fn waiting(&self) -> usize {
        self.calls.values().filter(|entry| entry.is_due()).count()
    }

    /// What keeps the store from being written.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    fn settle(&mut self, call: &CallId, task: &Task, lease: Option<Lease>, now: Instant) {
        let Some(entry) = self.calls.get_mut(call) else { return };
        match task {
            Task::Acquire(_) => {
                // The call may have got a newer one meanwhile.
                let is_newer = |lease: &Lease| entry.lease.as_ref().is_none_or(|own| own.fence < lease.fence);
                if lease.as_ref().is_some_and(is_newer) {
                    entry.lease = lease;
                }
                entry.renew = (entry.end.is_none() && !entry.barred).then_some(now + RENEWED);
            }
            Task::Renew(_) => entry.renew = entry.renew.map(|_| now + RENEWED),
            Task::Save { version, .. } => {
                let written = entry.waiting.take_if(|waiting| waiting.version <= *version);
                self.bytes -= written.map_or(0, |waiting| waiting.bytes);
            }
            Task::Release { .. } | Task::Delete(_) => self.drop_call(call),
            Task::Sweep => {}
        }
    }

    /// Whether this was done under an earlier lease of a call that has since been resumed here.
    fn is_past(&self, task: &Task) -> bool {
        let (Task::Save { lease, .. } | Task::Renew(lease) | Task::Release { lease, .. }) = task else {
            return false;
        };
        self.calls.get(&lease.call).is_some_and(|entry| entry.lease.as_ref() != Some(lease))
    }

    /// Makes room for a context of this size, if possible. `replaced`: the size of the context that it replaces.
    fn make_room(&mut self, bytes: usize, replaced: Option<usize>) -> bool {
        // A context that is no larger than the one that it replaces needs no further room.
        if replaced.is_some_and(|before| bytes <= before) {
            return true;
        }
        loop {
            let waiting = self.calls.values().filter(|entry| entry.waiting.is_some()).count();
            let others = waiting - usize::from(replaced.is_some());
            let rest = self.bytes - replaced.unwrap_or_default();
            if others == 0 || (others < self.bounds.calls && rest + bytes <= self.bounds.bytes) {
                return true;
            }
            let ended = self.calls.iter().filter(|(_, entry)| entry.waiting.is_some() && entry.end.is_some());
            let Some((call, _)) = ended.min_by_key(|(_, entry)| entry.turn) else { return false };
            let call = call.clone();
            self.drop_call(&call);
        }
    }

    fn drop_call(&mut self, call: &CallId) {
        let waiting = self.calls.remove(call).and_then(|entry| entry.waiting);
        self.bytes -= waiting.map_or(0, |waiting| waiting.bytes);
    }
}

#[cfg(test)]
mod tests;
