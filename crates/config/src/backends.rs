//! Further engines: each `[backends.NAME]` has a `kind` and every setting of `[stt]`, `[llm]` or `[tts]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use visavis_core::route::EngineKind;

use super::Config;
use super::language_model::LlmEngine;
use super::recogniser::SttEngine;
use super::speech::TtsEngine;

/// The name of the engines of `[stt]`, `[llm]` and `[tts]` themselves.
pub const MAIN: &str = "main";
/// Names that metrics use for other engines.
const TAKEN: [&str; 4] = [MAIN, "stt", "llm", "tts"];
/// Longest name in bytes.
const LONGEST_NAME: usize = 32;
/// Most backends.
pub(super) const MOST: usize = 32;
/// What the keys of backends begin with.
pub(super) const PREFIX: &str = "backends.";

/// An engine besides those of `[stt]`, `[llm]` and `[tts]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum BackendEngine {
    /// With `[stt]` settings.
    Stt(SttEngine),
    /// With `[llm]` settings.
    Llm(LlmEngine),
    /// With `[tts]` settings.
    Tts(TtsEngine),
}

impl BackendEngine {
    /// A backend of this kind with default settings.
    pub(super) fn of(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Stt => Self::Stt(SttEngine::default()),
            EngineKind::Llm => Self::Llm(LlmEngine::default()),
            EngineKind::Tts => Self::Tts(TtsEngine::default()),
        }
    }

    /// The kind of engine.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        match self {
            Self::Stt(_) => EngineKind::Stt,
            Self::Llm(_) => EngineKind::Llm,
            Self::Tts(_) => EngineKind::Tts,
        }
    }

    /// Replaces the settings of its kind's section by its own.
    pub(super) fn replace_in(&self, config: &mut Config) {
        match self {
            Self::Stt(own) => config.stt = own.clone(),
            Self::Llm(own) => config.llm = own.clone(),
            Self::Tts(own) => config.tts = own.clone(),
        }
    }
}

/// A key of the configuration within a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BackendKey<'a> {
    /// The backend's name.
    pub(super) name: &'a str,
    /// The setting; empty: the value of the backend itself is not a table.
    pub(super) setting: &'a str,
}

impl<'a> BackendKey<'a> {
    /// Parses `backends.NAME.SETTING`; none: the key does not belong to a backend.
    pub(super) fn of(key: &'a str) -> Option<Self> {
        let rest = key.strip_prefix(PREFIX)?;
        let (name, setting) = rest.split_once('.').unwrap_or((rest, ""));
        Some(Self { name, setting })
    }

    /// Whether it is the key `kind`.
    pub(super) fn is_kind(self) -> bool {
        self.setting == "kind"
    }
}

/// Whether a list of keys contains this one or, for a backend's key, the key of the same setting in `[stt]`, `[llm]` or
/// `[tts]`.
pub(super) fn listed(list: &[&str], key: &str) -> bool {
    let setting = BackendKey::of(key).map(|key| key.setting);
    list.iter().any(|listed| *listed == key || (setting.is_some() && listed.rsplit('.').next() == setting))
}

/// The backends that occur in keys, with their kinds. Adds a line for each without a kind or with an invalid name.
pub(super) fn declared<'a>(
    keys: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, EngineKind> {
    // In order of precedence: the last one wins.
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    for (key, text) in keys {
        let Some(key) = BackendKey::of(key) else { continue };
        let kind = told.entry(key.name).or_default();
        if key.is_kind() {
            *kind = text.unwrap_or_default();
        }
    }
    let mut kinds = BTreeMap::new();
    for (name, told) in told {
        let kind = EngineKind::ALL.into_iter().find(|kind| kind.name() == told);
        match (kind, name_fault(name)) {
            (Some(kind), None) => _ = kinds.insert(name.to_owned(), kind),
            (_, Some(fault)) => faults.push(format!("{PREFIX}{name}: {fault}")),
            (None, None) => {
                faults.push(format!("{PREFIX}{name}.kind: set it to \"stt\", \"llm\" or \"tts\""));
            }
        }
    }
    kinds
}

/// Why a name cannot be used.
fn name_fault(name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if TAKEN.contains(&name) {
        return Some(format!("{name} is the name of another engine; choose one such as cloud"));
    }
    if name.len() > LONGEST_NAME
        || !name.starts_with(|first: char| first.is_ascii_lowercase())
        || !name.bytes().all(plain)
    {
        return Some(format!(
            "a name has at most {LONGEST_NAME} of a to z, 0 to 9 and -, and begins with a letter"
        ));
    }
    None
}

/// The keys of a backend of this kind: all keys of its kind's section, which `known` contains.
pub(super) fn keys<V: Clone>(
    name: &str,
    kind: EngineKind,
    known: &BTreeMap<String, V>,
) -> BTreeMap<String, V> {
    let section = format!("{}.", kind.name());
    let own = known.iter().filter_map(|(key, value)| {
        Some((format!("{PREFIX}{name}.{}", key.strip_prefix(&section)?), value.clone()))
    });
    own.collect()
}

#[cfg(test)]
mod tests;
