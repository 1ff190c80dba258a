//! Checks that a server's model files are intact, reading each only once after it changes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::store::{self, State};
use crate::{FetchError, Manifest, Model};

/// Compares `files` with the manifest's checksums, if they are in `dir` and the manifest knows them. A file that was found
/// correct and has not been written to since is not read again.
///
/// # Errors
/// If a file does not match the manifest, or cannot be read.
pub fn check(manifest: &Manifest, dir: &Path, files: &[PathBuf]) -> Result<(), FetchError> {
    let used: HashSet<&Path> = files.iter().map(PathBuf::as_path).collect();
    let known = manifest.models().iter().filter(|model| used.contains(dir.join(&model.file).as_path()));
    known.into_iter().try_for_each(|model| check_one(dir, model))
}

fn check_one(dir: &Path, model: &Model) -> Result<(), FetchError> {
    let file = dir.join(&model.file);
    match store::state(dir, model) {
        State::Verified | State::NoChecksum | State::Missing => Ok(()),
        State::WrongSize => Err(FetchError::Damaged {
            what: file.display().to_string(),
            detail: "its size differs from the manifest's".into(),
        }),
        State::Unchecked => {
            tracing::info!(file = %file.display(), "reading a new or changed model file to compare its checksum");
            store::verify(dir, model).map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn damaged_bytes_are_found_and_unchanged_files_are_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let whole = b"the weights of a model".repeat(100);
        let manifest = Manifest::parse(&format!(
            r#"
            [[model]]
            name = "m"
            role = "llm"
            licence = "MIT"
            summary = "a model"
            file = "m.gguf"
            size = {}
            sha256 = "{:x}"
            [[model.source]]
            parts = [{{ url = "https://models.example/m.gguf" }}]
            "#,
            whole.len(),
            Sha256::digest(&whole)
        ))
        .unwrap();
        let file = dir.path().join("m.gguf");
        let written = SystemTime::now() - Duration::from_secs(100);
        let write = |bytes: &[u8], seconds| {
            fs::write(&file, bytes).unwrap();
            File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_modified(written + Duration::from_secs(seconds))
                .unwrap();
        };
        let check = || check(&manifest, dir.path(), &[file.clone(), dir.path().join("of-the-user.gguf")]);
        write(&whole, 0);
        check().unwrap();

        let mut damaged = whole.clone();
        damaged[1000] ^= 1;
        write(&damaged, 0);
        check().expect("it is read again only if its size or time has changed");
        write(&damaged, 10);
        let error = check().unwrap_err().to_string();
        assert!(error.contains("m.gguf") && error.contains("checksum"), "{error}");
        write(&whole[1..], 20);
        let error = check().unwrap_err().to_string();
        assert!(error.contains("m.gguf") && error.contains("size"), "{error}");
        write(&whole, 30);
        check().unwrap();
    }
}
