//! The models folder; the program's unit tests include this file as well.

use std::path::PathBuf;

/// A file in the models folder, if it is there.
pub(crate) fn present(name: &str) -> Option<PathBuf> {
    let path = path(name);
    path.exists().then_some(path)
}

fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("VISAVIS_MODELS_DIR").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/visavis/models"),
        PathBuf::from,
    );
    folder.join(name)
}

/// A file in the models folder.
pub(crate) fn model(name: &str) -> PathBuf {
    let path = path(name);
    assert!(
        path.exists(),
        "{} is missing: run ./test, or `visavis models fetch --profile tiny` first",
        path.display()
    );
    path
}
