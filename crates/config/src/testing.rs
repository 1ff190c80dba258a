//! What the tests of this crate have in common.

use crate::{Config, Flag, Sources, load};

/// Pairs of texts, owned.
pub(crate) fn own<C: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> C {
    pairs.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

/// Flags that set these keys.
pub(crate) fn flagged(pairs: &[(&str, &str)]) -> Vec<Flag> {
    pairs.iter().map(|(key, value)| Flag { key: (*key).into(), value: (*value).into() }).collect()
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
    let sources = Sources { file: Some(file), environment: own(environment), flags: flagged(flags) };
    load(&sources).map_err(|faults| faults.0)
}
