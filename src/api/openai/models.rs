//! `GET /v1/models` and `/v1/models/{id}`: the models that run.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::{ApiError, INVALID};
use crate::api::App;
use crate::engine::status::EngineStatus;

/// When the server began to serve them, in seconds since 1970.
static SINCE: LazyLock<u64> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());

/// A model that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    id: String,
    /// What it does, as people say it.
    does: &'static str,
}

impl Model {
    fn json(&self) -> Value {
        let Self { id, does } = self;
        json!({ "id": id, "object": "model", "created": *SINCE, "owned_by": "visavis", "does": does })
    }
}

/// All models.
pub async fn list(State(app): State<App>) -> Json<Value> {
    let data: Vec<Value> = running(&app).iter().map(Model::json).collect();
    Json(json!({ "object": "list", "data": data }))
}

/// One of them.
///
/// # Errors
/// If there is none of this name, with those that there are.
pub async fn one(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    found(&running(&app), &id).map(|model| Json(model.json()))
}

/// The name of the language model.
pub(super) fn language_model(app: &App) -> String {
    let configured = app.config.llm.model_name();
    let name: &str = if configured.is_empty() { "visavis-llm" } else { &configured };
    named(&app.fleet.llm.status.borrow(), name)
}

fn running(app: &App) -> Vec<Model> {
    let fleet = &app.fleet;
    vec![
        Model { id: language_model(app), does: "chat" },
        Model { id: named(&fleet.tts.status.borrow(), "visavis-tts"), does: "speech" },
        Model { id: named(&fleet.stt.status.borrow(), "visavis-stt"), does: "transcription" },
    ]
}

/// The name of an engine's model; `otherwise`: until it has told one.
fn named(status: &EngineStatus, otherwise: &str) -> String {
    if status.model.is_empty() { otherwise.to_owned() } else { status.model.clone() }
}

fn found<'a>(running: &'a [Model], id: &str) -> Result<&'a Model, ApiError> {
    running.iter().find(|model| model.id == id).ok_or_else(|| {
        let names: Vec<&str> = running.iter().map(|model| model.id.as_str()).collect();
        let message = format!("model: there is no {id:?} here, but {}.", names.join(", "));
        ApiError::new(StatusCode::NOT_FOUND, INVALID, message).param("model").code("model_not_found")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_and_another_name_is_answered_with_those_that_there_are() {
        let told = EngineStatus { model: "small.gguf".into(), ..EngineStatus::default() };
        assert_eq!(named(&told, "visavis-llm"), "small.gguf");
        assert_eq!(named(&EngineStatus::default(), "visavis-llm"), "visavis-llm");
        let running =
            [Model { id: "small.gguf".into(), does: "chat" }, Model { id: "voice".into(), does: "speech" }];
        let model = found(&running, "voice").unwrap().json();
        assert_eq!((&model["object"], &model["does"]), (&json!("model"), &json!("speech")));
        let error = found(&running, "gpt-4o").unwrap_err().body();
        assert_eq!(error["error"]["code"], "model_not_found");
        assert!(error["error"]["message"].as_str().unwrap().contains("small.gguf, voice"), "{error}");
    }
}
