//! The stages of a call's set-up, and when each was reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A stage of a call's set-up, in the order in which a call reaches them. A WebSocket has only the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetupStage {
    /// The offer is made, with its ICE candidate.
    Gathered,
    /// The server's answer has arrived.
    Answered,
    /// ICE has found a pair of addresses.
    IceConnected,
    /// DTLS has exchanged its keys.
    DtlsConnected,
    /// The data channel, or the WebSocket, is open.
    Open,
    /// The agent has said `bot-ready`.
    Ready,
}

/// How long after its begin a call reached each stage.
pub type SetupTimes = BTreeMap<SetupStage, Duration>;

/// Measures the stages of one call. Clones share what was measured.
#[derive(Debug, Clone)]
pub(crate) struct SetupClock {
    began: Instant,
    reached: Arc<Mutex<SetupTimes>>,
}

impl SetupClock {
    /// The set-up begins now.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), reached: Arc::default() }
    }

    /// A stage is reached; only the first time counts, since ICE may connect again later.
    pub(crate) fn reach(&self, stage: SetupStage) {
        self.reached.lock().entry(stage).or_insert_with(|| self.began.elapsed());
    }

    /// The stages so far.
    pub(crate) fn times(&self) -> SetupTimes {
        self.reached.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_reached_once_and_clones_share_what_was_reached() {
        let clock = SetupClock::begin();
        clock.clone().reach(SetupStage::IceConnected);
        let first = clock.times();
        clock.reach(SetupStage::IceConnected);
        assert_eq!(clock.times(), first, "a later connection does not count");
        clock.reach(SetupStage::Gathered);
        let order: Vec<SetupStage> = clock.times().into_keys().collect();
        assert_eq!(order, [SetupStage::Gathered, SetupStage::IceConnected]);
    }
}
