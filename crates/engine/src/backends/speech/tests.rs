//! Cloned voices and jobs, against real HTTP servers that follow the recorded contracts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{Answer, Line, Piece};
use super::clip::Clip;
use super::reading::Reading;
use super::sound::Coding;
use super::*;
use crate::EngineError;
use crate::backends::http::answer::{Answer as Told, error};
use crate::config::TtsCloning;

/// A WAV file of 16 samples.
fn wav() -> Vec<u8> {
    let mut file =
        b"RIFF\x44\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xC0\x5D\0\0\x80\xBB\0\0\x02\0\x10\0data\x20\0\0\0"
            .to_vec();
    file.extend([100_u8, 0].repeat(16));
    file
}

fn sound() -> Response {
    ([(CONTENT_TYPE, "audio/wav")], wav()).into_response()
}

fn encoded() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(wav())
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A server, and the requests that it received.
struct Asked {
    http: Arc<Http>,
    settings: Arc<TtsEngine>,
}

impl Asked {
    fn new(settings: TtsEngine) -> Self {
        let http = Http::new(&settings.endpoint("tts"), advice(settings.api)).unwrap();
        Self { http: Arc::new(http), settings: Arc::new(settings) }
    }

    /// Speaks a text to its end; returns the number of samples.
    async fn speak(&self, api: &dyn Api, line: &Line) -> Result<usize, EngineError> {
        let answer = api.speak(line).await.map_err(|refused| refused.error)?;
        let mut reading = Reading::new(self.http.clone(), answer, &line.text).begin().await?;
        let mut samples = 0;
        while let Some(part) = reading.part().await? {
            samples += part.samples.len();
        }
        Ok(samples)
    }
}

fn line(voice: &str, clip: Option<Clip>) -> Line {
    Line {
        text: "Hello.".into(),
        voice: voice.into(),
        language: "en".into(),
        speed: Default::default(),
        clip,
    }
}

/// A clip in a folder, which is removed with it.
fn clip() -> (tempfile::TempDir, Clip) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("anna.wav");
    std::fs::write(&file, wav()).unwrap();
    let clip = Clip { name: "Anna".into(), language: "en".into(), file, words: "I am Anna.".into() };
    (dir, clip)
}

#[test]
fn what_is_advised_fits_each_api() {
    for (api, model, address) in [
        (TtsApi::OpenAi, true, "one that ends in /v1"),
        (TtsApi::Xtts, false, "such as http://localhost:8020"),
        (TtsApi::Piper, false, "such as http://localhost:5000"),
        (TtsApi::Cloudflare, true, "such as https://api.cloudflare.com/client/v4/accounts/ACCOUNT"),
        (TtsApi::RunPod, false, "such as https://api.runpod.ai/v2/ENDPOINT"),
    ] {
        let own = TtsEngine { api, url: "http://host".into(), ..TtsEngine::default() };
        let http = Http::new(&own.endpoint("tts"), advice(api)).unwrap();
        let told = |status, body: &str| {
            let answer = Told { status, kind: String::new(), retry_after: None, body: body.into() };
            let asked = http.asked("/speak", "");
            answer.explain(&asked, |status, fault| error(status, fault, &asked)).error.to_string()
        };
        let forbidden = told(403, "{}");
        assert!(forbidden.contains("(403). Allow it there, or set tts."), "{forbidden}");
        let no_model = told(404, r#"{"error":"no such model"}"#);
        for text in [&forbidden, &no_model] {
            assert_eq!(text.contains("tts.model"), model, "{api:?}: {text}");
        }
        for text in [told(404, "{}"), told(200, "<h1>Welcome</h1>")] {
            assert!(
                text.contains("Set tts.url to the address before") && text.ends_with(address),
                "{api:?}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn coquis_server_is_asked_once_for_the_numbers_of_a_clip() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let latents = json!({ "speaker_embedding": [0.5], "gpt_cond_latent": [[0.25]] });
    let (studio, cloned) =
        (json!({ "Ana": { "speaker_embedding": [1.0], "gpt_cond_latent": [[2.0]] } }), latents);
    let (told, mut seen) = mpsc::channel(8);
    let router = Router::new()
        .route("/studio_speakers", get(move || async move { Json(studio) }))
        .route("/languages", get(|| async { Json(json!(["en", "de"])) }))
        .route(
            "/clone_speaker",
            post(move |body: Bytes| async move {
                counted.fetch_add(1, Ordering::Relaxed);
                let form = String::from_utf8_lossy(&body).into_owned();
                assert!(form.contains("name=\"wav_file\"; filename=\"visavis-Anna-"), "{form}");
                Json(cloned)
            }),
        )
        .route(
            "/tts_stream",
            post(move |Json(body): Json<Value>| async move {
                told.send(body["speaker_embedding"][0].clone()).await.unwrap();
                sound()
            }),
        );
    let settings = TtsEngine { api: TtsApi::Xtts, url: serve(router).await, ..TtsEngine::default() };
    let server = Asked::new(settings);
    let api = xtts::Xtts::new(server.http.clone(), server.settings.clone());
    let (_dir, clip) = clip();
    let mine = line("Anna", Some(clip));
    for line in [&mine, &mine, &line("Ana", None)] {
        assert_eq!(server.speak(&api, line).await, Ok(16));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    for expected in [0.5, 0.5, 1.0] {
        assert_eq!(seen.recv().await.unwrap(), json!(expected));
    }
    let nobody = server.speak(&api, &line("Bo", None)).await.unwrap_err();
    assert!(matches!(&nobody, EngineError::Invalid(text) if text.contains("\"Bo\"")), "{nobody:?}");
    let listing = api.look().await.unwrap();
    assert_eq!((listing.voices.len(), listing.languages), (1, vec!["en".to_owned(), "de".to_owned()]));
}

#[tokio::test]
async fn the_server_with_a_folder_gets_a_clip_once_and_speaks_by_its_name() {
    for takes in [true, false] {
        let (told, mut seen) = mpsc::channel(8);
        let uploads = Arc::new(AtomicU32::new(0));
        let counted = uploads.clone();
        let speak = get(move |Query(asked): Query<std::collections::HashMap<String, String>>| async move {
            told.send(asked["speaker_wav"].clone()).await.unwrap();
            sound()
        });
        let mut router = Router::new()
            .route("/speakers", get(|| async { Json(json!([{ "name": "calm", "voice_id": "calm" }])) }))
            .route("/tts_stream", speak);
        if takes {
            let upload = post(move || async move {
                counted.fetch_add(1, Ordering::Relaxed);
                Json(json!({}))
            });
            router = router.route("/upload_sample", upload);
        }
        let settings = TtsEngine { api: TtsApi::Xtts, url: serve(router).await, ..TtsEngine::default() };
        let server = Asked::new(settings);
        let api = xtts::Xtts::new(server.http.clone(), server.settings.clone());
        assert_eq!(server.speak(&api, &line("calm", None)).await, Ok(16));
        assert_eq!(seen.recv().await.unwrap(), "calm");
        let (_dir, clip) = clip();
        let mine = line("Anna", Some(clip));
        if !takes {
            let error = server.speak(&api, &mine).await.unwrap_err();
            let told = matches!(&error, EngineError::Invalid(text) if text.contains("folder of speakers"));
            assert!(told, "{error:?}");
            continue;
        }
        for _ in 0..2 {
            assert_eq!(server.speak(&api, &mine).await, Ok(16));
            let name = seen.recv().await.unwrap();
            assert!(name.starts_with("visavis-Anna-") && name.ends_with(".wav"), "{name}");
        }
        assert_eq!(uploads.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn an_openai_compatible_server_gets_a_clip_in_the_way_that_is_configured() {
    for (cloning, introduced) in [(TtsCloning::Library, 1), (TtsCloning::Upload, 0), (TtsCloning::Inline, 0)]
    {
        let voices = Arc::new(AtomicU32::new(0));
        let counted = voices.clone();
        let (told, mut seen) = mpsc::channel(8);
        let uploaded = told.clone();
        let router = Router::new()
            .route(
                "/voices",
                post(move || async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                    // The server has had the clip for a long time.
                    StatusCode::CONFLICT
                }),
            )
            .route(
                "/audio/speech",
                post(move |Json(body): Json<Value>| async move {
                    told.send(body.to_string()).await.unwrap();
                    sound()
                }),
            )
            .route(
                "/audio/speech/upload",
                post(move |body: Bytes| async move {
                    uploaded.send(String::from_utf8_lossy(&body).into_owned()).await.unwrap();
                    sound()
                }),
            );
        let settings =
            TtsEngine { api: TtsApi::OpenAi, url: serve(router).await, cloning, ..TtsEngine::default() };
        let server = Asked::new(settings);
        let api = openai::OpenAi::new(server.http.clone(), server.settings.clone());
        let (_dir, clip) = clip();
        let mine = line("Anna", Some(clip));
        for _ in 0..2 {
            assert_eq!(server.speak(&api, &mine).await, Ok(16));
            let body = seen.recv().await.unwrap();
            let part = match cloning {
                TtsCloning::Library => "\"voice\":\"visavis-Anna-",
                TtsCloning::Upload => "name=\"voice_file\"; filename=\"visavis-Anna-",
                TtsCloning::Inline | TtsCloning::None => "\"ref_audio\":\"data:audio/wav;base64,UklGR",
            };
            assert!(body.contains(part), "{part}: {body}");
        }
        assert_eq!(voices.load(Ordering::Relaxed), introduced);
    }
}

/// An endpoint whose jobs give these replies in turn, and the requests that it received.
async fn jobs(stream: bool, says: Vec<Value>) -> (Asked, runpod::RunPod, mpsc::Receiver<String>) {
    let (told, seen) = mpsc::channel(64);
    let cancelled = told.clone();
    let said = Arc::new(parking_lot::Mutex::new(says.into_iter()));
    let begin = |status: StatusCode| {
        post(move || async move { (status, Json(json!({ "id": "j1", "status": "IN_QUEUE" }))) })
    };
    let ask = get(move |Path((what, id)): Path<(String, String)>| async move {
        told.send(format!("{what} {id}")).await.unwrap();
        let next = said.lock().next();
        Json(next.unwrap_or_else(|| json!({ "id": "j1", "status": "IN_PROGRESS", "stream": [] })))
    });
    let cancel = post(move |Path((what, id)): Path<(String, String)>| async move {
        cancelled.send(format!("{what} {id}")).await.unwrap();
        Json(json!({}))
    });
    let router = Router::new()
        .route("/run", begin(StatusCode::OK))
        .route("/runsync", begin(StatusCode::OK))
        .route("/{what}/{id}", ask.merge(cancel));
    let settings =
        TtsEngine { api: TtsApi::RunPod, url: serve(router).await, stream, ..TtsEngine::default() };
    let server = Asked::new(settings);
    let (http, settings) = (server.http.clone(), server.settings.clone());
    let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
    let api = runpod::RunPod { http, settings, tracker, stopping };
    (server, api, seen)
}

#[tokio::test]
async fn a_jobs_sound_comes_in_pieces_or_at_its_end() {
    let piece = |status: &str| json!({ "status": status, "stream": [{ "output": { "audio": encoded() } }] });
    let progress = json!({ "status": "IN_PROGRESS", "stream": [{ "output": { "loading": 50 } }] });
    let done = json!({ "status": "COMPLETED", "stream": [] });
    let forgotten = json!({ "status": "FAILED", "error": "Job ID not found" });
    let result = json!({ "status": "COMPLETED", "output": { "audio_base64": encoded() } });
    for (stream, says, expected) in [
        (true, vec![progress.clone(), piece("IN_PROGRESS"), piece("COMPLETED")], 32),
        (true, vec![piece("IN_PROGRESS"), done.clone()], 16),
        (true, vec![piece("IN_PROGRESS"), piece("COMPLETED"), piece("COMPLETED"), done.clone()], 48),
        (true, vec![piece("COMPLETED"), forgotten], 16),
        (true, vec![done, result.clone()], 16),
        (false, vec![progress, result], 16),
    ] {
        let (server, api, mut seen) = jobs(stream, says).await;
        assert_eq!(server.speak(&api, &line("joe", None)).await, Ok(expected));
        drop(api);
        let mut asked = Vec::new();
        while let Ok(what) = seen.try_recv() {
            asked.push(what);
        }
        let first = if stream { "stream j1" } else { "status j1" };
        assert!(asked[0] == first && !asked.contains(&"cancel j1".to_owned()), "{asked:?}");
    }
}

#[tokio::test]
async fn pieces_without_a_header_go_on_with_the_sound_before_them_at_the_rate_that_is_told() {
    let server = Asked::new(TtsEngine { url: "http://localhost:9".into(), ..TtsEngine::default() });
    let piece = |bytes: &[u8], rate| Ok(Piece { bytes: Bytes::copy_from_slice(bytes), rate });
    let (file, raw) = (wav(), [3_u8; 160]);
    for (name, coding, pieces, expected) in [
        ("a file cut anywhere", Coding::Wav, vec![piece(&file[..51], None), piece(&file[51..], None)], 16),
        ("two files", Coding::Wav, vec![piece(&file, None), piece(&file, None)], 32),
        ("half a sample", Coding::Pcm(24_000), vec![piece(&raw[..9], None), piece(&raw[..7], None)], 8),
        ("8 kHz", Coding::Pcm(24_000), vec![piece(&raw, Some(8_000)), piece(&raw, None)], 480),
    ] {
        let pieces = stream::iter(pieces).boxed();
        let answer = Answer { coding, pieces, separate: true, whole: false, closing: false };
        let mut reading = Reading::new(server.http.clone(), answer, "Hello.");
        let mut samples = 0;
        while let Some(part) = reading.part().await.unwrap() {
            samples += part.samples.len();
        }
        assert_eq!(samples, expected, "{name}");
    }
}

#[tokio::test]
async fn sound_that_is_only_called_mp3_is_read() {
    let speak = || async { ([(CONTENT_TYPE, "audio/mpeg")], wav()) };
    let url = serve(Router::new().route("/ai/run/{*model}", post(speak))).await;
    let model = "@cf/deepgram/aura-1".into();
    let server = Asked::new(TtsEngine { api: TtsApi::Cloudflare, url, model, ..TtsEngine::default() });
    let (http, settings) = (server.http.clone(), server.settings.clone());
    let api = cloudflare::Cloudflare { http, settings };
    assert_eq!(server.speak(&api, &line("luna", None)).await, Ok(16));
}

#[tokio::test]
async fn of_the_voices_of_all_models_those_of_the_configured_one_count() {
    let all = json!({ "object": "list", "voices": [
        { "id": "af_heart", "name": "af_heart", "language": "en-us" },
        { "id": "thorsten", "name": "thorsten", "language": "de" },
    ]});
    let own = json!({ "id": "speaches-ai/kokoro", "object": "model", "voices": [
        { "id": "af_heart", "name": "af_heart", "language": "en-us" },
    ]});
    let router = Router::new()
        .route("/audio/voices", get(move || async move { Json(all) }))
        .route("/models/speaches-ai/kokoro", get(move || async move { Json(own) }));
    let url = serve(router).await;
    for (model, voices) in [("speaches-ai/kokoro", 1), ("unknown", 2), ("", 2)] {
        let model = model.into();
        let server =
            Asked::new(TtsEngine { api: TtsApi::OpenAi, url: url.clone(), model, ..TtsEngine::default() });
        let api = openai::OpenAi::new(server.http.clone(), server.settings.clone());
        let found = api.look().await.map_err(|refused| refused.error).unwrap();
        assert_eq!(found.voices.len(), voices);
    }
}

#[tokio::test]
async fn a_job_that_fails_or_has_no_sound_says_why() {
    let failed = json!({ "status": "FAILED", "error": "CUDA out of memory" });
    let mute = json!({ "status": "COMPLETED", "output": { "error": "unknown voice joe" } });
    for (says, part, invalid) in [(failed, "CUDA out of memory", false), (mute, "unknown voice joe", true)] {
        let (server, api, _seen) = jobs(false, vec![says]).await;
        let error = server.speak(&api, &line("joe", None)).await.unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert_eq!(matches!(error, EngineError::Invalid(_)), invalid, "{error:?}");
    }
}

#[tokio::test]
async fn a_job_that_is_no_longer_wanted_is_cancelled() {
    let piece = json!({ "status": "IN_PROGRESS", "stream": [{ "output": { "audio": encoded() } }] });
    let (server, api, mut seen) = jobs(true, vec![piece]).await;
    let answer = api.speak(&line("joe", None)).await.unwrap();
    let reading = Reading::new(server.http.clone(), answer, "Hello.");
    assert_eq!(seen.try_recv().ok(), None);
    drop(reading);
    let cancelled = async { while seen.recv().await.unwrap() != "cancel j1" {} };
    timeout(Duration::from_secs(60), cancelled).await.unwrap();
}
