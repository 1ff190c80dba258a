//! Voices of Piper as files: a network, `NAME.onnx`, and its description, `NAME.onnx.json`. Nothing is loaded: [`Voice::read`]
//! reads what a voice is and whether its files are complete, and [`scan`] does so for a folder.
//!
//! - `description`: reads a description
//! - `network`: reads the inputs of a network's file, and checks that it is complete
//! - `styles`: the style files of Kokoro, whose voices are not Piper voices
//! - `fault`: what can be wrong with a voice, and what to do

mod description;
mod fault;
#[cfg(test)]
mod fuzz_tests;
mod network;
mod styles;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use fault::{Fault, VoiceFault};
pub use styles::{is_style, style_locale};

/// Longest name of a voice, in bytes.
const LONGEST_NAME: usize = 100;

/// A voice whose files are complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Voice {
    /// Its name in requests: the file's name without `.onnx`.
    pub name: String,
    /// ISO 639-1.
    pub language: String,
    /// The locale, such as `en_US`.
    pub locale: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// Number of speakers; with more than one, `NAME#12` is a voice as well.
    pub speakers: u32,
    /// The licence, if the description names it.
    pub licence: Option<String>,
    /// The network.
    pub file: PathBuf,
}

impl Voice {
    /// Reads a voice's description and checks its network.
    ///
    /// # Errors
    /// When one of the two files is missing or invalid.
    pub fn read(model: &Path) -> Result<Self, VoiceFault> {
        let json = description(model);
        if !model.is_file() {
            return Err(VoiceFault::of(&json, Fault::NoModel(file_name(model))));
        }
        if !json.is_file() {
            return Err(VoiceFault::of(model, Fault::NoDescription(file_name(&json))));
        }
        let about = description::read(&json).map_err(|fault| VoiceFault::of(&json, fault))?;
        network::check(model, about.speakers > 1).map_err(|fault| VoiceFault::of(model, fault))?;
        let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let description::About { language, locale, sample_rate, speakers, licence } = about;
        Ok(Self { name, language, locale, sample_rate, speakers, licence, file: model.to_owned() })
    }
}

/// Checks a description whose network does not exist yet.
///
/// # Errors
/// When it cannot be read, or describes a voice that cannot be used.
pub fn check_description(json: &Path) -> Result<(), VoiceFault> {
    description::read(json).map(|_| ()).map_err(|fault| VoiceFault::of(json, fault))
}

/// The path of a network's description.
#[must_use]
pub fn description(model: &Path) -> PathBuf {
    model.with_added_extension("json")
}

/// Whether a voice can have this name: it is part of file names, and requests write mixes and speakers with special characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && name.len() <= LONGEST_NAME && name.chars().all(plain)
}

/// Files beside a voice that may belong to it: the description of a Piper voice, or the style files of Kokoro.
#[must_use]
pub fn beside(voice: &Path) -> Vec<PathBuf> {
    let description = description(voice);
    if description.is_file() {
        return vec![description];
    }
    styles::beside(voice)
}

/// The names that voices may have in requests; Kokoro's are those of its style files in languages that can be spoken.
#[must_use]
pub fn names(voices: &[PathBuf]) -> HashSet<String> {
    let files = voices.iter().flat_map(|voice| std::iter::once(voice.clone()).chain(beside(voice)));
    let is_spoken = |file: &PathBuf| !is_style(file) || style_locale(file).is_some();
    files
        .filter(is_spoken)
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect()
}

/// The voices of a folder.
#[derive(Debug, Default)]
pub struct Scan {
    /// The usable ones, by name.
    pub voices: Vec<Voice>,
    /// The faults of the others.
    pub faults: Vec<VoiceFault>,
}

/// Reads the voices of a folder, which need not exist. Names in `taken` belong to other voices.
#[must_use]
pub fn scan(folder: &Path, taken: &HashSet<String>) -> Scan {
    let mut scan = Scan::default();
    for model in models(folder, &mut scan.faults) {
        let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let read = if !is_name(&name) {
            Err(VoiceFault::of(&model, Fault::Name(name)))
        } else if taken.contains(&name) {
            Err(VoiceFault::of(&model, Fault::SameName(name)))
        } else {
            Voice::read(&model)
        };
        match read {
            Ok(voice) => scan.voices.push(voice),
            Err(fault) => scan.faults.push(fault),
        }
    }
    scan
}

/// The networks that the files of a folder belong to, sorted; one of them may be missing beside its description.
fn models(folder: &Path, faults: &mut Vec<VoiceFault>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            faults.push(VoiceFault::of(folder, Fault::Unreadable(error)));
            return Vec::new();
        }
    };
    let model = |path: PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let model = if name.ends_with(".onnx.json") { path.with_extension("") } else { path };
        (!name.starts_with('.') && model.extension()? == "onnx").then_some(model)
    };
    let mut models: Vec<PathBuf> = entries.filter_map(|entry| model(entry.ok()?.path())).collect();
    models.sort();
    models.dedup();
    models
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
