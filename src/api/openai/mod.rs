//! The API of OpenAI, as its clients speak it: under `/v1`.
//!
//! - [`transcriptions`]: recordings as text and subtitles, in their language or in English; `transcript`: how they look (pure)
//! - [`error`]: errors in its form

pub mod error;
mod transcript;
pub mod transcriptions;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;

use super::App;

/// The routes under `/v1`.
pub fn routes() -> Router<App> {
    // Uploads have a limit of their own.
    let unlimited = DefaultBodyLimit::disable;
    Router::new()
        .route("/v1/audio/transcriptions", post(transcriptions::transcriptions).layer(unlimited()))
        .route("/v1/audio/translations", post(transcriptions::translations).layer(unlimited()))
}
