//! A scripted protocol server for the tests of the client: it knows only the protocol. It recognises no speech and
//! generates no response; it says fixed words after a fixed time.
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::IntoResponse;
use axum::routing::{any, delete, get, post};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use visavis_client::hearing::rms_dbfs;
use visavis_client::wire::{self, Header};
use visavis_core::frame::ResponseId;

mod rtc;

/// From the last loud frame to the response.
pub(crate) const RESPONSE_AFTER: Duration = Duration::from_millis(600);
/// The words of every response.
pub(crate) const RESPONSE: &str = "Paris is the capital.";
/// Length of every response, in frames.
pub(crate) const RESPONSE_FRAMES: usize = 50;
/// Frames without voice that end a turn.
const PAUSE_FRAMES: u32 = 20;

/// What the script leaves out or does on purpose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// It never responds.
    pub(crate) mute: bool,
    /// It interrupts its own response after this many frames and begins another.
    pub(crate) interrupt_after: Option<usize>,
    /// It falls silent this many frames after the first loud frame of the microphone.
    pub(crate) yields_after: Option<usize>,
    /// The transcript that it reports.
    pub(crate) transcript: String,
    /// The origin that it allows.
    pub(crate) origin: String,
}

pub(crate) enum In {
    Text(String),
    Mic(Vec<i16>),
}

pub(crate) enum Out {
    Text(Value),
    Audio(u32, Vec<i16>),
}

/// Serves the script until the test's runtime ends; returns the address.
pub(crate) async fn serve(script: Script) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let script = Arc::new(script);
    let origin = script.origin.clone();
    let cors = tower_http::cors::CorsLayer::new()
        .allow_origin([origin.parse().unwrap_or_else(|_| "http://nobody".parse().unwrap())])
        .allow_methods(tower_http::cors::Any)
        .allow_headers(tower_http::cors::Any);
    let ready = json!({"ready": true, "whisper_ready": true, "lid_ready": true, "llm_ready": true,
        "tts_ready": true, "device": "script"});
    let metrics = || async { ([("content-type", "text/plain; version=0.0.4")], "visavis_calls_active 0\n") };
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/ready", get(move || async move { axum::Json(ready) }))
        .route("/metrics", get(metrics))
        .route("/api/ice-servers", get(|| async { axum::Json(json!({"iceServers": []})) }))
        .route("/api/offer", post(rtc::offer))
        .route("/api/calls/{id}", delete(|| async { axum::http::StatusCode::NO_CONTENT }))
        .route("/ws", any(upgrade))
        .layer(cors)
        .with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn upgrade(State(script): State<Arc<Script>>, upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(move |socket| over_websocket(socket, script))
}

async fn over_websocket(mut socket: WebSocket, script: Arc<Script>) {
    let (in_tx, in_rx) = mpsc::channel(64);
    let (out_tx, mut out_rx) = mpsc::channel(64);
    tokio::spawn(run(script, in_rx, out_tx));
    let mut sequence = 0_u16;
    loop {
        tokio::select! {
            received = socket.recv() => {
                let input = match received {
                    Some(Ok(Message::Text(text))) => In::Text(text.to_string()),
                    Some(Ok(Message::Binary(frame))) => In::Mic(wire::decode(&frame).unwrap().1),
                    Some(Ok(_)) => continue,
                    _ => return,
                };
                if in_tx.send(input).await.is_err() {
                    return;
                }
            }
            out = out_rx.recv() => {
                let message = match out {
                    Some(Out::Text(value)) => Message::Text(value.to_string().into()),
                    Some(Out::Audio(response, samples)) => {
                        let header = Header { sequence, timestamp: 0, response: ResponseId(response) };
                        sequence = sequence.wrapping_add(1);
                        Message::Binary(wire::encode(header, &samples).into())
                    }
                    None => return,
                };
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn message(kind: &str, data: &Value) -> Out {
    Out::Text(json!({"label": "rtvi-ai", "type": kind, "id": "s", "data": data}))
}

/// The script itself, the same over both transports.
pub(crate) async fn run(script: Arc<Script>, mut input: mpsc::Receiver<In>, out: mpsc::Sender<Out>) {
    let (mut loud, mut quiet, mut response) = (0_u32, 0_u32, 0_u32);
    while let Some(event) = input.recv().await {
        let asked = match event {
            In::Text(text) => {
                let text: Value = serde_json::from_str(&text).unwrap();
                match text["type"].as_str().unwrap() {
                    "client-ready" => {
                        let ready = json!({"version": "2.1.0", "call": "scripted"});
                        out.send(message("bot-ready", &ready)).await.ok();
                        false
                    }
                    "disconnect-bot" => {
                        let end = json!({"type": "call-ended", "reason": "hung-up", "message": "bye"});
                        out.send(message("server-message", &end)).await.ok();
                        false
                    }
                    "send-text" => true,
                    _ => false,
                }
            }
            In::Mic(samples) => {
                let voice = rms_dbfs(&samples) > -40.0;
                loud = if voice { loud + 1 } else { loud };
                quiet = if voice { 0 } else { quiet + 1 };
                let ended = loud >= 5 && quiet >= PAUSE_FRAMES;
                if ended {
                    loud = 0;
                    let words = json!({"text": script.transcript, "final": true, "language": "en",
                        "timestamp": "2026-01-01T00:00:00Z", "user_id": "user"});
                    out.send(message("user-transcription", &words)).await.ok();
                    tokio::time::sleep(RESPONSE_AFTER - Duration::from_millis(20) * PAUSE_FRAMES).await;
                }
                ended
            }
        };
        if asked && !script.mute {
            response += 1;
            if let Some(frames) = script.interrupt_after {
                respond(&out, response, frames).await;
                end(&out, response, true).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                response += 1;
            }
            match script.yields_after {
                Some(_) if response > 1 => respond(&out, response, RESPONSE_FRAMES).await,
                Some(frames) => {
                    until_spoken_into(&out, response, &mut input).await;
                    respond(&out, response, frames).await;
                }
                None => respond(&out, response, RESPONSE_FRAMES).await,
            }
            end(&out, response, script.yields_after.is_some() && response == 1).await;
        }
    }
}

async fn respond(out: &mpsc::Sender<Out>, response: u32, frames: usize) {
    let of = json!({"response": response});
    out.send(message("bot-started-speaking", &of)).await.ok();
    let caption =
        json!({"text": RESPONSE, "spoken": true, "aggregated_by": "sentence", "response": response});
    out.send(message("bot-output", &caption)).await.ok();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..frames {
        pace.tick().await;
        out.send(tone(response)).await.ok();
    }
}

/// An endless response, until somebody speaks into it.
async fn until_spoken_into(out: &mpsc::Sender<Out>, response: u32, input: &mut mpsc::Receiver<In>) {
    let of = json!({"response": response});
    out.send(message("bot-started-speaking", &of)).await.ok();
    // One frame in, one frame out: the microphone is the clock.
    while let Some(event) = input.recv().await {
        match event {
            In::Mic(samples) if rms_dbfs(&samples) > -40.0 => return,
            In::Mic(_) => drop(out.send(tone(response)).await),
            In::Text(_) => {}
        }
    }
}

fn tone(response: u32) -> Out {
    let samples = (0..320).map(|n| ((f64::from(n) * std::f64::consts::TAU / 32.0).sin() * 9_000.0) as i16);
    Out::Audio(response, samples.collect())
}

async fn end(out: &mpsc::Sender<Out>, response: u32, interrupted: bool) {
    if interrupted {
        let cut = json!({"response": response, "heard": "Paris"});
        out.send(message("bot-interrupted", &cut)).await.ok();
    }
    out.send(message("bot-stopped-speaking", &json!({"response": response}))).await.ok();
    let marks = json!({"turn_decided": 400, "first_sent": 600});
    let turn = json!({"type": "turn", "response": response, "marks": marks});
    out.send(message("server-message", &turn)).await.ok();
}
