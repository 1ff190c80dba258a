//! A real server whose voice and language model are HTTP servers that follow the recorded contracts: the requests of a call
//! with a cloned voice, and the server's metrics.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::Path;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use visavis::animation::recording;

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &str = "0123456789abcdef";

/// A request of the server to the voice's server.
#[derive(Debug)]
enum Asked {
    /// For the numbers of this form's clip.
    Clone(Bytes),
    /// For speech.
    Speak(Value),
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Coqui's streaming server, with one speaker of its own.
async fn xtts(asked: mpsc::Sender<Asked>) -> String {
    let speakers = json!({ "Ana": { "speaker_embedding": [0.125], "gpt_cond_latent": [[0.125]] } });
    let told = asked.clone();
    let clone = post(move |form: Bytes| async move {
        told.try_send(Asked::Clone(form)).unwrap();
        Json(json!({ "speaker_embedding": [0.25], "gpt_cond_latent": [[0.5]] }))
    });
    let speak = post(move |Json(body): Json<Value>| async move {
        asked.try_send(Asked::Speak(body)).unwrap();
        let tone: Vec<i16> = (0..12_000).map(|at| if at % 120 < 60 { 8000 } else { -8000 }).collect();
        let sound = recording::encode(&tone).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR);
        sound.map(|sound| ([(CONTENT_TYPE, "audio/wav")], sound)).into_response()
    });
    let router = Router::new()
        .route("/studio_speakers", get(move || async move { Json(speakers) }))
        .route("/languages", get(|| async { Json(json!(["en"])) }))
        .route("/clone_speaker", clone)
        .route("/tts_stream", speak);
    serve(router).await
}

/// A chat endpoint that always says the same.
async fn chat() -> String {
    let events = [
        json!({ "choices": [{ "index": 0, "delta": { "content": "It is four o'clock." }, "finish_reason": null }] }),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
    ];
    let stream = events.map(|event| format!("data: {event}\n\n")).concat() + "data: [DONE]\n\n";
    let chat = post(move || async move { ([(CONTENT_TYPE, "text/event-stream")], stream) });
    let models = get(|| async { Json(json!({ "data": [{ "id": "small" }] })) });
    serve(Router::new().route("/v1/models", models).route("/v1/chat/completions", chat)).await + "/v1"
}

/// Writes the configuration of both into a folder; returns the file.
fn configuration(folder: &Path, xtts: &str, chat: &str) -> String {
    let clones = folder.join("clones");
    let text = format!(
        r#"
        [server]
        admin_key = {KEY:?}
        [tts]
        api = "xtts"
        url = {xtts:?}
        clones_dir = {clones:?}
        [backends.cloud]
        kind = "llm"
        api = "openai"
        url = {chat:?}
        model = "small"
        [[routes]]
        kind = "llm"
        engines = ["cloud", "main"]
        first_ms = 30000
        "#
    );
    let file = folder.join("visavis.toml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// Clones a voice of recorded speech.
async fn clone_jfk(live: &Live) {
    let clip = STANDARD.encode(std::fs::read(live::speech("jfk.wav")).unwrap());
    let body = json!({ "name": "jfk", "consent": "a speech in public, 20 January 1961", "clip": clip });
    let request = live.server.http().post(live.server.url("api/voices")).bearer_auth(KEY).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap());
}

/// Asks in a call with the cloned voice, and hears the response to its end.
async fn call_with_jfk(live: &Live) {
    let address = format!("ws://{}/ws?language=en&voice=jfk", live.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let ready = json!({ "version": "2.1.0" });
    let question = json!({ "content": "What time is it?" });
    for (kind, id, data) in [("client-ready", "1", ready), ("send-text", "2", question)] {
        let message = json!({ "label": "rtvi-ai", "type": kind, "id": id, "data": data });
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    let spoken = async {
        let mut voice = Value::Null;
        loop {
            let message = socket.next().await.expect("the call goes on").unwrap();
            let Message::Text(text) = message else { continue };
            let value: Value = serde_json::from_str(&text).unwrap();
            if value["data"]["spoken_status"] == "new" {
                voice = value["data"]["voice"].clone();
            }
            if value["type"] == "bot-stopped-speaking" {
                return voice;
            }
        }
    };
    let voice = tokio::time::timeout(PATIENCE, spoken).await.expect("it is answered in time");
    assert_eq!(voice, json!("jfk"));
}

/// The value of a counter with these labels in `/metrics`.
async fn counted(live: &Live, name: &str, labels: &[&str]) -> f64 {
    let text = live.server.http().get(live.server.url("metrics")).send().await.unwrap().text().await.unwrap();
    let told = |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    let lines = text.lines().filter(told);
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloned_voice_speaks_in_a_call_with_its_clip_as_the_server_takes_it_and_metrics_tell_who_served() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, mut asked) = mpsc::channel(256);
    let file = configuration(folder.path(), &xtts(sender).await, &chat().await);
    let live = Live::start(&["--config", &file]).await;
    live.all_ready().await;
    clone_jfk(&live).await;
    call_with_jfk(&live).await;

    let (mut forms, mut bodies) = (Vec::new(), Vec::new());
    while let Ok(request) = asked.try_recv() {
        match request {
            Asked::Clone(form) => forms.push(form),
            Asked::Speak(body) => bodies.push(body),
        }
    }
    let clip = visavis_models::clones::find(&folder.path().join("clones"), "jfk").unwrap().clip;
    let clip = std::fs::read(clip).unwrap();
    assert_eq!(forms.len(), 1, "numbers are made of a clip once");
    let field = b"name=\"wav_file\"";
    assert!(forms[0].windows(field.len()).any(|bytes| bytes == field));
    assert!(forms[0].windows(clip.len()).any(|bytes| bytes == clip), "the whole clip, as it was stored");
    let response = bodies.iter().find(|body| body["text"].as_str().unwrap().contains("four"));
    let response = response.unwrap_or_else(|| panic!("{bodies:?}"));
    assert_eq!(
        (&response["speaker_embedding"], &response["gpt_cond_latent"], &response["language"]),
        (&json!([0.25]), &json!([[0.5]]), &json!("en"))
    );

    let by_cloud = ["kind=\"llm\"", "engine=\"cloud\"", "reason=\"route\""];
    assert!(counted(&live, "visavis_route_total{", &by_cloud).await >= 1.0);
    assert_eq!(counted(&live, "visavis_route_total{", &["engine=\"main\""]).await, 0.0);
    assert!(counted(&live, "visavis_word_times_total{", &["source=\"alignment\""]).await >= 3.0);
    assert_eq!(counted(&live, "visavis_word_times_total{", &["source=\"pace\""]).await, 0.0);
}
