//! Adds voices to the folder of clones and removes them: one at a time, even across processes, and each completely or not at
//! all.
//!
//! A voice exists when its description does: the clip is written first, and the description is removed first.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::description::Description;
use super::fault::Refused;
use super::fields::{Fields, check_name};
use super::{ClonedVoice, clip, json, names};
use crate::store::hex;

/// Most voices: all of them are listed at once.
const MOST: usize = 500;
const LOCK: &str = ".lock";
/// Prefix of unfinished files.
const UNFINISHED: &str = ".adding-";

/// Adds a voice: its clip, a complete WAV file, and the facts about it.
///
/// # Errors
/// When a field exceeds its limit, the folder has a voice of that name, or it cannot be written.
pub fn add(dir: &Path, fields: Fields, wave: &[u8], now: SystemTime) -> Result<ClonedVoice, Refused> {
    let Fields { name, language, words, consent } = fields.checked()?;
    let _lock = lock(dir).map_err(Refused::io(dir))?;
    sweep(dir);
    if exists(dir, &name) {
        return Err(Refused::Taken { name, of: "a cloned voice".to_owned() });
    }
    let count = names(dir).map_err(Refused::io(dir))?.len();
    if count >= MOST {
        return Err(Refused::Many(count));
    }
    let sha256 = hex(Sha256::new_with_prefix(wave));
    let added = humantime::format_rfc3339_seconds(now).to_string();
    let bytes = wave.len() as u64;
    let description = Description { name, language, words, consent, added, bytes, sha256 };
    let (clip, json) = (clip(dir, &description.name), json(dir, &description.name));
    let text = serde_json::to_vec_pretty(&description).map_err(io::Error::other);
    put(dir, &clip, wave).map_err(Refused::io(&clip))?;
    let described = text.and_then(|text| put(dir, &json, &text));
    described.inspect_err(|_| _ = fs::remove_file(&clip)).map_err(Refused::io(&json))?;
    Ok(description.voice(dir))
}

/// Removes a voice, its clip and its description; one of them may be missing.
///
/// # Errors
/// When there is no such voice, or its files cannot be removed.
pub fn remove(dir: &Path, name: &str) -> Result<(), Refused> {
    check_name(name)?;
    // Without a folder there is nothing to lock, and nothing to remove.
    if !dir.is_dir() {
        return Err(Refused::Missing(name.to_owned()));
    }
    let _lock = lock(dir).map_err(Refused::io(dir))?;
    sweep(dir);
    if !exists(dir, name) {
        return Err(Refused::Missing(name.to_owned()));
    }
    for file in [json(dir, name), clip(dir, name)].into_iter().filter(|file| is_there(file)) {
        fs::remove_file(&file).map_err(Refused::io(&file))?;
    }
    sync(dir).map_err(Refused::io(dir))
}

/// Whether the folder has files of a voice of this name, even incomplete ones.
#[must_use]
pub fn exists(dir: &Path, name: &str) -> bool {
    check_name(name).is_ok() && (is_there(&json(dir, name)) || is_there(&clip(dir, name)))
}

/// Whether a file or a link exists, even a broken link.
fn is_there(file: &Path) -> bool {
    file.symlink_metadata().is_ok_and(|about| !about.is_dir())
}

/// Creates the folder with mode 0700 and locks it until the returned file is dropped.
fn lock(dir: &Path) -> io::Result<File> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let file = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

/// Writes a complete file durably, readable only by this user: a temporary file has mode 0600.
fn put(dir: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(file)?;
    sync(dir)
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Removes the leftovers of a process that was killed while it wrote. Called under the lock, so nobody else writes.
fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // A leftover that cannot be removed is harmless and is retried at the next change.
            let _ = fs::remove_file(entry.path());
        }
    }
}
