//! Which files a model is made of: another network under the same name is another voice.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// The version of a model's files.
#[derive(Debug, Default)]
pub(crate) struct Version {
    network: PathBuf,
    /// That of the files beside it, which were read at the start.
    beside: String,
    /// That of the network while it is loaded: what stands in its file by now is not what speaks.
    loaded: Mutex<Option<String>>,
}

impl Version {
    /// The version of a model whose description is about to be read.
    pub(crate) fn of<'a>(network: &Path, beside: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut all = String::new();
        beside.for_each(|file| all.push_str(&stamp(file)));
        Self { network: network.to_owned(), beside: all, loaded: Mutex::default() }
    }

    /// The network is about to be read.
    pub(crate) fn load(&self) {
        let stamp = stamp(&self.network);
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(stamp);
    }

    /// The network was dropped.
    pub(crate) fn unload(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The version that speaks, or would now.
    pub(crate) fn now(&self) -> String {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut all = loaded.unwrap_or_else(|| stamp(&self.network));
        all.push_str(&self.beside);
        // Short, and the same for the same files.
        format!("{:016x}", fnv(all.as_bytes()))
    }
}

/// A file's size and when it was changed.
fn stamp(file: &Path) -> String {
    let mut stamp = String::new();
    if let Ok(facts) = file.metadata() {
        let changed = facts.modified().ok().and_then(|then| then.duration_since(UNIX_EPOCH).ok());
        _ = write!(stamp, "{}@{};", facts.len(), changed.unwrap_or_default().as_nanos());
    }
    stamp
}

/// FNV-1a. Nobody gains anything by a collision: who may replace a voice may replace it.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_network_under_the_same_name_is_another_version_once_it_speaks() {
        let folder = std::env::temp_dir().join(format!("visavis-tts-version-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (network, json) = (folder.join("joe.onnx"), folder.join("joe.onnx.json"));
        std::fs::write(&network, "one").unwrap();
        std::fs::write(&json, "{}").unwrap();
        let version = Version::of(&network, [&json].into_iter());
        let first = version.now();
        version.load();
        assert_eq!(version.now(), first);
        std::fs::write(&network, "another").unwrap();
        assert_eq!(version.now(), first, "the first one still speaks");
        version.unload();
        let second = version.now();
        assert_ne!(second, first);
        std::fs::write(&json, "{ }").unwrap();
        assert_eq!(version.now(), second, "its description was read before");
        assert_ne!(Version::of(&network, [&json].into_iter()).now(), second);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
