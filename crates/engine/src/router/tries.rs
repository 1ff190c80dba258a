//! Which engines a request has asked, and which of them it may ask again. Pure.
//!
//! An engine is asked again only when another one that had begun to serve has failed in its turn: one that was merely slower, and one
//! that had failed before its first output, as a process that was killed and has been restarted meanwhile. For the same output none is
//! asked more than twice, so that a request ends whatever its engines do.

/// Most times that an engine is asked for the same output.
const MOST: u32 = 2;

/// What became of an engine that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is at work.
    Asked,
    /// Another one was faster.
    Beaten,
    /// It failed before its first output.
    Failed,
    /// The same, and an engine that had begun to serve instead has failed as well.
    Returned,
    /// It refused the request.
    Refused,
    /// It failed after its first output.
    Lost,
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    engine: usize,
    /// How often it was asked for the current output.
    times: u32,
    state: State,
    /// It has been beaten or has failed.
    doubtful: bool,
}

/// Whether an engine may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// It has not failed the request.
    First,
    /// It has failed, and may have recovered: it is asked if it is fit, behind those that have not failed.
    Second,
    /// It is not asked any more.
    Gone,
}

/// The engines that a request has asked.
#[derive(Debug, Clone, Default)]
pub struct Tries(Vec<Tried>);

impl Tries {
    fn of(&self, engine: usize) -> Option<&Tried> {
        self.0.iter().find(|tried| tried.engine == engine)
    }

    fn becomes(&mut self, engine: usize, state: State) {
        if let Some(tried) = self.0.iter_mut().find(|tried| tried.engine == engine) {
            tried.state = state;
            tried.doubtful |= matches!(state, State::Beaten | State::Failed);
        }
    }

    /// Whether this engine may be asked.
    #[must_use]
    pub fn chance(&self, engine: usize) -> Chance {
        match self.of(engine).map(|tried| (tried.state, tried.times < MOST)) {
            None | Some((State::Beaten, true)) => Chance::First,
            Some((State::Returned, true)) => Chance::Second,
            Some(_) => Chance::Gone,
        }
    }

    /// Whether it was asked before and did not serve: it may hang.
    #[must_use]
    pub fn is_doubtful(&self, engine: usize) -> bool {
        self.of(engine).is_some_and(|tried| tried.doubtful)
    }

    /// Whether it has refused the request.
    #[must_use]
    pub fn has_refused(&self, engine: usize) -> bool {
        self.of(engine).is_some_and(|tried| tried.state == State::Refused)
    }

    /// It is asked.
    pub fn asks(&mut self, engine: usize) {
        match self.0.iter_mut().find(|tried| tried.engine == engine) {
            Some(tried) => (tried.times, tried.state) = (tried.times + 1, State::Asked),
            None => self.0.push(Tried { engine, times: 1, state: State::Asked, doubtful: false }),
        }
    }

    /// Another one was faster.
    pub fn beaten(&mut self, engine: usize) {
        self.becomes(engine, State::Beaten);
    }

    /// It has failed before its first output.
    pub fn failed(&mut self, engine: usize) {
        self.becomes(engine, State::Failed);
    }

    /// It has refused the request: it would refuse it again.
    pub fn refused(&mut self, engine: usize) {
        self.becomes(engine, State::Refused);
    }

    /// It has failed after its first output: those that failed before may be asked once more.
    pub fn lost(&mut self, engine: usize) {
        self.becomes(engine, State::Lost);
        for tried in self.0.iter_mut().filter(|tried| tried.state == State::Failed) {
            tried.state = State::Returned;
        }
    }

    /// The output has come, and more is wanted: those that were slower this time may be asked as often again.
    pub fn goes_on(&mut self) {
        for tried in self.0.iter_mut().filter(|tried| tried.state == State::Beaten) {
            tried.times = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_failed_has_a_second_chance_once_the_one_that_took_over_is_lost() {
        let mut tries = Tries::default();
        tries.asks(0);
        tries.failed(0);
        tries.asks(1);
        assert_eq!(
            (tries.chance(0), tries.chance(1), tries.chance(2)),
            (Chance::Gone, Chance::Gone, Chance::First)
        );
        tries.lost(1);
        assert_eq!((tries.chance(0), tries.chance(1)), (Chance::Second, Chance::Gone));
        assert!(tries.is_doubtful(0) && !tries.is_doubtful(2));
        tries.asks(0);
        tries.failed(0);
        tries.asks(2);
        tries.lost(2);
        assert_eq!(tries.chance(0), Chance::Gone, "it has failed twice");
    }

    #[test]
    fn one_that_refused_has_none_and_one_that_was_slower_is_not_blamed() {
        let mut tries = Tries::default();
        for engine in 0..3 {
            tries.asks(engine);
        }
        tries.refused(0);
        tries.beaten(1);
        assert!(tries.has_refused(0) && !tries.has_refused(1));
        tries.lost(2);
        assert_eq!((tries.chance(0), tries.chance(1)), (Chance::Gone, Chance::First));
        tries.asks(1);
        tries.beaten(1);
        assert_eq!(tries.chance(1), Chance::Gone, "it was slower twice");
        tries.goes_on();
        assert_eq!((tries.chance(1), tries.is_doubtful(1)), (Chance::First, true));
    }
}
