//! What is wrong with a request about a recording, in words for both forms of errors. Pure.

use axum::http::StatusCode;

use crate::api::problem::Problem;

/// A fault that the client can read and act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct Fault {
    pub(in crate::api) status: StatusCode,
    pub(in crate::api) detail: String,
    /// The field at fault.
    pub(in crate::api) field: Option<&'static str>,
    /// Seconds after which to try again.
    pub(in crate::api) retry_after: Option<u32>,
}

impl Fault {
    pub(in crate::api) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, retry_after: None }
    }

    /// A bad request by this field.
    pub(in crate::api) fn of(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }

    /// A bug in the server.
    pub(in crate::api) fn broken() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to handle this request; see its log.")
    }

    pub(in crate::api) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let Fault { status, detail, field, retry_after } = fault;
        let problem = field.into_iter().fold(Self::new(status, detail), Self::field);
        retry_after.into_iter().fold(problem, Self::retry_after)
    }
}
