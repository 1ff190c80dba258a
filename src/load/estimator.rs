//! How much of what the server bears is in use, and how many calls it bears. Pure; time is passed in.
//!
//! Load is the largest of three shares: of the time that people may wait, of the queues that may fill, of the memory that may be
//! taken. At 1 no further call is taken, until it is well below. Up to half of that only the limit bounds calls. In between, the number of
//! calls grows more slowly as load comes closer to 1, and no faster than the load of those admitted can be measured.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queues::Queues;
use super::turns::RecentTurns;
use crate::admission::Capacity;
use crate::config;
use crate::engine::status::Work;

/// From this load on no further call is taken.
const FULL: f64 = 1.0;
/// Below this load further calls are taken again.
const RELIEVED: f64 = 0.85;
/// Up to this load only the limit bounds calls.
const EASY: f64 = 0.5;
/// Higher loads are told as this one.
const HIGHEST: f64 = 10.0;
/// The mean fill of a queue at which the load is 1: its peaks are about to overflow.
const FULL_QUEUE: f64 = 0.5;
/// A call is among the measured ones after this time, when it has had its first turns.
const SETTLED: Duration = Duration::from_secs(15);
/// Seconds after which a refused caller may ask again, at a load of 1; in proportion at a higher one.
const RETRY: f64 = 5.0;

/// What the server is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Half of the users may wait longer than this for half of their responses; none: waits and queues are not looked at.
    pub target: Option<Duration>,
    /// Bytes of memory to leave; 0: memory is not looked at.
    pub reserve: u64,
    /// This many calls are taken whatever the load is.
    pub least: usize,
    /// No more calls are taken.
    pub most: usize,
}

impl From<&config::Server> for Bounds {
    fn from(server: &config::Server) -> Self {
        let target = (server.target_ms > 0).then(|| Duration::from_millis(server.target_ms.into()));
        let (most, reserve) = (server.max_calls, u64::from(server.memory_reserve_mib) << 20);
        Self { target, reserve, least: server.least_calls.min(most), most }
    }
}

/// What is seen at one moment.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Calls in progress.
    pub calls: usize,
    /// What waits in the engines.
    pub work: Vec<Work>,
    /// Bytes of memory that are left; none: not known.
    pub memory: Option<u64>,
}

/// The number of calls at a moment.
#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Instant,
    calls: usize,
}

/// Estimates load and capacity.
#[derive(Debug)]
pub struct Estimator {
    bounds: Bounds,
    turns: RecentTurns,
    queues: Queues,
    counts: VecDeque<Counted>,
    is_full: bool,
}

impl Estimator {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let (turns, queues, counts) = (RecentTurns::default(), Queues::default(), VecDeque::new());
        Self { bounds, turns, queues, counts, is_full: false }
    }

    /// A user has waited for a response.
    pub fn turn(&mut self, now: Instant, user: Arc<str>, waited: Duration) {
        self.turns.take(now, user, waited);
    }

    /// Whether no further call is taken until the load has sunk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// What follows from what is seen now and was seen before.
    pub fn sample(&mut self, now: Instant, sample: &Sample) -> Capacity {
        let waited = self.turns.typical(now);
        let load = self.load(now, sample, waited);
        if load >= FULL {
            self.is_full = true;
        } else if load < RELIEVED {
            self.is_full = false;
        }
        let settled = self.settled(now, sample.calls);
        let by_number = sample.calls as f64 / self.bounds.most as f64;
        let retry = (RETRY * load.max(FULL)).ceil() as u32;
        let calls = self.capacity(load, sample.calls, settled);
        Capacity { load: load.max(by_number), calls, retry, waited }
    }

    /// The largest of the shares that are looked at.
    fn load(&mut self, now: Instant, sample: &Sample, waited: Option<Duration>) -> f64 {
        let Bounds { target, reserve, .. } = self.bounds;
        let fill = self.queues.look(now, &sample.work) / FULL_QUEUE;
        let by_time = target.map_or(0.0, |target| {
            let waited = waited.unwrap_or_default();
            (waited.as_secs_f64() / target.as_secs_f64()).max(fill)
        });
        let by_memory = sample.memory.map_or(0.0, |left| reserve as f64 / left.max(1) as f64);
        by_time.max(by_memory).min(HIGHEST)
    }

    /// How many calls the measured load comes from: those that are no longer new.
    fn settled(&mut self, now: Instant, calls: usize) -> usize {
        self.counts.retain(|counted| now.saturating_duration_since(counted.at) < SETTLED);
        self.counts.push_back(Counted { at: now, calls });
        self.counts.iter().map(|counted| counted.calls).min().unwrap_or_default()
    }

    fn capacity(&self, load: f64, calls: usize, settled: usize) -> usize {
        let Bounds { least, most, .. } = self.bounds;
        let borne = if self.is_full {
            (calls as f64 / load.max(FULL)) as usize
        } else if load <= EASY {
            most
        } else {
            // As many again just above `EASY`, hardly any just below `FULL`.
            let growth = (FULL - load) / (FULL - EASY);
            settled + (settled.max(least) as f64 * growth).ceil() as usize
        };
        borne.max(least).min(most)
    }
}

#[cfg(test)]
mod tests;
