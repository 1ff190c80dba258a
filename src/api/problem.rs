//! Errors as RFC 9457 problem details.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::body::{UPLOAD, was_too_slow};

/// An error that the client can read and act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<&'static str>,
    reason: Option<&'static str>,
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem; `detail` says what to do about it.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, reason: None, retry_after: None }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// Adds the machine-readable reason.
    #[must_use]
    pub fn reason(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What to do about it.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The field at fault.
    #[must_use]
    pub fn at_fault(&self) -> Option<&'static str> {
        self.field
    }

    /// After how many seconds to try again; none: it does not help.
    #[must_use]
    pub fn seconds(&self) -> Option<u32> {
        self.retry_after
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(field) = self.field {
            body["field"] = json!(field);
        }
        if let Some(reason) = self.reason {
            body["reason"] = json!(reason);
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The problem for a body that did not arrive in time.
pub(super) fn too_slow() -> Problem {
    let detail = format!("The body did not arrive within {} seconds.", UPLOAD.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

/// The problem for a body that broke off while it was read.
pub(super) fn unread(error: &axum::Error) -> Problem {
    if was_too_slow(error) {
        return too_slow();
    }
    Problem::new(StatusCode::BAD_REQUEST, format!("The body cannot be read: {error}"))
}

/// The problem for a bug in the server.
pub(super) fn broken() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to handle this request.")
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        if was_too_slow(&rejection) {
            return too_slow();
        }
        // A missing field or one of the wrong type is a bad request, just as broken JSON is.
        let status = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        let detail = match status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("The body is larger than {} bytes.", super::LARGEST_BODY)
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the body as Content-Type: application/json.".into(),
            _ => rejection.body_text(),
        };
        Self::new(status, detail)
    }
}
