//! Health, readiness and metrics, for operators and load balancers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::App;
use super::caller::Caller;
use crate::admission::Kind;
use crate::engine::router::policy::Ask;
use crate::engine::status::EngineStatus;
use visavis_core::route::EngineKind;
use visavis_store::Saver;

/// What engines call a GPU. An engine elsewhere tells its host.
const GPUS: [&str; 7] = ["cuda", "rocm", "metal", "vulkan", "coreml", "directml", "migraphx"];

/// Reports that the process is alive, and in the form of speech gateways what it has to do.
pub async fn health(State(app): State<App>) -> impl IntoResponse {
    let fleet = &app.fleet;
    let engines =
        [&fleet.llm.status, &fleet.stt.status, &fleet.tts.status].map(|status| status.borrow().clone());
    let waited = app.admission.capacity().and_then(|capacity| capacity.waited);
    let load = Load {
        calls: app.admission.active(Kind::Call),
        queued: fleet.work().iter().map(|work| u64::from(work.queued)).sum(),
        waited,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(told(&engines, &load)))
}

/// What the server has to do.
struct Load {
    calls: usize,
    /// Requests that wait in the engines.
    queued: u64,
    /// How long callers waited of late.
    waited: Option<Duration>,
}

fn told(engines: &[EngineStatus], load: &Load) -> Value {
    let models = engines.iter().filter(|engine| engine.ready && !engine.model.is_empty());
    let has_gpu = engines.iter().any(|engine| GPUS.contains(&engine.device.as_str()));
    // Its engines measure no memory of a GPU.
    let memory = if has_gpu { Value::Null } else { json!(0) };
    json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "calls": load.calls,
        "models": models.map(|engine| engine.model.as_str()).collect::<Vec<_>>(),
        "gpu_available": has_gpu,
        "gpu_memory_used": memory,
        "gpu_memory_total": memory,
        "queue_length": load.queued,
        "avg_latency_ms": load.waited.map(|waited| waited.as_millis() as u64),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(model: &str, device: &str, ready: bool) -> EngineStatus {
        EngineStatus { ready, model: model.into(), device: device.into(), ..EngineStatus::default() }
    }

    #[test]
    fn a_server_without_a_gpu_tells_its_models_its_queue_and_no_memory_of_one() {
        let engines = [
            engine("chat.gguf", "cpu", true),
            engine("base.bin", "stt.example.org", true),
            engine("", "cpu", true),
        ];
        let load = Load { calls: 2, queued: 3, waited: Some(Duration::from_millis(640)) };
        let body = told(&engines, &load);
        assert_eq!(body["models"], json!(["chat.gguf", "base.bin"]));
        assert_eq!((&body["status"], &body["calls"]), (&json!("ok"), &json!(2)));
        assert_eq!((&body["queue_length"], &body["avg_latency_ms"]), (&json!(3), &json!(640)));
        let gpu = ["gpu_available", "gpu_memory_used", "gpu_memory_total"].map(|field| body[field].clone());
        assert_eq!(gpu, [json!(false), json!(0), json!(0)]);
    }

    #[test]
    fn what_is_not_known_is_null_and_what_is_not_ready_is_no_model() {
        let load = Load { calls: 0, queued: 0, waited: None };
        let body = told(&[engine("chat.gguf", "cuda", true), engine("joe", "cpu", false)], &load);
        assert_eq!((&body["models"], &body["gpu_available"]), (&json!(["chat.gguf"]), &json!(true)));
        for field in ["gpu_memory_used", "gpu_memory_total", "avg_latency_ms"] {
            assert_eq!(body[field], Value::Null, "{field}");
        }
    }
}
