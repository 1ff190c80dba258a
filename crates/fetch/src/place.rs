//! Puts finished files into the models directory.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use visavis_models::FetchError;

const LOCK: &str = ".lock";

/// Locks the directory for this process; another fetch waits until the file is dropped.
pub(crate) fn lock(dir: &Path, on_wait: impl FnOnce()) -> Result<File, FetchError> {
    let path = dir.join(LOCK);
    let take = || -> io::Result<File> {
        fs::create_dir_all(dir)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        if file.try_lock().is_err() {
            on_wait();
            file.lock()?;
        }
        Ok(file)
    };
    take().map_err(|e| FetchError::writing(&path, e))
}

/// Gives a finished file its final name, durably.
pub(crate) fn install(finished: &Path, dir: &Path, file: &Path) -> Result<(), FetchError> {
    let target = dir.join(file);
    let rename = || -> io::Result<()> {
        File::open(finished)?.sync_all()?;
        let parent = target.parent().unwrap_or(dir);
        fs::create_dir_all(parent)?;
        fs::rename(finished, &target)?;
        File::open(parent)?.sync_all()
    };
    rename().map_err(|e| FetchError::writing(&target, e))
}

/// Fails at once if the fetch would fill the disk half-way through.
pub(crate) fn check_space(dir: &Path, need: u64) -> Result<(), FetchError> {
    // If the free space is unknown, go on: a full disk is noticed when writing.
    let Ok(stat) = rustix::fs::statvfs(dir) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < need { Err(FetchError::NoSpace { dir: dir.to_owned(), free, need }) } else { Ok(()) }
}
