//! Why work is not admitted. Pure.

use super::Kind;

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The server's limit of this kind is reached.
    #[error("the server has reached its limit of {}", .0.name())]
    Full(Kind),
    /// The principal's limit of this kind is reached.
    #[error("this address has reached its limit of {}", .0.name())]
    Share(Kind),
    /// What is left of this kind is for principals with fewer of them.
    #[error("the last {} are for addresses with fewer of them", .0.name())]
    Reserved(Kind),
    /// The server bears no further call, as measured.
    #[error("the server has as many calls as it can serve well")]
    Loaded {
        /// Seconds after which to ask again.
        retry: u32,
    },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// An engine is not ready; which, and what it is doing.
    #[error("not ready: {0}")]
    NotReady(String),
}

impl Refusal {
    /// The reason as clients know it; none where the protocol has none.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Full(kind) | Self::Reserved(kind) => kind.full_reason(),
            Self::Loaded { .. } => Kind::Call.full_reason(),
            Self::Share(_) => Some("address-full"),
            Self::Stopping => Some("server-stopping"),
            Self::NotReady(_) => Some("not-ready"),
        }
    }

    /// The reason as a metrics label.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Full(_) => "full",
            Self::Share(_) => "share",
            Self::Reserved(_) => "reserved",
            Self::Loaded { .. } => "load",
            Self::Stopping => "stopping",
            Self::NotReady(_) => "not-ready",
        }
    }
}
