//! `POST /api/animate`: turns a text or a recording into audio and faces.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::admit::admit;
use super::caller::Caller;
use super::clip::{Chunks, Clip};
use super::clones::shown;
use super::problem::{Problem, broken, unread};
use super::{App, LARGEST_BODY};
use crate::admission::Kind;
use crate::animation::recited::{Engines, recite};
use crate::animation::{Speaker, recording, speak};
use crate::avatar::cue::Mood;
use crate::engine::{EngineError, Tts};
use crate::frame::is_language;

/// Longest text in characters.
const LONGEST_TEXT: usize = 5000;
/// Largest recording in bytes.
const LARGEST_RECORDING: usize = 64 << 20;

/// Options for the faces.
#[derive(Debug, Deserialize)]
pub struct Options {
    #[serde(default = "sixty")]
    fps: u32,
    #[serde(default = "yes")]
    expressions: bool,
    #[serde(default)]
    mood: Mood,
    /// The language of a recording, ISO 639-1; empty: identified.
    #[serde(default)]
    language: String,
}

fn sixty() -> u32 {
    60
}

fn yes() -> bool {
    true
}

/// The body of a request with a text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    text: String,
    #[serde(default)]
    voice: String,
    #[serde(default)]
    language: String,
    #[serde(default = "sixty")]
    fps: u32,
    #[serde(default = "yes")]
    expressions: bool,
    #[serde(default)]
    mood: Mood,
}

/// The available voices, and all cloned ones, whether or not the engine can speak with them.
///
/// # Errors
/// If the engine is not available.
pub async fn voices(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let voices = app.fleet.tts.engine.voices().await?;
    let folder = app.config.clones_dir();
    let clones = tokio::task::spawn_blocking(move || shown(&folder)).await.map_err(|_| broken())?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({ "voices": voices, "clones": clones }))))
}

/// Audio and faces of a text or a recording: all at once as JSON, or chunk by chunk as lines of JSON.
///
/// # Errors
/// As problem details.
pub async fn animate(
    State(app): State<App>,
    Caller(principal): Caller,
    query: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let named = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = named(header::CONTENT_TYPE).split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let (options, work, permit) = match kind.as_str() {
        "application/json" => {
            let (options, work) = text(&read(body, LARGEST_BODY).await?, app.voice_beside_calls())?;
            (options, work, admit(&app, principal, Kind::Animation)?)
        }
        "audio/wav" | "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => {
            let Query(options) =
                query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
            check_rate(&options)?;
            check_language(&options.language)?;
            // Get the permit first, since the recording is held in memory.
            let permit = admit(&app, principal, Kind::Animation)?;
            let file = read(body, LARGEST_RECORDING).await?;
            let (stt, tts) = (app.fleet.stt.engine.clone(), app.voice_beside_calls());
            let engines = Engines { stt, tts };
            let language = options.language.clone();
            (options, Work::Recording(file, language, engines), permit)
        }
        _ => {
            let detail = "Send a text as Content-Type: application/json, or a recording as audio/wav.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
    };
    let mut clip =
        Clip::new(options.fps, options.expressions.then_some(options.mood), work.begin().await?, permit);
    clip.first().await?;
    if named(header::ACCEPT).contains("application/x-ndjson") {
        return Ok(clip.lines());
    }
    clip.whole().await
}

/// Reads the whole body, unless it is too large or too slow. Each piece is freed once it is copied.
async fn read(body: Body, most: usize) -> Result<Bytes, Problem> {
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(most);
    let mut bytes = Vec::with_capacity(told.min(most));
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| unread(&error))?;
        if bytes.len() + piece.len() > most {
            let detail = format!("The body is larger than {most} bytes; send it in parts.");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

fn check_rate(options: &Options) -> Result<(), Problem> {
    if [30, 60].contains(&options.fps) {
        return Ok(());
    }
    let detail = format!("fps must be 30 or 60, not {}", options.fps);
    Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("fps"))
}

pub(super) fn check_language(language: &str) -> Result<(), Problem> {
    if language.is_empty() || is_language(language) {
        return Ok(());
    }
    let detail = format!("language must be two letters such as \"en\", not {language:?}");
    Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("language"))
}

/// What to animate.
enum Work {
    Text(String, Speaker, Arc<dyn Tts>),
    Recording(Bytes, String, Engines),
}

fn text(body: &Bytes, tts: Arc<dyn Tts>) -> Result<(Options, Work), Problem> {
    let Json(asked) = Json::<Asked>::from_bytes(body)?;
    let wrong = |field, detail| Err(Problem::new(StatusCode::BAD_REQUEST, detail).field(field));
    let length = asked.text.chars().count();
    if asked.text.trim().is_empty() {
        return wrong("text", "text is empty: there is nothing to say".to_string());
    }
    if length > LONGEST_TEXT {
        let detail = format!("text has {length} characters; at most {LONGEST_TEXT}: send it in parts");
        return wrong("text", detail);
    }
    check_language(&asked.language)?;
    let speaker = Speaker { voice: asked.voice, language: asked.language };
    let Asked { fps, expressions, mood, .. } = asked;
    let options = Options { fps, expressions, mood, language: String::new() };
    check_rate(&options)?;
    Ok((options, Work::Text(asked.text, speaker, tts)))
}

impl Work {
    async fn begin(self) -> Result<Chunks, Problem> {
        let (file, language, engines) = match self {
            Self::Text(text, speaker, tts) => return Ok(speak(&text, speaker, tts)),
            Self::Recording(file, language, engines) => (file, language, engines),
        };
        // Decoding ten minutes takes a while; it stops when the request ends.
        let wanted = CancellationToken::new();
        let _left = wanted.clone().drop_guard();
        let wants = move || !wanted.is_cancelled();
        let read = tokio::task::spawn_blocking(move || recording::decode_while(&file, wants));
        let samples = read.await.map_err(|_| broken())?.map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("The recording cannot be used: {error}."))
                .field("body")
        })?;
        Ok(recite(samples, language, engines))
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            // The engine's message begins with the field's name.
            EngineError::Invalid(message) => {
                let known = ["voice", "language", "text"];
                let field = known.into_iter().find(|field| message.starts_with(&format!("{field}:")));
                let problem = Self::new(StatusCode::BAD_REQUEST, message);
                field.into_iter().fold(problem, Self::field)
            }
            EngineError::Unavailable(_) | EngineError::Busy(_) | EngineError::Deadline => {
                let detail = "The voice is busy with calls or does not respond. Try again in a moment.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
            }
            EngineError::Failed(_) | EngineError::TooLong { .. } => {
                let message = error.to_string();
                tracing::error!(%message, "speech for an animation failed");
                Self::new(StatusCode::BAD_GATEWAY, "The voice failed on this text; see the server's log.")
            }
        }
    }
}
