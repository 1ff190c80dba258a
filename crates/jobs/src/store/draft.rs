//! A job on its way to the disk: its folder gets its name when everything in it is durable.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ITEMS, JOURNAL, NEW, RECORDINGS, RESULTS, Room, SPEC, StoreError, files};
use crate::id::JobId;
use crate::job::Job;
use crate::spec::Spec;

/// A job that is being written; dropped, nothing is left of it.
#[derive(Debug)]
pub struct Draft {
    id: JobId,
    /// The folder of all jobs, and the draft's own in it.
    jobs: PathBuf,
    folder: PathBuf,
    items: BufWriter<File>,
    count: u32,
    room: Arc<Room>,
    committed: bool,
}

impl Draft {
    pub(super) fn begin(jobs: &Path, room: Arc<Room>) -> Result<Self, StoreError> {
        let id = JobId::random();
        let folder = jobs.join(format!("{NEW}{id}"));
        room.begin(id)?;
        let items = make(&folder).inspect_err(|_| {
            room.forget(id);
            _ = fs::remove_dir_all(&folder);
        })?;
        let items = BufWriter::new(items);
        let jobs = jobs.to_owned();
        Ok(Self { id, jobs, folder, items, count: 0, room, committed: false })
    }

    /// How many items it has.
    #[must_use]
    pub fn items(&self) -> u32 {
        self.count
    }

    /// Adds an item: a line without a line break.
    ///
    /// # Errors
    /// If it cannot be written, or the job is larger than one may be; it is then to be dropped.
    pub fn item(&mut self, line: &str) -> Result<(), StoreError> {
        debug_assert!(!line.contains('\n'), "an item is one line");
        self.room.take_item(self.id, line.len() as u64 + 1)?;
        self.items.write_all(line.as_bytes())?;
        self.items.write_all(b"\n")?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Adds an item with a recording.
    ///
    /// # Errors
    /// If it cannot be written, or the job is larger than one may be; it is then to be dropped.
    pub fn recording(&mut self, line: &str, mut recording: File) -> Result<(), StoreError> {
        self.room.take(self.id, recording.metadata()?.len())?;
        recording.rewind()?;
        let mut file = File::create(self.folder.join(RECORDINGS).join(self.count.to_string()))?;
        io::copy(&mut recording, &mut file)?;
        file.sync_all()?;
        self.item(line)
    }

    /// Makes it a job. When this returns, it is there to stay.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn commit(mut self, spec: Spec) -> Result<(JobId, Job), StoreError> {
        let spec = Spec { items: self.count, ..spec };
        self.items.flush()?;
        self.items.get_ref().sync_all()?;
        let text = serde_json::to_vec(&spec).map_err(io::Error::from)?;
        files::put(&self.folder, SPEC, &text)?;
        files::sync(&self.folder.join(RECORDINGS))?;
        let place = self.jobs.join(self.id.to_string());
        fs::rename(&self.folder, &place)?;
        // If its name cannot be made durable, it is deleted by it: nobody is told of a job that begins with the next server.
        self.folder = place;
        files::sync(&self.jobs)?;
        self.committed = true;
        Ok((self.id, Job::new(spec)))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.committed {
            _ = fs::remove_dir_all(&self.folder);
            self.room.forget(self.id);
        }
    }
}

fn make(folder: &Path) -> io::Result<File> {
    files::make_private(folder)?;
    files::make_private(&folder.join(RECORDINGS))?;
    files::make_private(&folder.join(RESULTS))?;
    File::create(folder.join(JOURNAL))?.sync_all()?;
    File::create(folder.join(ITEMS))
}
