//! The interface of all APIs: a request for a segment, and its sound.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio_util::bytes::Bytes;

use super::clip::Clip;
use super::encoded::{self, Encoded};
use super::listing::Listing;
use super::sound::{Coding, is_mp3};
use crate::audio::wav::RATES;
use crate::backends::http::{self, Http, Refused};
use crate::config::{TtsEngine, TtsFormat};
use crate::{EngineError, Speed};

/// Most bytes of a response that is read whole.
pub(super) const LARGEST: usize = 64 << 20;

/// A segment, and the voice that speaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// The voice's name at the server; empty: the server's only voice.
    pub(super) voice: String,
    /// ISO 639-1.
    pub(super) language: String,
    /// Relative to the configured speed.
    pub(super) speed: Speed,
    /// The clip that the voice is cloned from.
    pub(super) clip: Option<Clip>,
}

/// The sound of a segment, in pieces as it arrives. Dropping it stops the work.
pub(super) struct Answer {
    /// The expected format of each sound in it.
    pub(super) coding: Coding,
    pub(super) pieces: BoxStream<'static, Result<Piece, EngineError>>,
    /// A piece with a header, or with another rate, begins a new sound.
    pub(super) separate: bool,
    /// All of it is made before the first piece is sent.
    pub(super) whole: bool,
    /// Only the end of the connection ends it: one that was cut looks whole.
    pub(super) closing: bool,
}

/// A piece of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// Samples per second of raw sound, if the server reports it.
    pub(super) rate: Option<u32>,
}

impl From<Encoded> for Piece {
    fn from(Encoded { bytes, rate }: Encoded) -> Self {
        Self { bytes: bytes.into(), rate }
    }
}

/// One API.
///
/// [`EngineError::Invalid`] means that another voice or language may succeed: the pipeline then tries the language's default.
/// All other refusals are failures.
#[async_trait]
pub(super) trait Api: Send + Sync {
    /// The request path, for messages.
    fn does(&self) -> &'static str;
    /// Why it cannot speak with cloned voices, as a clause that follows "X is a cloned voice;".
    ///
    /// # Errors
    /// The reason.
    fn cloning(&self) -> Result<(), String>;
    /// Checks that the server responds, and lists its voices.
    async fn look(&self) -> Result<Listing, Refused>;
    /// Makes one request for a segment; returns when its sound begins to arrive.
    async fn speak(&self, line: &Line) -> Result<Answer, Refused>;
}

/// The requested sound format.
pub(super) fn coding(own: &TtsEngine) -> Coding {
    match own.format {
        TtsFormat::Wav => Coding::Wav,
        TtsFormat::Pcm => Coding::Pcm(own.rate),
    }
}

/// Sends a request, and returns a successful response.
pub(super) async fn asked(http: &Http, request: RequestBuilder, does: &str) -> Result<Response, Refused> {
    let response = http.send(request).await?;
    let page = http::content_type(&response).starts_with("text/html");
    if response.status().is_success() && !page {
        return Ok(response);
    }
    Err(refused(http, response, does).await)
}

/// Explains a response without sound.
pub(super) async fn refused(http: &Http, response: Response, does: &str) -> Refused {
    let status = response.status().as_u16();
    let Refused { error, after } = http::refused(http, response, does).await;
    Refused { error: settled(error, status, &[http.address(), http.section()]), after }
}

/// Keeps [`EngineError::Invalid`] only for refusals of the voice or the language. `names`: parts of the text that say nothing
/// about that.
fn settled(error: EngineError, status: u16, names: &[&str]) -> EngineError {
    match error {
        EngineError::Invalid(text) => {
            let said = names.iter().fold(text.clone(), |text, name| text.replace(name, "")).to_lowercase();
            let choice = ["voice", "speaker", "language"].iter().any(|word| said.contains(word));
            if choice && matches!(status, 400 | 404 | 422) {
                EngineError::Invalid(text)
            } else {
                EngineError::Failed(text)
            }
        }
        error => error,
    }
}

/// The JSON in a response; `Null` if there is none.
pub(super) async fn json(http: &Http, response: Response) -> Result<Value, EngineError> {
    let bytes = body(http, response).await?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A complete body.
///
/// # Errors
/// When it breaks off or is too large.
pub(super) async fn body(http: &Http, mut response: Response) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(http, error))? {
        if bytes.len() + chunk.len() > LARGEST {
            let at = http.address();
            return Err(EngineError::Failed(format!(
                "{at} sends more than {LARGEST} bytes at once. Look at its log"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn broken(http: &Http, error: reqwest::Error) -> EngineError {
    broke_off(http, &http::cause(error))
}

/// The error for a sound that breaks off; `cause`: how that was seen.
pub(super) fn broke_off(http: &Http, cause: &str) -> EngineError {
    let at = http.address();
    EngineError::Failed(format!(
        "{at} broke off in the middle of a segment ({cause}). Its log, or that of a proxy before it, says why"
    ))
}

/// The sound in a successful response, which may be JSON that contains it.
pub(super) async fn sound(
    http: &Arc<Http>,
    mut response: Response,
    coding: Coding,
) -> Result<Answer, Refused> {
    let (kind, closing) = (http::content_type(&response), http::ends_by_closing(&response));
    if kind.contains("json") {
        let value = serde_json::from_slice::<Value>(&body(http, response).await?);
        if closing && value.is_err() {
            return Err(broke_off(http, "the connection was closed within its JSON").into());
        }
        return Ok(in_json(http, &value.unwrap_or_default(), coding)?);
    }
    let whole = response.content_length().is_some();
    let first = response.chunk().await.map_err(|error| broken(http, error))?;
    // Some servers label all their sound MP3, whatever was requested: the first bytes decide.
    let called = kind.starts_with("audio/mpeg") || kind.starts_with("audio/mp3");
    if called && first.as_deref().is_some_and(is_mp3) {
        return Err(mp3(http).into());
    }
    let state = (http.clone(), response);
    let rest = stream::try_unfold(state, |(http, mut response)| async move {
        let chunk = response.chunk().await.map_err(|error| broken(&http, error))?;
        Ok::<_, EngineError>(chunk.map(|bytes| (bytes, (http, response))))
    });
    let all = stream::iter(first.map(Ok::<_, EngineError>)).chain(rest);
    let pieces = all.map(|bytes| bytes.map(|bytes| Piece { bytes, rate: None }));
    Ok(Answer { coding, pieces: pieces.boxed(), separate: false, whole, closing })
}

/// The sound in JSON.
///
/// # Errors
/// What it contains instead.
pub(super) fn in_json(http: &Http, value: &Value, coding: Coding) -> Result<Answer, EngineError> {
    let found = encoded::sound(value).map_err(|why| silent(http, &why))?;
    let rate = found.iter().find_map(|piece| piece.rate).filter(|rate| RATES.contains(rate));
    let coding = match (coding, rate) {
        (Coding::Pcm(_), Some(rate)) => Coding::Pcm(rate),
        (coding, _) => coding,
    };
    let pieces = stream::iter(found.into_iter().map(|piece| Ok(Piece::from(piece))));
    Ok(Answer { coding, pieces: pieces.boxed(), separate: true, whole: true, closing: false })
}

/// The error for JSON without sound; `why` follows the server's address.
pub(super) fn silent(http: &Http, why: &str) -> EngineError {
    if why.starts_with("sends no sound") { told(http, why) } else { unread(http, why) }
}

/// The error for a server's error message; `why` follows its address.
pub(super) fn told(http: &Http, why: &str) -> EngineError {
    let at = http.address();
    let text = http.without_secrets(format!("{at} {why}. Its log says more"));
    settled(EngineError::Invalid(text), 400, &[at, http.section()])
}

/// The error for a response whose sound cannot be read; `why` follows the server's address.
pub(super) fn unread(http: &Http, why: &str) -> EngineError {
    let (at, section) = (http.address(), http.section());
    let why = http.without_secrets(why.to_owned());
    let format = if http.advice().formats {
        format!("Set {section}.format to wav, or to pcm with {section}.rate, to match what the server sends")
    } else {
        "Have the server send WAV".into()
    };
    EngineError::Failed(format!(
        "{at} {why}. {format}; if the server has its own field for the format, set it in {section}.body"
    ))
}

fn mp3(http: &Http) -> EngineError {
    unread(http, "sends MP3, which this server does not read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_voice_or_language_lets_another_one_speak() {
        let at = "http://voice.example/v1";
        let invalid = |text: &str| EngineError::Invalid(format!("{at} {text}"));
        for (status, text, other) in [
            (400, "refuses the request (400): Voice 'x' not found", true),
            (422, "refuses the request (422): unsupported language", true),
            (404, "has no speaker x (404)", true),
            (401, "refuses the key (401). Set backends.voices.key", false),
            (400, "refuses the key (400). Set backends.voices.key", false),
            (404, "has no /audio/speech (404)", false),
            (403, "does not let the key use this voice (403)", false),
        ] {
            let error = settled(invalid(text), status, &[at, "backends.voices"]);
            assert_eq!(matches!(error, EngineError::Invalid(_)), other, "{error:?}");
        }
        let busy = EngineError::Busy("x".into());
        assert_eq!(settled(busy.clone(), 429, &[at]), busy);
    }
}
