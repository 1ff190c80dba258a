//! Profiles: sets of models that are used together.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Model;
use crate::store;

/// A set of models that are used together. Paths are relative to the models directory.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Speech-to-text model.
    pub stt: PathBuf,
    /// Language model.
    pub llm: PathBuf,
    /// Voices; next to `voice.onnx` is `voice.onnx.json`.
    pub tts: Vec<PathBuf>,
    /// Voice activity detector.
    pub vad: PathBuf,
    /// End-of-turn detector, if it has one.
    pub turn: Option<PathBuf>,
    /// ONNX Runtime's shared library.
    pub runtime: PathBuf,
    pub(super) models: Vec<Model>,
}

impl Profile {
    /// Every model of the profile, with those that these need.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The models that are not in `dir` or have the wrong size. Fast: computes no checksums.
    pub fn missing(&self, dir: &Path) -> Vec<&Model> {
        self.models.iter().filter(|m| !store::is_present(dir, m)).collect()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileEntry {
    pub(super) summary: String,
    pub(super) stt: String,
    pub(super) llm: String,
    pub(super) tts: Vec<String>,
    pub(super) vad: String,
    pub(super) turn: Option<String>,
    pub(super) runtime: String,
    #[serde(default)]
    pub(super) also: Vec<String>,
}

impl ProfileEntry {
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        [&self.stt, &self.llm]
            .into_iter()
            .chain(&self.tts)
            .chain([&self.vad, &self.runtime])
            .chain(&self.turn)
            .chain(&self.also)
    }
}
