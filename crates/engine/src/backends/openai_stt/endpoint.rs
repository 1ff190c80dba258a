//! The HTTP side of one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Url};
use tokio::time::Instant;

use super::form::{self, Format};
use super::refusal;
use super::reply::{self, Expected};
use crate::EngineError;
use crate::backends::http::answer::{Answer, Asked};
use crate::backends::http::probe::Looked;
use crate::backends::http::refused::read;
use crate::backends::http::{Advice, Http, Refused};
use crate::config::SttEngine;
use crate::frame::{MIC_RATE, Transcript};
use crate::retry::{in_time, patiently_as_told};
use crate::watchdog::Watchdog;

/// Path of the transcription API.
const DOES: &str = "/audio/transcriptions";

/// Transcribes a whole utterance.
#[async_trait]
pub(super) trait Transcribe: Send + Sync {
    /// The words of `sound` at [`MIC_RATE`]. `language`: ISO 639-1; empty: identify it. Dropping the future ends the work.
    async fn transcribe(&self, sound: &[i16], language: &str) -> Result<Transcript, EngineError>;
}

/// An endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    http: Arc<Http>,
    url: Url,
    settings: SttEngine,
    /// Its name in metrics.
    engine: &'static str,
    /// It has not refused detailed responses yet.
    detailed: AtomicBool,
    /// Ends requests to a silent endpoint.
    watchdog: Watchdog,
}

impl Endpoint {
    /// The configured endpoint; nothing is sent yet. `section`: its section of the configuration.
    ///
    /// # Errors
    /// When the key cannot be read, the address is not valid, or a header is not valid.
    pub(super) fn new(section: &str, engine: &'static str, own: &SttEngine) -> anyhow::Result<Self> {
        let http = Arc::new(Http::new(&own.endpoint(section), Advice::OPENAI)?);
        let name = "response_format";
        let chosen = own.body.contains_key(name) || own.omit.iter().any(|omitted| omitted == name);
        Ok(Self {
            url: transcriptions(&http),
            http,
            settings: own.clone(),
            engine,
            detailed: AtomicBool::new(!chosen),
            watchdog: Watchdog::of_silence(Duration::from_secs(own.silence_seconds.into())),
        })
    }

    /// The languages that it recognises; empty: any.
    pub(super) fn languages(&self) -> &[String] {
        &self.settings.languages
    }

    /// What the readiness probe requests.
    pub(super) fn looked(&self) -> Looked {
        // An endpoint that accepts audio rejects a request without any.
        fn empty(http: &Http) -> RequestBuilder {
            http.post(transcriptions(http))
                .header(CONTENT_TYPE, "multipart/form-data; boundary=none")
                .body("--none--\r\n")
        }
        fn takes(status: u16) -> bool {
            // whisper.cpp's server reports faults with a success status.
            matches!(status, 200..=299 | 400 | 415 | 422 | 429)
        }
        let (http, model) = (self.http.clone(), self.settings.model_name());
        Looked { http, model, does: DOES, empty, takes }
    }

    fn asked(&self) -> Asked {
        self.http.asked(DOES, &self.settings.model_name())
    }

    /// Makes one attempt.
    async fn once(&self, sound: &[i16], language: &str) -> Result<Transcript, Refused> {
        let found = self.watchdog.response(self.ask(sound, language)).await;
        let answer = found.map_err(|error| self.silent(error))?;
        let expected = Expected { given: language, known: self.languages() };
        if answer.is_success()
            && !answer.is_page()
            && let Some(words) = reply::transcript(&answer.body, expected)
        {
            return Ok(words);
        }
        let answer = Answer { body: self.http.without_secrets(answer.body), ..answer };
        Err(refusal::of(&answer, &self.asked(), sound.len() / MIC_RATE as usize))
    }

    /// Requests a detailed response, or a plain one if detailed ones have been refused.
    async fn ask(&self, sound: &[i16], language: &str) -> Result<Answer, EngineError> {
        if !self.detailed.load(Ordering::Relaxed) {
            return self.post(sound, language, Format::Plain).await;
        }
        let answer = self.post(sound, language, Format::Verbose).await?;
        if !refusal::is_of_format(&answer) {
            return Ok(answer);
        }
        if self.detailed.swap(false, Ordering::Relaxed) {
            let address = self.http.address();
            tracing::warn!(
                %address,
                "the endpoint refuses verbose_json: its transcripts come without language and figures. Set conversation.language"
            );
        }
        self.post(sound, language, Format::Plain).await
    }

    async fn post(&self, sound: &[i16], language: &str, format: Format) -> Result<Answer, EngineError> {
        let fields = form::fields(&self.settings, language, format);
        let (kind, body) = form::body(&fields, sound);
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, kind).body(body);
        Ok(read(self.http.send(request).await?).await)
    }

    /// Adds advice to the error of a silent endpoint; other errors are unchanged.
    fn silent(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Deadline => {
                let (at, section) = (self.http.address(), self.http.section());
                let seconds = self.settings.silence_seconds;
                EngineError::Failed(format!(
                    "{at} has sent no transcript for {seconds} s. Look at its load, or raise {section}.silence_seconds"
                ))
            }
            error => error,
        }
    }
}

#[async_trait]
impl Transcribe for Endpoint {
    async fn transcribe(&self, sound: &[i16], language: &str) -> Result<Transcript, EngineError> {
        if sound.is_empty() {
            return Ok(Transcript { no_speech_probability: 1.0, ..Transcript::default() });
        }
        metrics::counter!("visavis_engine_requests_total", "engine" => self.engine).increment(1);
        let began = Instant::now();
        let passes = in_time(|refused: &Refused| refused.error.is_passing());
        let told = |refused: &Refused| refused.after;
        let words = patiently_as_told(|| self.once(sound, language), passes, told).await;
        let words = words.map_err(|refused| refused.error)?;
        let decode_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        Ok(Transcript { decode_ms, ..words })
    }
}

fn transcriptions(http: &Http) -> Url {
    http.url(&["audio", "transcriptions"])
}
