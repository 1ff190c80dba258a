//! The outcome of a request to an engine, for the engine's breaker.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::breaker::{Breaker, Gate};
use super::policy::Fate;
use crate::EngineError;

/// The breakers of a kind's engines.
#[derive(Debug)]
pub(super) struct Breakers {
    began: Instant,
    all: Mutex<Vec<Breaker>>,
}

impl Breakers {
    /// The breakers of this many engines, all closed.
    pub(super) fn new(engines: usize) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), all: Mutex::new(vec![Breaker::default(); engines]) })
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// How the breaker would treat a request to this engine.
    pub(super) fn gate(&self, engine: usize) -> Gate {
        self.all.lock()[engine].gate(self.now())
    }

    /// The state of an engine's breaker, as named in reports.
    pub(super) fn name(&self, engine: usize) -> &'static str {
        self.all.lock()[engine].name()
    }

    /// A request to this engine begins.
    pub(super) fn enter(self: &Arc<Self>, engine: usize) -> Ticket {
        let probe = self.all.lock()[engine].enter(self.now());
        Ticket { breakers: self.clone(), engine, probe, stage: Stage::Asked }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asked,
    /// The engine has returned something.
    Began,
    /// The breaker has been told the outcome.
    Settled,
}

/// A request to an engine. Dropped without a verdict, it counts as served if the engine has returned something, otherwise as
/// cancelled.
#[derive(Debug)]
pub(super) struct Ticket {
    breakers: Arc<Breakers>,
    engine: usize,
    probe: bool,
    stage: Stage,
}

impl Ticket {
    fn tell(&mut self, stage: Stage, told: impl FnOnce(&mut Breaker, Duration)) {
        self.stage = stage;
        let now = self.breakers.now();
        told(&mut self.breakers.all.lock()[self.engine], now);
    }

    /// The engine returns its first output.
    pub(super) fn begins(&mut self) {
        self.tell(Stage::Began, |breaker, _| breaker.began());
    }

    /// The engine has served the request.
    pub(super) fn served(mut self) {
        self.tell(Stage::Settled, |breaker, _| breaker.answered());
    }

    /// The engine was so late that another one served.
    pub(super) fn was_late(mut self) {
        self.tell(Stage::Settled, Breaker::faulted);
    }

    /// The engine had no time for a request behind calls: its calls took all of it, which is no fault.
    pub(super) fn passed_over(mut self) -> Fate {
        let probe = self.probe;
        self.tell(Stage::Settled, |breaker, _| breaker.left(probe));
        Fate::Absent
    }

    /// The request has ended with this error. Whether the engine is at fault depends on it: refusing a request, or being too
    /// busy for it, is not a fault.
    pub(super) fn failed(mut self, error: &EngineError) -> Fate {
        let probe = self.probe;
        match error {
            EngineError::Invalid(_) | EngineError::TooLong { .. } => {
                self.tell(Stage::Settled, |breaker, _| breaker.answered());
                Fate::Refused
            }
            EngineError::Busy(_) => {
                self.tell(Stage::Settled, |breaker, _| breaker.left(probe));
                Fate::Absent
            }
            EngineError::Unavailable(_) => {
                self.tell(Stage::Settled, Breaker::faulted);
                Fate::Absent
            }
            EngineError::Deadline | EngineError::Failed(_) => {
                self.tell(Stage::Settled, Breaker::faulted);
                Fate::Failed
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let probe = self.probe;
        match self.stage {
            Stage::Asked => self.tell(Stage::Settled, |breaker, _| breaker.left(probe)),
            Stage::Began => self.tell(Stage::Settled, |breaker, _| breaker.answered()),
            Stage::Settled => {}
        }
    }
}
