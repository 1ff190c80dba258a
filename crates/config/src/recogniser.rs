//! The configuration of the recogniser: its shape and its checks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use visavis_core::frame::is_language;

use super::endpoint::{MOST_ENTRIES, Remote, has_endpoint, refuse_unread};
use super::secret::Secret;

/// Fields of a request that only the server sets.
const OWN_FIELDS: [&str; 3] = ["file", "model", "stream"];
/// Fields that can be left out of a request because some endpoints refuse them.
const OPTIONAL_FIELDS: [&str; 4] = ["language", "prompt", "response_format", "temperature"];
/// Response formats that the server reads.
const FORMATS: [&str; 2] = ["json", "verbose_json"];
/// Longest prompt in bytes. Whisper reads the last 224 tokens of it.
const LONGEST_PROMPT: usize = 2000;
/// Least and most milliseconds for the final transcript of an endpoint.
const FINAL_MS: (u32, u32) = (100, 20_000);

/// The API of the recogniser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SttApi {
    /// As our own engine program: a child of the server, or at `stt.url`.
    #[default]
    Engine,
    /// As an OpenAI-compatible endpoint for transcriptions at `stt.url`.
    OpenAi,
}

/// Where partial transcripts come from beside an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SttPartials {
    /// None: an utterance has words only at its pauses.
    #[default]
    None,
    /// From our own recogniser, a child of the server. It also replaces an endpoint that fails.
    Own,
}

/// Speech to text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SttEngine {
    /// `engine`: our own program; `openai`: any OpenAI-compatible endpoint for transcriptions.
    pub api: SttApi,
    /// See [`Remote`]. With `openai` the address before `/audio/transcriptions`, such as `http://localhost:8000/v1`.
    pub url: Remote,
    /// Model file; empty: the profile's. With `openai` the model's name at the endpoint.
    pub model: PathBuf,
    /// Threads of our own recogniser.
    pub threads: u32,
    /// Most requests to our own recogniser that may wait.
    pub queue: u32,
    /// `openai`: where partial transcripts come from: `none`, or `own` for our own recogniser with the profile's model.
    pub partials: SttPartials,
    /// `openai` with `partials = "own"`: milliseconds to wait for the endpoint's final transcript before our own is used.
    pub final_ms: u32,
    /// `openai`: the key, sent as `Authorization: Bearer`; empty: none is sent. `VISAVIS_STT_KEY` keeps it out of the file.
    pub key: Secret,
    /// `openai`: a file that holds the key, instead of `key`.
    pub key_file: PathBuf,
    /// `openai`: further headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// `openai`: seconds within which a connection must be made.
    pub connect_seconds: u32,
    /// `openai`: seconds without a transcript until a request ends.
    pub silence_seconds: u32,
    /// `openai`: the languages that the endpoint recognises, ISO 639-1; empty: any. Other languages that it reports are
    /// ignored.
    pub languages: Vec<String>,
    /// `openai`: words that are likely to occur, such as names.
    pub prompt: String,
    /// `openai`: 0: always the likeliest token.
    pub temperature: f32,
    /// `openai`: fields left out of requests because the endpoint refuses them, of `language`, `prompt`, `response_format` and
    /// `temperature`.
    pub omit: Vec<String>,
    /// `openai`: further fields of every request; they replace the server's own of the same name.
    pub body: BTreeMap<String, Value>,
}

impl Default for SttEngine {
    fn default() -> Self {
        Self {
            api: SttApi::Engine,
            url: String::new(),
            model: PathBuf::new(),
            threads: 2,
            queue: 16,
            partials: SttPartials::None,
            final_ms: 1500,
            key: Secret::default(),
            key_file: PathBuf::new(),
            headers: BTreeMap::new(),
            connect_seconds: 5,
            silence_seconds: 15,
            languages: Vec::new(),
            prompt: String::new(),
            temperature: 0.0,
            omit: Vec::new(),
            body: BTreeMap::new(),
        }
    }
}

impl SttEngine {
    /// The model's name at an endpoint.
    #[must_use]
    pub fn model_name(&self) -> String {
        self.model.to_string_lossy().into_owned()
    }

    /// Whether the server starts our own recogniser.
    #[must_use]
    pub fn starts_own(&self) -> bool {
        match self.api {
            SttApi::Engine => self.url.is_empty(),
            SttApi::OpenAi => self.partials == SttPartials::Own,
        }
    }
}

has_endpoint!(SttEngine, |_own| None);

/// Adds a line for each fault.
pub(super) fn check(stt: &SttEngine, faults: &mut Vec<String>) {
    match stt.api {
        SttApi::Engine => check_unused(stt, faults),
        SttApi::OpenAi => {
            let endpoint = stt.endpoint("stt");
            endpoint.check("http://localhost:8000/v1", faults);
            endpoint.check_end("/transcriptions", "/audio/transcriptions", faults);
            if stt.model.as_os_str().is_empty() {
                let fix =
                    "set it to a name that the endpoint lists under /models, or to any where it lists none";
                faults.push(format!("stt.model: is empty; with stt.api = \"openai\" {fix}"));
            }
            check_ranges(stt, faults);
            check_fields(stt, faults);
        }
    }
}

/// Settings of an endpoint that would be ignored: without `stt.api` their requests would go nowhere.
fn check_unused(stt: &SttEngine, faults: &mut Vec<String>) {
    let usual = SttEngine::default();
    let settings = [
        ("stt.partials", stt.partials != SttPartials::None),
        ("stt.final_ms", stt.final_ms != usual.final_ms),
        ("stt.connect_seconds", stt.connect_seconds != usual.connect_seconds),
        ("stt.silence_seconds", stt.silence_seconds != usual.silence_seconds),
        ("stt.temperature", stt.temperature.abs() > 0.0),
        ("stt.key", !stt.key.is_empty()),
        ("stt.key_file", !stt.key_file.as_os_str().is_empty()),
        ("stt.headers", !stt.headers.is_empty()),
        ("stt.languages", !stt.languages.is_empty()),
        ("stt.prompt", !stt.prompt.is_empty()),
        ("stt.omit", !stt.omit.is_empty()),
        ("stt.body", !stt.body.is_empty()),
    ];
    let why = "is for transcription endpoints; set stt.api = \"openai\", or remove it";
    refuse_unread(&settings, why, faults);
}

fn check_ranges(stt: &SttEngine, faults: &mut Vec<String>) {
    let (least, most) = FINAL_MS;
    if !(least..=most).contains(&stt.final_ms) {
        faults.push(format!("stt.final_ms: {} is outside {least} to {most}", stt.final_ms));
    }
    if !(0.0..=1.0).contains(&stt.temperature) {
        faults.push(format!("stt.temperature: {} is outside 0 to 1", stt.temperature));
    }
    if stt.prompt.len() > LONGEST_PROMPT {
        faults.push(format!("stt.prompt: {} bytes; at most {LONGEST_PROMPT}", stt.prompt.len()));
    }
    for language in stt.languages.iter().filter(|language| !is_language(language)) {
        faults.push(format!("stt.languages: {language:?} is not two letters such as \"en\""));
    }
}

fn check_fields(stt: &SttEngine, faults: &mut Vec<String>) {
    if stt.body.len() > MOST_ENTRIES {
        faults.push(format!("stt.body: {} fields; at most {MOST_ENTRIES}", stt.body.len()));
    }
    for (name, value) in &stt.body {
        if OWN_FIELDS.contains(&name.as_str()) {
            faults.push(format!("stt.body: {name:?} is the server's own field; remove it"));
        }
        if name.is_empty() || name.contains(['"', '\r', '\n']) {
            faults.push(format!("stt.body: {name:?} is not the name of a field"));
        }
        if name == "response_format" && !FORMATS.iter().any(|format| value == format) {
            let all = FORMATS.join(" or ");
            faults.push(format!("stt.body: response_format is {value}; the server reads {all}"));
        }
    }
    for name in stt.omit.iter().filter(|name| !OPTIONAL_FIELDS.contains(&name.as_str())) {
        let all = OPTIONAL_FIELDS.join(", ");
        faults.push(format!("stt.omit: {name:?} cannot be left out; only {all} can"));
    }
}

#[cfg(test)]
mod tests;
