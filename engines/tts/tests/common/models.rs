//! The models folder; the program's unit tests include this file as well.

use std::path::PathBuf;

use visavis_config::{Sources, load};

fn path(name: &str) -> PathBuf {
    let config =
        load(&Sources::from_process(None, Vec::new())).expect("the settings in the environment are valid");
    config.models.dir.join(name)
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
