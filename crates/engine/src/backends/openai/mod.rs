//! Language models behind OpenAI-compatible chat endpoints: Ollama, vLLM, llama-server, LM Studio, TGI and cloud services.
//!
//! - this file: makes the backend
//! - `endpoint`: the HTTP side of one endpoint
//! - `chat`: the language model; `reading`: reads a response
//! - `request`: builds the body of a request (pure)
//! - `sse`: splits bytes into events; `reply`: turns events into a response; `in_text`: finds calls that a model writes as text;
//!   `ahead`: how far the text is ahead of the voice (all pure)
//! - `refusal`: maps refusals to errors with advice; `too_long`: prompts that do not fit (both pure)

mod ahead;
mod chat;
mod endpoint;
mod in_text;
mod reading;
mod refusal;
mod reply;
mod request;
mod sse;
mod too_long;

use std::sync::Arc;

use tokio::sync::watch;

use super::http::Silence;
use super::http::probe::Probe;
use super::{Backend, Tasks};
use crate::Llm;
use crate::config::LlmEngine;
use crate::status::EngineStatus;
use crate::watchdog::Watchdog;
use chat::Chat;
use endpoint::Endpoint;

/// A language model at an endpoint; its readiness is checked until `tasks` end. `section`: its section of the configuration.
///
/// # Errors
/// When the key cannot be read or its `url` is not an address.
pub(super) fn llm(tasks: &Tasks, section: &str, own: &LlmEngine) -> anyhow::Result<Backend<dyn Llm>> {
    let endpoint = Arc::new(Endpoint::new(section, own)?);
    let (status, known) = watch::channel(EngineStatus::not_ready("has not been reached yet"));
    let engine = tasks.label("llm");
    let probe = Probe { engine, looked: endpoint.looked(), known: EngineStatus::default(), status };
    tasks.spawn(|token| probe.run(token));
    let watchdog = Watchdog::of_silence(Silence::before(own.silence_seconds).length());
    let chat = Chat { engine, endpoint, settings: own.clone(), status: known.clone(), watchdog };
    Ok(Backend { engine: Arc::new(chat), status: known })
}
