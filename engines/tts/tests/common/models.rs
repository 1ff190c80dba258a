//! The models folder; the program's unit tests include this file as well.

use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("VISAVIS_MODELS_DIR").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/visavis/models"),
        PathBuf::from,
    );
    folder.join(name)
}

/// A file of the profile `tiny` in the models folder.
pub(crate) fn model(name: &str) -> PathBuf {
    fetched(name, "tiny")
}

/// Kokoro's network, in a folder with all of its voices.
pub(crate) fn kokoro() -> PathBuf {
    fetched("kokoro/pm_santa.bin", "voices");
    fetched("kokoro/kokoro-82m-int8.onnx", "voices")
}

fn fetched(name: &str, profile: &str) -> PathBuf {
    let path = path(name);
    assert!(
        path.exists(),
        "{} is missing: run ./test, or `visavis models fetch --profile {profile}` first",
        path.display()
    );
    path
}
