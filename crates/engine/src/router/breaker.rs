//! The breaker of one engine: whether it is asked after faults, and when it is tried again. Pure; time is passed in.

use std::time::Duration;

/// Consecutive faults that open it.
const FAULTS: u32 = 3;
/// How long it first stays open.
const FIRST: Duration = Duration::from_secs(1);
/// Longest time that it stays open.
const LONGEST: Duration = Duration::from_secs(60);

/// How a breaker treats a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// The engine is asked.
    Open,
    /// The engine is asked, as the one probe after faults.
    Probe,
    /// The engine is not asked.
    Shut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests pass; this many consecutive faults so far.
    Closed(u32),
    /// No request passes before this time.
    Open(Duration),
    /// One request may pass, or is in progress.
    HalfOpen { probing: bool },
}

/// The breaker of one engine, closed at first.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    /// How long it will stay open next time.
    pause: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed(0), pause: FIRST }
    }
}

impl Breaker {
    /// How it would treat a request now.
    #[must_use]
    pub fn gate(&self, now: Duration) -> Gate {
        match self.state {
            State::Closed(_) => Gate::Open,
            State::Open(until) if now < until => Gate::Shut,
            State::Open(_) | State::HalfOpen { probing: false } => Gate::Probe,
            State::HalfOpen { probing: true } => Gate::Shut,
        }
    }

    /// A request begins; returns whether it is the probe.
    pub fn enter(&mut self, now: Duration) -> bool {
        let probes = self.gate(now) == Gate::Probe;
        if probes {
            self.state = State::HalfOpen { probing: true };
        }
        probes
    }

    /// The engine has begun to respond: further requests pass, but one more fault opens the breaker again.
    pub fn began(&mut self) {
        if !matches!(self.state, State::Closed(_)) {
            self.state = State::Closed(FAULTS - 1);
        }
    }

    /// The engine has served a request.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// The engine failed a request, or was late.
    pub fn faulted(&mut self, now: Duration) {
        match self.state {
            State::Closed(before) if before + 1 < FAULTS => self.state = State::Closed(before + 1),
            State::Closed(_) | State::HalfOpen { .. } => {
                self.state = State::Open(now + self.pause);
                self.pause = (self.pause * 2).min(LONGEST);
            }
            // A request that began before the breaker opened.
            State::Open(_) => {}
        }
    }

    /// A request ended without a verdict, because it was cancelled.
    pub fn left(&mut self, probe: bool) {
        if probe && self.state == (State::HalfOpen { probing: true }) {
            self.state = State::HalfOpen { probing: false };
        }
    }

    /// Its state, as named in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.state {
            State::Closed(_) => "closed",
            State::Open(_) => "open",
            State::HalfOpen { .. } => "half-open",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn opened(at: Duration) -> Breaker {
        let mut breaker = Breaker::default();
        (0..FAULTS).for_each(|_| breaker.faulted(at));
        breaker
    }

    #[test]
    fn three_faults_in_a_row_open_it_and_a_success_between_them_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            breaker.faulted(Duration::ZERO);
            breaker.faulted(Duration::ZERO);
            breaker.answered();
        }
        assert_eq!(breaker.gate(Duration::ZERO), Gate::Open);
        assert_eq!(opened(Duration::ZERO).gate(Duration::ZERO), Gate::Shut);
    }

    #[test]
    fn after_its_pause_one_probe_passes_and_the_pause_doubles_with_each_that_fails() {
        let (mut breaker, mut now, mut pause) = (opened(Duration::ZERO), Duration::ZERO, FIRST);
        for _ in 0..10 {
            assert_eq!(breaker.gate(now + pause - MS), Gate::Shut);
            now += pause;
            assert!(breaker.enter(now), "a probe");
            assert_eq!(breaker.gate(now), Gate::Shut, "one at a time");
            breaker.faulted(now);
            pause = (pause * 2).min(LONGEST);
        }
        assert_eq!(pause, LONGEST);
    }

    #[test]
    fn a_probe_that_begins_closes_it_and_one_more_fault_opens_it_for_longer() {
        let mut breaker = opened(Duration::ZERO);
        assert!(breaker.enter(FIRST));
        breaker.began();
        assert_eq!(breaker.gate(FIRST), Gate::Open);
        breaker.faulted(FIRST);
        assert_eq!((breaker.gate(FIRST * 3 - MS), breaker.gate(FIRST * 3)), (Gate::Shut, Gate::Probe));
        breaker.answered();
        assert_eq!(breaker.name(), "closed");
    }

    #[test]
    fn a_probe_that_nobody_wants_any_more_leaves_its_place_to_the_next() {
        let mut breaker = opened(Duration::ZERO);
        assert!(breaker.enter(FIRST));
        breaker.left(false);
        assert_eq!(breaker.gate(FIRST), Gate::Shut, "another request left");
        breaker.left(true);
        assert_eq!((breaker.gate(FIRST), breaker.name()), (Gate::Probe, "half-open"));
    }

    proptest! {
        #[test]
        fn whatever_happens_at_most_one_probe_runs_and_it_is_never_shut_for_longer_than_the_longest_pause(
            steps in proptest::collection::vec((0_u8..5, 0_u64..5_000), 1..200),
        ) {
            let (mut breaker, mut now, mut probing) = (Breaker::default(), Duration::ZERO, false);
            for (step, ms) in steps {
                now += Duration::from_millis(ms);
                match step {
                    0 if breaker.gate(now) != Gate::Shut => {
                        let probe = breaker.enter(now);
                        prop_assert!(!(probe && probing), "two probes");
                        probing |= probe;
                    }
                    1 => { breaker.faulted(now); probing = false; }
                    2 => { breaker.answered(); probing = false; }
                    3 => { breaker.left(probing); probing = false; }
                    4 => { breaker.began(); probing = false; }
                    _ => {}
                }
                prop_assert!(probing || breaker.gate(now + LONGEST) != Gate::Shut);
            }
        }
    }
}
