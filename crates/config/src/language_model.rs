//! The configuration of the language model: its shape and its checks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::secret::Secret;
use super::shape::Remote;

/// Most entries of `llm.headers` and of `llm.body`.
const MOST_ENTRIES: usize = 32;
/// Longest key in bytes.
const LONGEST_KEY: usize = 8192;
/// Fields of a request that only the server sets.
const OWN_FIELDS: [&str; 4] = ["messages", "model", "stream", "tools"];
/// Fields of a request that an endpoint may refuse.
const OPTIONAL_FIELDS: [&str; 4] = ["max_tokens", "stream_options", "temperature", "top_p"];

/// The chat templates that our own engine knows by name.
const TEMPLATES: [&str; 11] = [
    "chatml",
    "llama3",
    "gemma",
    "mistral-v1",
    "mistral-v3",
    "mistral-v3-tekken",
    "mistral-v7",
    "mistral-v7-tekken",
    "phi3",
    "phi4-mini",
    "phi4",
];

/// How the language model is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LlmApi {
    /// As our own engine program: a child of the server, or at `llm.url`.
    #[default]
    Engine,
    /// As an OpenAI-compatible chat endpoint at `llm.url`.
    OpenAi,
}

/// Language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlmEngine {
    /// `engine`: our own program; `openai`: any OpenAI-compatible chat endpoint.
    pub api: LlmApi,
    /// See [`Remote`]. With `openai` the address before `/chat/completions`, such as `http://localhost:11434/v1`.
    pub url: Remote,
    /// Model file; empty: the profile's. With `openai` the model's name at the endpoint.
    pub model: PathBuf,
    /// `engine`: the chat template that the model was trained with, such as `chatml`; empty: that of its file.
    pub template: String,
    /// Threads for generation.
    pub threads: u32,
    /// Threads for prompts.
    pub threads_batch: u32,
    /// Tokens of context of each conversation.
    pub context: u32,
    /// Conversations whose KV cache is kept.
    pub slots: u32,
    /// Most requests that may wait.
    pub queue: u32,
    /// Longest response in tokens; an endpoint counts thoughts too.
    pub max_tokens: u32,
    /// 0: always the likeliest token.
    pub temperature: f32,
    /// Nucleus sampling; 1: off.
    pub top_p: f32,
    /// `openai`: the key, sent as `Authorization: Bearer`; empty: none is sent. `VISAVIS_LLM_KEY` keeps it out of the file.
    pub key: Secret,
    /// `openai`: a file that holds the key, instead of `key`.
    pub key_file: PathBuf,
    /// `openai`: the endpoint calls tools. False: none is offered, and clients that declare some are refused.
    pub tools: bool,
    /// `openai`: prefill prompts by requests for one token. Useful only where the endpoint keeps prompts' KV cache;
    /// elsewhere each request is charged for nothing.
    pub prefill: bool,
    /// `openai`: seconds within which a connection must be made.
    pub connect_seconds: u32,
    /// `openai`: seconds without a piece of a response after which its request ends; also for the first piece.
    pub silence_seconds: u32,
    /// `openai`: fields left out of requests because the endpoint refuses them, of `max_tokens`, `stream_options`,
    /// `temperature` and `top_p`.
    pub omit: Vec<String>,
    /// `openai`: further headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// `openai`: further fields of every request for a response; they replace the server's own of the same name.
    pub body: BTreeMap<String, Value>,
}

impl Default for LlmEngine {
    fn default() -> Self {
        Self {
            api: LlmApi::Engine,
            url: String::new(),
            model: PathBuf::new(),
            template: String::new(),
            threads: 1,
            threads_batch: 2,
            context: 4096,
            slots: 4,
            queue: 16,
            max_tokens: 160,
            temperature: 0.0,
            top_p: 1.0,
            key: Secret::default(),
            key_file: PathBuf::new(),
            tools: true,
            prefill: false,
            connect_seconds: 5,
            silence_seconds: 30,
            omit: Vec::new(),
            headers: BTreeMap::new(),
            body: BTreeMap::new(),
        }
    }
}

impl LlmEngine {
    /// The model's name at an endpoint.
    #[must_use]
    pub fn model_name(&self) -> String {
        self.model.to_string_lossy().into_owned()
    }

    /// The key, from `llm.key` or the file that holds it; empty: none.
    ///
    /// # Errors
    /// When the file cannot be read or holds no key; the message names the setting and holds no part of the key.
    pub fn secret(&self) -> Result<Secret, String> {
        let (key, origin) = if self.key_file.as_os_str().is_empty() {
            (self.key.clone(), "llm.key".to_string())
        } else {
            let file = self.key_file.display();
            let text = std::fs::read_to_string(&self.key_file)
                .map_err(|error| format!("llm.key_file: {file} cannot be read: {error}"))?;
            let key = text.trim();
            if key.is_empty() {
                return Err(format!("llm.key_file: {file} is empty; write the key into it"));
            }
            (Secret::new(key), format!("llm.key_file: {file}"))
        };
        if key.expose().len() > LONGEST_KEY {
            return Err(format!("{origin}: {} bytes; at most {LONGEST_KEY}", key.expose().len()));
        }
        if HeaderValue::from_str(key.expose()).is_err() {
            return Err(format!("{origin}: holds a character that no header may have, such as a line break"));
        }
        Ok(key)
    }
}

/// Adds a line for each fault.
pub(super) fn check(llm: &LlmEngine, faults: &mut Vec<String>) {
    match llm.api {
        LlmApi::Engine => {
            check_unused(llm, faults);
            check_template(llm, faults);
        }
        LlmApi::OpenAi => {
            if !llm.template.is_empty() {
                faults.push("llm.template: is for our own engine; remove it, an endpoint has its own".into());
            }
            check_address(&llm.url, faults);
            if llm.model.as_os_str().is_empty() {
                let fix = "set it to a name that the endpoint lists under /models";
                faults.push(format!("llm.model: is empty; with llm.api = \"openai\" {fix}"));
            }
            check_key(llm, faults);
            check_headers(llm, faults);
            check_body(llm, faults);
        }
    }
}

/// Settings of an endpoint that would be ignored: without `llm.api` their requests would go nowhere.
fn check_unused(llm: &LlmEngine, faults: &mut Vec<String>) {
    for (key, given) in [
        ("llm.key", !llm.key.is_empty()),
        ("llm.key_file", !llm.key_file.as_os_str().is_empty()),
        ("llm.tools", !llm.tools),
        ("llm.prefill", llm.prefill),
        ("llm.omit", !llm.omit.is_empty()),
        ("llm.headers", !llm.headers.is_empty()),
        ("llm.body", !llm.body.is_empty()),
    ] {
        if given {
            faults.push(format!("{key}: is for chat endpoints; set llm.api = \"openai\", or remove it"));
        }
    }
}

fn check_template(llm: &LlmEngine, faults: &mut Vec<String>) {
    let template = llm.template.as_str();
    if !template.is_empty() && !TEMPLATES.contains(&template) {
        let all = TEMPLATES.join(", ");
        faults.push(format!(
            "llm.template: {template:?} is not known; leave it out to use the file's own, or set {all}"
        ));
    }
}

fn check_address(address: &str, faults: &mut Vec<String>) {
    let mut fault = |text: &str| faults.push(format!("llm.url: {text}"));
    let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let Some(url) = Url::parse(address).ok().filter(web) else {
        fault(
            "is not an http:// or https:// address; with llm.api = \"openai\" set the one before /chat/completions, such \
             as http://localhost:11434/v1",
        );
        return;
    };
    if !url.username().is_empty() || url.password().is_some() {
        fault("holds a user or a password; use llm.key or llm.headers");
    }
    if url.path().trim_end_matches('/').ends_with("/completions") {
        fault("leave out /chat/completions: the server adds it");
    }
}

fn check_key(llm: &LlmEngine, faults: &mut Vec<String>) {
    if !llm.key.is_empty() && !llm.key_file.as_os_str().is_empty() {
        faults.push("llm.key_file: llm.key is set too; remove one of them".into());
    }
    faults.extend(llm.secret().err());
}

fn check_headers(llm: &LlmEngine, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(format!("llm.headers: {text}"));
    if llm.headers.len() > MOST_ENTRIES {
        fault(format!("{}; at most {MOST_ENTRIES}", llm.headers.len()));
    }
    let keyed = !llm.key.is_empty() || !llm.key_file.as_os_str().is_empty();
    for (name, value) in &llm.headers {
        match name.parse::<HeaderName>() {
            Ok(header) if keyed && header == AUTHORIZATION => {
                fault(format!("{name:?} is what llm.key sets; remove one of them"));
            }
            Ok(_) if HeaderValue::from_str(value.expose()).is_ok() => {}
            _ => fault(format!("{name:?} or its value is not valid in a header")),
        }
    }
}

fn check_body(llm: &LlmEngine, faults: &mut Vec<String>) {
    if llm.body.len() > MOST_ENTRIES {
        faults.push(format!("llm.body: {} fields; at most {MOST_ENTRIES}", llm.body.len()));
    }
    for name in llm.body.keys().filter(|name| OWN_FIELDS.contains(&name.as_str())) {
        faults.push(format!("llm.body: {name:?} is the server's own field; remove it"));
    }
    for name in llm.omit.iter().filter(|name| !OPTIONAL_FIELDS.contains(&name.as_str())) {
        let all = OPTIONAL_FIELDS.join(", ");
        faults.push(format!("llm.omit: {name:?} cannot be left out; only {all} can"));
    }
}

#[cfg(test)]
mod tests;
