//! Reads the configuration, and alone reads the environment: defaults, then `visavis.toml`, then `VISAVIS_*`, then flags.
//! Reports all faults at once.
//!
//! Every key of the file has a variable: `stt.url` is `VISAVIS_STT_URL`, `server.max_calls` is `VISAVIS_SERVER_MAX_CALLS`. Those of
//! `[backends.NAME]` have one if the file or a flag names the backend: `backends.cloud.key` is `VISAVIS_BACKENDS_CLOUD_KEY`.
//! `telemetry.otlp_endpoint` also has OpenTelemetry's standard one.

#![forbid(unsafe_code)]

mod admin_key;
mod backends;
mod check;
mod command_line;
mod endpoint;
mod jobs;
mod language_model;
mod listening;
mod network;
mod recogniser;
mod reload;
mod renderers;
mod routes;
mod secret;
mod shape;
mod speech;
mod speech_api;
mod store;
mod tools;
mod turn;
mod webrtc;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use visavis_core::route::EngineKind;

use backends::BackendKey;

pub use backends::{BackendEngine, MAIN};
pub use command_line::{CommandLine, Settings};
pub use endpoint::{Endpoint, Remote};
pub use jobs::Jobs;
pub use language_model::{LlmApi, LlmEngine};
pub use listening::Listening;
pub use network::Network;
pub use recogniser::{SttApi, SttEngine, SttPartials};
pub use reload::Reload;
pub use renderers::{LONGEST_DELAY_MS, LONGEST_SUBJECT, Renderers, is_address, is_subject};
pub use routes::Route;
pub use secret::Secret;
pub use shape::{
    Avatar, Config, Conversation, EngineProcesses, IceServer, Log, Models, Recording, Server, Telemetry, Vad,
};
pub use speech::{TtsApi, TtsCloning, TtsEngine, TtsFormat, TtsSpeaker};
pub use speech_api::SpeechApi;
pub use store::Store;
pub use tools::{Tools, Webhook};
pub use turn::Turn;
pub use webrtc::{Metadata, Nat, WebRtc};

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

/// Standard variables shared with other programs, and the key that each sets; our own variable for the key takes precedence.
const STANDARD: [(&str, &str); 1] = [("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint")];

/// Keys whose values are tables with any names.
const TABLES: [&str; 8] = [
    "llm.body",
    "llm.headers",
    "speech_api.voices",
    "stt.body",
    "stt.headers",
    "tts.body",
    "tts.fields",
    "tts.headers",
];
/// Keys of further headers, whose values may be secrets.
const HEADERS: [&str; 3] = ["llm.headers", "stt.headers", "tts.headers"];
/// Keys whose values are text even if they look like numbers.
const TEXTS: [&str; 10] = [
    "llm.key",
    "llm.model",
    "server.admin_key",
    "store.key",
    "stt.key",
    "stt.model",
    "stt.prompt",
    "tts.key",
    "tts.model",
    "turn.secret",
];

/// Variables that the exporter of spans reads by itself: headers for the collector, such as its key.
const EXPORTER_HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"];

/// A flag that sets a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The key, such as `stt.threads`.
    pub key: String,
    /// Its value as text.
    pub value: String,
}

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file; `None`: `visavis.toml` in the working directory, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables that begin with `VISAVIS_`, and `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub environment: BTreeMap<String, String>,
    /// Flags; of two for a key, the later wins.
    pub flags: Vec<Flag>,
}

impl Sources {
    /// The process's environment with the given file and flags.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
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

/// The user's data directory; none: the environment names neither it nor a home directory.
fn user_data() -> Option<PathBuf> {
    let named =
        |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("XDG_DATA_HOME").or_else(|| named("HOME").map(|home| home.join(".local/share")))
}

/// A folder of the server in the user's data directory, or in the working directory where that is not known.
fn data_dir(name: &str) -> PathBuf {
    user_data().unwrap_or_else(|| PathBuf::from(".")).join("visavis").join(name)
}

impl Config {
    /// Whether callers may come from other machines: HTTP is open to them, or a proxy, a name or an outer address leads here.
    #[must_use]
    pub fn expects_callers_from_elsewhere(&self) -> bool {
        let Server { listen, names, trusted_proxies, public_addresses, .. } = &self.server;
        let leads_here = !(names.is_empty() && trusted_proxies.is_empty() && public_addresses.is_empty());
        leads_here || !listen.ip().is_loopback()
    }

    /// The folder of the store's file.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        if self.store.path.as_os_str().is_empty() { data_dir("store") } else { self.store.path.clone() }
    }

    /// Whether the store would be in the working directory, since nobody has named a place for it.
    #[must_use]
    pub fn store_has_no_place(&self) -> bool {
        self.store.path.as_os_str().is_empty() && user_data().is_none()
    }

    /// The folder of the speech that is kept on disk.
    #[must_use]
    pub fn speech_dir(&self) -> PathBuf {
        if self.speech_api.dir.as_os_str().is_empty() {
            data_dir("speech")
        } else {
            self.speech_api.dir.clone()
        }
    }

    /// The folder of uploads that are being heard.
    #[must_use]
    pub fn uploads_dir(&self) -> PathBuf {
        if self.listening.dir.as_os_str().is_empty() {
            data_dir("uploads")
        } else {
            self.listening.dir.clone()
        }
    }

    /// The folder of jobs.
    #[must_use]
    pub fn jobs_dir(&self) -> PathBuf {
        if self.jobs.dir.as_os_str().is_empty() { data_dir("jobs") } else { self.jobs.dir.clone() }
    }

    /// The folder whose voices are added to those of the profile or of `tts.voices`.
    #[must_use]
    pub fn voices_dir(&self) -> PathBuf {
        if self.tts.voices_dir.as_os_str().is_empty() {
            self.models.dir.join("voices")
        } else {
            self.tts.voices_dir.clone()
        }
    }

    /// The folder of cloned voices.
    #[must_use]
    pub fn clones_dir(&self) -> PathBuf {
        if self.tts.clones_dir.as_os_str().is_empty() {
            self.models.dir.join("clones")
        } else {
            self.tts.clones_dir.clone()
        }
    }
}

/// The value that a key was given.
struct Given {
    value: Value,
    /// The file, variable or flag that gave it, for faults.
    origin: String,
}

impl Given {
    fn text(key: &str, text: &str, origin: &str) -> Self {
        let value = if backends::listed(&TEXTS, key) { Value::from(text) } else { parse(text) };
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
    let mut known = flatten(&defaults);
    let mut merged = defaults;
    let mut given: BTreeMap<String, Given> = BTreeMap::new();
    read_file(sources, &mut given, &mut faults);
    let kinds = declared(sources, &given, &mut faults);
    for (name, kind) in &kinds {
        let own = backends::keys(name, *kind, &known);
        known.extend(own);
        merged = merged.merge(Serialized::default(&format!("backends.{name}"), BackendEngine::of(*kind)));
    }
    read_environment_and_flags(sources, &known, &mut given);
    let asks_for_store = given.keys().any(|key| key.starts_with("store."));
    let asks_for_udp = given.contains_key("server.udp");
    for (key, Given { value, origin }) in given {
        if BackendKey::of(&key).is_some_and(|own| own.is_kind() || !kinds.contains_key(own.name)) {
            // The kind is merged already; a missing kind is reported as a separate fault.
            continue;
        }
        if !known.contains_key(&key) {
            faults.push(format!("{key} ({origin}): there is no such key{}", nearest(&key, known.keys())));
            continue;
        }
        let next = merged.clone().merge(Serialized::default(&key, &value));
        match next.extract::<Config>() {
            Ok(_) => merged = next,
            // The error itself would repeat the value.
            Err(_) if key == routes::ROUTES => faults.extend(routes::unreadable(&value, &origin)),
            Err(_) if backends::listed(&HEADERS, &key) => faults
                .push(format!("{key} ({origin}): is not a table of texts such as {{ api-key = \"…\" }}")),
            Err(error) => faults.push(format!("{key} ({origin}): {}", plain(&error))),
        }
    }
    let mut config = merged.extract::<Config>().map_err(|error| ConfigFaults(vec![plain(&error)]))?;
    config.store.is_asked_for = asks_for_store;
    if !asks_for_udp {
        // Closed by default: calls are open to whom HTTP is open.
        config.server.udp.set_ip(config.server.listen.ip());
    }
    check::check(&config, &mut faults);
    check::backends::check(&config, &mut faults);
    routes::check(&config, &mut faults);
    if faults.is_empty() { Ok(config) } else { Err(ConfigFaults(faults)) }
}

fn read_environment_and_flags(
    sources: &Sources,
    known: &BTreeMap<String, Value>,
    given: &mut BTreeMap<String, Given>,
) {
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
    for Flag { key, value } in &sources.flags {
        let flag = format!("--{}", key.rsplit('.').next().unwrap_or(key));
        given.insert(key.clone(), Given::text(key, value, &flag));
    }
}

/// The backends that the file and the flags name, and their kinds.
fn declared(
    sources: &Sources,
    given: &BTreeMap<String, Given>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, EngineKind> {
    let of_file = given.iter().map(|(key, given)| (key.as_str(), given.value.as_str()));
    let of_flags = sources.flags.iter().map(|flag| (flag.key.as_str(), Some(flag.value.as_str())));
    backends::declared(of_file.chain(of_flags), faults)
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
    format!("VISAVIS_{}", key.replace(['.', '-'], "_").to_uppercase())
}

/// The variables in the environment that set keys of backends, which may be secrets: programs that the server starts do not
/// inherit them.
#[must_use]
pub fn backend_variables() -> Vec<String> {
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("VISAVIS_BACKENDS_"))
        .collect()
}

/// The variables whose values may be secrets: keys, addresses, whose query may contain a key, and every table and list, since
/// they may contain headers, credentials and webhooks. Programs that the server starts do not inherit them.
#[must_use]
pub fn secret_variables() -> Vec<String> {
    let known = flatten(&Figment::from(Serialized::defaults(Config::default())));
    let ours = known.iter().filter_map(|(key, value)| {
        let is_secret = [".key", "_key", ".secret", ".url"].iter().any(|end| key.ends_with(end));
        let may_be_secret = is_secret || matches!(value, Value::Dict(..) | Value::Array(..));
        may_be_secret.then(|| variable(key))
    });
    ours.chain(EXPORTER_HEADERS.map(str::to_owned)).collect()
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
            Value::Dict(_, inner) if !backends::listed(&TABLES, &path) => flatten_into(inner, &path, flat),
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
mod testing;
#[cfg(test)]
mod tests;
