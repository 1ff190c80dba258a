//! What the addresses that take recordings share.
//!
//! - `upload`: a request's recordings, on their way to the disk; `source`: the bytes of a form, read ahead within bounds; `fields`: its
//!   other fields (pure)
//! - `fault`: what is wrong, before it is told in one of the two forms of errors (pure)
//! - this file: what they need of the server, their admission, a whole recording, and their answers

mod fault;
mod fields;
mod source;
mod upload;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use visavis_listening::ListenError;
use visavis_listening::listen::{End, Engines, Event, Order, listen};
use visavis_listening::segments::{Segment, whole_text};
use visavis_listening::words::Word;

use super::App;
use super::admit::admit;
use super::caller::Caller;
use super::problem::Problem;
use crate::admission::{Kind, Permit};
use crate::engine::EngineError;

pub(super) use fault::Fault;
pub(super) use fields::{Fields, shown};
pub(super) use upload::{Recording, leave, missing, read};

const MEBIBYTE: u64 = 1 << 20;

/// The parts of the server that take recordings.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) engines: Engines,
    /// The folder of uploads.
    pub(super) folder: PathBuf,
    /// Most bytes of a request's recordings.
    pub(super) largest: u64,
}

impl FromRef<App> for Desk {
    fn from_ref(app: &App) -> Self {
        let admission = app.admission.clone();
        let engines = Engines {
            stt: app.fleet.stt.engine.clone(),
            tts: app.voice_beside_calls(),
            vad: app.fleet.engines().vad,
            places: app.places.clone(),
            waited: true,
            busy: Arc::new(move || admission.active(Kind::Call) > 0),
        };
        let folder = app.config.uploads_dir();
        Self { engines, folder, largest: u64::from(app.config.listening.largest_upload_mib) * MEBIBYTE }
    }
}

impl Desk {
    /// The language of a request's recordings; empty: it is to be identified.
    pub(super) fn language(&self, fields: &Fields) -> Result<String, Fault> {
        let language = fields.language()?;
        let known = self.engines.stt.capabilities().languages;
        if language.is_empty() || known.is_empty() || known.contains(&language) {
            return Ok(language);
        }
        let detail = format!("language is {language:?}, and the recogniser knows {}", known.join(", "));
        Err(Fault::of("language", detail))
    }

    /// Refuses to translate if no engine can.
    pub(super) fn check_translates(&self) -> Result<(), Fault> {
        if self.engines.stt.capabilities().translates {
            return Ok(());
        }
        let detail = "This server's recogniser cannot translate: that needs a multilingual Whisper model of its own \
                      (stt.model), such as that of the profile cpu. Transcription works.";
        Err(Fault::new(StatusCode::BAD_REQUEST, detail))
    }
}

/// What is said in a whole recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Heard {
    pub(super) segments: Vec<Segment>,
    pub(super) end: End,
}

impl Heard {
    pub(super) fn text(&self) -> String {
        whole_text(&self.segments)
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &Word> {
        self.segments.iter().flat_map(|segment| &segment.words)
    }
}

/// Listens to a whole recording. Dropping the future stops the work.
pub(super) async fn heard(file: File, order: Order, engines: Engines) -> Result<Heard, Fault> {
    let mut events = listen(file, order, engines);
    let mut segments = Vec::new();
    while let Some(event) = events.recv().await {
        match event? {
            Event::Segment(segment) => segments.push(segment),
            Event::End(end) => return Ok(Heard { segments, end }),
        }
    }
    Err(Fault::broken())
}

impl From<ListenError> for Fault {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::Unreadable(reason) => {
                Self::of("file", format!("The recording cannot be used: {}.", reason.trim_end_matches('.')))
            }
            ListenError::Engine(error) => of_engine(error),
        }
    }
}

fn of_engine(error: EngineError) -> Fault {
    match error {
        EngineError::Invalid(message) => {
            // The engine names the part of its own request.
            let message = message.trim_start_matches("start.");
            match message.starts_with("language") {
                true => Fault::of("language", message),
                false => Fault::new(StatusCode::BAD_REQUEST, message),
            }
        }
        EngineError::Unavailable(_) | EngineError::Busy(_) | EngineError::Deadline => {
            let detail = "Recognition is busy with calls or does not respond. Try again in a moment.";
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
        }
        EngineError::Failed(_) | EngineError::TooLong { .. } => {
            tracing::error!(%error, "recognition failed on a recording");
            let detail = "Recognition failed on this recording; see the server's log.";
            Fault::new(StatusCode::BAD_GATEWAY, detail)
        }
    }
}

/// A word as clients see it.
pub(super) fn word(word: &Word) -> Value {
    json!({ "word": word.text, "start": rounded(word.start), "end": rounded(word.end) })
}

/// Seconds, to the millisecond.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// What was made of one recording of a batch, with its name: a result, or its problem in its place.
pub(super) fn named(name: &str, done: Result<Value, Fault>) -> Value {
    let mut result = done.unwrap_or_else(|fault| json!({ "error": Problem::from(fault).body() }));
    result["name"] = json!(name);
    result
}

/// The results of recordings, which no proxy may cache.
pub(super) fn answer(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A request about a recording that is to be answered.
pub(super) struct Admitted {
    pub(super) request: Request,
    pub(super) permit: Permit,
}

impl FromRequest<App> for Admitted {
    type Rejection = Problem;

    /// Admits a request, or refuses it in a way that its client reads.
    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(Caller(principal)) = Caller::from_request_parts(&mut parts, app).await;
        let request = Request::from_parts(parts, body);
        let ready = check_ready(app).map_err(Problem::from);
        match ready.and_then(|()| admit(app, principal, Kind::Request)) {
            Ok(permit) => Ok(Self { request, permit }),
            Err(problem) => {
                leave(request);
                Err(problem)
            }
        }
    }
}

/// Whether recognition takes requests; the refusal says what it waits for.
fn check_ready(app: &App) -> Result<(), Fault> {
    let status = app.fleet.stt.status.borrow();
    if status.ready {
        return Ok(());
    }
    let detail = format!("Recognition {}. Try again in a moment.", status.message);
    Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(2))
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
