//! Speech on disk: a folder of files, each with a checksum and put into its place whole.
//!
//! - `file`: the form of a file; `index`: which there are, and which go first (pure)

mod file;
mod index;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use parking_lot::Mutex;
use tempfile::Builder;

use crate::key::Key;
use crate::memory::is_fresh;
use crate::tier::{Speech, Tier};
use index::Index;

/// The ending of files of speech.
const ENDING: &str = "speech";
/// The beginning of the names of files that are being written.
const UNFINISHED: &str = ".part-";
/// Age at which such a file counts as abandoned.
const LEFT: Duration = Duration::from_secs(3600);

/// A folder of speech.
#[derive(Clone)]
pub struct Disk {
    folder: Arc<Path>,
    index: Arc<Mutex<Index>>,
    ttl: Duration,
}

/// A file that was found.
struct Found {
    key: Key,
    bytes: u64,
    changed: SystemTime,
}

impl Disk {
    /// Opens a folder, which need not exist. It keeps up to this many bytes, each file for `ttl`. Files beyond either limit and
    /// unfinished
    /// files are deleted.
    ///
    /// # Errors
    /// If the folder exists and cannot be read.
    pub fn open(folder: &Path, bytes: u64, ttl: Duration) -> io::Result<Self> {
        let mut index = Index::new(bytes);
        let mut found = found(folder)?;
        found.sort_by_key(|file| file.changed);
        for Found { key, bytes, changed } in found {
            if changed.elapsed().is_ok_and(|age| age >= ttl) {
                _ = fs::remove_file(path(folder, key));
                continue;
            }
            for old in index.add(key, bytes) {
                _ = fs::remove_file(path(folder, old));
            }
        }
        metrics::gauge!("visavis_speech_disk_bytes").set(index.bytes() as f64);
        Ok(Self { folder: folder.into(), index: Arc::new(Mutex::new(index)), ttl })
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.index.lock().bytes()
    }

    fn read(&self, key: Key) -> Option<Speech> {
        if !self.index.lock().used(key) {
            return None;
        }
        let file = path(&self.folder, key);
        let speech = match fs::read(&file) {
            Ok(bytes) => file::decode(key, &bytes),
            Err(error) => {
                // The folder may have been emptied from outside.
                tracing::debug!(file = %file.display(), %error, "kept speech is gone");
                self.delete(key);
                return None;
            }
        };
        match speech {
            Ok(speech) if is_fresh(speech.made, self.ttl, SystemTime::now()) => Some(speech),
            Ok(_) => {
                self.delete(key);
                None
            }
            Err(damage) => {
                tracing::warn!(file = %file.display(), %damage, "kept speech cannot be used and is spoken anew");
                metrics::counter!("visavis_speech_damaged_files_total").increment(1);
                self.delete(key);
                None
            }
        }
    }

    fn write(&self, key: Key, speech: &Speech) {
        let bytes = file::encode(key, speech);
        let size = bytes.len() as u64;
        if !self.index.lock().fits(size) {
            return;
        }
        if let Err(error) = put(&self.folder, key, &bytes) {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "speech cannot be kept on disk (speech_api.dir); it goes on without");
            metrics::counter!("visavis_speech_disk_errors_total").increment(1);
            return;
        }
        let (old, bytes) = {
            let mut index = self.index.lock();
            (index.add(key, size), index.bytes())
        };
        for old in old {
            _ = fs::remove_file(path(&self.folder, old));
        }
        metrics::gauge!("visavis_speech_disk_bytes").set(bytes as f64);
    }

    fn delete(&self, key: Key) {
        _ = fs::remove_file(path(&self.folder, key));
        self.index.lock().remove(key);
    }
}

#[async_trait]
impl Tier for Disk {
    fn holds(&self, key: Key) -> bool {
        self.index.lock().has(key)
    }

    async fn load(&self, key: Key) -> Option<Speech> {
        let disk = self.clone();
        tokio::task::spawn_blocking(move || disk.read(key)).await.ok().flatten()
    }

    async fn keep(&self, key: Key, speech: Speech) {
        let disk = self.clone();
        _ = tokio::task::spawn_blocking(move || disk.write(key, &speech)).await;
    }
}

/// Writes a file beside its place, and moves it there.
fn put(folder: &Path, key: Key, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path(folder, key)).map_err(|error| error.error)?;
    Ok(())
}

fn path(folder: &Path, key: Key) -> PathBuf {
    folder.join(format!("{key}.{ENDING}"))
}

/// The files of speech in a folder. What was left unfinished is deleted; other files are left alone.
fn found(folder: &Path) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let Ok(about) = entry.metadata() else { continue };
        let changed = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if name.starts_with(UNFINISHED) {
            if changed.elapsed().is_ok_and(|age| age > LEFT) {
                _ = fs::remove_file(entry.path());
            }
            continue;
        }
        let key = name.strip_suffix(ENDING).and_then(|name| Key::named(name.strip_suffix('.')?));
        let Some(key) = key else { continue };
        found.push(Found { key, bytes: about.len(), changed });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Voiced;
    use crate::script::Script;
    use crate::times::Times;

    const HOUR: Duration = Duration::from_secs(3600);

    fn key(voice: &str) -> Key {
        Key::of(&Script { voice: voice.into(), ..Script::default() }, &Voiced::default())
    }

    fn speech(samples: usize) -> Speech {
        // Whole seconds, as files have them.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        Speech { made, samples: Arc::new(vec![7; samples]), times: Times::default() }
    }

    #[tokio::test]
    async fn speech_outlives_the_process_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("deep/er");
        let disk = Disk::open(&kept, 1 << 20, HOUR).unwrap();
        assert!(!kept.exists(), "a folder is made for the first file");
        let speech = speech(100);
        disk.keep(key("a"), speech.clone()).await;
        for (name, age) in [(".part-x", 2 * HOUR), (".part-y", Duration::ZERO)] {
            let file = fs::File::create(kept.join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        fs::write(kept.join("readme"), "not ours").unwrap();
        let again = Disk::open(&kept, 1 << 20, HOUR).unwrap();
        assert_eq!((again.load(key("a")).await, again.load(key("b")).await), (Some(speech), None));
        let there = ["readme", ".part-x", ".part-y"].map(|name| kept.join(name).exists());
        assert_eq!(there, [true, false, true], "another server may be writing");
        assert!(again.holds(key("a")) && !again.holds(key("b")));
        assert_eq!(again.bytes(), disk.bytes());
        let old = fs::File::options().write(true).open(path(&kept, key("a"))).unwrap();
        old.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
        assert_eq!(Disk::open(&kept, 1 << 20, HOUR).unwrap().bytes(), 0, "it is too old");
        assert!(!path(&kept, key("a")).exists());
    }

    #[tokio::test]
    async fn a_damaged_file_is_noticed_deleted_and_can_be_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 1 << 20, HOUR).unwrap();
        disk.keep(key("a"), speech(100)).await;
        let file = path(folder.path(), key("a"));
        let mut bytes = fs::read(&file).unwrap();
        bytes[40] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert_eq!(disk.load(key("a")).await, None);
        assert!(!file.exists() && disk.bytes() == 0);
        disk.keep(key("a"), speech(100)).await;
        assert!(disk.load(key("a")).await.is_some());
        fs::remove_file(&file).unwrap();
        assert_eq!(disk.load(key("a")).await, None, "somebody has deleted it");
    }

    #[tokio::test]
    async fn what_is_too_old_or_does_not_fit_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 10_000, HOUR).unwrap();
        let old = Speech { made: SystemTime::now() - 2 * HOUR, ..speech(10) };
        disk.keep(key("old"), old).await;
        assert_eq!(disk.load(key("old")).await, None);
        disk.keep(key("large"), speech(6_000)).await;
        assert_eq!(disk.bytes(), 0);
        for name in ["a", "b", "c"] {
            disk.keep(key(name), speech(2_000)).await;
            assert!(disk.bytes() <= 10_000);
        }
        assert_eq!(disk.load(key("a")).await, None, "it made room");
        assert!(disk.load(key("c")).await.is_some());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_fails_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        let disk = Disk::open(&taken, 1 << 20, HOUR).unwrap();
        fs::write(&taken, "a file in the folder's place").unwrap();
        disk.keep(key("a"), speech(10)).await;
        assert_eq!(disk.load(key("a")).await, None);
    }
}
