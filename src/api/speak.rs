//! `POST /speak`: a text as a sound file, for pages that fall back on the browser's own voice.

use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use visavis_speech::Origin;

use super::App;
use super::caller::Caller;
use super::speech::{Asked, Client, Desk, Fault, Order, as_file, milliseconds, readable, wants_whole};
use crate::admission::Principal;

// The headers of a response.
const ENGINE: &str = "x-tts-engine";
const LATENCY: &str = "x-tts-latency";
const MODEL: &str = "x-tts-model-version";
const CACHE: &str = "x-tts-cache";
const SOURCE: &str = "x-tts-source";
const FALLBACK: &str = "x-tts-fallback";

/// All of them: pages of other origins may read them.
pub(super) const HEADERS: [&str; 6] = [ENGINE, LATENCY, MODEL, CACHE, SOURCE, FALLBACK];

/// Speaks a text.
///
/// # Errors
/// As `{error, message}`, with what the page is to do.
pub async fn speak(
    State(app): State<App>,
    Caller(principal): Caller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, SpeakError> {
    let body = readable(body)?;
    answer(&app.speech, principal, &headers, &body).await
}

/// The response to a body.
pub(super) async fn answer(
    desk: &Desk,
    principal: Principal,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, SpeakError> {
    let begun = Instant::now();
    let order = desk.order(Asked::speak(body)?).await?;
    let client = Client { principal, counted: true, whole: wants_whole(headers) };
    let ready = desk.serve(&order, client).await?;
    let origin = ready.origin();
    let mut response = as_file(ready, &order, headers);
    tell(&mut response, &order, origin, begun);
    Ok(response)
}

/// Tells in a response's headers who speaks and where the speech comes from.
pub(super) fn tell(response: &mut Response, order: &Order, origin: Origin, begun: Instant) {
    let heads = response.headers_mut();
    // A model's name may hold what no header does.
    let named =
        |name: &str| HeaderValue::from_str(name).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    heads.insert(ENGINE, named(&order.engine));
    heads.insert(LATENCY, HeaderValue::from(milliseconds(begun)));
    heads.insert(MODEL, named(if order.model.is_empty() { "unknown" } else { order.model.as_str() }));
    heads.insert(CACHE, HeaderValue::from_static(if origin.is_hit() { "hit" } else { "miss" }));
    heads.insert(SOURCE, HeaderValue::from_static(origin.as_str()));
}

/// Why a text is not spoken, in the form of this route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeakError(Fault);

impl From<Fault> for SpeakError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for SpeakError {
    fn into_response(self) -> Response {
        let wrong = |status: StatusCode, error: &str, message: &str| {
            (status, Json(json!({ "error": error, "message": message }))).into_response()
        };
        match self.0 {
            Fault::Wrong { field, message } => {
                let body = json!({ "error": "invalid_request", "message": message, "field": field });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Fault::Unreadable { status, message } => {
                let is_large = status == StatusCode::PAYLOAD_TOO_LARGE;
                wrong(status, if is_large { "too_large" } else { "invalid_request" }, &message)
            }
            Fault::Share { message, seconds } => {
                let response = wrong(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", &message);
                ([(header::RETRY_AFTER, seconds.to_string())], response).into_response()
            }
            Fault::Busy { message, seconds } => fallback(&message, seconds),
            Fault::Failed => fallback("The voice failed on this text; see the server's log.", 5),
        }
    }
}

/// Tells a page to use the browser's own voice.
fn fallback(message: &str, seconds: u32) -> Response {
    let body = json!({ "error": "tts_unavailable", "message": message, "fallback": true });
    let again = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, [(FALLBACK, "required")], again, Json(body)).into_response()
}
