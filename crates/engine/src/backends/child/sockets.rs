//! The folder of the engines' sockets: private to its owner, present whenever a child is started, and removed with its server
//! or, at the latest, when the next server starts.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use parking_lot::Mutex;

/// Prefix of the folders' names; each server has one folder.
const PREFIX: &str = "visavis-engines-";
/// A file in the folder that the server keeps locked while it lives.
const OWNER: &str = "owner";
/// No other user may use the engines or see their traffic.
const PRIVATE: u32 = 0o700;

/// A folder for sockets; removed when dropped.
#[derive(Debug)]
pub(super) struct Sockets {
    folder: PathBuf,
    /// Our user id.
    user: u32,
    lock: Mutex<File>,
}

impl Sockets {
    /// Makes a folder in `parent`, and removes the folders of dead servers there.
    ///
    /// # Errors
    /// When `parent` cannot be written.
    pub(super) fn new(parent: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot create a folder for the engines' sockets in {}", parent.display());
        // Another server's sweep may remove the folder before it is locked.
        let mut attempt = 1;
        loop {
            let private = fs::Permissions::from_mode(PRIVATE);
            let made = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent);
            let folder = made.with_context(cannot)?.keep();
            match own(&folder) {
                Ok(lock) => {
                    let user = fs::metadata(&folder).with_context(cannot)?.uid();
                    sweep(parent, user);
                    return Ok(Self { folder, user, lock: Mutex::new(lock) });
                }
                Err(error) if attempt == 3 => return Err(error).with_context(cannot),
                Err(_) => attempt += 1,
            }
        }
    }

    /// The socket of an engine.
    pub(super) fn of(&self, engine: &str) -> PathBuf {
        self.folder.join(format!("{engine}.sock"))
    }

    /// Recreates the folder if it has been removed; called before an engine is started.
    ///
    /// # Errors
    /// When it cannot be made, or its name is taken by a folder that is not private to us.
    pub(super) fn ensure(&self) -> io::Result<()> {
        let mut lock = self.lock.lock();
        match DirBuilder::new().mode(PRIVATE).create(&self.folder) {
            Ok(()) => {
                tracing::warn!(folder = %self.folder.display(), "the sockets' folder was removed; it is recreated")
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = fs::symlink_metadata(&self.folder)?;
                if !is_folder_of(self.user, &there) || there.mode() & 0o077 != 0 {
                    return Err(io::Error::other("its name is taken by another folder"));
                }
                if self.folder.join(OWNER).exists() {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
        *lock = own(&self.folder)?;
        Ok(())
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// Marks a folder as that of a living server.
fn own(folder: &Path) -> io::Result<File> {
    let file = File::create(folder.join(OWNER))?;
    file.try_lock()?;
    // If a sweep held the lock before, it has removed the folder.
    if folder.join(OWNER).exists() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Removes the folders of servers that were killed.
fn sweep(parent: &Path, user: u32) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let folder = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && fs::symlink_metadata(&folder).is_ok_and(|there| is_folder_of(user, &there));
        if !ours {
            continue;
        }
        let Ok(owner) = File::open(folder.join(OWNER)) else { continue };
        if owner.try_lock().is_ok() {
            tracing::debug!(folder = %folder.display(), "removing a dead server's sockets");
            _ = fs::remove_dir_all(&folder);
        }
    }
}

fn is_folder_of(user: u32, there: &fs::Metadata) -> bool {
    there.is_dir() && there.uid() == user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(parent: &Path) -> Vec<PathBuf> {
        fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn the_folder_is_private_is_recreated_when_removed_and_goes_with_its_server() {
        let parent = tempfile::tempdir().unwrap();
        let sockets = Sockets::new(parent.path()).unwrap();
        let mode = || fs::metadata(&sockets.folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        sockets.ensure().unwrap();
        fs::remove_dir_all(&sockets.folder).unwrap();
        sockets.ensure().unwrap();
        assert_eq!(mode(), 0o700);
        let another = Sockets::new(parent.path()).unwrap();
        assert_eq!(folders(parent.path()).len(), 2, "a living server's folder stays, even if recreated");
        fs::set_permissions(&sockets.folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(sockets.ensure().is_err(), "others could listen there");
        drop((sockets, another));
        assert!(folders(parent.path()).is_empty());
    }

    #[test]
    fn the_folder_of_a_server_that_was_killed_is_swept_by_the_next() {
        let parent = tempfile::tempdir().unwrap();
        // Being killed runs no destructors, but closes all files.
        let dead = Sockets::new(parent.path()).unwrap();
        let folder = dead.folder.clone();
        *dead.lock.lock() = File::open("/dev/null").unwrap();
        std::mem::forget(dead);
        fs::create_dir(parent.path().join("visavis-engines-empty")).unwrap();
        let next = Sockets::new(parent.path()).unwrap();
        assert!(!folder.exists());
        assert!(next.folder.exists() && parent.path().join("visavis-engines-empty").exists());
    }
}
