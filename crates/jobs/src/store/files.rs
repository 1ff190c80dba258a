//! Writing so that a kill, or a disk that is full, leaves what is whole and nothing else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use tempfile::{Builder, TempPath};

use super::PART;

/// Makes a folder that this user alone may read, unless it is there.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Puts a file into its place, whole and durable.
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    place(part(folder, bytes)?, &folder.join(name))?;
    sync(folder)
}

/// Writes a file that has no place yet; dropped, it is deleted.
pub(super) fn part(folder: &Path, bytes: &[u8]) -> io::Result<TempPath> {
    let mut file = Builder::new().prefix(PART).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

/// Gives a file its place; it is durable when its folder is.
pub(super) fn place(part: TempPath, place: &Path) -> io::Result<()> {
    part.persist(place).map_err(|error| error.error)
}

/// Adds a line to a file, durably; takes back what was written of a line that does not fit.
pub(super) fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(line).and_then(|()| file.sync_data());
    if written.is_err() {
        file.set_len(before)?;
    }
    written
}

/// Deletes a file, and says how many bytes it had; none: it is there no more.
pub(super) fn delete(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(about) => fs::remove_file(path).map(|()| about.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Deletes a folder with all that is in it, if it is there.
pub(super) fn delete_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes what a folder lists durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
