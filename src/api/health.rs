//! Health, readiness and metrics, for operators and load balancers.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use super::App;
use crate::admission::Kind;

/// Reports that the process is alive.
pub async fn health(State(app): State<App>) -> impl IntoResponse {
    let calls = app.admission.active(Kind::Call);
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "calls": calls }))
}

/// Reports whether calls can be taken: 200, or 503 with what is missing.
pub async fn ready(State(app): State<App>) -> impl IntoResponse {
    let fleet = &app.fleet;
    let [stt, llm, tts] =
        [&fleet.stt.status, &fleet.llm.status, &fleet.tts.status].map(|status| status.borrow().clone());
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
        "engines": { "stt": stt, "llm": llm, "tts": tts },
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
