//! Cloned voices: each has a clip, `NAME.wav` (PCM of 16 bits, mono), and a description, `NAME.json`, in one folder. Only
//! engines that clone can speak with them. Clips are checked before they get here; only complete voices are listed.
//!
//! - `fields`: the facts about a voice, and their limits
//! - `description`: reads a description, and checks that its clip is the one described
//! - `folder`: adds and removes voices, one at a time, each completely or not at all
//! - `fault`: what can be wrong

mod description;
mod fault;
mod fields;
mod folder;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use crate::voices::is_name;
use description::Description;

pub use description::sample_rate;
pub use fault::{CloneFault, Fault, Refused};
pub use fields::Fields;
pub use folder::{add, exists, remove};

/// A cloned voice whose files are complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClonedVoice {
    /// Its name in requests.
    pub name: String,
    /// ISO 639-1: the language of the clip.
    pub language: String,
    /// The clip: a WAV file, PCM of 16 bits, mono.
    pub clip: PathBuf,
    /// The words in the clip; empty if unknown.
    pub words: String,
    /// Who agreed to the cloning, and when.
    pub consent: String,
    /// When it was added, as RFC 3339.
    pub added: String,
}

/// The voices of a folder, which need not exist, by name. Incomplete ones are left out.
#[must_use]
pub fn list(dir: &Path) -> Vec<ClonedVoice> {
    let read = |name: &String| Description::read(dir, name).ok();
    names(dir).unwrap_or_default().iter().filter_map(read).map(|found| found.voice(dir)).collect()
}

/// The voice of this name, if it is complete.
#[must_use]
pub fn find(dir: &Path, name: &str) -> Option<ClonedVoice> {
    is_name(name).then(|| Description::read(dir, name).ok())?.map(|found| found.voice(dir))
}

/// When the voice of this name was added; none if there is no such voice. Its name may have belonged to another one before.
#[must_use]
pub fn since(dir: &Path, name: &str) -> Option<SystemTime> {
    is_name(name).then(|| json(dir, name).metadata().ok()?.modified().ok())?
}

/// The voices of a folder, and the faults of others.
#[derive(Debug, Default)]
pub struct Scan {
    /// The complete ones, by name.
    pub voices: Vec<ClonedVoice>,
    /// The faults of the others.
    pub faults: Vec<CloneFault>,
}

/// Like [`list`], but reports faults, and compares the clips' checksums.
#[must_use]
pub fn scan(dir: &Path) -> Scan {
    let mut scan = Scan::default();
    let names = names(dir).unwrap_or_else(|error| {
        scan.faults.push(CloneFault { file: dir.to_owned(), fault: Fault::Unreadable(error) });
        Vec::new()
    });
    for name in names {
        let read = Description::read(dir, &name).and_then(|found| found.compare(dir).map(|()| found));
        match read {
            Ok(found) => scan.voices.push(found.voice(dir)),
            Err(fault) => scan.faults.push(fault),
        }
    }
    scan
}

/// The names of the files of a folder that belong to voices, sorted; one file of a voice may be missing.
fn names(dir: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let name = |path: &Path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let ours = path.extension().is_some_and(|kind| kind == "wav" || kind == "json");
        (ours && !name.starts_with('.')).then_some(name)
    };
    let mut names: Vec<String> = entries.filter_map(|entry| name(&entry.ok()?.path())).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The clip of a voice.
fn clip(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.wav"))
}

/// The description of a voice.
fn json(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.json"))
}
