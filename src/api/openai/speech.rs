//! `POST /v1/audio/speech`: a text as a sound file or as server-sent events.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::error::ApiError;
use crate::admission::Principal;
use crate::api::App;
use crate::api::caller::Caller;
use crate::api::speak;
use crate::api::speech::{Asked, Client, Desk, Fault, as_events, as_file, readable, wants_whole};

/// Speaks a text.
///
/// # Errors
/// In the form of OpenAI.
pub async fn speech(
    State(app): State<App>,
    Caller(principal): Caller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = readable(body)?;
    answer(&app.speech, principal, &headers, &body).await
}

/// The response to a body.
pub(in crate::api) async fn answer(
    desk: &Desk,
    principal: Principal,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, ApiError> {
    let begun = Instant::now();
    let asked = Asked::openai(body)?;
    let told = asked.events;
    let order = desk.order(asked).await?;
    let client = Client { principal, counted: false, whole: told.is_none() && wants_whole(headers) };
    let ready = desk.serve(&order, client).await?;
    let origin = ready.origin();
    let mut response = match told {
        Some(told) => as_events(ready, &order, told),
        None => as_file(ready, &order, headers),
    };
    speak::tell(&mut response, &order, origin, begun);
    Ok(response)
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let invalid = |message: String| Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message);
        match fault {
            // What other routes call a text is the input here.
            Fault::Wrong { field: "text", message } => {
                invalid(message.replacen("text:", "input:", 1)).param("input")
            }
            Fault::Wrong { field: "voice", message } => {
                invalid(message).param("voice").code("voice_not_found")
            }
            Fault::Wrong { field, message } => invalid(message).param(field),
            Fault::Unreadable { status, message } => Self::new(status, "invalid_request_error", message),
            Fault::Share { message, seconds } => Self::limited(message).retry_after(seconds),
            Fault::Busy { message, seconds } => Self::busy(message).retry_after(seconds),
            Fault::Failed => {
                let message = "The voice failed on this text; see the server's log.";
                Self::new(StatusCode::BAD_GATEWAY, "server_error", message)
            }
        }
    }
}
