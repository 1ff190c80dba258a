//! Jobs on disk: a folder for each, with its description, its items, their recordings, a journal, and results. All of it blocks.
//!
//! - `draft`: a job on its way to the disk; it appears whole or not at all
//! - `files`: what is written so that a kill leaves it whole; `found`: what an earlier server has left
//!
//! ```text
//! KEY, .lock
//! ID/job.json  items.jsonl  journal.jsonl  recordings/3  results/0.mp3
//! ```

mod draft;
mod files;
mod found;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::fact::{self, Fact};
use crate::id::JobId;
use crate::job::Job;
use crate::queue::Place;
use crate::spec::Kind;
use crate::worker::Task;

pub use draft::Draft;

const SPEC: &str = "job.json";
const ITEMS: &str = "items.jsonl";
const JOURNAL: &str = "journal.jsonl";
const RECORDINGS: &str = "recordings";
const RESULTS: &str = "results";
const LOCK: &str = ".lock";
/// The beginning of names of jobs that are not there yet, and of those that are there no more.
const NEW: &str = ".new-";
const OLD: &str = ".old-";
/// The beginning of names of results that are being written.
const PART: &str = ".part-";

/// What the small files of a job count as, in bytes, so that jobs without items are bounded as well.
const SMALL: u64 = 16 << 10;
const MEBIBYTE: u64 = 1 << 20;

/// Why jobs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Jobs have all the room that they may have.
    #[error("jobs have all of their {0} MiB on the disk (jobs.disk_mb)")]
    Limit(u64),
    /// The disk is full.
    #[error("the disk is full (jobs.dir)")]
    Full,
    /// Another server uses the folder.
    #[error("another server uses the folder (jobs.dir)")]
    Taken,
    /// The disk fails.
    #[error("the folder of jobs cannot be used (jobs.dir): {0}")]
    Io(io::Error),
}

impl StoreError {
    /// Whether it helps to make room.
    #[must_use]
    pub fn lacks_room(&self) -> bool {
        matches!(self, Self::Limit(_) | Self::Full)
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// A job that an earlier server has left.
#[derive(Debug)]
pub struct Left {
    /// Its id.
    pub id: JobId,
    /// How far it is.
    pub job: Job,
}

/// The bytes that jobs have on the disk, and how many they may have.
#[derive(Debug)]
struct Room {
    used: AtomicU64,
    most: u64,
}

impl Room {
    fn take(&self, bytes: u64) -> Result<(), StoreError> {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|used| *used <= self.most)
        });
        taken.map(|_| ()).map_err(|_| StoreError::Limit(self.most / MEBIBYTE))
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Where the lines of a job's items begin; the last one is where they end.
type Beginnings = Arc<Vec<u64>>;

/// The folder of jobs.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    room: Arc<Room>,
    beginnings: Mutex<HashMap<JobId, Beginnings>>,
    /// Held as long as this server uses the folder.
    _lock: File,
}

impl Store {
    /// Opens the folder, or makes it, for this user and this process alone; returns what an earlier server has left. What was never
    /// finished is deleted.
    ///
    /// # Errors
    /// If the folder cannot be used, or another process does.
    pub fn open(folder: &Path, most: u64) -> Result<(Self, Vec<Left>), StoreError> {
        files::make_private(folder)?;
        let lock = File::create(folder.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Taken,
            TryLockError::Error(error) => error.into(),
        })?;
        let found = found::all(folder)?;
        let room = Arc::new(Room { used: AtomicU64::new(found.bytes), most });
        let store = Self { folder: folder.to_owned(), room, beginnings: Mutex::default(), _lock: lock };
        Ok((store, found.jobs))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a job.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn draft(&self) -> Result<Draft, StoreError> {
        Draft::begin(&self.folder, self.room.clone())
    }

    /// An item, for who does it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn task(&self, place: Place, kind: Kind) -> Result<Task, StoreError> {
        let beginnings = self.beginnings(place.job)?;
        let at = place.item as usize;
        let (Some(begin), Some(end)) = (beginnings.get(at), beginnings.get(at + 1)) else {
            return Err(StoreError::Io(io::Error::new(io::ErrorKind::NotFound, "the item is missing")));
        };
        let mut file = File::open(self.job(place.job).join(ITEMS))?;
        file.seek(SeekFrom::Start(*begin))?;
        let mut line = String::new();
        file.take(end - begin).read_to_string(&mut line)?;
        let recording = match File::open(self.job(place.job).join(RECORDINGS).join(place.item.to_string())) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Task { kind, line, recording })
    }

    /// Puts an item's result into its place. When this returns, the item is done, whatever happens to the server.
    ///
    /// # Errors
    /// If it cannot be written; nothing is left of it then.
    pub fn keep(&self, place: Place, ending: &str, result: &[u8]) -> Result<(), StoreError> {
        let bytes = result.len() as u64;
        self.room.take(bytes)?;
        let folder = self.job(place.job).join(RESULTS);
        let kept = files::put(&folder, &format!("{}.{ending}", place.item), result);
        if kept.is_err() {
            self.room.give_back(bytes);
        }
        Ok(kept?)
    }

    /// Writes a fact into a job's journal. When this returns, it is there to stay.
    ///
    /// # Errors
    /// If it cannot be written; nothing is left of it then.
    pub fn record(&self, id: JobId, fact: &Fact) -> Result<(), StoreError> {
        Ok(files::append(&self.job(id).join(JOURNAL), &fact::line(fact))?)
    }

    /// The files of a job's results, by the numbers of their items.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn results(&self, id: JobId) -> Result<BTreeMap<u32, PathBuf>, StoreError> {
        Ok(found::results(&self.job(id).join(RESULTS))?)
    }

    /// Why items of a job failed, by their numbers.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn failures(&self, id: JobId) -> Result<BTreeMap<u32, String>, StoreError> {
        let journal = fs::read(self.job(id).join(JOURNAL))?;
        let mut failures = BTreeMap::new();
        for fact in fact::read(&journal).facts {
            match fact {
                Fact::Failed { item, reason } => _ = failures.insert(item, reason),
                Fact::Retried => failures.clear(),
                Fact::Cancelled | Fact::Ended { .. } => {}
            }
        }
        Ok(failures)
    }

    /// A file without a name, for what is put together of results.
    ///
    /// # Errors
    /// If none can be made.
    pub fn scratch(&self) -> Result<File, StoreError> {
        Ok(tempfile::tempfile_in(&self.folder)?)
    }

    /// Nothing of a job is to be done for now.
    pub fn rest(&self, id: JobId) {
        self.beginnings.lock().remove(&id);
    }

    /// Deletes a job with all that it has.
    ///
    /// # Errors
    /// If it cannot be; what is left of it is deleted at the next start.
    pub fn remove(&self, id: JobId) -> Result<(), StoreError> {
        self.rest(id);
        let bytes = found::bytes(&self.job(id))?;
        let old = self.folder.join(format!("{OLD}{id}"));
        fs::rename(self.job(id), &old)?;
        fs::remove_dir_all(&old)?;
        self.room.give_back(bytes);
        Ok(())
    }

    fn job(&self, id: JobId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn beginnings(&self, id: JobId) -> Result<Beginnings, StoreError> {
        if let Some(known) = self.beginnings.lock().get(&id) {
            return Ok(known.clone());
        }
        let mut file = BufReader::new(File::open(self.job(id).join(ITEMS))?);
        let (mut beginnings, mut line, mut at) = (vec![0], Vec::new(), 0_u64);
        loop {
            line.clear();
            let read = file.read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            at += read as u64;
            beginnings.push(at);
        }
        let beginnings = Arc::new(beginnings);
        self.beginnings.lock().insert(id, beginnings.clone());
        Ok(beginnings)
    }
}

/// Puts a small file into its place in a folder, whole, durable and for this user alone.
///
/// # Errors
/// If it cannot be written.
pub fn put_private(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    files::put(folder, name, bytes)
}

#[cfg(test)]
mod tests;
