//! Every adapter of voices behind HTTP APIs meets the same faults, with the same behaviour and messages.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod speech_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use speech_server::{
    KEY, Parts, RATE, base64, config, connect, heard, parts, pcm, request, serve, tone, wav, written,
};
use tokio::time::sleep;
use visavis_config::{Route, TtsApi};
use visavis_core::route::{EngineKind, Reason};
use visavis_engine::router::{RoutedTts, Voices};
use visavis_engine::{EngineError, Tts};
use visavis_scripted::ScriptedTts;
use visavis_scripted::boards::{board, route};

const APIS: [TtsApi; 5] = [TtsApi::OpenAi, TtsApi::Xtts, TtsApi::Piper, TtsApi::Cloudflare, TtsApi::RunPod];

/// Samples of a short sound: half a second.
const SHORT: usize = RATE as usize / 2;
const JSON: &str = "application/json";
const PAGE: &str = "text/html; charset=utf-8";

/// A server's behaviour for a request for speech.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// It speaks.
    Speaks,
    /// It responds with something else.
    Answers(Answer),
    /// It sends nothing.
    Stalls,
    /// It begins to speak, then sends nothing more.
    StallsWithin,
    /// It begins to speak, then fails.
    BreaksOff,
    /// It speaks forever.
    NeverEnds,
}

/// A response without sound.
#[derive(Debug, Clone, Copy)]
struct Answer {
    status: u16,
    kind: &'static str,
    body: &'static str,
    /// `Retry-After`.
    after: Option<&'static str>,
}

impl Does {
    const fn answers(status: u16, kind: &'static str, body: &'static str) -> Self {
        Self::Answers(Answer { status, kind, body, after: None })
    }

    const fn busy(after: Option<&'static str>) -> Self {
        Self::Answers(Answer { status: 429, kind: "text/plain", body: "slow down", after })
    }
}

const UNREADY: Does = Does::answers(503, JSON, "{}");
const NO_VOICE: Does = Does::answers(400, JSON, r#"{"error":{"message":"Voice 'joe' not found"}}"#);
const NO_KEY: Does = Does::answers(401, JSON, r#"{"error":{"message":"no key sk-very-secret"}}"#);
const FORBIDDEN: Does = Does::answers(403, JSON, r#"{"error":{"message":"sk-very-secret may not"}}"#);
const NOT_FOUND: Does = Does::answers(404, JSON, r#"{"detail":"Not Found"}"#);
const FAILED: Does = Does::answers(500, JSON, r#"{"error":"out of memory"}"#);
const FAILED_PAGE: Does = Does::answers(500, PAGE, "<html><h1>Internal Server Error</h1></html>");
const WELCOME: Does = Does::answers(200, PAGE, "<!doctype html><h1>Welcome</h1>");

/// A server, and the number of requests for speech that it received.
struct Served {
    url: String,
    asked: Arc<AtomicU32>,
}

/// Starts a server of this API with the voice `joe`; `does`: its behaviour for each request, by number.
async fn server(api: TtsApi, does: impl Fn(u32) -> Does + Clone + Send + Sync + 'static) -> Served {
    let (asked, polls) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (counted, then) = (asked.clone(), does.clone());
    let speak = post(move |body: String| async move {
        // A readiness check sends no text.
        if api == TtsApi::OpenAi && !body.contains("input") {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        }
        speech(api, does(counted.fetch_add(1, Ordering::Relaxed))).await
    });
    let poll = get(move || async move { job(then(0), polls.fetch_add(1, Ordering::Relaxed)).await });
    let speaker = json!({ "joe": { "speaker_embedding": [0.5], "gpt_cond_latent": [[0.5]] } });
    let router = match api {
        TtsApi::Xtts => Router::new()
            .route("/v1/studio_speakers", list(speaker))
            .route("/v1/languages", list(json!(["en"])))
            .route("/v1/tts_stream", speak),
        TtsApi::Piper => {
            Router::new().route("/v1/voices", list(json!({ "joe": {} }))).route("/v1/synthesize", speak)
        }
        TtsApi::Cloudflare => Router::new().route("/v1/ai/run/small", speak),
        TtsApi::RunPod => Router::new()
            .route("/v1/health", list(json!({})))
            .route("/v1/run", speak)
            .route("/v1/stream/j", poll),
        TtsApi::OpenAi | TtsApi::Engine => Router::new().route("/v1/audio/speech", speak),
    };
    Served { url: serve(router).await, asked }
}

fn list(value: Value) -> MethodRouter {
    get(move || async move { Json(value) })
}

/// The response to a request for speech.
async fn speech(api: TtsApi, does: Does) -> Response {
    match does {
        Does::Speaks if api == TtsApi::RunPod => {
            let output = json!({ "audio": base64(&file(SHORT)) });
            Json(json!({ "id": "j", "status": "COMPLETED", "output": output })).into_response()
        }
        Does::Speaks => ([(CONTENT_TYPE, "audio/wav")], file(SHORT)).into_response(),
        Does::Answers(Answer { status, kind, body, after }) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, [(CONTENT_TYPE, kind)], body).into_response();
            if let Some(after) = after {
                response.headers_mut().insert(RETRY_AFTER, after.parse().unwrap());
            }
            response
        }
        Does::Stalls => std::future::pending().await,
        // The job's state follows in later replies.
        Does::StallsWithin | Does::BreaksOff | Does::NeverEnds if api == TtsApi::RunPod => {
            Json(json!({ "id": "j", "status": "IN_QUEUE" })).into_response()
        }
        Does::StallsWithin | Does::BreaksOff | Does::NeverEnds => begun(does),
    }
}

/// Sound that begins but has no proper end.
fn begun(does: Does) -> Response {
    let (sender, response) = written("audio/wav");
    tokio::spawn(async move {
        sender.send(Ok(wav(&tone(SHORT), 1, 16, u32::MAX))).await.unwrap();
        match does {
            Does::NeverEnds => {
                let more = pcm(&tone(10 * RATE as usize));
                while sender.send(Ok(more.clone())).await.is_ok() {}
            }
            Does::BreaksOff => {
                // The beginning is on its way before the connection is cut.
                sleep(Duration::from_millis(100)).await;
                _ = sender.send(Err(std::io::Error::other("cut"))).await;
            }
            _ => sender.closed().await,
        }
    });
    response
}

/// RunPod's reply to poll number `n` of a job, from 0.
async fn job(does: Does, number: u32) -> Response {
    let samples = if matches!(does, Does::NeverEnds) { 10 * RATE as usize } else { SHORT };
    match does {
        Does::StallsWithin if number > 0 => std::future::pending().await,
        Does::BreaksOff if number > 0 => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "the worker died" }))).into_response()
        }
        _ => {
            let piece = json!({ "output": { "audio": base64(&file(samples)) } });
            Json(json!({ "status": "IN_PROGRESS", "stream": [piece] })).into_response()
        }
    }
}

/// A complete WAV file of this many samples.
fn file(samples: usize) -> Vec<u8> {
    wav(&tone(samples), 1, 16, u32::try_from(samples * 2).unwrap())
}

/// The outcome of a segment.
#[derive(Debug)]
struct Spoken {
    api: TtsApi,
    parts: Parts,
    error: Option<EngineError>,
    asked: u32,
}

impl Spoken {
    /// The error; checks that it contains these words and no secret.
    fn error(&self, says: &str) -> &EngineError {
        let Some(error) = &self.error else { panic!("{:?} speaks", self.api) };
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains(KEY), "{:?}, {says}: {text}", self.api);
        error
    }

    /// Checks that the error names no setting and no form of address that this API does not have.
    fn is_advised_what_it_has(&self) {
        let text = self.error.as_ref().map(ToString::to_string).unwrap_or_default();
        let has_model = matches!(self.api, TtsApi::OpenAi | TtsApi::Cloudflare);
        assert!(has_model || !text.contains("tts.model"), "{:?}: {text}", self.api);
        assert!(self.api == TtsApi::OpenAi || !text.contains("ends in /v1"), "{:?}: {text}", self.api);
    }
}

/// Has a server of each API, with this behaviour by request number, speak a segment.
async fn by_all(silence: u32, does: impl Fn(u32) -> Does + Clone + Send + Sync + 'static) -> Vec<Spoken> {
    join_all(APIS.map(|api| {
        let does = does.clone();
        async move {
            let Served { url, asked } = server(api, does).await;
            let mut config = config(api, url);
            config.tts.silence_seconds = silence;
            let (parts, error) = match parts(&connect(&config), request("Hello.", "")).await {
                Ok(parts) => (parts, None),
                Err((parts, error)) => (parts, Some(error)),
            };
            Spoken { api, parts, error, asked: asked.load(Ordering::Relaxed) }
        }
    }))
    .await
}

#[tokio::test]
async fn what_an_operator_has_to_mend_is_not_asked_again_and_says_what_to_do_but_never_the_key() {
    for (does, says) in [
        (NO_KEY, "Set tts.key or tts.key_file"),
        (FORBIDDEN, "(403): (hidden) may not. Allow it there"),
        (NOT_FOUND, "Set tts.url"),
        (FAILED, "failed (500): out of memory. Its log says more"),
        (FAILED_PAGE, "failed (500). Its log says more"),
        (WELCOME, "web page"),
    ] {
        for spoken in by_all(30, move |_| does).await {
            let error = spoken.error(says);
            assert!(matches!(error, EngineError::Failed(_)), "{:?}: {error:?}", spoken.api);
            assert_eq!((spoken.parts.len(), spoken.asked), (0, 1), "{:?}: {error}", spoken.api);
            spoken.is_advised_what_it_has();
        }
    }
}

#[tokio::test]
async fn a_refused_voice_lets_another_one_speak_whatever_the_api() {
    for spoken in by_all(30, |_| NO_VOICE).await {
        let error = spoken.error("Voice 'joe' not found");
        assert!(matches!(error, EngineError::Invalid(_)), "{:?}: {error:?}", spoken.api);
    }
}

#[tokio::test]
async fn what_passes_is_asked_again_unless_the_server_wants_too_long_a_pause() {
    for does in [UNREADY, Does::busy(None), Does::busy(Some("1"))] {
        for spoken in by_all(30, move |number| if number == 0 { does } else { Does::Speaks }).await {
            assert_eq!(spoken.error, None, "{:?}, {does:?}", spoken.api);
            assert_eq!((heard(&spoken.parts).len(), spoken.asked), (SHORT, 2), "{:?}", spoken.api);
        }
    }
    for spoken in by_all(30, |_| Does::busy(Some("60"))).await {
        let error = spoken.error("Retry after 60 s");
        assert!(matches!(error, EngineError::Busy(_)), "{:?}: {error:?}", spoken.api);
        assert_eq!(spoken.asked, 1, "{:?}", spoken.api);
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_before_and_within_a_sound_whatever_the_api() {
    for (does, begins) in [(Does::Stalls, false), (Does::StallsWithin, true)] {
        for spoken in by_all(1, move |_| does).await {
            spoken.error("raise tts.silence_seconds");
            assert_eq!((!spoken.parts.is_empty(), spoken.asked), (begins, 1), "{:?}", spoken.api);
        }
    }
}

#[tokio::test]
async fn a_server_that_fails_within_a_sound_keeps_its_beginning_and_says_where_to_look() {
    for spoken in by_all(30, |_| Does::BreaksOff).await {
        let says = match spoken.api {
            TtsApi::RunPod => "failed (500): the worker died. Its log says more",
            _ => "broke off in the middle of a segment",
        };
        let error = spoken.error(says);
        assert!(matches!(error, EngineError::Failed(_)), "{:?}: {error:?}", spoken.api);
        assert!(!spoken.parts.is_empty(), "{:?}", spoken.api);
    }
}

#[tokio::test]
async fn a_sound_without_end_is_cut_off_whatever_the_api() {
    for spoken in by_all(30, |_| Does::NeverEnds).await {
        let error = spoken.error("more than 36 seconds of sound for one segment");
        assert!(matches!(error, EngineError::Failed(_)), "{:?}: {error:?}", spoken.api);
    }
}

#[tokio::test]
async fn behind_routes_another_engine_speaks_at_once_whatever_the_api_and_the_fault() {
    for (does, first_ms, reason) in [
        (NO_KEY, 30_000, Reason::Failed),
        (FAILED, 30_000, Reason::Failed),
        (WELCOME, 30_000, Reason::Failed),
        (NO_VOICE, 30_000, Reason::Refused),
        (UNREADY, 30_000, Reason::Unhealthy),
        (Does::busy(None), 30_000, Reason::Unhealthy),
        (Does::Stalls, 300, Reason::Late),
    ] {
        for api in APIS {
            let Served { url, asked } = server(api, move |_| does).await;
            let cloud = connect(&config(api, url)).engine;
            let route = Route { first_ms, ..route(EngineKind::Tts) };
            let (board, _statuses) = board(&route, &["cloud", "main"]);
            let engines: Vec<Arc<dyn Tts>> = vec![cloud, Arc::new(ScriptedTts::default())];
            let tts = RoutedTts::new(board, engines, Voices::default());
            let mut sound = tts.synthesize(request("Hello.", "")).await.unwrap();
            let routed = sound.next().await.unwrap().unwrap().routed.unwrap();
            assert_eq!((&*routed.engine, routed.reason), ("main", reason), "{api:?}, {does:?}");
            // A server's first readiness check may still be running when it is asked to speak.
            let most = if reason == Reason::Late { 0..=1 } else { 1..=1 };
            assert!(
                most.contains(&asked.load(Ordering::Relaxed)),
                "{api:?}, {does:?}: it is not asked again"
            );
        }
    }
}
