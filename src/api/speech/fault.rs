//! Why speech is not made; each route tells it in its own form.

use axum::http::StatusCode;

use crate::admission::Refusal;
use crate::api::problem::Problem;
use crate::engine::EngineError;

/// Seconds after which a busy server is asked again.
const AGAIN: u32 = 5;

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Fault {
    /// A field is wrong.
    Wrong {
        /// Its name.
        field: &'static str,
        /// What is wrong and how to write it.
        message: String,
    },
    /// The body is no such request.
    Unreadable {
        /// The status that says so.
        status: StatusCode,
        /// What is wrong.
        message: String,
    },
    /// The client has its share.
    Share {
        /// Which.
        message: String,
        /// Seconds after which to ask again.
        seconds: u32,
    },
    /// The server has too much to do, or its voice is not ready.
    Busy {
        /// Why.
        message: String,
        /// Seconds after which to ask again.
        seconds: u32,
    },
    /// The voice failed.
    Failed,
}

impl Fault {
    /// A field is wrong.
    pub(in crate::api) fn wrong(field: &'static str, message: &str) -> Self {
        Self::Wrong { field, message: format!("{field}: {message}") }
    }

    /// What the client is told.
    pub(in crate::api) fn message(self) -> String {
        match self {
            Self::Wrong { message, .. }
            | Self::Unreadable { message, .. }
            | Self::Share { message, .. }
            | Self::Busy { message, .. } => message,
            Self::Failed => "The voice failed on this text; see the server's log.".to_owned(),
        }
    }

    /// The server cannot serve this now.
    pub(in crate::api) fn busy(seconds: u32, message: impl Into<String>) -> Self {
        Self::Busy { message: message.into(), seconds }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let problem = Problem::from(refusal);
        let (message, seconds) = (problem.detail().to_owned(), problem.seconds().unwrap_or(AGAIN));
        match problem.status() {
            StatusCode::TOO_MANY_REQUESTS => Self::Share { message, seconds },
            _ => Self::Busy { message, seconds },
        }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        match error {
            // The engine's message begins with the field's name.
            EngineError::Invalid(message) => {
                let known = ["voice", "language", "speed"];
                let field = known.into_iter().find(|field| message.starts_with(&format!("{field}:")));
                Self::Wrong { field: field.unwrap_or("text"), message }
            }
            EngineError::Unavailable(_) | EngineError::Busy(_) | EngineError::Deadline => {
                Self::busy(AGAIN, "The voice is busy with calls or does not respond. Try again in a moment.")
            }
            EngineError::Failed(_) | EngineError::TooLong { .. } => {
                let message = error.to_string();
                tracing::error!(%message, "speech for a program failed");
                Self::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engines_refusal_names_its_field_and_a_busy_one_says_when_to_try_again() {
        let refused = |message: &str| Fault::from(EngineError::Invalid(message.into()));
        assert!(matches!(refused("voice: there is no \"x\""), Fault::Wrong { field: "voice", .. }));
        assert!(matches!(refused("what?"), Fault::Wrong { field: "text", .. }));
        assert!(matches!(Fault::from(EngineError::Deadline), Fault::Busy { seconds: 5, .. }));
        let stopping = Fault::from(Refusal::Stopping);
        assert_eq!(stopping, Fault::busy(5, "The server is stopping. Try again in a moment."));
    }
}
