//! The HTTP side of one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::{RequestBuilder, Response, Url};
use serde_json::{Map, Value, json};

use super::refusal::{self, Asked, Denied};
use super::too_long::Prompt;
use crate::EngineError;
use crate::backends::http::fault::Fault;
use crate::backends::http::probe::Looked;
use crate::backends::http::refused::answer;
use crate::backends::http::{Advice, Http, content_type};
use crate::config::LlmEngine;

/// Path of the chat API.
const DOES: &str = "/chat/completions";

/// An endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    http: Arc<Http>,
    chat: Url,
    model: String,
    /// It has refused to choose among tools while it streams.
    chooses_none: AtomicBool,
    /// It has passed a call on as text.
    passes_on: AtomicBool,
}

impl Endpoint {
    /// The configured endpoint; nothing is sent yet. `section`: its section of the configuration.
    ///
    /// # Errors
    /// When the key cannot be read, the address is not valid, or a header is not valid.
    pub(super) fn new(section: &str, own: &LlmEngine) -> anyhow::Result<Self> {
        let http = Arc::new(Http::new(&own.endpoint(section), Advice::OPENAI)?);
        let (chooses_none, passes_on) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { chat: chat(&http), http, model: own.model_name(), chooses_none, passes_on })
    }

    /// What the readiness probe requests.
    pub(super) fn looked(&self) -> Looked {
        // An endpoint that accepts chat requests rejects an empty body with a validation error.
        fn empty(http: &Http) -> RequestBuilder {
            http.post(chat(http)).json(&json!({}))
        }
        fn takes(status: u16) -> bool {
            matches!(status, 400 | 422 | 429)
        }
        Looked { http: self.http.clone(), model: self.model.clone(), does: DOES, empty, takes }
    }

    /// What error messages about a request may mention.
    pub(super) fn asked(&self, prompt: Prompt, tools: Vec<String>) -> Asked {
        Asked { endpoint: self.http.asked(DOES, &self.model), tools, prompt }
    }

    /// Requests a response; returns when it begins to stream. Dropping it closes the connection.
    ///
    /// # Errors
    /// Why there is no stream.
    pub(super) async fn chat(&self, body: &Map<String, Value>, asked: &Asked) -> Result<Response, Denied> {
        let response = self.http.send(self.http.post(self.chat.clone()).json(body)).await?;
        let kind = content_type(&response);
        let streams = !(kind.starts_with("text/html") || kind.starts_with("application/json"));
        if response.status().is_success() && streams {
            return Ok(response);
        }
        Err(refusal::denied(&answer(&self.http, response).await, asked))
    }

    /// Whether it chooses among no tools while it streams.
    pub(super) fn chooses_none(&self) -> bool {
        self.chooses_none.load(Ordering::Relaxed)
    }

    /// It has refused a choice of tools, and served the same request without one. Further requests do without.
    pub(super) fn refused_a_choice(&self) {
        if !self.chooses_none.swap(true, Ordering::Relaxed) {
            let (address, model) = (self.http.address(), self.model.as_str());
            tracing::warn!(
                %address, %model,
                "the endpoint does not choose among tools while it streams: they are offered without a choice, and calls are read from the model's text"
            );
        }
    }

    /// It has passed a call on as text, which was read here.
    pub(super) fn passed_on_a_call(&self) {
        if !self.passes_on.swap(true, Ordering::Relaxed) {
            let (address, model) = (self.http.address(), self.model.as_str());
            tracing::info!(%address, %model, "the endpoint passes tool calls on as text: they are read from the text");
        }
    }

    /// Explains a fault inside a stream.
    pub(super) fn fault(&self, fault: Fault, asked: &Asked) -> EngineError {
        let message = self.http.without_secrets(fault.message);
        refusal::of_fault(&Fault { message, ..fault }, asked)
    }
}

fn chat(http: &Http) -> Url {
    http.url(&["chat", "completions"])
}
