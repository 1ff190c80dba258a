//! What an earlier server has left in the folder.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::{ITEMS, JOURNAL, Left, NEW, OLD, PART, RECORDINGS, RESULTS, SMALL, SPEC};
use crate::fact;
use crate::id::JobId;
use crate::job::Job;
use crate::spec::Spec;

/// Jobs, and how many bytes they have.
pub(super) struct Found {
    pub(super) jobs: Vec<Left>,
    pub(super) bytes: u64,
}

/// The jobs of a folder. What is no job's is left alone, as is a job that cannot be read.
pub(super) fn all(folder: &Path) -> io::Result<Found> {
    let mut found = Found { jobs: Vec::new(), bytes: 0 };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with(NEW) || name.starts_with(OLD) {
            fs::remove_dir_all(&path)?;
            continue;
        }
        let Some(id) = JobId::parse(name) else { continue };
        match one(&path) {
            Ok(job) => {
                found.bytes += bytes(&path)?;
                found.jobs.push(Left { id, job });
            }
            Err(error) => tracing::error!(%id, %error, "a job cannot be read and is left alone (jobs.dir)"),
        }
    }
    // Ids are random: the older job is to be done first.
    found.jobs.sort_by_key(|left| left.job.progress().spec.created);
    Ok(found)
}

fn one(folder: &Path) -> io::Result<Job> {
    let spec: Spec = serde_json::from_reader(BufReader::new(File::open(folder.join(SPEC))?))?;
    let journal = folder.join(JOURNAL);
    let written = fs::read(&journal)?;
    let read = fact::read(&written);
    if read.whole < written.len() {
        let file = OpenOptions::new().write(true).open(&journal)?;
        file.set_len(read.whole as u64)?;
        file.sync_all()?;
    }
    let results = results(&folder.join(RESULTS))?;
    Ok(Job::found(spec, &read.facts, results.into_keys()))
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

/// Bytes that a job counts as. Unfinished results are deleted.
pub(super) fn bytes(folder: &Path) -> io::Result<u64> {
    let mut all = SMALL + fs::metadata(folder.join(ITEMS))?.len();
    for part in [RECORDINGS, RESULTS] {
        for entry in fs::read_dir(folder.join(part))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PART) {
                fs::remove_file(entry.path())?;
            } else {
                all += entry.metadata()?.len();
            }
        }
    }
    Ok(all)
}
