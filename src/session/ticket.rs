//! What a client shows to go on with a call, and why it may be refused. Pure.

use visavis_store::{CallId, RedeemError, ResumeToken, Retry, StoreError, TokenRefusal};

use crate::admission::Refusal;

/// What a client shows to go on with a call.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The call.
    pub call: CallId,
    /// The token that it got.
    pub token: ResumeToken,
    /// Whose call it must be.
    pub owner: String,
}

/// Why a call cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResumeRefusal {
    /// There is no such token, or nothing is kept of its call.
    Unknown,
    /// The token was used.
    Used,
    /// It is too old.
    Expired,
    /// It is another call's.
    NotYours,
    /// The store cannot be reached now. The token may be good still.
    Unreachable,
    /// The server takes no call now. The token is good still.
    NotAdmitted(Refusal),
}

impl ResumeRefusal {
    /// Its name in metrics; with `resume-` before it, in problems that are final.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::NotYours => "not-yours",
            Self::Unreachable => "unreachable",
            Self::NotAdmitted(_) => "not-admitted",
        }
    }
}

impl From<RedeemError> for ResumeRefusal {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::Refused(TokenRefusal::Used) => Self::Used,
            RedeemError::Refused(TokenRefusal::Expired) => Self::Expired,
            RedeemError::Refused(TokenRefusal::OtherCall) => Self::NotYours,
            // Another user learns no more than somebody who guesses.
            RedeemError::Refused(TokenRefusal::Unknown | TokenRefusal::OtherUser) => Self::Unknown,
            RedeemError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ResumeRefusal {
    fn from(error: StoreError) -> Self {
        match error.retry() {
            Retry::Soon | Retry::Later => Self::Unreachable,
            // What is stored cannot be read, and never will be.
            Retry::Never => Self::Unknown,
        }
    }
}
