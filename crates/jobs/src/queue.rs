//! What is worked on next: an item of each open job in turn, so that a short job does not wait for a long one. Pure; time is passed
//! in, as seconds since 1970.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::fact::Fact;
use crate::id::JobId;
use crate::job::{Job, Progress};
use crate::spec::Kind;

/// An item of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The job.
    pub job: JobId,
    /// The item's number in it.
    pub item: u32,
}

/// How much is done at once, and how long what is done is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Texts that are spoken at once.
    pub speech: usize,
    /// Recordings that are transcribed at once.
    pub transcription: usize,
    /// Seconds that a job is kept after its end.
    pub keep: u64,
}

impl Bounds {
    fn of(&self, kind: Kind) -> usize {
        match kind {
            Kind::Speech => self.speech,
            Kind::Transcription => self.transcription,
        }
    }
}

/// What has happened; all of it stands on the disk already.
#[derive(Debug)]
pub enum Event {
    /// There is a job: a new one, or one that was found at the start.
    Added {
        /// Its id.
        id: JobId,
        /// How far it is.
        job: Box<Job>,
    },
    /// An item is done.
    Done(Place),
    /// An item has failed.
    Failed {
        /// Which.
        place: Place,
        /// Why.
        reason: String,
    },
    /// An item waits for something.
    Hindered {
        /// Which.
        place: Place,
        /// For what.
        why: String,
    },
    /// Nothing more of a job is to be done.
    Cancelled(JobId),
    /// The failed items of a job are to be tried again.
    Retried(JobId),
    /// A job that is over is no longer wanted.
    Deleted(JobId),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Begin an item.
    Start {
        /// Which.
        place: Place,
        /// What is done with it.
        kind: Kind,
    },
    /// Drop the work on an item.
    Stop(Place),
    /// Tell how far a job is.
    Show(JobId),
    /// Write down that a job has ended.
    End {
        /// Which.
        id: JobId,
        /// When.
        at: u64,
    },
    /// Delete a job with all that it has.
    Remove(JobId),
}

/// The jobs.
#[derive(Debug)]
pub struct Queue {
    bounds: Bounds,
    jobs: BTreeMap<JobId, Job>,
    /// Jobs with items that may be begun, the next one first.
    turns: BTreeMap<Kind, VecDeque<JobId>>,
    working: BTreeSet<Place>,
}

impl Queue {
    /// A queue without jobs.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, jobs: BTreeMap::new(), turns: BTreeMap::new(), working: BTreeSet::new() }
    }

    /// How far a job is.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// How far a job is, for clients.
    #[must_use]
    pub fn progress(&self, id: JobId) -> Option<Progress> {
        self.jobs.get(&id).map(Job::progress)
    }

    /// Items that are still to be done.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.jobs.values().map(|job| u64::from(job.left())).sum()
    }

    /// Takes what has happened, and says what is to be done.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Added { id, job } => {
                self.jobs.insert(id, *job);
                self.line_up(id);
                self.show(id, now, &mut commands);
            }
            Event::Done(place) => self.finished(place, now, &mut commands, |job| job.done(place.item)),
            Event::Failed { place, reason } => {
                let fact = Fact::Failed { item: place.item, reason };
                self.finished(place, now, &mut commands, |job| job.apply(&fact));
            }
            Event::Hindered { place, why } => {
                if self.working.contains(&place)
                    && let Some(job) = self.jobs.get_mut(&place.job)
                {
                    job.hinder(&why);
                    commands.push(Command::Show(place.job));
                }
            }
            Event::Cancelled(id) => self.cancel(id, now, &mut commands),
            Event::Retried(id) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.apply(&Fact::Retried);
                    self.line_up(id);
                    self.show(id, now, &mut commands);
                }
            }
            Event::Deleted(id) => {
                if self.jobs.remove(&id).is_some() {
                    self.turns.values_mut().for_each(|turns| turns.retain(|other| *other != id));
                    commands.push(Command::Remove(id));
                }
            }
            Event::Tick => self.expire(now, &mut commands),
        }
        self.fill(&mut commands);
        commands
    }

    fn finished(
        &mut self,
        place: Place,
        now: u64,
        commands: &mut Vec<Command>,
        apply: impl FnOnce(&mut Job),
    ) {
        self.working.remove(&place);
        if let Some(job) = self.jobs.get_mut(&place.job) {
            apply(job);
            self.show(place.job, now, commands);
        }
    }

    fn cancel(&mut self, id: JobId, now: u64, commands: &mut Vec<Command>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.apply(&Fact::Cancelled);
        let (theirs, others): (BTreeSet<Place>, BTreeSet<Place>) =
            self.working.iter().copied().partition(|place| place.job == id);
        self.working = others;
        commands.extend(theirs.into_iter().map(Command::Stop));
        self.show(id, now, commands);
    }

    /// Tells how far a job is, and whether it has ended now.
    fn show(&mut self, id: JobId, now: u64, commands: &mut Vec<Command>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.ended().is_none() && job.is_settled() {
            job.apply(&Fact::Ended { at: now });
            commands.push(Command::End { id, at: now });
        }
        commands.push(Command::Show(id));
    }

    fn line_up(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.left() > 0) else { return };
        let turns = self.turns.entry(job.kind()).or_default();
        if !turns.contains(&id) {
            turns.push_back(id);
        }
    }

    fn expire(&mut self, now: u64, commands: &mut Vec<Command>) {
        let keep = self.bounds.keep;
        let is_due = |job: &Job| job.ended().is_some_and(|ended| ended.saturating_add(keep) <= now);
        let due: Vec<JobId> = self.jobs.iter().filter(|(_, job)| is_due(job)).map(|(id, _)| *id).collect();
        for id in due {
            self.jobs.remove(&id);
            commands.push(Command::Remove(id));
        }
    }

    /// Begins as much as may be done at once.
    fn fill(&mut self, commands: &mut Vec<Command>) {
        for kind in Kind::ALL {
            let is_of_kind = |place: &&Place| self.jobs.get(&place.job).is_some_and(|job| job.kind() == kind);
            let working = self.working.iter().filter(is_of_kind).count();
            for _ in working..self.bounds.of(kind) {
                let Some(place) = self.next(kind) else { break };
                self.working.insert(place);
                commands.push(Command::Start { place, kind });
                commands.push(Command::Show(place.job));
            }
        }
    }

    /// The next item. The job goes behind the others of its kind.
    fn next(&mut self, kind: Kind) -> Option<Place> {
        let turns = self.turns.get_mut(&kind)?;
        while let Some(id) = turns.pop_front() {
            if let Some(item) = self.jobs.get_mut(&id).and_then(Job::begin) {
                turns.push_back(id);
                return Some(Place { job: id, item });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
