//! Which piece of a recording gets the next place at the recogniser: one of a recording that somebody waits for, before one of a job's.
//! Pure; time is passed in, since some beginning.

use std::collections::VecDeque;
use std::time::Duration;

/// Pieces at the recogniser, of all recordings together: one at work and one that waits. More would wait there for longer than an
/// engine has time, and take its queue from calls.
pub(crate) const PLACES: usize = 2;
/// How many of them jobs may have: what somebody waits for never waits for two of theirs.
const PLACES_OF_JOBS: usize = PLACES - 1;
/// A recording that somebody waits for has its next piece within this time, and a job's does not slip in between.
const PAUSE: Duration = Duration::from_millis(500);
/// How many pieces may pass those of jobs, one after the other: then one of theirs is heard, or they never would be.
const MOST_PASSED: u32 = 8;

/// Whom a piece is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Somebody waits for it.
    Waited,
    /// It is a job's.
    Job,
}

/// What a piece that asks for a place is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has one.
    Comes,
    /// It asks again then, or when something has changed.
    Later(Duration),
    /// It asks again when something has changed.
    Waits,
}

/// Those of one kind.
#[derive(Debug, Default)]
struct Line {
    /// In the order in which they came.
    waiting: VecDeque<u64>,
    /// How many have a place.
    placed: usize,
}

/// The pieces that wait for a place, and how many have one.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waited: Line,
    jobs: Line,
    /// When a piece that somebody waits for last left its place.
    left: Option<Duration>,
    /// How many have passed those of jobs since one of these had its turn.
    passed: u32,
    last: u64,
}

impl Turns {
    /// A piece comes; returns the number by which it asks.
    pub(crate) fn come(&mut self, whose: Whose) -> u64 {
        self.last += 1;
        let number = self.last;
        self.line(whose).waiting.push_back(number);
        number
    }

    /// Whether it is this piece's turn; then it has a place.
    pub(crate) fn ask(&mut self, whose: Whose, number: u64, now: Duration) -> Turn {
        let next = match self.next(now) {
            Ok(next) => next,
            Err(turn) => return turn,
        };
        let line = self.line(next);
        if next != whose || line.waiting.front() != Some(&number) {
            return Turn::Waits;
        }
        line.waiting.pop_front();
        line.placed += 1;
        self.passed = match next {
            Whose::Job => 0,
            Whose::Waited if self.jobs.waiting.is_empty() => 0,
            Whose::Waited => self.passed + 1,
        };
        Turn::Comes
    }

    /// A piece that waited is not wanted any more.
    pub(crate) fn give_up(&mut self, whose: Whose, number: u64) {
        self.line(whose).waiting.retain(|other| *other != number);
    }

    /// A piece leaves its place.
    pub(crate) fn leave(&mut self, whose: Whose, now: Duration) {
        let line = self.line(whose);
        line.placed = line.placed.saturating_sub(1);
        if whose == Whose::Waited {
            self.left = Some(now);
        }
    }

    /// Of which kind the next piece is, if one may come now.
    fn next(&self, now: Duration) -> Result<Whose, Turn> {
        if self.waited.placed + self.jobs.placed >= PLACES {
            return Err(Turn::Waits);
        }
        let job_may = !self.jobs.waiting.is_empty() && self.jobs.placed < PLACES_OF_JOBS;
        if job_may && self.passed >= MOST_PASSED {
            return Ok(Whose::Job);
        }
        if !self.waited.waiting.is_empty() {
            return Ok(Whose::Waited);
        }
        if !job_may || self.waited.placed > 0 {
            return Err(Turn::Waits);
        }
        match self.left.map(|left| left + PAUSE).filter(|then| now < *then) {
            Some(then) => Err(Turn::Later(then)),
            None => Ok(Whose::Job),
        }
    }

    fn line(&mut self, whose: Whose) -> &mut Line {
        match whose {
            Whose::Waited => &mut self.waited,
            Whose::Job => &mut self.jobs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    #[test]
    fn what_somebody_waits_for_goes_before_jobs_and_each_in_its_order() {
        let mut turns = Turns::default();
        let jobs = [turns.come(Whose::Job), turns.come(Whose::Job)];
        let waited = [turns.come(Whose::Waited), turns.come(Whose::Waited), turns.come(Whose::Waited)];
        assert_eq!(turns.ask(Whose::Job, jobs[0], START), Turn::Waits);
        assert_eq!(turns.ask(Whose::Waited, waited[1], START), Turn::Waits, "it came second");
        assert_eq!(turns.ask(Whose::Waited, waited[0], START), Turn::Comes);
        assert_eq!(turns.ask(Whose::Waited, waited[1], START), Turn::Comes);
        assert_eq!(turns.ask(Whose::Waited, waited[2], START), Turn::Waits, "both places are taken");
        turns.leave(Whose::Waited, START);
        turns.give_up(Whose::Waited, waited[2]);
        assert_eq!(turns.ask(Whose::Job, jobs[0], START), Turn::Waits, "another one is still at work");
    }

    #[test]
    fn a_jobs_piece_does_not_slip_in_between_two_of_a_recording() {
        let mut turns = Turns::default();
        let first = turns.come(Whose::Waited);
        let job = turns.come(Whose::Job);
        assert_eq!(turns.ask(Whose::Waited, first, START), Turn::Comes);
        let heard = Duration::from_secs(3);
        turns.leave(Whose::Waited, heard);
        assert_eq!(turns.ask(Whose::Job, job, heard), Turn::Later(heard + PAUSE));
        let second = turns.come(Whose::Waited);
        assert_eq!(turns.ask(Whose::Job, job, heard + PAUSE), Turn::Waits);
        assert_eq!(turns.ask(Whose::Waited, second, heard + PAUSE), Turn::Comes);
        let end = heard * 2;
        turns.leave(Whose::Waited, end);
        assert_eq!(turns.ask(Whose::Job, job, end + PAUSE), Turn::Comes);
    }

    #[test]
    fn jobs_are_passed_so_often_and_no_more() {
        let mut turns = Turns::default();
        let job = turns.come(Whose::Job);
        for heard in 0..MOST_PASSED {
            let piece = turns.come(Whose::Waited);
            assert_eq!(turns.ask(Whose::Job, job, START), Turn::Waits, "{heard}");
            assert_eq!(turns.ask(Whose::Waited, piece, START), Turn::Comes);
            turns.leave(Whose::Waited, START);
        }
        let piece = turns.come(Whose::Waited);
        assert_eq!(turns.ask(Whose::Waited, piece, START), Turn::Waits);
        assert_eq!(turns.ask(Whose::Job, job, START), Turn::Comes);
        assert_eq!(turns.ask(Whose::Waited, piece, START), Turn::Comes, "the other place is free");
    }

    #[test]
    fn jobs_leave_a_place_to_who_waits() {
        let mut turns = Turns::default();
        let jobs = [turns.come(Whose::Job), turns.come(Whose::Job)];
        assert_eq!(turns.ask(Whose::Job, jobs[0], START), Turn::Comes);
        assert_eq!(turns.ask(Whose::Job, jobs[1], START), Turn::Waits);
        let waited = turns.come(Whose::Waited);
        assert_eq!(turns.ask(Whose::Waited, waited, START), Turn::Comes);
    }
}
