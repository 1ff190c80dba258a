//! Why a call over WebRTC ended.

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The client closed its end.
    HungUp,
    /// The pipeline has ended, and its last events are sent.
    Finished,
    /// The connection never came up, or was lost.
    Lost,
    /// The server stops, or gives the place to another call.
    Cancelled,
    /// The connection's own task failed.
    Failed,
}

impl Cause {
    /// Its name in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::Finished => "finished",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}
