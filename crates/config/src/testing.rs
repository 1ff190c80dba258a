//! What the tests of this crate have in common.

use crate::{Config, Sources, load};

/// Pairs of texts, owned.
pub(crate) fn own<C: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> C {
    pairs.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

/// The configuration of a file `v.toml` with this text, an environment and flags; or its faults.
pub(crate) fn loaded(
    text: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("v.toml");
    std::fs::write(&file, text).unwrap();
    let sources = Sources { file: Some(file), environment: own(environment), flags: own(flags) };
    load(&sources).map_err(|faults| faults.0)
}
