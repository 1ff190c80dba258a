//! Health, readiness and metrics, for operators and load balancers.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::App;
use super::caller::Caller;
use crate::admission::Kind;
use crate::engine::router::policy::Ask;
use visavis_core::route::EngineKind;
use visavis_store::Saver;

/// Reports that the process is alive.
pub async fn health(State(app): State<App>) -> impl IntoResponse {
    let calls = app.admission.active(Kind::Call);
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "calls": calls }))
}

/// Reports whether calls can be taken: 200, or 503 with what is missing. Of each kind it tells the engine that a call of whoever asks
/// would go to now.
pub async fn ready(State(app): State<App>, Caller(principal): Caller) -> impl IntoResponse {
    let fleet = &app.fleet;
    let (user, config) = (principal.user(), &app.config);
    let language = Some(config.conversation.language.as_str()).filter(|language| *language != "auto");
    let (language, voice) = (language.unwrap_or_default(), config.tts.voice.as_str());
    let ask = Ask { user: &user, language, voice, ..Ask::default() };
    let engines = EngineKind::ALL.map(|kind| fleet.next_up(kind, &ask));
    let [stt, llm, tts] = engines.each_ref().map(|next| &next.status);
    let stopping = app.admission.is_stopping();
    let ready = stt.ready && llm.ready && tts.ready && !stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let device = if stt.device.is_empty() { "cpu".to_string() } else { stt.device.clone() };
    let mut body = json!({
        "ready": ready,
        "whisper_ready": stt.ready,
        "lid_ready": stt.ready && stt.identifies_language,
        "llm_ready": llm.ready,
        "tts_ready": tts.ready,
        // Null if the profile has no such model. It is loaded before the server listens.
        "turn_ready": fleet.end_of_turn.is_some().then_some(true),
        "device": device,
        "udp": app.webrtc.as_ref().is_some_and(|host| host.is_reading()),
        "stopping": stopping,
        // Null until it is measured; at 1 no further call is taken, though the server is ready.
        "load": app.admission.capacity().map(|capacity| (capacity.load * 100.0).round() / 100.0),
        // Null: the configuration has none. Calls can be taken while it fails.
        "store": app.saver.as_ref().map(Saver::health),
        // Null: the server has no TLS of its own.
        "certificate": app.certificate.as_ref().map(|certificate| certificate.health()),
        "engines": { "stt": engines[0], "llm": engines[1], "tts": engines[2] },
    });
    let backends = fleet.backends();
    if !backends.is_empty() {
        body["backends"] = json!(backends);
    }
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body))
}

/// The metrics in Prometheus's text format.
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}
