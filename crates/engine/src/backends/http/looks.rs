//! Looks at an endpoint again and again, and publishes how it is.

use std::time::Duration;

use backon::ExponentialBackoff;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::retry::looks;
use crate::status::EngineStatus;

/// Interval of looks while an endpoint is ready. They also keep a connection open, which saves the next request a handshake.
const STEADY: Duration = Duration::from_secs(20);

/// The looks at one endpoint.
pub(in crate::backends) struct Looks<'a> {
    /// The engine's name in metrics and in the log.
    engine: &'static str,
    /// For operators and for new calls.
    status: &'a watch::Sender<EngineStatus>,
    pauses: ExponentialBackoff,
    /// The last look found a ready endpoint not ready. It may have been the network's fault: only a second one counts.
    doubted: bool,
}

impl<'a> Looks<'a> {
    pub(in crate::backends) fn new(engine: &'static str, status: &'a watch::Sender<EngineStatus>) -> Self {
        Self { engine, status, pauses: looks(), doubted: false }
    }

    /// Publishes what a look has found, and waits until the next one is due.
    pub(in crate::backends) async fn found(&mut self, found: EngineStatus) {
        let fails = !found.ready;
        self.doubted = fails && !self.doubted && self.status.borrow().ready;
        if !self.doubted {
            found.publish(self.engine, self.status);
        }
        if !fails {
            self.pauses = looks();
        }
        let pause = if fails { self.pauses.next() } else { None };
        sleep(pause.unwrap_or(STEADY)).await;
    }
}
