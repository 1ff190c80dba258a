//! What an earlier server has left in the folder.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use super::{
    DAMAGED, EACH, ITEMS, JOURNAL, Left, MOST_ITEMS, NEW, OLD, PART, RECORDINGS, RESULTS, SMALL, SPEC, files,
};
use crate::fact::{self, Fact};
use crate::id::JobId;
use crate::job::Job;
use crate::spec::Spec;

/// A job, and how many bytes it has.
pub(super) struct Found {
    pub(super) left: Left,
    pub(super) bytes: u64,
}

/// The jobs of a folder, the oldest first. What is no job's is left alone; no job keeps the others from being found.
pub(super) fn all(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with(NEW) || name.starts_with(OLD) {
            if let Err(error) = files::delete_folder(&path) {
                let path = path.display();
                tracing::warn!(%path, %error, "what was a job cannot be deleted (jobs.dir)");
            }
            continue;
        }
        let Some(id) = JobId::parse(name) else { continue };
        match one(&path, id) {
            Ok(job) => found.push(job),
            Err(error) => set_aside(folder, id, &error),
        }
    }
    // Ids are random: the older job is to be done first.
    found.sort_by_key(|found| found.left.job.progress().spec.created);
    Ok(found)
}

fn one(folder: &Path, id: JobId) -> io::Result<Found> {
    let spec: Spec = serde_json::from_reader(BufReader::new(File::open(folder.join(SPEC))?))?;
    if spec.items > MOST_ITEMS {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("it has {} items", spec.items)));
    }
    let mut facts = journal(folder)?;
    if !folder.join(ITEMS).try_exists()? {
        // It was cancelled on a disk that was too full to say so.
        facts.push(Fact::Cancelled);
    }
    let results = results(&folder.join(RESULTS))?;
    let bytes = bytes(folder, spec.items)?;
    Ok(Found { left: Left { id, job: Job::found(spec, &facts, results.into_keys()) }, bytes })
}

/// What is written of a job. A line that was cut off is deleted, so that the next one begins a line.
fn journal(folder: &Path) -> io::Result<Vec<Fact>> {
    let journal = folder.join(JOURNAL);
    let written = fs::read(&journal)?;
    let read = fact::read(&written);
    if read.whole < written.len() {
        let file = OpenOptions::new().write(true).open(&journal)?;
        file.set_len(read.whole as u64)?;
        file.sync_all()?;
    }
    Ok(read.facts)
}

/// Gives a damaged job another name, by which somebody may look at it. One that merely cannot be read now is left to the next start.
fn set_aside(folder: &Path, id: JobId, error: &io::Error) {
    let is_damaged = matches!(
        error.kind(),
        ErrorKind::InvalidData
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotFound
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
    );
    if !is_damaged {
        tracing::error!(%id, %error, "a job cannot be read and is left alone until the next start (jobs.dir)");
        return;
    }
    let aside = folder.join(format!("{DAMAGED}{id}"));
    let moved = fs::rename(folder.join(id.to_string()), &aside);
    let aside = aside.display();
    match moved {
        Ok(()) => tracing::warn!(%id, %error, %aside, "a damaged job is set aside; delete it, or repair it"),
        Err(why) => tracing::error!(%id, %error, %why, "a damaged job cannot be set aside (jobs.dir)"),
    }
}

/// The files of results, by the numbers of their items. What was never finished is deleted by the next start.
pub(super) fn results(folder: &Path) -> io::Result<BTreeMap<u32, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let item = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let Some(item) = item {
            found.insert(item, path);
        }
    }
    Ok(found)
}

/// Bytes that a job counts as. Unfinished files are deleted.
fn bytes(folder: &Path, items: u32) -> io::Result<u64> {
    let texts = match fs::metadata(folder.join(ITEMS)) {
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        about => about?.len(),
    };
    let mut all = SMALL + u64::from(items) * EACH + texts;
    for part in [folder.to_owned(), folder.join(RECORDINGS), folder.join(RESULTS)] {
        let counts = part != folder;
        for entry in fs::read_dir(part)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PART) {
                fs::remove_file(entry.path())?;
            } else if counts {
                all += entry.metadata()?.len();
            }
        }
    }
    Ok(all)
}
