//! The engines of calls as an API that clients of OpenAI's use unchanged.
//!
//! - [`chat`]: `POST /v1/chat/completions`; [`completions`]: `POST /v1/completions`; [`models`]: `GET /v1/models`
//! - [`speech`]: `POST /v1/audio/speech`
//! - [`transcriptions`]: recordings as text and subtitles, in their language or in English; `transcript`: how they look (pure)
//! - [`error`]: errors in that API's form
//! - `writing`: has the language model write one response, behind calls
//! - `sent`: a request's body
//! - `fields`: reads a request's fields; `wishes`: what may be asked of any response; `parts` makes thoughts (`thoughts`), text and calls of the
//!   engine's pieces; `reply`: writes them as JSON and as events (all pure)

pub mod chat;
pub mod completions;
pub mod error;
mod fields;
pub mod models;
mod parts;
mod reply;
mod sent;
pub mod speech;
mod thoughts;
mod transcript;
pub mod transcriptions;
mod wishes;
mod writing;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::any;

use super::App;
use error::{ApiError, INVALID};

/// Largest body of a request for text.
pub(super) const LARGEST: usize = 1 << 20;

/// These routes, with refusals in that API's form for all other addresses below `/v1`.
pub(super) fn closed(routes: Router<App>) -> Router<App> {
    routes.route("/v1/{*rest}", any(unknown)).method_not_allowed_fallback(wrong_method)
}

async fn unknown(method: Method, uri: Uri) -> ApiError {
    let message = format!("There is nothing at {method} {}; /docs lists what there is.", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, INVALID, message).code("unknown_url")
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}; see the Allow header.", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, message).code("method_not_supported")
}
