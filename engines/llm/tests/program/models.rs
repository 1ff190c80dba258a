//! The models folder; the program's unit tests include this file as well.

use std::path::{Path, PathBuf};

/// The smallest model.
pub(crate) fn model() -> PathBuf {
    let directory = std::env::var_os("VISAVIS_MODELS_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/visavis/models")));
    let model = directory.unwrap_or_default().join("smollm2-135m-instruct-q4_1.gguf");
    assert!(
        model.exists(),
        "{} is missing: run ./test, or `visavis models fetch --profile tiny` first",
        model.display()
    );
    model
}
