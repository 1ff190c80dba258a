//! Recognisers at OpenAI-compatible transcription endpoints, against a real HTTP server that follows their contract.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod endpoint_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use endpoint_support::{KEY, NotReady, PATIENCE, refuses, serve, slow_down};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use visavis_config::{Config, Secret, SttApi};
use visavis_core::frame::Transcript;
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Stt, SttInput, SttRequest, SttStream};

const SAMPLES: usize = 16_000;

/// Starts an endpoint that answers each upload like this; returns its `stt.url`.
async fn endpoint(
    transcribe: impl Fn(HeaderMap, String) -> Response + Clone + Send + Sync + 'static,
) -> String {
    let list = json!({ "object": "list", "data": [{ "id": "small", "object": "model" }] });
    let models = get(move || async move { Json(list) });
    let transcribe = post(move |headers: HeaderMap, body: Bytes| {
        let response = transcribe(headers, String::from_utf8_lossy(&body).into_owned());
        async move { response }
    });
    serve(Router::new().route("/v1/models", models).route("/v1/audio/transcriptions", transcribe)).await
}

fn config(url: String) -> Config {
    let mut config = Config::default();
    config.stt.api = SttApi::OpenAi;
    config.stt.url = url;
    config.stt.model = "small".into();
    config.stt.key = Secret::new(KEY);
    config
}

/// The recogniser. Its tasks end with the test's runtime.
fn connect(config: &Config) -> Backend<dyn Stt> {
    Backends::new(false).unwrap().stt(config, &ModelFiles::default()).unwrap()
}

fn decode(number: u32) -> SttInput {
    SttInput::Decode { number, last: true, stable: String::new(), phrases: Vec::new() }
}

/// Begins an utterance of a second, and asks for its words.
async fn begin(stt: &dyn Stt, language: &str) -> SttStream {
    let stream = stt.open(SttRequest { language: language.into(), ..SttRequest::default() }).await.unwrap();
    stream.input.send(SttInput::Audio(vec![7; SAMPLES])).await.unwrap();
    stream.input.send(decode(1)).await.unwrap();
    stream
}

/// The words of an utterance.
async fn hear(stt: &dyn Stt, language: &str) -> Result<Transcript, EngineError> {
    let SttStream { input: _input, mut output } = begin(stt, language).await;
    output.next().await.unwrap().map(|decoded| decoded.words)
}

fn says(text: &str) -> Response {
    Json(json!({ "text": text })).into_response()
}

/// A response whose body the test writes.
fn written() -> (mpsc::Sender<Result<String, std::io::Error>>, Response) {
    let (sender, body) = endpoint_support::written();
    (sender, body.into_response())
}

#[tokio::test]
async fn an_utterance_is_uploaded_with_the_key_the_headers_and_the_fields_configured() {
    let (asked, mut seen) = mpsc::channel(4);
    let url = endpoint(move |headers, form| {
        asked.try_send((headers, form)).unwrap();
        let segment = json!({ "text": " Guten Tag.", "avg_logprob": -0.25, "no_speech_prob": 0.125 });
        Json(json!({ "text": " Guten Tag.", "language": "german", "segments": [segment] })).into_response()
    })
    .await;
    let mut config = config(url);
    config.stt.headers.insert("x-team".into(), Secret::new("calls"));
    config.stt.body.insert("vad_filter".into(), json!(true));
    let stt = connect(&config);
    let words = hear(stt.engine.as_ref(), "").await.unwrap();
    assert_eq!((words.text.as_str(), words.language.as_str()), ("Guten Tag.", "de"));
    assert_eq!((words.average_log_probability, words.no_speech_probability), (-0.25, 0.125));
    let (headers, form) = seen.recv().await.unwrap();
    assert_eq!(headers[AUTHORIZATION], format!("Bearer {KEY}"));
    assert_eq!(headers["x-team"], "calls");
    for part in [
        "\"model\"\r\n\r\nsmall\r\n",
        "\"response_format\"\r\n\r\nverbose_json\r\n",
        "\"vad_filter\"\r\n\r\ntrue\r\n",
    ] {
        assert!(form.contains(part), "{part}");
    }
    assert!(form.contains("filename=\"speech.wav\"") && !form.contains("name=\"language\""));
    let words = hear(stt.engine.as_ref(), "fr").await.unwrap();
    assert_eq!((words.language.as_str(), words.language_probability), ("fr", 0.0));
    let (_, form) = seen.recv().await.unwrap();
    assert!(form.contains("name=\"language\"\r\n\r\nfr\r\n"));
    assert!(!stt.engine.capabilities().partials);
}

#[tokio::test]
async fn each_refusal_says_what_to_set_and_never_shows_the_key() {
    for (status, body, part) in [
        (401, "Incorrect API key provided: sk-very-secret", "stt.key"),
        (404, "Model 'small' is not installed locally.", "stt.model"),
        (404, "Not Found", "stt.url"),
        (200, "<!doctype html><h1>Welcome</h1>", "web page"),
        (400, "temperature: sk-very-secret is not a number", "stt.omit"),
    ] {
        let url = endpoint(move |_, _| refuses(status, body)).await;
        let stt = connect(&config(url));
        let error = hear(stt.engine.as_ref(), "").await.unwrap_err();
        assert!(matches!(error, EngineError::Invalid(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(part) && !text.contains(KEY), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_where_that_is_soon_and_a_failure_is_not_repeated() {
    for (status, told, waits) in [
        (429, Some("1"), true),
        (429, None, true),
        (503, None, true),
        (429, Some("60"), false),
        (500, None, false),
    ] {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = asked.clone();
        let url = endpoint(move |_, _| {
            if counted.fetch_add(1, Ordering::Relaxed) > 0 {
                return says("Hello.");
            }
            slow_down(status, told)
        })
        .await;
        let (stt, began) = (connect(&config(url)), Instant::now());
        let found = hear(stt.engine.as_ref(), "").await;
        if waits {
            assert_eq!(found.unwrap().text, "Hello.");
            assert!(status != 429 || began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
        } else {
            let error = found.unwrap_err();
            assert_eq!(matches!(error, EngineError::Busy(_)), status == 429, "{error:?}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), if waits { 2 } else { 1 });
    }
}

/// Reads a request; returns whether it is an upload.
async fn is_upload(stream: &mut TcpStream) -> bool {
    let (mut request, mut more) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut more).await.unwrap_or(0);
        request.extend_from_slice(&more[..read]);
        let upload = request.starts_with(b"POST");
        let end: &[u8] = if upload { b"--\r\n" } else { b"\r\n\r\n" };
        if read == 0 || request.ends_with(end) {
            return upload;
        }
    }
}

#[tokio::test]
async fn an_upload_whose_connection_is_closed_is_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let uploads = Arc::new(AtomicU32::new(0));
    let counted = uploads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if is_upload(&mut stream).await && counted.fetch_add(1, Ordering::Relaxed) == 0 {
                continue;
            }
            let body = json!({ "text": "Hello." }).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
            _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await;
        }
    });
    let stt = connect(&config(url));
    assert_eq!(hear(stt.engine.as_ref(), "").await.unwrap().text, "Hello.");
    assert_eq!(uploads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_response_that_breaks_off_or_stalls_fails_and_says_what_to_do() {
    let cut = endpoint(|_, _| {
        let (sender, response) = written();
        tokio::spawn(async move {
            sender.send(Ok(r#"{"text": "Once upon"#.into())).await.unwrap();
            sender.send(Err(std::io::Error::other("cut"))).await.unwrap();
        });
        response
    })
    .await;
    let stt = connect(&config(cut));
    let error = hear(stt.engine.as_ref(), "").await.unwrap_err();
    assert!(matches!(&error, EngineError::Failed(text) if text.contains("broke off")), "{error:?}");
    assert!(!error.to_string().contains("Once"), "what was said is not repeated: {error}");

    let (opened, mut bodies) = mpsc::channel(1);
    let stalls = endpoint(move |_, _| {
        let (sender, response) = written();
        opened.try_send(sender).unwrap();
        response
    })
    .await;
    let mut config = config(stalls);
    config.stt.silence_seconds = 1;
    let stt = connect(&config);
    let error = hear(stt.engine.as_ref(), "").await.unwrap_err();
    assert!(error.to_string().contains("raise stt.silence_seconds"), "{error}");
    timeout(PATIENCE, bodies.recv().await.unwrap().closed()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_utterance_and_a_newer_decode_close_the_connection() {
    let (opened, mut bodies) = mpsc::channel(4);
    let url = endpoint(move |_, _| {
        let (sender, response) = written();
        opened.try_send(sender).unwrap();
        response
    })
    .await;
    let stt = connect(&config(url));
    let SttStream { input, mut output } = begin(stt.engine.as_ref(), "").await;
    let listening = tokio::spawn(async move { output.next().await });
    let first = bodies.recv().await.unwrap();
    assert!(timeout(Duration::from_millis(50), first.closed()).await.is_err(), "it is still wanted");
    input.send(decode(2)).await.unwrap();
    timeout(PATIENCE, first.closed()).await.unwrap();
    let second = bodies.recv().await.unwrap();
    listening.abort();
    timeout(PATIENCE, second.closed()).await.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_knows_plain_json_only_is_asked_for_more_once() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let url = endpoint(move |_, form| {
        counted.fetch_add(1, Ordering::Relaxed);
        if form.contains("verbose_json") {
            let message = "response_format 'verbose_json' is not compatible with model 'small'";
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": { "message": message } })))
                .into_response();
        }
        says("Hello.")
    })
    .await;
    let stt = connect(&config(url));
    for _ in 0..2 {
        let words = hear(stt.engine.as_ref(), "").await.unwrap();
        assert_eq!((words.text.as_str(), words.language.as_str()), ("Hello.", ""));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn silence_has_no_words_and_an_invented_language_is_not_believed() {
    let told: [(Value, &str, &str); 4] = [
        (json!({ "text": "", "language": "english", "segments": [] }), "", "en"),
        (json!({ "text": "Qapla'.", "language": "klingon" }), "Qapla'.", ""),
        (json!({ "text": "Hello.", "language": "welsh" }), "Hello.", ""),
        (json!({ "text": " [BLANK_AUDIO]", "language": "en" }), "", "en"),
    ];
    for (body, text, language) in told {
        let url = endpoint(move |_, _| Json(body.clone()).into_response()).await;
        let mut config = config(url);
        config.stt.languages = vec!["en".into(), "de".into()];
        let words = hear(connect(&config).engine.as_ref(), "").await.unwrap();
        assert_eq!((words.text.as_str(), words.language.as_str()), (text, language));
    }
}

#[tokio::test]
async fn an_endpoint_is_ready_when_it_lists_its_models_or_takes_uploads() {
    let lists = endpoint(|_, _| says("")).await;
    // As whisper.cpp's server does.
    let fault = json!({ "error": "no 'file' field in the request" });
    let without = Router::new().route("/v1/audio/transcriptions", post(move || async move { Json(fault) }));
    for url in [lists, serve(without).await] {
        let mut stt = connect(&config(url));
        timeout(PATIENCE, stt.status.wait_for(|status| status.ready)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_ready_says_what_to_set() {
    for endpoint in NotReady::each("stt").await {
        let mut stt = connect(&config(endpoint.url.clone()));
        endpoint.is_told_by(&mut stt.status).await;
    }
}
