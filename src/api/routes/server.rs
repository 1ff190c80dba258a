//! How the server and the way to it are.

use axum::Extension;
use serde_json::json;
use utoipa::openapi::Type;

use super::Method::{Get, Post};
use super::Route;
use crate::api::openapi::shape::{
    field, file, flag, free, list, needed, object, or_null, text, text_or_null, whole, whole_of,
};
use crate::api::openapi::{About, Document, Topic, openapi};
use crate::api::{health, ice, network};

const BYTES: &str = "application/octet-stream";

/// The routes.
pub(super) fn routes(document: &Document) -> Vec<Route> {
    let document = document.clone();
    let described = About::new(Topic::Server, "This description")
        .more("OpenAPI 3.1. The page `/docs` is made of it.")
        .answers("The description", free("As OpenAPI 3.1 says"), json!({ "openapi": "3.1.0" }));
    vec![
        Route::new(Get, "/health", health::health, health()),
        Route::new(Get, "/ready", health::ready, ready()),
        Route::new(Get, "/metrics", health::metrics, metrics()),
        Route::new(Get, "/openapi.json", openapi, described).behind(|serve| serve.layer(Extension(document))),
        Route::new(Get, "/api/ice-servers", ice::ice_servers, ice_servers()),
        Route::new(Post, "/api/ice-servers", ice::ice_servers, ice_servers()),
        Route::new(Get, "/api/network", network::about, about_network()),
        Route::new(
            Get,
            "/api/network/bytes",
            network::download,
            About::new(Topic::Server, "Bytes to measure by")
                .needed_query("n", whole_of("How many", &(0..=1 << 20)), json!(1000))
                .sends("Random bytes, which nothing compresses", &[BYTES]),
        ),
        Route::new(
            Post,
            "/api/network/bytes",
            network::upload,
            About::new(Topic::Server, "Takes bytes to measure by")
                .may_take(BYTES, file("At most 1 MiB, which is discarded"), None)
                .done("They have arrived"),
        ),
    ]
}

fn health() -> About {
    let shape = object([
        needed("status", text("ok: the process is alive")),
        needed("version", text("Of the server")),
        needed("calls", whole("Calls in progress")),
        needed("models", list("The models that are ready", text("A model"))),
        needed("gpu_available", flag("Whether an engine computes on a GPU")),
        needed("gpu_memory_used", or_null(Type::Integer, "0 without a GPU; null: not known")),
        needed("gpu_memory_total", or_null(Type::Integer, "0 without a GPU; null: not known")),
        needed("queue_length", whole("Requests that wait in the engines")),
        needed(
            "avg_latency_ms",
            or_null(
                Type::Integer,
                "How long callers typically waited for a response in the last minute; null: too few did",
            ),
        ),
    ]);
    let example = json!({
        "status": "ok", "version": "0.1.0", "calls": 1, "models": ["qwen2.5.gguf", "base.bin", "joe"],
        "gpu_available": false, "gpu_memory_used": 0, "gpu_memory_total": 0, "queue_length": 0,
        "avg_latency_ms": 640,
    });
    About::new(Topic::Server, "Whether the process is alive")
        .more("For a balancer that restarts what hangs. Whether calls can be taken is told by `/ready`.")
        .answers("It is alive", shape, example)
}

fn ready() -> About {
    let engine = || {
        object([
            needed("ready", flag("It takes requests")),
            needed("message", text("What it waits for, or what is wrong")),
            needed("model", text("Its model")),
            needed("device", text("What it computes on")),
        ])
    };
    let shape = || {
        object([
            needed("ready", flag("Calls can be taken")),
            needed("whisper_ready", flag("The recogniser is ready")),
            needed("lid_ready", flag("Languages can be identified")),
            needed("llm_ready", flag("The language model is ready")),
            needed("tts_ready", flag("The voice is ready")),
            needed(
                "turn_ready",
                or_null(Type::Boolean, "The model of the end of a turn; null: there is none"),
            ),
            needed("device", text("What the recogniser computes on")),
            needed("udp", flag("WebRTC works")),
            needed("stopping", flag("The server is stopping")),
            needed(
                "load",
                or_null(Type::Number, "From 1 on no further call is taken; null: not measured yet"),
            ),
            field("store", or_null(Type::Object, "Where contexts are kept; null: nowhere")),
            field("certificate", or_null(Type::Object, "The server's own; null: it has none")),
            needed(
                "engines",
                object([needed("stt", engine()), needed("llm", engine()), needed("tts", engine())]),
            ),
            field("backends", list("All engines, where there are routes", free("An engine"))),
        ])
    };
    About::new(Topic::Server, "Whether calls can be taken")
        .gives("200", "Calls can be taken")
        .holds("200", "application/json", shape(), None)
        .gives("503", "No call can be taken, for what is false")
        .holds("503", "application/json", shape(), None)
}

fn metrics() -> About {
    About::new(Topic::Server, "Metrics").gives("200", "In Prometheus's text format").holds(
        "200",
        "text/plain",
        text("Lines"),
        None,
    )
}

fn ice_servers() -> About {
    let server = object([
        needed("urls", list("Its addresses", text("An address"))),
        field("username", text_or_null("For a relay")),
        field("credential", text_or_null("For a relay")),
    ]);
    let shape = object([
        needed("iceServers", list("As browsers take them", server)),
        field("ttl", whole("Seconds for which a relay's credential is good")),
        field("iceTransportPolicy", text("relay: nothing else may be used")),
    ]);
    let example = json!({ "iceServers": [{ "urls": ["stun:stun.example.org"] }] });
    About::new(Topic::Server, "STUN and TURN servers").answers("They are", shape, example)
}

fn about_network() -> About {
    let shape = object([
        needed("address", text_or_null("The client's, as it is seen")),
        needed("udp", or_null(Type::Object, "The port of calls and its addresses; null: there is none")),
        needed("tcp", flag("Calls may go over TCP")),
        needed("websocket", flag("Calls may go over a WebSocket")),
        needed("turn", free("By which transports a relay is reached")),
        needed("time", text("The server's clock (RFC 3339)")),
    ]);
    let example = json!({
        "address": "203.0.113.7", "udp": { "port": 8080, "candidates": ["192.0.2.1:8080"] }, "tcp": false,
        "websocket": true, "turn": { "udp": false, "tcp": false, "tls": false },
        "time": "2026-01-01T12:00:00.000Z",
    });
    About::new(Topic::Server, "What there is to test of the network").answers("It is", shape, example)
}
