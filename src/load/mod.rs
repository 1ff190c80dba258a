//! How loaded the server is: what its calls cost is measured, and admission takes no more of them than it bears.
//!
//! - `estimator`: load and capacity, of `turns` (how long people waited of late) and `queues` (how full the engines' queues are) and memory;
//!   all pure
//! - [`memory`]: how much is left
//! - this file: the actor that looks each second, tells [`crate::admission`], and sets the gauges

mod estimator;
pub mod memory;
mod queues;
mod turns;

use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use self::estimator::{Bounds, Estimator, Sample};

use crate::admission::{Admission, Kind};
use crate::engine::status::Work;
use crate::pipeline::options::TurnTime;

/// Interval of looks.
const TICK: Duration = Duration::from_secs(1);

/// Where what is measured comes from.
pub struct Sources {
    /// How long people waited, turn by turn.
    pub turns: broadcast::Receiver<TurnTime>,
    /// What waits in the engines.
    pub work: Box<dyn Fn() -> Vec<Work> + Send + Sync>,
    /// Bytes of memory that are left.
    pub memory: fn() -> Option<u64>,
}

/// Measures until it is dropped, and tells admission what the server bears.
pub async fn keep(bounds: Bounds, mut sources: Sources, admission: &Admission) {
    let mut estimator = Estimator::new(bounds);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            now = tick.tick() => look(&mut estimator, now, &sources, admission),
            TurnTime { user, waited } = next(&mut sources.turns) => {
                estimator.turn(Instant::now().into_std(), user, waited);
            }
        }
    }
}

fn look(estimator: &mut Estimator, now: Instant, sources: &Sources, admission: &Admission) {
    let sample =
        Sample { calls: admission.active(Kind::Call), work: (sources.work)(), memory: (sources.memory)() };
    let was_full = estimator.is_full();
    let capacity = estimator.sample(now.into_std(), &sample);
    admission.bear(capacity);
    metrics::gauge!("visavis_load").set(capacity.load);
    metrics::gauge!("visavis_capacity").set(capacity.calls as f64);
    if estimator.is_full() != was_full {
        let (load, capacity) = (format!("{:.2}", capacity.load), capacity.calls);
        if was_full {
            tracing::info!(calls = sample.calls, capacity, load, "the server takes calls again");
        } else {
            tracing::warn!(
                calls = sample.calls,
                capacity,
                load,
                "the server is loaded and takes no further calls (server.target_ms, server.memory_reserve_mib)"
            );
        }
    }
}

/// The next turn's time; those that were missed are not made up for.
async fn next(turns: &mut broadcast::Receiver<TurnTime>) -> TurnTime {
    loop {
        match turns.recv().await {
            Ok(turn) => return turn,
            Err(RecvError::Lagged(_)) => {}
            // There will be no more calls.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
