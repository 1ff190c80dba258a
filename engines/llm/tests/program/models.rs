//! The models folder; the program's unit tests include this file as well.

use std::path::PathBuf;

use visavis_config::{Sources, load};

/// The smallest model.
pub(crate) fn model() -> PathBuf {
    let config =
        load(&Sources::from_process(None, Vec::new())).expect("the settings in the environment are valid");
    let model = config.models.dir.join("smollm2-135m-instruct-q4_1.gguf");
    assert!(
        model.exists(),
        "{} is missing: run ./test, or `visavis models fetch --profile tiny` first",
        model.display()
    );
    model
}
