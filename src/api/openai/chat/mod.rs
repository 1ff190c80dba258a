//! `POST /v1/chat/completions`: a response of the language model that answers calls.
//!
//! - `asked`: what a request asks for, of `messages`, `tools` and `format` (all pure)

pub(super) mod asked;
mod format;
mod messages;
mod tools;

use axum::extract::State;
use axum::response::Response;

use super::error::ApiError;
use super::models::language_model;
use super::reply::Shape;
use super::sent::Sent;
use super::writing::{head, serve};
use crate::api::App;
use crate::api::caller::Caller;

/// Writes the next message of a chat.
///
/// # Errors
/// In the form of OpenAI's API.
pub async fn chat(
    State(app): State<App>,
    Caller(principal): Caller,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = asked::read(&sent)?;
    asked.check(app.fleet.llm.engine.capabilities())?;
    let order = asked.order(head(Shape::Chat, language_model(&app)));
    serve(&app, principal, order).await
}
