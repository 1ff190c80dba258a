//! The routes with scripted engines.

use std::net::IpAddr;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Request, Response, header};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt;
use visavis_jobs::link::Link;
use visavis_jobs::{Form, JobId};
use visavis_scripted::{ScriptedStt, ScriptedTts};

use super::*;
use crate::admission::{Admission, Limits, Principal};
use crate::api::hearing::testing::{desk, form, permit, recording};
use crate::api::speech::{Desk, VoiceEngine};
use crate::config::{self, Server, SpeechApi};
use crate::engine::status::EngineStatus;
use crate::engine::{EngineError, Voice};

/// Bytes of a word of the scripted voice, as samples.
const WORD: usize = 2 * 7_200;

struct Bench {
    routes: Router,
    office: Office,
    tts: Arc<ScriptedTts>,
    runs: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.runs.abort();
    }
}

fn speech_desk(tts: &Arc<ScriptedTts>, status: watch::Receiver<EngineStatus>) -> Arc<Desk> {
    let config = Config { speech_api: SpeechApi { disk_mb: 0, ..SpeechApi::default() }, ..Config::default() };
    let admission = Admission::new(Limits::from(&Server::default()));
    Desk::start(&config, VoiceEngine { tts: tts.clone(), status }, admission).unwrap()
}

/// The routes, with somebody who works.
fn bench(tts: ScriptedTts, settings: &config::Jobs) -> Bench {
    let voice =
        Voice { name: "joe".into(), language: "en".into(), source: "piper".into(), ..Voice::default() };
    let tts = Arc::new(tts.with_voices([voice]));
    let (_, status) = watch::channel(EngineStatus { ready: true, ..EngineStatus::default() });
    let stt = Arc::new(ScriptedStt::default());
    let folder = tempfile::tempdir().unwrap();
    let settings = config::Jobs { dir: folder.path().to_owned(), ..settings.clone() };
    let config = Config { jobs: settings.clone(), ..Config::default() };
    let (jobs, runner) = open(&config).unwrap();
    let speech = speech_desk(&tts, status.clone());
    let (places, hearing) = (Arc::default(), desk(&stt));
    let office = Office { jobs: Some(jobs), places, speech: speech.clone(), hearing, settings };
    let hands = Hands { speech, hearing: desk(&stt), stt: status };
    let runs = tokio::spawn(runner.run(Arc::new(hands)));
    Bench { routes: routes_of(office.clone()), office, tts, runs, _folder: folder }
}

/// Whose a request is, by its header `from`.
fn whose(headers: &HeaderMap) -> Principal {
    let from = headers.get("from").map(|from| from.to_str().unwrap().parse::<IpAddr>().unwrap());
    Principal::from(from)
}

fn routes_of(office: Office) -> Router {
    let submit = |State(office): State<Office>, request: axum::extract::Request| async move {
        let whose = whose(request.headers());
        office.submit(request, whose).await
    };
    let generate = |State(office): State<Office>, request: axum::extract::Request| async move {
        let whose = whose(request.headers());
        office.generate(request, whose, permit()).await
    };
    let result = |State(office): State<Office>, Part(id): Part, Query(signed): Query<Signed>| async move {
        office.result(&id, &signed, permit()).await
    };
    let retry = |State(office): State<Office>, headers: HeaderMap, Part(id): Part| async move {
        office.retry(&id, whose(&headers)).await
    };
    let follow = |State(office): State<Office>, Part(id): Part| async move { office.follow(&id, permit()) };
    Router::new()
        .route("/api/jobs", post(submit).layer(DefaultBodyLimit::disable()))
        .route("/api/jobs/{id}", get(progress).delete(delete))
        .route("/api/jobs/{id}/cancel", post(cancel))
        .route("/api/jobs/{id}/events", get(follow))
        .route("/api/jobs/{id}/retry", post(retry))
        .route("/api/jobs/{id}/result", get(result))
        .route("/generate_batch", post(generate))
        .with_state(office)
}

impl Bench {
    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.routes.clone().oneshot(request).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        read(self.ask(request.body(Body::from(body.to_string())).unwrap()).await).await
    }

    /// A job from this address.
    async fn post_from(&self, address: &str, path: &str, body: &Value) -> Response<Body> {
        let request = Request::post(path).header("content-type", "application/json").header("from", address);
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Response<Body> {
        self.ask(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.ask(Request::get(path).body(Body::empty()).unwrap()).await).await
    }

    /// A new job; returns its address.
    async fn add(&self, body: &Value) -> String {
        let (status, job) = self.post("/api/jobs", body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{job}");
        format!("/api/jobs/{}", job["id"].as_str().unwrap())
    }

    /// A job once it is over.
    async fn over(&self, address: &str) -> Value {
        let id = JobId::parse(address.rsplit('/').next().unwrap()).unwrap();
        let mut progress = self.office.jobs().unwrap().watch(id).unwrap();
        progress.wait_for(|progress| progress.status.is_over()).await.unwrap();
        self.get(address).await.1
    }
}

async fn bytes(response: Response<Body>) -> Bytes {
    to_bytes(response.into_body(), 64 << 20).await.unwrap()
}

async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_slice(&bytes(response).await).unwrap())
}

fn usual() -> Bench {
    bench(ScriptedTts::default(), &config::Jobs::default())
}

#[tokio::test]
async fn texts_become_files_that_are_fetched_in_one_archive_or_as_json() {
    let bench = usual();
    let body = json!({ "name": "chapter", "items": ["One.", { "text": "One two.", "format": "wav" }], "format": "pcm" });
    let address = bench.add(&body).await;
    let job = bench.over(&address).await;
    assert_eq!((&job["status"], &job["name"]), (&json!("ended"), &json!("chapter")));
    assert_eq!(job["items"], json!({ "total": 2, "done": 2, "failed": 0, "working": 0, "waiting": 0 }));
    let (status, results) = bench.get(job["result"]["json"].as_str().unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{results}");
    assert_eq!((&results["status"], &results["results"][1]["format"]), (&json!("ended"), &json!("wav")));
    let sound = STANDARD.decode(results["results"][0]["audio"].as_str().unwrap()).unwrap();
    assert_eq!(sound.len(), WORD);
    let link = job["result"]["zip"].as_str().unwrap();
    let response = bench.ask(Request::get(link).body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/zip");
    let length: usize = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    let archive = bytes(response).await;
    assert_eq!(archive.len(), length);
    assert!(archive.starts_with(b"PK"));
    let has = |name: &str| archive.windows(name.len()).any(|part| part == name.as_bytes());
    assert!(has("index.json") && has("00000.pcm") && has("00001.wav"));
    // The sound lies in it as it is.
    assert!(archive.windows(sound.len()).any(|part| part == sound));
}

#[tokio::test]
async fn a_batch_is_responded_to_at_once_if_it_is_soon_done_and_else_goes_on() {
    let quick = usual();
    let body = json!({ "texts": ["One.", "Two."], "instruct": "Cheerful.", "batch": 2, "format": "pcm" });
    let (status, results) = quick.post("/generate_batch", &body).await;
    assert_eq!(status, StatusCode::OK, "{results}");
    assert_eq!(results["results"].as_array().unwrap().len(), 2);
    assert_eq!(results["results"][1]["index"], 1);
    let slow = bench(
        ScriptedTts::default().hanging("Two", 0),
        &config::Jobs { wait_seconds: 0, ..config::Jobs::default() },
    );
    let (status, job) = slow.post("/generate_batch", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    assert_eq!(job["items"]["total"], 2);
    assert!(job["result"].is_null());
}

#[tokio::test]
async fn two_jobs_of_one_name_are_two_jobs_and_equal_texts_are_spoken_once() {
    let bench = usual();
    let body = json!({ "name": "same", "items": ["One two three."] });
    let (one, two) = (bench.add(&body).await, bench.add(&body).await);
    assert_ne!(one, two);
    for address in [&one, &two] {
        assert_eq!(bench.over(address).await["items"]["done"], 1);
    }
    assert_eq!(bench.tts.asked().len(), 1);
}

#[tokio::test]
async fn an_item_that_fails_says_why_and_is_retried_alone() {
    let tts = ScriptedTts::default().failing("bad", 0, EngineError::Failed("secret path".into()));
    let bench = bench(tts, &config::Jobs::default());
    let body = json!({ "items": ["Good.", "A bad one.", { "text": "Who?", "voice": "nobody" }] });
    let address = bench.add(&body).await;
    let job = bench.over(&address).await;
    assert_eq!((&job["items"]["done"], &job["items"]["failed"]), (&json!(1), &json!(2)));
    assert_eq!(job["failures"][0]["index"], 1);
    let told = job["failures"].to_string();
    assert!(!told.contains("secret") && told.contains("joe"), "{told}");
    let asked = bench.tts.asked().len();
    let (status, _) = bench.post(&format!("{address}/retry"), &json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let job = bench.over(&address).await;
    assert_eq!(job["items"]["failed"], 2);
    assert_eq!(bench.tts.asked().len(), asked + 1, "the good one is spoken no more, nor what has no voice");
    let results = bench.get(job["result"]["json"].as_str().unwrap()).await.1;
    assert!(results["results"][1]["error"].is_string() && results["results"][0]["audio"].is_string());
}

#[tokio::test]
async fn a_cancelled_job_ends_its_events_and_is_not_retried() {
    let bench = bench(ScriptedTts::default().hanging("", 0), &config::Jobs::default());
    let address = bench.add(&json!({ "items": ["One.", "Two.", "Three."] })).await;
    let request = Request::get(format!("{address}/events")).body(Body::empty()).unwrap();
    let mut events = bench.ask(request).await.into_body().into_data_stream();
    let first = events.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: progress\ndata: {"), "{first:?}");
    let (status, job) = bench.post(&format!("{address}/cancel"), &json!({})).await;
    assert_eq!((status, &job["status"]), (StatusCode::OK, &json!("cancelled")));
    let mut last = first;
    while let Some(event) = events.next().await {
        last = event.unwrap();
    }
    assert!(last.starts_with(b"event: end\n"), "{last:?}");
    let (status, problem) = bench.post(&format!("{address}/retry"), &json!({})).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::CONFLICT, &json!("cancelled")));
}

#[tokio::test]
async fn results_need_a_signed_link_of_their_job_and_form_that_has_not_expired() {
    let bench = usual();
    let address = bench.add(&json!({ "items": ["One."] })).await;
    let other = bench.add(&json!({ "items": ["Two."] })).await;
    let job = bench.over(&address).await;
    let link = job["result"]["zip"].as_str().unwrap().to_owned();
    let id = JobId::parse(address.rsplit('/').next().unwrap()).unwrap();
    let signer = bench.office.jobs().unwrap().signer();
    let old = signer.sign(Link { job: id, form: Form::Json, expires: 5 });
    for (link, expected) in [
        (format!("{address}/result"), StatusCode::FORBIDDEN),
        (link.replace("format=zip", "format=json"), StatusCode::FORBIDDEN),
        (link.replace("format=zip", "format=rar"), StatusCode::BAD_REQUEST),
        (link.replace(&address, &other), StatusCode::FORBIDDEN),
        (format!("{address}/result?format=json&expires=5&signature={old}"), StatusCode::GONE),
    ] {
        assert_eq!(bench.get(&link).await.0, expected, "{link}");
    }
    for path in ["/api/jobs/nothing", "/api/jobs/..%2Fkey", "/api/jobs/0123456789abcdef0123456789abcdef"] {
        assert_eq!(bench.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_job_has_any_number_of_texts_within_its_bytes() {
    let settings = config::Jobs { largest_body_mib: 1, ..config::Jobs::default() };
    let bench = bench(ScriptedTts::default().hanging("", 0), &settings);
    let texts = vec!["A text."; 10_000];
    let (status, job) = bench.post("/api/jobs", &json!({ "items": texts })).await;
    assert_eq!((status, &job["items"]["total"]), (StatusCode::ACCEPTED, &json!(10_000)));
    let (status, problem) = bench.post("/api/jobs", &json!({ "items": ["x".repeat(1 << 20)] })).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(problem["detail"].as_str().unwrap().contains("jobs.largest_body_mib"), "{problem}");
    let (status, problem) = bench.post("/api/jobs", &json!({ "items": ["a", ""] })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::BAD_REQUEST, &json!("items")));
}

#[tokio::test]
async fn recordings_become_transcripts_and_a_broken_one_fails_alone() {
    let bench = usual();
    let sent = form(&[("name", "talks"), ("language", "en")], &[recording(2), b"\x89PNG\r\n\x1a\n".to_vec()]);
    let request = Request::post("/api/jobs").header("content-type", sent.kind);
    let (status, job) = read(bench.ask(request.body(Body::from(sent.body)).unwrap()).await).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    assert_eq!((&job["kind"], &job["name"]), (&json!("transcription"), &json!("talks")));
    let job = bench.over(&format!("/api/jobs/{}", job["id"].as_str().unwrap())).await;
    assert_eq!((&job["items"]["done"], &job["items"]["failed"]), (&json!(1), &json!(1)), "{job}");
    let results = bench.get(job["result"]["json"].as_str().unwrap()).await.1;
    assert_eq!(results["results"][0]["transcript"]["name"], "0.wav");
    assert!(results["results"][0]["transcript"]["text"].is_string(), "{results}");
    assert!(results["results"][1]["error"].is_string(), "{results}");
}

#[tokio::test]
async fn a_server_without_a_folder_of_jobs_says_so() {
    let bench = usual();
    let routes = routes_of(Office { jobs: None, ..bench.office.clone() });
    let request = Request::get("/api/jobs/x").body(Body::empty()).unwrap();
    let (status, problem) = read(routes.oneshot(request).await.unwrap()).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("no-jobs")));
}

#[tokio::test]
async fn a_deleted_job_is_gone_with_its_files_whether_it_goes_on_or_is_over() {
    let bench = bench(ScriptedTts::default().hanging("Two", 0), &config::Jobs::default());
    let over = bench.add(&json!({ "items": ["One."] })).await;
    let job = bench.over(&over).await;
    let lasting = bench.add(&json!({ "items": ["Two.", "Two."] })).await;
    for address in [&over, &lasting] {
        let id = address.rsplit('/').next().unwrap();
        let folder = bench.office.settings.dir.join(id);
        assert!(folder.is_dir(), "{address}");
        assert_eq!(bench.delete(address).await.status(), StatusCode::NO_CONTENT, "{address}");
        assert!(!folder.exists(), "{address}");
        for path in [address.clone(), format!("{address}/events")] {
            assert_eq!(bench.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        for path in [format!("{address}/retry"), format!("{address}/cancel")] {
            assert_eq!(bench.post(&path, &json!({})).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(bench.delete(address).await.status(), StatusCode::NOT_FOUND, "{address}");
    }
    assert_eq!(bench.get(job["result"]["zip"].as_str().unwrap()).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_has_its_share_of_jobs_that_are_not_over() {
    let settings = config::Jobs { per_address: 2, ..config::Jobs::default() };
    let bench = bench(ScriptedTts::default().hanging("", 0), &settings);
    let body = json!({ "items": ["One."] });
    let mut first = None;
    for _ in 0..2 {
        let response = bench.post_from("192.0.2.1", "/api/jobs", &body).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let job = read(response).await.1;
        first = first.or(Some(format!("/api/jobs/{}", job["id"].as_str().unwrap())));
    }
    // What is refused for its content takes no place.
    let wrong = bench.post_from("192.0.2.2", "/api/jobs", &json!({ "items": [] })).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    for (path, body) in [("/api/jobs", &body), ("/generate_batch", &json!({ "texts": ["One."] }))] {
        let refused = bench.post_from("192.0.2.1", path, body).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(refused.headers()[header::RETRY_AFTER], "60");
        let problem = read(refused).await.1;
        assert_eq!(problem["reason"], "address-full");
        assert!(problem["detail"].as_str().unwrap().contains("jobs.per_address"), "{problem}");
    }
    for address in ["192.0.2.2", "192.0.2.2"] {
        let other = bench.post_from(address, "/api/jobs", &body).await;
        assert_eq!(other.status(), StatusCode::ACCEPTED, "another address has its own share");
    }
    assert_eq!(bench.delete(&first.unwrap()).await.status(), StatusCode::NO_CONTENT);
    let next = bench.post_from("192.0.2.1", "/api/jobs", &body).await;
    assert_eq!(next.status(), StatusCode::ACCEPTED, "one of its jobs is over");
}

#[tokio::test]
async fn a_stream_holds_its_permit_until_its_client_leaves_or_the_job_is_over() {
    let bench = bench(ScriptedTts::default().hanging("", 0), &config::Jobs::default());
    let address = bench.add(&json!({ "items": ["One."] })).await;
    let id = address.rsplit('/').next().unwrap();
    let admission = Admission::new(Limits::from(&Server::default()));
    let follow = || {
        let permit = admission.admit(Principal::Anonymous, Kind::Following).unwrap();
        bench.office.follow(id, permit).unwrap().into_body().into_data_stream()
    };
    let mut left = follow();
    left.next().await.unwrap().unwrap();
    assert_eq!(admission.active(Kind::Following), 1);
    drop(left);
    assert_eq!(admission.active(Kind::Following), 0);
    let mut events = follow();
    bench.post(&format!("{address}/cancel"), &json!({})).await;
    while events.next().await.is_some() {}
    assert_eq!(admission.active(Kind::Following), 0);
}

#[tokio::test]
async fn what_needs_no_voice_to_tell_is_refused_with_the_number_of_its_item_and_its_field() {
    let bench = usual();
    let of = |item: Value| json!({ "items": ["Fine.", item] });
    for (body, field, told) in [
        (of(json!({ "text": "Hi", "speed": 99 })), "items", "items[1]: speed: 99 is not between"),
        (of(json!({ "text": "<speak>Hi" })), "items", "items[1]: text: the SSML"),
        (of(json!({ "text": "Hi", "lexicon": { "two words": "x" } })), "items", "items[1]: lexicon: "),
        (of(json!("Hi \u{7}")), "items", "items[1]: text: the text holds the control character"),
        (of(json!(" ")), "items", "items[1]: text: the text is empty"),
        (json!({ "items": ["Fine."], "speed": 99 }), "speed", "speed: 99 is not between"),
        (json!({ "items": ["Fine."], "lexicon": { "a b": "x" } }), "lexicon", "lexicon: "),
    ] {
        let (status, problem) = bench.post("/api/jobs", &body).await;
        assert_eq!(
            (status, &problem["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{body}: {problem}"
        );
        assert!(problem["detail"].as_str().unwrap().starts_with(told), "{problem}");
    }
    assert!(bench.tts.asked().is_empty());
}

#[tokio::test]
async fn a_prompt_that_each_recording_is_kept_with_is_bounded() {
    let bench = usual();
    let prompt = "x".repeat((16 << 10) + 1);
    let sent = form(&[("prompt", prompt.as_str())], &[recording(1)]);
    let request = Request::post("/api/jobs").header("content-type", sent.kind);
    let (status, problem) = read(bench.ask(request.body(Body::from(sent.body)).unwrap()).await).await;
    assert_eq!((status, &problem["field"]), (StatusCode::BAD_REQUEST, &json!("prompt")), "{problem}");
}

#[tokio::test]
async fn a_recording_may_be_the_whole_body_with_its_fields_in_the_query() {
    let bench = usual();
    let request = Request::post("/api/jobs?name=talk&language=en").header("content-type", "audio/wav");
    let (status, job) = read(bench.ask(request.body(Body::from(recording(2))).unwrap()).await).await;
    assert_eq!((status, &job["kind"]), (StatusCode::ACCEPTED, &json!("transcription")), "{job}");
    assert_eq!((&job["name"], &job["items"]["total"]), (&json!("talk"), &json!(1)));
}
