//! Jobs on disk: a folder for each, with its description, its items, their recordings, a journal, and results. All of it blocks.
//!
//! - `draft`: a job on its way to the disk; it appears whole or not at all
//! - `files`: what is written so that a kill leaves it whole; `found`: what an earlier server has left
//! - `lines`: where items stand in their file; `room`: what jobs have, and may have; `error`
//!
//! ```text
//! KEY, .lock, damaged-ID/
//! ID/job.json  items.jsonl  journal.jsonl  recordings/3  results/0.mp3
//! ```

mod draft;
mod error;
mod files;
mod found;
mod lines;
mod room;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::fact::{self, Fact};
use crate::id::JobId;
use crate::job::Job;
use crate::queue::Place;
use crate::spec::Kind;
use crate::worker::Task;

use found::Found;
use lines::Lines;
use room::Room;

pub use draft::Draft;
pub use error::StoreError;

const SPEC: &str = "job.json";
const ITEMS: &str = "items.jsonl";
const JOURNAL: &str = "journal.jsonl";
const RECORDINGS: &str = "recordings";
const RESULTS: &str = "results";
const LOCK: &str = ".lock";
/// The beginning of names of jobs that are not there yet, and of those that are there no more.
const NEW: &str = ".new-";
const OLD: &str = ".old-";
/// The beginning of names of jobs that cannot be read.
const DAMAGED: &str = "damaged-";
/// The beginning of names of files that are being written.
const PART: &str = ".part-";

/// What the small files of a job count as, in bytes, so that jobs without items are bounded as well.
const SMALL: u64 = 16 << 10;
/// What an item counts as beside its text: its result's place, and the longest line that the journal has of it.
const EACH: u64 = 1 << 10;
const MEBIBYTE: u64 = 1 << 20;
/// Most items of a job.
pub const MOST_ITEMS: u32 = 100_000;
/// Most items of all jobs: a byte of memory for four of them.
pub const MOST_ITEMS_OF_ALL: u64 = 4_000_000;

/// A job that an earlier server has left.
#[derive(Debug)]
pub struct Left {
    /// Its id.
    pub id: JobId,
    /// How far it is.
    pub job: Job,
}

/// The folder of jobs.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    room: Arc<Room>,
    lines: Mutex<HashMap<JobId, Arc<Lines>>>,
    /// Held while a journal is written.
    journals: Mutex<()>,
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
        let room = Room::new(most);
        let found = found::all(folder)?.into_iter();
        let left = found.map(|Found { left, bytes }| {
            room.found(left.id, bytes, left.job.items());
            left
        });
        let left = left.collect();
        let store = Self {
            folder: folder.to_owned(),
            room: Arc::new(room),
            lines: Mutex::default(),
            journals: Mutex::default(),
            _lock: lock,
        };
        Ok((store, left))
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
        let lines = self.lines(place.job)?;
        let line = lines.line(self.items(place.job)?, place.item)?;
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
    /// If it cannot be written, or the job was closed; nothing is left of it then.
    pub fn keep(&self, place: Place, ending: &str, result: &[u8]) -> Result<(), StoreError> {
        let bytes = result.len() as u64;
        self.room.take(place.job, bytes)?;
        let kept = self.put_result(place, ending, result);
        if kept.is_err() {
            self.room.give_back(place.job, bytes);
        }
        kept
    }

    fn put_result(&self, place: Place, ending: &str, result: &[u8]) -> Result<(), StoreError> {
        let folder = self.job(place.job).join(RESULTS);
        let target = folder.join(format!("{}.{ending}", place.item));
        let part = files::part(&folder, result)?;
        self.room.while_open(place.job, || files::place(part, &target))?;
        if let Err(error) = files::sync(&folder) {
            _ = fs::remove_file(&target);
            return Err(error.into());
        }
        Ok(())
    }

    /// From here on no result of a job comes to the disk: those that stand there, whose items are returned, are all.
    ///
    /// # Errors
    /// If results cannot be listed; the job is closed nevertheless.
    pub fn close(&self, id: JobId) -> Result<Vec<u32>, StoreError> {
        self.room.close(id, true);
        Ok(self.results(id)?.into_keys().collect())
    }

    /// Has a job stay cancelled: writes that down, and deletes its texts and recordings, of which nothing is to be done any more.
    /// On a disk that is too full to write, the deletion alone says it.
    ///
    /// # Errors
    /// If something could not be deleted.
    pub fn cancel(&self, id: JobId) -> Result<(), StoreError> {
        if let Err(error) = self.record_once(id, &Fact::Cancelled) {
            tracing::warn!(%id, %error, "a cancelled job is known by its missing texts alone");
        }
        let own = self.job(id);
        self.room.give_back(id, files::delete(&own.join(ITEMS))?);
        self.rest(id);
        files::sync(&own)?;
        for entry in fs::read_dir(own.join(RECORDINGS))? {
            self.room.give_back(id, files::delete(&entry?.path())?);
        }
        Ok(())
    }

    /// Writes a fact into a job's journal. When this returns, it is there to stay.
    ///
    /// # Errors
    /// If it cannot be written; nothing is left of it then.
    pub fn record(&self, id: JobId, fact: &Fact) -> Result<(), StoreError> {
        let _lock = self.journals.lock();
        Ok(files::append(&self.job(id).join(JOURNAL), &fact::line(fact))?)
    }

    fn record_once(&self, id: JobId, fact: &Fact) -> Result<(), StoreError> {
        if self.facts(id)?.contains(fact) { Ok(()) } else { self.record(id, fact) }
    }

    /// Writes down that the failed items of a job are tried again, and drops what the journal has of failures before: however often
    /// that happens, a journal is no longer than its items and retries. Items in work keep theirs: one that has failed just now, of
    /// which nobody has heard, is not tried again.
    ///
    /// # Errors
    /// If it cannot be written; the journal is as before then.
    pub fn retry(&self, id: JobId, working: &BTreeSet<u32>) -> Result<(), StoreError> {
        let _lock = self.journals.lock();
        let facts = self.facts(id)?;
        let before = facts.iter().filter(|fact| **fact == Fact::Retried).count();
        let mut journal = fact::line(&Fact::Retried).repeat(before + 1);
        for fact in &facts {
            if matches!(fact, Fact::Failed { item, .. } if working.contains(item)) {
                journal.extend(fact::line(fact));
            }
        }
        files::put(&self.job(id), JOURNAL, &journal)?;
        self.room.close(id, false);
        Ok(())
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
        let mut failures = BTreeMap::new();
        for fact in self.facts(id)? {
            match fact {
                Fact::Failed { item, reason } => _ = failures.insert(item, reason),
                Fact::Retried => failures.clear(),
                Fact::Cancelled | Fact::Ended { .. } => {}
            }
        }
        Ok(failures)
    }

    /// Nothing of a job is to be done for now.
    pub fn rest(&self, id: JobId) {
        self.lines.lock().remove(&id);
    }

    /// Deletes a job with all that it has. One that could not be deleted may be deleted again.
    ///
    /// # Errors
    /// If something of it is left, which is deleted at the next start.
    pub fn remove(&self, id: JobId) -> Result<(), StoreError> {
        self.room.close(id, true);
        let (own, old) = (self.job(id), self.folder.join(format!("{OLD}{id}")));
        match fs::rename(&own, &old).map_err(StoreError::from) {
            Ok(()) => {}
            // It has its new name since an earlier attempt.
            Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            // A disk may be too full for a name.
            Err(StoreError::Full) => files::delete_folder(&own)?,
            Err(error) => return Err(error),
        }
        files::delete_folder(&old)?;
        self.rest(id);
        self.room.forget(id);
        Ok(())
    }

    fn job(&self, id: JobId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn facts(&self, id: JobId) -> Result<Vec<Fact>, StoreError> {
        Ok(fact::read(&fs::read(self.job(id).join(JOURNAL))?).facts)
    }

    fn items(&self, id: JobId) -> Result<BufReader<File>, StoreError> {
        Ok(BufReader::new(File::open(self.job(id).join(ITEMS))?))
    }

    fn lines(&self, id: JobId) -> Result<Arc<Lines>, StoreError> {
        if let Some(known) = self.lines.lock().get(&id) {
            return Ok(known.clone());
        }
        let lines = Arc::new(Lines::of(self.items(id)?)?);
        let mut known = self.lines.lock();
        // Of a job that was closed meanwhile nobody would forget them.
        if self.room.is_open(id) {
            known.insert(id, lines.clone());
        }
        Ok(lines)
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
