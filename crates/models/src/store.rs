//! The models directory: which files it has, and whether they were checked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{FetchError, Model};

/// Records which files were checked, so that a start need not read gigabytes again.
const STAMPS: &str = ".verified.json";
const CHUNK: usize = 1 << 18;

/// What is known about a model's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Present, and its checksum matched the manifest's when it was last written.
    Verified,
    /// Present; the manifest has no checksum to compare with.
    NoChecksum,
    /// Present with the right size, but not yet checked.
    Unchecked,
    /// Present with a wrong size.
    WrongSize,
    /// Not present.
    Missing,
}

impl State {
    /// The state in words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::NoChecksum => "not verified: the manifest has no checksum",
            Self::Unchecked => "there, not yet checked",
            Self::WrongSize => "damaged: wrong size",
            Self::Missing => "missing",
        }
    }
}

/// The checksum of a file, valid while its size and modification time are these.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Stamp {
    size: u64,
    modified_s: u64,
    sha256: String,
}

/// The known checksums of a models directory.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Stamps(BTreeMap<PathBuf, Stamp>);

impl Stamps {
    /// Loads the checksums. An unreadable file counts as empty: the models are then checked again.
    pub fn load(dir: &Path) -> Self {
        fs::read(dir.join(STAMPS))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// The state of a model, from its file's metadata and these checksums only.
    pub fn state(&self, dir: &Path, model: &Model) -> State {
        let Some((size, modified_s)) = metadata(&dir.join(&model.file)) else { return State::Missing };
        if !model.accepts_size(size) {
            return State::WrongSize;
        }
        match self.0.get(&model.file) {
            Some(stamp) if stamp.size == size && stamp.modified_s == modified_s => {
                match judge(model, size, &stamp.sha256) {
                    Some(true) => State::Verified,
                    Some(false) => State::NoChecksum,
                    None => State::Unchecked,
                }
            }
            _ => State::Unchecked,
        }
    }

    /// Records the checksum of a model's current file.
    pub fn record(&mut self, dir: &Path, model: &Model, sha256: &str) -> Result<(), FetchError> {
        if let Some((size, modified_s)) = metadata(&dir.join(&model.file)) {
            self.0.insert(model.file.clone(), Stamp { size, modified_s, sha256: sha256.to_owned() });
        }
        self.save(dir)
    }

    /// A file in `dir` that had this checksum and has not been written to since.
    pub fn file_with(&self, dir: &Path, sha256: &str) -> Option<PathBuf> {
        let same = |(file, stamp): (&PathBuf, &Stamp)| {
            let path = dir.join(file);
            let untouched = metadata(&path) == Some((stamp.size, stamp.modified_s));
            (stamp.sha256 == sha256 && untouched).then_some(path)
        };
        self.0.iter().find_map(same)
    }

    /// Forgets that a model was checked.
    pub fn forget(&mut self, dir: &Path, model: &Model) -> Result<(), FetchError> {
        self.0.remove(&model.file).map_or(Ok(()), |_| self.save(dir))
    }

    fn save(&self, dir: &Path) -> Result<(), FetchError> {
        let path = dir.join(STAMPS);
        let write = || -> io::Result<()> {
            // Anyone who may read the models may read this file too.
            let readable = fs::Permissions::from_mode(0o644);
            let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(dir)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.flush()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|e| FetchError::writing(&path, e))
    }
}

fn metadata(path: &Path) -> Option<(u64, u64)> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let modified = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    // Whole seconds: archives and container images keep no finer times.
    Some((meta.len(), modified.as_secs()))
}

/// Whether a file of this size and checksum is the model; `Some(false)`: the manifest has no checksum; `None`: it is not.
fn judge(model: &Model, size: u64, sha256: &str) -> Option<bool> {
    let fits = model
        .sources_here()
        .map(|source| model.expected(source))
        .filter(|expected| expected.size.is_none_or(|s| s == size))
        .filter(|expected| expected.sha256.is_none_or(|s| s == sha256));
    fits.map(|expected| expected.sha256.is_some()).max()
}

/// Whether a model's file is in `dir` with a size that the manifest knows.
pub fn is_present(dir: &Path, model: &Model) -> bool {
    fs::metadata(dir.join(&model.file)).is_ok_and(|meta| meta.is_file() && model.accepts_size(meta.len()))
}

/// The state of a model without reading its file.
pub fn state(dir: &Path, model: &Model) -> State {
    Stamps::load(dir).state(dir, model)
}

/// Reads a model's file and compares its checksum; `None` if it is not there.
///
/// A file without a checksum in the manifest is compared with its checksum when it was fetched.
pub fn verify(dir: &Path, model: &Model) -> Result<Option<State>, FetchError> {
    let path = dir.join(&model.file);
    let Some((size, _)) = metadata(&path) else { return Ok(None) };
    let sha256 = hash_file(&path)?;
    let mut stamps = Stamps::load(dir);
    let verdict = judge(model, size, &sha256);
    let before = stamps.0.get(&model.file).map(|stamp| stamp.sha256.clone());
    let changed = verdict != Some(true) && before.is_some_and(|before| before != sha256);
    match verdict {
        Some(checked) if !changed => {
            // Only an optimisation, so errors are ignored: the models directory may be read-only.
            let _ = stamps.record(dir, model, &sha256);
            Ok(Some(if checked { State::Verified } else { State::NoChecksum }))
        }
        _ => {
            let known =
                model.sources_here().filter_map(|s| model.expected(s).sha256.map(str::to_owned)).next();
            let expected = known.unwrap_or_else(|| "the one it was fetched with".to_owned());
            Err(FetchError::Checksum { what: path.display().to_string(), actual: sha256, expected })
        }
    }
}

/// The checksum of a file, in lower-case hexadecimal.
pub fn hash_file(path: &Path) -> Result<String, FetchError> {
    let hash = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                return Ok(hex(hasher));
            }
            hasher.update(&buffer[..n]);
        }
    };
    hash().map_err(|source| FetchError::Io { path: path.to_owned(), source })
}

/// A finished checksum in lower-case hexadecimal.
pub fn hex(hasher: Sha256) -> String {
    format!("{:x}", hasher.finalize())
}
