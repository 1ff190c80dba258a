//! `POST /api/voices` and `DELETE /api/voices/{name}`: clones and removes voices over HTTP, with `server.admin_key`.
//!
//! - `key`: whether a request has the key (pure); `upload`: reads its body, within a bound

mod key;
#[cfg(test)]
mod tests;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::App;
use super::part::Part;
use super::problem::{Problem, broken};
use crate::config::Secret;
use crate::engine::Tts;
use visavis_media::clip::{self, Clip};
use visavis_models::clones::{self, ClonedVoice, Fields, Refused};

/// Clips that are read and checked at once: each is in memory several times over.
static PLACES: Semaphore = Semaphore::const_new(1);

/// The parts of the server that cloning uses.
#[derive(Clone)]
pub struct Desk {
    /// The folder of cloned voices.
    folder: PathBuf,
    /// The key that requests need; empty: all are refused.
    key: Secret,
    /// Its voices' names cannot be used for clones.
    tts: Arc<dyn Tts>,
    /// Limits checks to one at once: further requests are refused.
    places: &'static Semaphore,
}

impl FromRef<App> for Desk {
    fn from_ref(app: &App) -> Self {
        let config = &app.config;
        Self {
            folder: config.clones_dir(),
            key: config.server.admin_key.clone(),
            tts: app.fleet.tts.engine.clone(),
            places: &PLACES,
        }
    }
}

/// The body of `POST /api/voices`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
    consent: String,
    #[serde(default = "english")]
    language: String,
    #[serde(default)]
    words: String,
    /// The WAV file, in base64.
    clip: String,
}

fn english() -> String {
    "en".to_owned()
}

/// The response to `POST /api/voices`.
#[derive(Debug, Serialize)]
struct Registered {
    name: String,
    language: String,
    words: String,
    consent: String,
    added: String,
    /// Samples per second of the clip.
    seconds: f32,
    rate: u32,
    /// Warnings about the clip.
    warnings: Vec<String>,
}

/// The public facts about a cloned voice: not its clip, its words or its consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its name in requests.
    pub name: String,
    /// ISO 639-1.
    pub language: String,
    /// Always true: distinguishes it from other voices.
    pub cloned: bool,
}

/// The cloned voices of a folder, for `GET /api/voices`.
#[must_use]
pub fn shown(folder: &std::path::Path) -> Vec<Shown> {
    let shown = |voice: ClonedVoice| Shown { name: voice.name, language: voice.language, cloned: true };
    clones::list(folder).into_iter().map(shown).collect()
}

/// Clones a voice.
///
/// # Errors
/// As problem details.
pub async fn add(State(desk): State<Desk>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    key::check(&desk.key, &headers)?;
    upload::check_kind(&headers)?;
    let _place = desk.places.try_acquire().map_err(|_| busy())?;
    let body = upload::read(body, &headers).await?;
    let read = tokio::task::spawn_blocking(move || asked(&body)).await;
    let (fields, clip) = read.map_err(|_| broken())??;
    check_free(&desk, &fields.name).await?;
    let folder = desk.folder.clone();
    let done = tokio::task::spawn_blocking(move || register(&folder, fields, &clip)).await;
    let registered = done.map_err(|_| broken())??;
    tracing::info!(voice = %registered.name, "a voice was cloned over HTTP");
    let place = [(header::LOCATION, format!("/api/voices/{}", registered.name))];
    Ok((StatusCode::CREATED, place, Json(registered)).into_response())
}

/// Removes a cloned voice.
///
/// # Errors
/// As problem details.
pub async fn remove(
    State(desk): State<Desk>,
    Part(name): Part,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    key::check(&desk.key, &headers)?;
    let (folder, removed) = (desk.folder, name.clone());
    let done = tokio::task::spawn_blocking(move || clones::remove(&folder, &removed)).await;
    done.map_err(|_| broken())??;
    tracing::info!(voice = %name, "a cloned voice was removed over HTTP");
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the fields against their limits, and decodes the clip.
fn asked(body: &Bytes) -> Result<(Fields, Vec<u8>), Problem> {
    let Json(Asked { name, consent, language, words, clip }) = Json::<Asked>::from_bytes(body)?;
    let fields = Fields { name, language, words, consent }.checked()?;
    let file = STANDARD.decode(clip.trim()).map_err(|error| {
        let detail =
            format!("clip is not base64 of a WAV file ({error}); encode the file, without line breaks.");
        Problem::new(StatusCode::BAD_REQUEST, detail).field("clip")
    })?;
    Ok((fields, file))
}

/// Refuses the name of another voice of the engine. The name of a cloned voice is refused when the voice is written, so that of
/// two at once one succeeds.
async fn check_free(desk: &Desk, name: &str) -> Result<(), Problem> {
    let voices = desk.tts.voices().await?;
    if !voices.iter().any(|voice| voice.name == name) {
        return Ok(());
    }
    let of = if clones::exists(&desk.folder, name) { "a cloned voice" } else { "a voice of the engine" };
    Err(Refused::Taken { name: name.to_owned(), of: of.to_owned() }.into())
}

/// Checks the clip and writes the voice.
fn register(folder: &std::path::Path, fields: Fields, clip: &[u8]) -> Result<Registered, Problem> {
    let clip = clip::read(clip).map_err(|fault| {
        Problem::new(StatusCode::BAD_REQUEST, format!("The clip cannot be used: {fault}.")).field("clip")
    })?;
    let voice = clones::add(folder, fields, &clip.wave(), SystemTime::now())?;
    let seconds = clip.seconds();
    let Clip { rate, warnings, .. } = clip;
    let ClonedVoice { name, language, words, consent, added, .. } = voice;
    let warnings = warnings.iter().map(|warning| format!("The clip could be better: {warning}.")).collect();
    Ok(Registered { name, language, words, consent, added, seconds, rate, warnings })
}

fn busy() -> Problem {
    let detail = "Another clip is being checked. Try again in a moment.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(2)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = format!("{refused}.");
        match refused {
            Refused::Field { field, .. } => Self::new(StatusCode::BAD_REQUEST, detail).field(field),
            Refused::Taken { .. } => Self::new(StatusCode::CONFLICT, detail).field("name"),
            Refused::Missing(_) => Self::new(StatusCode::NOT_FOUND, detail).field("name"),
            Refused::Many(_) => Self::new(StatusCode::CONFLICT, detail),
            Refused::Io { .. } => {
                tracing::error!(%refused, "the folder of cloned voices (tts.clones_dir)");
                let detail = "The server cannot write its folder of cloned voices; see its log.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
        }
    }
}
