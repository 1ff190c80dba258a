//! How far a job is. Pure.

use std::collections::BTreeMap;

use crate::fact::{self, Fact};
use crate::spec::{Kind, Spec};
use crate::states::{State, States};

/// Most reasons of failed items that are remembered and told with the progress; the journal has all.
const MOST_REASONS: usize = 20;

/// How far a job is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// None of its items has been begun.
    Queued,
    /// Some have.
    Working,
    /// Each item is done or has failed.
    Ended,
    /// It was cancelled.
    Cancelled,
}

impl Status {
    /// Its name for clients.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Working => "working",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Cancelled)
    }
}

/// How far a job is, for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is.
    pub spec: Spec,
    /// How far it is, in a word.
    pub status: Status,
    /// Items that are done.
    pub done: u32,
    /// Items that have failed.
    pub failed: u32,
    /// Items that are worked on.
    pub working: u32,
    /// When it ended, in seconds since 1970.
    pub ended: Option<u64>,
    /// What it waits for, if it does.
    pub hindered: Option<String>,
    /// Why items failed, by their numbers: the first ones.
    pub failures: BTreeMap<u32, String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    spec: Spec,
    states: States,
    done: u32,
    failed: u32,
    working: u32,
    /// All items before this one have been begun.
    from: u32,
    reasons: BTreeMap<u32, String>,
    cancelled: bool,
    /// How often its failed items were tried again.
    retries: u32,
    ended: Option<u64>,
    hindered: Option<String>,
}

impl Job {
    /// A job of which nothing has been done.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let states = States::waiting(spec.items);
        Self {
            spec,
            states,
            done: 0,
            failed: 0,
            working: 0,
            from: 0,
            reasons: BTreeMap::new(),
            cancelled: false,
            retries: 0,
            ended: None,
            hindered: None,
        }
    }

    /// A job as it is found on the disk: its journal, and the items whose results stand there.
    #[must_use]
    pub fn found(spec: Spec, facts: &[Fact], results: impl IntoIterator<Item = u32>) -> Self {
        let mut job = Self::new(spec);
        facts.iter().for_each(|fact| job.apply(fact));
        results.into_iter().for_each(|item| job.done(item));
        // Done after its last fact was written.
        if job.ended.is_some() && !job.is_settled() {
            job.ended = None;
        }
        job
    }

    /// Takes a fact.
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Failed { item, reason } => self.fail(*item, reason),
            Fact::Retried => self.retry(),
            Fact::Cancelled => self.cancel(),
            Fact::Ended { at } => self.ended = Some(*at),
        }
    }

    /// An item's result stands in its place.
    pub fn done(&mut self, item: u32) {
        self.set(item, State::Done);
        self.hindered = None;
    }

    /// Begins the next item; none: all have been begun, or the job is cancelled.
    pub fn begin(&mut self) -> Option<u32> {
        if self.cancelled {
            return None;
        }
        let Some(item) = self.states.next(self.from, State::Waiting) else {
            self.from = self.spec.items;
            return None;
        };
        self.set(item, State::Working);
        self.from = item + 1;
        Some(item)
    }

    /// An item that is worked on waits for something.
    pub fn hinder(&mut self, why: &str) {
        self.hindered = Some(why.to_owned());
    }

    /// When it ended.
    #[must_use]
    pub fn ended(&self) -> Option<u64> {
        self.ended
    }

    /// What is done with its items.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.spec.kind
    }

    /// How many items it has.
    #[must_use]
    pub fn items(&self) -> u32 {
        self.spec.items
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// How many items have failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failed
    }

    /// How often its failed items were tried again.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// How many items are still to be done.
    #[must_use]
    pub fn left(&self) -> u32 {
        if self.cancelled { 0 } else { self.spec.items - self.done - self.failed }
    }

    /// Whether nothing is left to do, and nothing is worked on.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.working == 0 && self.left() == 0
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let status = if self.cancelled {
            Status::Cancelled
        } else if self.is_settled() {
            Status::Ended
        } else if self.working + self.done + self.failed > 0 {
            Status::Working
        } else {
            Status::Queued
        };
        Progress {
            spec: self.spec.clone(),
            status,
            done: self.done,
            failed: self.failed,
            working: self.working,
            ended: self.ended,
            hindered: self.hindered.clone().filter(|_| !status.is_over()),
            failures: self.reasons.clone(),
        }
    }

    fn fail(&mut self, item: u32, reason: &str) {
        self.set(item, State::Failed);
        self.hindered = None;
        if item < self.spec.items && self.reasons.len() < MOST_REASONS {
            self.reasons.insert(item, fact::short(reason));
        }
    }

    fn retry(&mut self) {
        self.put_back(State::Failed);
        self.retries = self.retries.saturating_add(1);
        self.from = 0;
        self.ended = None;
    }

    /// Nothing is worked on any more, either.
    fn cancel(&mut self) {
        self.cancelled = true;
        self.put_back(State::Working);
    }

    /// All items that are so far wait again.
    fn put_back(&mut self, state: State) {
        let mut from = 0;
        while let Some(item) = self.states.next(from, state) {
            self.set(item, State::Waiting);
            from = item + 1;
        }
    }

    fn set(&mut self, item: u32, state: State) {
        let Some(old) = self.states.replace(item, state) else { return };
        if let Some(count) = self.count(old) {
            *count -= 1;
        }
        if let Some(count) = self.count(state) {
            *count += 1;
        }
        if old == State::Failed && state != State::Failed {
            self.reasons.remove(&item);
        }
    }

    fn count(&mut self, state: State) -> Option<&mut u32> {
        match state {
            State::Waiting => None,
            State::Working => Some(&mut self.working),
            State::Done => Some(&mut self.done),
            State::Failed => Some(&mut self.failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(items: u32) -> Spec {
        Spec { name: "a".into(), kind: Kind::Speech, created: 1, items }
    }

    #[test]
    fn a_job_is_found_as_its_journal_and_its_results_say() {
        let failed = |item| Fact::Failed { item, reason: format!("no {item}") };
        let job = Job::found(spec(4), &[failed(0), failed(1), Fact::Retried, failed(1)], [0, 3, 99]);
        let progress = job.progress();
        assert_eq!((progress.done, progress.failed, progress.status), (2, 1, Status::Working));
        assert_eq!(progress.failures, BTreeMap::from([(1, "no 1".to_owned())]));
        assert_eq!(job.left(), 1);
        let mut job = job;
        assert_eq!((job.begin(), job.begin()), (Some(2), None));
    }

    #[test]
    fn a_retry_takes_failed_items_alone() {
        let mut job = Job::new(spec(3));
        while job.begin().is_some() {}
        job.done(0);
        job.apply(&Fact::Failed { item: 1, reason: "no".into() });
        job.done(2);
        assert!(job.is_settled());
        job.apply(&Fact::Ended { at: 9 });
        job.apply(&Fact::Retried);
        assert_eq!((job.ended(), job.begin(), job.begin()), (None, Some(1), None));
        assert!(job.progress().failures.is_empty());
    }

    #[test]
    fn a_job_remembers_few_reasons_however_many_items_fail_and_none_of_items_that_it_has_not() {
        let mut job = Job::new(spec(50));
        job.apply(&Fact::Failed { item: 50, reason: "no such item".into() });
        for item in 0..50 {
            job.apply(&Fact::Failed { item, reason: "no ".repeat(1_000) });
        }
        let progress = job.progress();
        assert_eq!((progress.failed, progress.failures.len()), (50, 20));
        assert!(progress.failures.values().all(|reason| reason.len() <= 300));
        job.apply(&Fact::Retried);
        assert_eq!((job.retries(), job.progress().failures.len()), (1, 0));
    }

    #[test]
    fn a_cancelled_job_begins_nothing_and_keeps_what_is_done() {
        let mut job = Job::new(spec(3));
        job.begin();
        job.done(0);
        job.begin();
        job.apply(&Fact::Cancelled);
        assert!(job.is_settled() && job.begin().is_none());
        let progress = job.progress();
        assert_eq!((progress.status, progress.done, progress.working), (Status::Cancelled, 1, 0));
    }
}
