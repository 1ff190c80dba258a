//! The HTTP API that clients of OpenAI use unchanged.
//!
//! - [`error`]: errors in its form
//! - [`speech`]: `/v1/audio/speech`

pub mod error;
pub mod speech;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;

use super::App;

/// All routes.
pub fn routes() -> Router<App> {
    Router::new().route(
        "/v1/audio/speech",
        post(speech::speech).layer(DefaultBodyLimit::max(super::speech::LARGEST_BODY)),
    )
}
