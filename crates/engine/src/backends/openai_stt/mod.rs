//! Recognisers behind OpenAI-compatible transcription endpoints: speaches, faster-whisper's servers, LocalAI, vLLM,
//! whisper.cpp's server and cloud services. Audio is uploaded when a final or a trial transcript is wanted.
//!
//! - this file: makes the backend
//! - `endpoint`: the HTTP side of one endpoint; `hearing`: one utterance there
//! - `form`: builds a request; `reply`: converts a response into a transcript, with `languages`; `refusal`: explains a response
//!   without one (all pure)
//! - `combined`: our own recogniser makes the partials; `choice` chooses between the two (pure)

mod choice;
mod combined;
mod endpoint;
mod form;
mod hearing;
mod languages;
mod refusal;
mod reply;

pub use languages::name as language_name;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use super::http::probe::Probe;
use super::{Backend, Tasks};
use crate::config::SttEngine;
use crate::status::EngineStatus;
use crate::{EngineError, Stt, SttCapabilities, SttRequest, SttStream};
use combined::Combined;
use endpoint::Endpoint;
use hearing::{Hearing, Sound};

/// Audio frames and decodes queued for an utterance; the pipeline waits when the queue is full.
const INPUTS: usize = 256;

/// A recogniser at an endpoint, whose readiness is checked until `tasks` end. `section`: its section of the configuration;
/// `own`: our own recogniser, if it is to make the partials.
///
/// # Errors
/// When the key cannot be read or its `url` is not an address.
pub(super) fn stt(
    tasks: &Tasks,
    section: &str,
    settings: &SttEngine,
    own: Option<Backend<dyn Stt>>,
) -> anyhow::Result<Backend<dyn Stt>> {
    // Our own recogniser uses the engine's name in metrics and reports.
    let engine = if own.is_some() { tasks.endpoint_label("stt_endpoint") } else { tasks.label("stt") };
    let endpoint = Arc::new(Endpoint::new(section, engine, settings)?);
    let (status, known) = watch::channel(EngineStatus::not_ready("has not been reached yet"));
    let languages = settings.languages.clone();
    let serves =
        EngineStatus { identifies_language: languages.len() != 1, languages, ..EngineStatus::default() };
    let probe = Probe { engine, looked: endpoint.looked(), known: serves, status };
    tasks.spawn(|token| probe.run(token));
    let Some(own) = own else {
        return Ok(Backend { engine: Arc::new(EndpointStt { endpoint }), status: known });
    };
    let combined = Combined {
        own: own.engine,
        languages: settings.languages.clone(),
        endpoint,
        patience: Duration::from_millis(settings.final_ms.into()),
    };
    Ok(Backend { engine: Arc::new(combined), status: both(tasks, own.status, known) })
}

/// Recognition by an endpoint only.
struct EndpointStt {
    endpoint: Arc<Endpoint>,
}

#[async_trait]
impl Stt for EndpointStt {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities { languages: self.endpoint.languages().to_vec(), ..SttCapabilities::default() }
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        if request.translate {
            return Err(untranslated());
        }
        let (input, inputs) = mpsc::channel(INPUTS);
        let sound = Sound::new(self.endpoint.clone(), request.language);
        Ok(SttStream { input, output: Hearing::new(inputs, sound).decoded() })
    }
}

/// Refuses to translate: the adapter asks endpoints for transcripts alone.
fn untranslated() -> EngineError {
    EngineError::Invalid("translate: this recogniser transcribes only; use one of our own (stt.api)".into())
}

/// The combined state of both recognisers: calls can be served while one of them is ready.
fn both(
    tasks: &Tasks,
    mut own: watch::Receiver<EngineStatus>,
    mut endpoint: watch::Receiver<EngineStatus>,
) -> watch::Receiver<EngineStatus> {
    let (status, known) = watch::channel(together(&own.borrow(), &endpoint.borrow()));
    let follow = async move {
        loop {
            let now = together(&own.borrow_and_update(), &endpoint.borrow_and_update());
            status.send_if_modified(|old| {
                let changed = *old != now;
                *old = now;
                changed
            });
            let changed = tokio::select! {
                changed = own.changed() => changed,
                changed = endpoint.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    };
    tasks.spawn(|token| async move { _ = token.run_until_cancelled(follow).await });
    known
}

fn together(own: &EngineStatus, endpoint: &EngineStatus) -> EngineStatus {
    let told = [("the endpoint", endpoint), ("our own recogniser", own)];
    let told = told.into_iter().filter(|(_, status)| !status.message.is_empty());
    let message =
        told.map(|(who, status)| format!("{who} {}", status.message)).collect::<Vec<_>>().join("; ");
    let models: Vec<&str> =
        [&endpoint.model, &own.model].map(String::as_str).into_iter().filter(|it| !it.is_empty()).collect();
    let ready = own.ready || endpoint.ready;
    // The caller puts "recognition" before this message.
    let message = if ready || message.is_empty() { message } else { format!("is not ready: {message}") };
    EngineStatus {
        ready,
        message,
        model: models.join(" + "),
        identifies_language: own.identifies_language || endpoint.identifies_language,
        ..endpoint.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_recognisers_suffices_and_what_the_other_lacks_is_told() {
        let ready =
            |model: &str| EngineStatus { ready: true, model: model.into(), ..EngineStatus::default() };
        let down = || EngineStatus::not_ready("loads its model");
        let status = together(&down(), &ready("whisper-1"));
        assert_eq!((status.ready, status.message.as_str()), (true, "our own recogniser loads its model"));
        let status = together(&ready("base"), &ready("whisper-1"));
        assert_eq!((status.message.as_str(), status.model.as_str()), ("", "whisper-1 + base"));
        let status = together(&down(), &EngineStatus::not_ready("cannot be asked: refused"));
        assert!(!status.ready && status.message.starts_with("is not ready: the endpoint cannot be asked"));
    }
}
