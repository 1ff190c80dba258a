//! A file in the place of another: written whole beside it, safe on the disk, and then moved there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What stands behind the name of a file that is not in its place yet.
const ASIDE: &str = ".new";

/// A file that is whole and safe on the disk, but not in its place yet.
#[derive(Debug)]
pub(super) struct Staged {
    aside: PathBuf,
    place: PathBuf,
}

impl Staged {
    /// Writes a text beside its place, for its owner alone. If that fails, nothing is left there.
    pub(super) fn write(place: &Path, text: &str) -> io::Result<Self> {
        let staged = Self { aside: aside(place), place: place.to_owned() };
        // An earlier file of this name may be readable by everyone, or be a link to elsewhere.
        staged.discard();
        match staged.fill(text) {
            Ok(()) => Ok(staged),
            Err(error) => {
                staged.discard();
                Err(error)
            }
        }
    }

    fn fill(&self, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// Moves it to its place.
    pub(super) fn put(&self) -> io::Result<()> {
        fs::rename(&self.aside, &self.place)?;
        sync_folder_of(&self.place);
        Ok(())
    }

    /// Removes it.
    pub(super) fn discard(&self) {
        _ = fs::remove_file(&self.aside);
    }
}

/// Where a file waits that is about to take this place.
pub(super) fn aside(place: &Path) -> PathBuf {
    let mut aside = place.as_os_str().to_owned();
    aside.push(ASIDE);
    aside.into()
}

/// Puts a text in the place of a file, whole or not at all. Only its owner may read it.
pub(super) fn replace(place: &Path, text: &str) -> io::Result<()> {
    Staged::write(place, text)?.put()
}

/// Has the disk keep which files a folder holds, where its file system can.
fn sync_folder_of(file: &Path) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_stood_beside_a_file_neither_shows_nor_diverts_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let [place, other] = ["key.pem", "other"].map(|name| folder.path().join(name));
        fs::write(&other, "another's").unwrap();
        symlink(&other, aside(&place)).unwrap();
        replace(&place, "secret").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "another's");
        fs::write(aside(&place), "everyone may read this").unwrap();
        fs::set_permissions(aside(&place), fs::Permissions::from_mode(0o644)).unwrap();
        replace(&place, "more").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "more");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!aside(&place).exists());
    }
}
