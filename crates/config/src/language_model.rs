//! The configuration of the language model: its shape and its checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::{MOST_ENTRIES, Remote, has_endpoint, refuse_unread};
use super::secret::Secret;

/// Fields of a request that only the server sets.
const OWN_FIELDS: [&str; 4] = ["messages", "model", "stream", "tools"];
/// Fields that can be left out of a request because some endpoints refuse them.
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

/// The API of the language model.
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
    /// `openai`: prefill prompts by requests for one token. Useful only if the endpoint caches prompts; otherwise each such
    /// request costs money for nothing.
    pub prefill: bool,
    /// `openai`: seconds within which a connection must be made.
    pub connect_seconds: u32,
    /// `openai`: seconds until a request ends that has not returned the first piece of its response; thoughts are pieces as
    /// well.
    pub silence_seconds: u32,
    /// `openai`: the same after the first piece, but no longer than `silence_seconds`. Where tools are offered three times as long:
    /// many endpoints send a tool call only once all of it is written.
    pub stall_seconds: u32,
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
            stall_seconds: 3,
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

    /// Whether the server starts our own engine program.
    #[must_use]
    pub fn starts_own(&self) -> bool {
        self.api == LlmApi::Engine && self.url.is_empty()
    }

    /// The file that `model` names; empty: the profile's, or `model` is a name at an endpoint.
    #[must_use]
    pub fn own_file(&self) -> &Path {
        if self.api == LlmApi::Engine { &self.model } else { Path::new("") }
    }
}

has_endpoint!(LlmEngine, |llm| Some(llm.stall_seconds));

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
            let endpoint = llm.endpoint("llm");
            endpoint.check("http://localhost:11434/v1", faults);
            endpoint.check_end("/completions", "/chat/completions", faults);
            if llm.model.as_os_str().is_empty() {
                let fix = "set it to a name that the endpoint lists under /models";
                faults.push(format!("llm.model: is empty; with llm.api = \"openai\" {fix}"));
            }
            check_body(llm, faults);
        }
    }
}

/// Settings of an endpoint that would be ignored: without `llm.api` their requests would go nowhere.
fn check_unused(llm: &LlmEngine, faults: &mut Vec<String>) {
    let settings = [
        ("llm.key", !llm.key.is_empty()),
        ("llm.key_file", !llm.key_file.as_os_str().is_empty()),
        ("llm.tools", !llm.tools),
        ("llm.prefill", llm.prefill),
        ("llm.omit", !llm.omit.is_empty()),
        ("llm.headers", !llm.headers.is_empty()),
        ("llm.body", !llm.body.is_empty()),
    ];
    let why = "is for chat endpoints; set llm.api = \"openai\", or remove it";
    refuse_unread(&settings, why, faults);
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
