//! The model files of the configuration.

use std::path::PathBuf;

use visavis_config::Config;
use visavis_core::route::EngineKind;
use visavis_engine::model_files::ModelFiles;
use visavis_models::{Manifest, check};

use crate::judge::models::Found;

/// Looks for the files, and reads those that have changed since they were compared.
pub(crate) fn look(config: &Config) -> Found {
    let files = match ModelFiles::of(config) {
        Ok(files) => files.all(),
        Err(error) => return Found::Missing(format!("{error:#}")),
    };
    match check(&Manifest::builtin(), &config.models.dir, &files) {
        Ok(()) => Found::Whole { files: files.iter().filter(|file| file.is_file()).count() },
        Err(error) => Found::Damaged(error.to_string()),
    }
}

/// The files that engines on this host load.
pub(crate) fn loaded(files: &ModelFiles, config: &Config) -> Vec<PathBuf> {
    let is_here = |kind: EngineKind, starts_own: bool| config.uses_main(kind) && starts_own;
    let mut found = vec![files.vad.clone(), files.runtime.clone()];
    found.extend(files.turn.clone());
    if is_here(EngineKind::Stt, config.stt.starts_own()) {
        found.push(files.stt.clone());
    }
    if is_here(EngineKind::Llm, config.llm.starts_own()) {
        found.push(files.llm.clone());
    }
    if is_here(EngineKind::Tts, config.tts.starts_own()) {
        found.extend(files.voices.clone());
    }
    found
}
