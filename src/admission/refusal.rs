//! Why work is not admitted: pure.

use super::Kind;

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As much of this kind as the server may have.
    #[error("the server has as many {} as it may", .0.name())]
    Full(Kind),
    /// As much of this kind as one principal may have.
    #[error("this address has as many {} as one may", .0.name())]
    Share(Kind),
    /// The server stops.
    #[error("the server stops")]
    Stopping,
    /// An engine is not there; which, and what it does.
    #[error("not ready: {0}")]
    NotReady(String),
}

impl Refusal {
    /// Why, in the word that clients know; none: such an answer has never said it.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Full(Kind::Call) => Some("server-full"),
            Self::Full(Kind::Animation) => None,
            Self::Share(_) => Some("address-full"),
            Self::Stopping => Some("server-stopping"),
            Self::NotReady(_) => Some("not-ready"),
        }
    }

    /// Why, in the word that metrics use.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Full(_) => "full",
            Self::Share(_) => "share",
            Self::Stopping => "stopping",
            Self::NotReady(_) => "not-ready",
        }
    }
}
