//! The voice that a client chooses for its call, and `GET /api/voices/{name}/sample`: a sample of a voice.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use visavis_text::sample::sentence;

use super::App;
use super::admit::admit;
use super::animate::check_language;
use super::caller::Caller;
use super::part::Part;
use super::problem::{Problem, broken};
use crate::admission::Kind;
use crate::animation::{Speaker, recording, speak};
use crate::engine::{Tts, Voice};
use crate::frame::OUT_RATE;
use crate::voice::{ChosenVoice, KnownVoice, find};

/// Longest wait for the engine's list of voices.
const LISTING: Duration = Duration::from_secs(3);
/// Longest time for a sample: calls have priority.
const SPEAKING: Duration = Duration::from_secs(30);
/// Longest sample, 20 s; more means that the engine is broken.
const LONGEST: usize = 20 * OUT_RATE as usize;
/// A client may cache a sample but must revalidate it: a cloned voice may be removed, or added again with another clip under
/// the same name.
const CACHED: &str = "private, no-cache";

/// The query of a sample.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// ISO 639-1; empty: the voice's.
    #[serde(default)]
    language: String,
}

/// The voice that a client asked for; `None`: as configured.
///
/// # Errors
/// If there is no such voice, with the available ones: those of `language`, if it is known.
pub(super) async fn chosen(
    app: &App,
    asked: Option<&str>,
    language: Option<&str>,
) -> Result<Option<ChosenVoice>, Problem> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(None) };
    let known = known(app.fleet.tts.engine.as_ref()).await?;
    let found = find(&known, asked, language.unwrap_or_default());
    let refused = |fault| Problem::new(StatusCode::BAD_REQUEST, format!("voice: {fault}")).field("voice");
    found.map(Some).map_err(refused)
}

/// A sample sentence in a voice, in its language or another one, as WAV.
///
/// # Errors
/// As problem details.
pub async fn sample(
    State(app): State<App>,
    Caller(principal): Caller,
    Part(name): Part,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(Asked { language }) =
        query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    check_language(&language)?;
    check_ready(&app)?;
    let _permit = admit(&app, principal, Kind::Sample)?;
    let tts = app.voice_beside_calls();
    let voice = named(&known(tts.as_ref()).await?, &name, language)?;
    let late = |_| {
        let detail = "The voice is busy with calls. Try again in a moment.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
    };
    let wave = tokio::time::timeout(SPEAKING, spoken(tts, voice)).await.map_err(late)??;
    Ok(respond(wave, &headers))
}

/// Checks that the engine can speak.
fn check_ready(app: &App) -> Result<(), Problem> {
    let status = app.fleet.tts.status.borrow();
    if status.ready {
        return Ok(());
    }
    let detail = format!("The voice {}. Try again in a moment.", status.message);
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(2).reason("not-ready"))
}

/// The engine's voices.
async fn known(tts: &dyn Tts) -> Result<Vec<KnownVoice>, Problem> {
    let late = |_| {
        let detail = "The voices cannot be listed now. Try again in a moment.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(2)
    };
    let voices = tokio::time::timeout(LISTING, tts.voices()).await.map_err(late)??;
    Ok(voices.iter().map(Voice::known).collect())
}

/// The voice of this name, for a sample in this language.
fn named(known: &[KnownVoice], name: &str, language: String) -> Result<ChosenVoice, Problem> {
    let voice = find(known, name, &language)
        .map_err(|fault| Problem::new(StatusCode::NOT_FOUND, format!("voice: {fault}")).field("voice"))?;
    if language.is_empty() || voice.language == language {
        return Ok(voice);
    }
    if voice.language.is_empty() {
        return Ok(ChosenVoice { language, ..voice });
    }
    let detail = format!("language: the voice {name:?} speaks {:?}; leave language out", voice.language);
    Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("language"))
}

/// The sample sentence of the voice's language as a WAV file.
async fn spoken(tts: Arc<dyn Tts>, voice: ChosenVoice) -> Result<Vec<u8>, Problem> {
    let text = sentence(&voice.language);
    let mut chunks = speak(text, Speaker { voice: voice.name, language: voice.language }, tts);
    let mut samples = Vec::new();
    while let Some(spoken) = chunks.recv().await {
        samples.extend(spoken?.chunk.samples);
        if samples.len() > LONGEST {
            break;
        }
    }
    if samples.is_empty() {
        return Err(Problem::new(StatusCode::BAD_GATEWAY, "The voice made no sound; see the server's log."));
    }
    recording::encode(&samples).map_err(|_| broken())
}

/// The file, unless the client has it.
fn respond(wave: Vec<u8>, headers: &HeaderMap) -> Response {
    let tag = tag(&wave);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let heads = [(header::ETAG, tag), (header::CACHE_CONTROL, CACHED.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, heads).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "audio/wav"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (heads, kind, Bytes::from(wave)).into_response()
}

/// A change detector, not a security feature.
fn tag(wave: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    wave.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use visavis_scripted::ScriptedTts;

    use super::*;
    use crate::engine::{EngineError, TtsPart};

    fn voices() -> Vec<KnownVoice> {
        let voice = |name: &str, language: &str| KnownVoice {
            name: name.into(),
            language: language.into(),
            ..KnownVoice::default()
        };
        vec![voice("joe", "en"), voice("eva", "de"), voice("alloy", "")]
    }

    #[tokio::test]
    async fn a_sample_is_the_sentence_of_the_voice_s_language_spoken_behind_calls() {
        let tts = Arc::new(ScriptedTts::default());
        let voice = named(&voices(), "eva", String::new()).unwrap();
        let wave = spoken(tts.clone(), voice).await.unwrap();
        let samples = recording::decode(&wave).unwrap();
        let asked = tts.asked();
        let said: Vec<&str> = asked.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(said.join(" "), sentence("de"));
        assert!(
            asked.iter().all(|one| one.ahead && one.waited && one.voice == "eva" && one.language == "de"),
            "{asked:?}"
        );
        // 300 ms a word.
        assert!((7_000 * 7..8_000 * 9).contains(&samples.len()), "{} samples", samples.len());
    }

    #[test]
    fn a_voice_that_does_not_exist_or_speaks_another_language_is_refused_with_what_to_ask_for() {
        for (name, language, status, field, part) in [
            ("bob", "", 404, "voice", "joe (en), eva (de)"),
            ("bob", "de", 404, "voice", "for \"de\" there are eva"),
            ("eva", "en", 400, "language", "\"eva\" speaks \"de\""),
        ] {
            let body = named(&voices(), name, language.into()).unwrap_err().body();
            assert_eq!((&body["status"], &body["field"]), (&json!(status), &json!(field)), "{body}");
            assert!(body["detail"].as_str().unwrap().contains(part), "{body}");
        }
        let any = named(&voices(), "alloy", "fr".into()).unwrap();
        assert_eq!((any.name.as_str(), any.language.as_str()), ("alloy", "fr"));
    }

    #[tokio::test]
    async fn a_voice_that_fails_is_silent_or_does_not_end_costs_one_bounded_response() {
        let voice = || ChosenVoice { name: "joe".into(), language: "en".into() };
        let status = |problem: Problem| problem.body()["status"].as_u64();
        let fault = EngineError::Failed("it died".into());
        let failed = spoken(Arc::new(ScriptedTts::default().failing("", 0, fault)), voice()).await;
        assert_eq!(failed.map_err(status), Err(Some(502)));
        let silent = spoken(Arc::new(ScriptedTts::speaking(|_| Vec::new())), voice()).await;
        assert_eq!(silent.map_err(status), Err(Some(502)));
        let second = TtsPart { rate: OUT_RATE, samples: vec![9; OUT_RATE as usize], ..TtsPart::default() };
        let endless = ScriptedTts::speaking(move |_| vec![second.clone(); 600]);
        let wave = spoken(Arc::new(endless), voice()).await.unwrap();
        assert!(wave.len() < 2 * LONGEST + 100_000, "{} bytes", wave.len());
    }

    #[tokio::test]
    async fn a_sample_that_the_client_has_is_not_sent_again() {
        let first = respond(vec![7; 100], &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        let (again, other) = (respond(vec![7; 100], &headers), respond(vec![8; 100], &headers));
        assert_eq!((again.status(), other.status()), (StatusCode::NOT_MODIFIED, StatusCode::OK));
        assert!(again.headers().contains_key(header::CACHE_CONTROL));
    }
}
