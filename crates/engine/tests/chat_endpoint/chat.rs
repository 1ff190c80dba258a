//! An endpoint that the test scripts, the adapter connected to it, and what both say.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use visavis_config::{Config, LlmApi, Secret};
use visavis_core::frame::{Message, Role};
use visavis_core::tool::{WrittenCall, builtin};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Llm, LlmPiece, LlmRequest};

use crate::endpoint_support::{KEY, serve, written as written_body};

pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// Starts an endpoint that answers each request for a response like this; returns its `llm.url`.
pub(crate) async fn endpoint(
    chat: impl Fn(HeaderMap, Value) -> Response + Clone + Send + Sync + 'static,
) -> String {
    let list =
        json!({ "object": "list", "data": [{ "id": "small", "object": "model", "max_model_len": 2048 }] });
    let models = get(move || async move { Json(list) });
    let chat = post(move |headers: HeaderMap, Json(body): Json<Value>| {
        let response = chat(headers, body);
        async move { response }
    });
    serve(Router::new().route("/v1/models", models).route("/v1/chat/completions", chat)).await
}

pub(crate) fn config(url: String) -> Config {
    let mut config = Config::default();
    config.llm.api = LlmApi::OpenAi;
    config.llm.url = url;
    config.llm.model = "small".into();
    config.llm.key = Secret::new(KEY);
    config
}

/// The language model. Its tasks end with the test's runtime.
pub(crate) fn connect(config: &Config) -> Backend<dyn Llm> {
    Backends::new(false).unwrap().llm(config, &ModelFiles::default()).unwrap()
}

pub(crate) fn request() -> LlmRequest {
    let messages = vec![
        Message { role: Role::System, content: "Be brief.".into() },
        Message { role: Role::User, content: "Hello.".into() },
    ];
    LlmRequest { conversation: "call".into(), messages, ..LlmRequest::default() }
}

/// All pieces of a response, up to its error.
pub(crate) async fn pieces(
    llm: &dyn Llm,
    request: LlmRequest,
) -> Result<Vec<LlmPiece>, (Vec<LlmPiece>, EngineError)> {
    let mut found = Vec::new();
    let mut stream = match llm.generate(request).await {
        Ok(stream) => stream,
        Err(error) => return Err((found, error)),
    };
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => found.push(piece),
            Err(error) => return Err((found, error)),
        }
    }
    Ok(found)
}

pub(crate) fn delta(delta: &Value) -> String {
    let chunk = json!({ "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    format!("data: {chunk}\n\n")
}

pub(crate) fn says(text: &str) -> String {
    delta(&json!({ "content": text }))
}

pub(crate) fn ends(reason: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }))
}

/// The event of tokens that were read and written: 10 of the prompt's were in no cache.
pub(crate) fn usage() -> String {
    let usage = json!({ "choices": [], "usage": {
        "prompt_tokens": 90, "completion_tokens": 9, "prompt_tokens_details": { "cached_tokens": 80 },
    }});
    format!("data: {usage}\n\n")
}

pub(crate) fn text(text: &str) -> LlmPiece {
    LlmPiece::Text(text.into())
}

/// A complete stream.
pub(crate) fn stream(events: &[String]) -> Response {
    ([(CONTENT_TYPE, "text/event-stream")], events.concat()).into_response()
}

/// A stream that the test writes.
pub(crate) fn written() -> (mpsc::Sender<Result<String, std::io::Error>>, Response) {
    let (sender, body) = written_body();
    (sender, ([(CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// A request whose model may ask for the time.
pub(crate) fn offering() -> LlmRequest {
    LlmRequest { tools: vec![builtin("current_time").unwrap()], ..request() }
}

/// The model asks for the time.
pub(crate) fn time_is_called() -> LlmPiece {
    LlmPiece::Call(WrittenCall { name: "current_time".into(), arguments: "{}".into() })
}
