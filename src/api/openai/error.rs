//! Errors as clients of OpenAI read them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::engine::EngineError;

/// An error that the client can read and act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
    retry_after: Option<u32>,
}

impl ApiError {
    /// An error of this kind, such as `invalid_request_error`; `message` says what to do about it.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), param: None, code: None, retry_after: None }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn param(self, param: &'static str) -> Self {
        Self { param: Some(param), ..self }
    }

    /// Adds the code for programs.
    #[must_use]
    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, kind, message, param, code, retry_after } = self;
        let error = json!({ "message": message, "type": kind, "param": param, "code": code });
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(message) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
            }
            EngineError::TooLong { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", error.to_string())
                    .code("context_length_exceeded")
            }
            EngineError::Unavailable(_) | EngineError::Busy(_) | EngineError::Deadline => {
                let message = "The engine is busy with calls or does not respond. Try again in a moment.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message).retry_after(5)
            }
            EngineError::Failed(_) => {
                let message = "The engine failed on this request; see the server's log.";
                Self::new(StatusCode::BAD_GATEWAY, "server_error", message)
            }
        }
    }
}
