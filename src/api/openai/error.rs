//! Errors in the form of OpenAI's API.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::LARGEST;
use crate::api::body::was_too_slow;
use crate::api::problem::{Problem, too_slow};
use crate::engine::EngineError;

/// The type of errors that another request avoids.
pub(super) const INVALID: &str = "invalid_request_error";
/// The type of errors of who asks for too much at once.
const LIMITED: &str = "rate_limit_error";
/// The type of all others.
pub(super) const SERVER: &str = "server_error";
/// Seconds after which a request that an engine had no time for is worth another attempt.
const LATER: u32 = 5;

/// An error that clients of OpenAI's API can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
    retry_after: Option<u32>,
}

impl ApiError {
    /// An error of a kind such as `invalid_request_error`; `message` says what to do about it.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), param: None, code: None, retry_after: None }
    }

    /// What is asked for cannot be done, now or later.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, message)
    }

    /// There is no time for it now.
    #[must_use]
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message).code("overloaded").retry_after(LATER)
    }

    /// Who asks has its share.
    #[must_use]
    pub fn limited(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, LIMITED, message).code("rate_limit_exceeded")
    }

    /// Names the field at fault.
    #[must_use]
    pub fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// Adds the machine-readable reason.
    #[must_use]
    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Value {
        let Self { kind, message, param, code, .. } = self;
        json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let status = problem.status();
        let error = match status {
            StatusCode::SERVICE_UNAVAILABLE => Self::busy(problem.detail()),
            StatusCode::TOO_MANY_REQUESTS => Self::limited(problem.detail()),
            _ if status.is_client_error() => Self::new(status, INVALID, problem.detail()),
            _ => Self::new(status, SERVER, problem.detail()),
        };
        let error = problem.at_fault().into_iter().fold(error, Self::param);
        problem.seconds().into_iter().fold(error, Self::retry_after)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        if was_too_slow(&rejection) {
            too_slow().into()
        } else {
            unread(rejection.status(), rejection.body_text())
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if was_too_slow(&rejection) {
            too_slow().into()
        } else {
            unread(rejection.status(), rejection.body_text())
        }
    }
}

/// The error for a body that cannot be read.
fn unread(status: StatusCode, reason: String) -> ApiError {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("The body is larger than {LARGEST} bytes.");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, message)
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let message = "Send the body as Content-Type: application/json.";
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, message)
        }
        _ => ApiError::invalid(reason),
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            // The engine's message begins with the field's name.
            EngineError::Invalid(message) => Self::invalid(message),
            EngineError::TooLong { limit, got } => {
                let message =
                    format!("messages: they have {got} tokens, and {limit} fit; leave out the oldest.");
                Self::invalid(message).param("messages").code("context_length_exceeded")
            }
            EngineError::Unavailable(_) | EngineError::Busy(_) | EngineError::Deadline => {
                Self::busy("The engine is busy with calls or does not respond. Try again in a moment.")
            }
            EngineError::Failed(message) => {
                tracing::error!(%message, "an engine failed on a program's request");
                let message = "The engine failed on this request; see the server's log.";
                Self::new(StatusCode::BAD_GATEWAY, SERVER, message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Kind, Refusal};
    use crate::api::speech;

    #[test]
    fn an_error_has_all_four_fields_of_its_form_and_says_when_to_try_again() {
        let error = ApiError::invalid("model: unknown").param("model").code("model_not_found");
        let expected = json!({ "error": {
            "message": "model: unknown", "type": INVALID, "param": "model", "code": "model_not_found",
        }});
        assert_eq!(error.body(), expected);
        assert_eq!(error.into_response().headers().get(header::RETRY_AFTER), None);
        let bare = ApiError::invalid("no").body();
        assert!(bare["error"]["param"].is_null() && bare["error"]["code"].is_null(), "{bare}");
        let full = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Full.").retry_after(2);
        let response = ApiError::from(full).into_response();
        assert_eq!(
            (response.status(), &response.headers()[header::RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from(2))
        );
    }

    #[test]
    fn a_problem_keeps_its_field_and_its_seconds() {
        let wrong = Problem::new(StatusCode::BAD_REQUEST, "prompt is long.").field("prompt");
        assert_eq!(ApiError::from(wrong), ApiError::invalid("prompt is long.").param("prompt"));
        let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "It loads.").retry_after(2);
        let error = ApiError::from(busy);
        assert_eq!((&error.body()["error"]["code"], error.retry_after), (&json!("overloaded"), Some(2)));
    }

    #[test]
    fn an_address_that_asks_for_too_much_is_told_so_alike_by_all_routes_and_a_full_server_says_so() {
        for (refusal, status, code) in [
            (Refusal::Share(Kind::Request), 429, "rate_limit_exceeded"),
            (Refusal::Full(Kind::Request), 503, "overloaded"),
        ] {
            let of_others = ApiError::from(Problem::from(refusal.clone()));
            let of_speech = ApiError::from(speech::Fault::from(refusal));
            assert_eq!(of_speech, of_others);
            assert_eq!((of_others.status.as_u16(), of_others.code), (status, Some(code)));
            assert_eq!(of_others.retry_after, Some(2));
        }
    }

    #[test]
    fn a_body_that_is_too_large_is_told_the_limit() {
        let error = unread(StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded".into());
        assert!(error.message.contains("1048576"), "{error:?}");
        assert_eq!(error.into_response().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn each_fault_of_an_engine_has_its_status() {
        for (error, status, code) in [
            (EngineError::Invalid("top_p: no".into()), 400, Value::Null),
            (EngineError::TooLong { limit: 5, got: 9 }, 400, json!("context_length_exceeded")),
            (EngineError::Busy("queue".into()), 503, json!("overloaded")),
            (EngineError::Unavailable("loads".into()), 503, json!("overloaded")),
            (EngineError::Deadline, 503, json!("overloaded")),
            (EngineError::Failed("secret path".into()), 502, Value::Null),
        ] {
            let error = ApiError::from(error);
            assert_eq!((error.status.as_u16(), &error.body()["error"]["code"]), (status, &code), "{error:?}");
            assert!(!error.message.contains("secret"), "{error:?}");
        }
    }
}
