//! Reads the configuration, and alone reads the environment: defaults, then `visavis.toml`, then `VISAVIS_*`, then flags.
//! Reports all faults at once.
//!
//! Every key of the file has a variable: `stt.url` is `VISAVIS_STT_URL`, `server.max_calls` is `VISAVIS_SERVER_MAX_CALLS`.
//! `telemetry.otlp_endpoint` also has OpenTelemetry's standard one.

#![forbid(unsafe_code)]

mod check;
mod command_line;
mod language_model;
mod renderers;
mod secret;
mod shape;
mod speech;
mod tools;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};

pub use command_line::Settings;
pub use language_model::{LlmApi, LlmEngine};
pub use renderers::{LONGEST_DELAY_MS, LONGEST_SUBJECT, Renderers, is_address, is_subject};
pub use secret::Secret;
pub use shape::{
    Avatar, Config, Conversation, EngineProcesses, IceServer, Log, Models, Recording, Remote, Server,
    SttEngine, Telemetry, Vad,
};
pub use speech::{TtsApi, TtsCloning, TtsEngine, TtsFormat, TtsSpeaker};
pub use tools::{Tools, Webhook};

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for ConfigFaults {}

/// Standard variables shared with other programs, and the key that each sets; our own variable of the key wins.
const STANDARD: [(&str, &str); 1] = [("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint")];

/// Keys whose values are tables with any names.
const TABLES: [&str; 5] = ["llm.body", "llm.headers", "tts.body", "tts.fields", "tts.headers"];
/// Keys of further headers, whose values may be secrets.
const HEADERS: [&str; 2] = ["llm.headers", "tts.headers"];
/// Keys whose values are text even if they look like numbers.
const TEXTS: [&str; 4] = ["llm.key", "llm.model", "tts.key", "tts.model"];

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file; `None`: `visavis.toml` in the working directory, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables that begin with `VISAVIS_`, and `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub environment: BTreeMap<String, String>,
    /// Flags, as `key` and value.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The process's environment with the given file and flags.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let ours =
            |name: &str| name.starts_with("VISAVIS_") || STANDARD.iter().any(|(known, _)| *known == name);
        let environment = std::env::vars().filter(|(name, _)| ours(name)).collect();
        Self { file, environment, flags }
    }
}

/// The default models directory.
#[must_use]
pub fn default_models_dir() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    cache.unwrap_or_else(|| PathBuf::from(".")).join("visavis/models")
}

impl Config {
    /// The folder whose voices are added to those of the profile or of `tts.voices`.
    #[must_use]
    pub fn voices_dir(&self) -> PathBuf {
        if self.tts.voices_dir.as_os_str().is_empty() {
            self.models.dir.join("voices")
        } else {
            self.tts.voices_dir.clone()
        }
    }
}

/// What a key was given.
struct Given {
    value: Value,
    /// The file, variable or flag that gave it, for faults.
    origin: String,
}

impl Given {
    fn text(key: &str, text: &str, origin: &str) -> Self {
        let value = if TEXTS.contains(&key) { Value::from(text) } else { parse(text) };
        Self { value, origin: origin.to_owned() }
    }
}

/// Reads and checks the configuration.
///
/// # Errors
/// All faults together: an unreadable file, unknown keys, wrong types, values out of range.
pub fn load(sources: &Sources) -> Result<Config, ConfigFaults> {
    let mut faults = Vec::new();
    let defaults = Figment::from(Serialized::defaults(Config::default()));
    let known = flatten(&defaults);
    let mut given: BTreeMap<String, Given> = BTreeMap::new();
    read_file(sources, &mut given, &mut faults);
    for (name, key) in STANDARD {
        if let Some(text) = sources.environment.get(name) {
            given.insert(key.into(), Given::text(key, text, name));
        }
    }
    for (name, text) in &sources.environment {
        // Other programs of the project read VISAVIS_ variables too, so an unknown one is not a fault.
        if let Some(key) = known.keys().find(|key| variable(key) == *name) {
            given.insert(key.clone(), Given::text(key, text, name));
        }
    }
    for (key, text) in &sources.flags {
        let flag = format!("--{}", key.rsplit('.').next().unwrap_or(key));
        given.insert(key.clone(), Given::text(key, text, &flag));
    }
    let mut merged = defaults;
    for (key, Given { value, origin }) in given {
        if !known.contains_key(&key) {
            faults.push(format!("{key} ({origin}): there is no such key{}", nearest(&key, known.keys())));
            continue;
        }
        let next = merged.clone().merge(Serialized::default(&key, &value));
        match next.extract::<Config>() {
            Ok(_) => merged = next,
            // The error itself would repeat the value.
            Err(_) if HEADERS.contains(&key.as_str()) => faults
                .push(format!("{key} ({origin}): is not a table of texts such as {{ api-key = \"…\" }}")),
            Err(error) => faults.push(format!("{key} ({origin}): {}", plain(&error))),
        }
    }
    let config = merged.extract::<Config>().map_err(|error| ConfigFaults(vec![plain(&error)]))?;
    check::check(&config, &mut faults);
    if faults.is_empty() { Ok(config) } else { Err(ConfigFaults(faults)) }
}

fn read_file(sources: &Sources, given: &mut BTreeMap<String, Given>, faults: &mut Vec<String>) {
    let implied = PathBuf::from("visavis.toml");
    let path = match &sources.file {
        Some(path) => path.clone(),
        None if implied.exists() => implied,
        None => return,
    };
    let origin = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Err(error) => faults.push(format!("{origin}: cannot be read: {error}")),
        Ok(text) => match Toml::from_str::<Dict>(&text) {
            Err(error) => {
                // The whole error would repeat the line, which may hold a key.
                let start = error.span().map_or(0, |span| span.start);
                let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
                let message = error.message().trim().replace('\n', ", ");
                faults.push(format!("{origin}: line {line}: {message}"));
            }
            Ok(dict) => {
                let mut flat = BTreeMap::new();
                flatten_into(&dict, "", &mut flat);
                let of_file = |value| Given { value, origin: origin.clone() };
                given.extend(flat.into_iter().map(|(key, value)| (key, of_file(value))));
            }
        },
    }
}

/// The variable that sets a key.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("VISAVIS_{}", key.replace('.', "_").to_uppercase())
}

fn parse(text: &str) -> Value {
    text.parse().unwrap_or_else(|_| Value::from(text))
}

fn plain(error: &figment::Error) -> String {
    error.clone().into_iter().map(|one| one.kind.to_string()).collect::<Vec<_>>().join("; ")
}

fn flatten(figment: &Figment) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    if let Ok(dict) = figment.extract::<Dict>() {
        flatten_into(&dict, "", &mut flat);
    }
    flat
}

fn flatten_into(dict: &Dict, prefix: &str, flat: &mut BTreeMap<String, Value>) {
    for (key, value) in dict {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Dict(_, inner) if !TABLES.contains(&path.as_str()) => flatten_into(inner, &path, flat),
            leaf => _ = flat.insert(path, leaf.clone()),
        }
    }
}

fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> String {
    let leaf = key.rsplit('.').next().unwrap_or(key);
    let mut same: Vec<&String> = known.filter(|other| other.rsplit('.').next() == Some(leaf)).collect();
    same.sort();
    same.first().map_or_else(String::new, |other| format!("; did you mean {other}?"))
}

#[cfg(test)]
mod tests;
