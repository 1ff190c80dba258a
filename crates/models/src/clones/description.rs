//! The description of a cloned voice, `NAME.json`, and the check that its clip is the one described.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fault::{CloneFault, Fault};
use super::{ClonedVoice, clip, json};
use crate::FetchError;
use crate::store::hash_file;
use crate::voices::is_name;

/// Longest description in bytes; with the longest fields, each character escaped, it has some 30 KB.
const LONGEST: u64 = 64 << 10;
/// Bytes of a clip's file up to its sample rate, and the rate's position.
const HEAD: usize = 28;
const RATE_AT: usize = 24;

/// The contents of a description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) words: String,
    pub(super) consent: String,
    pub(super) added: String,
    /// The size of the clip's file, which is compared whenever voices are listed.
    pub(super) bytes: u64,
    /// The checksum of the clip's file.
    pub(super) sha256: String,
}

impl Description {
    /// Reads the description of a voice, and checks that its clip exists.
    pub(super) fn read(dir: &Path, name: &str) -> Result<Self, CloneFault> {
        let (json, clip) = (json(dir, name), clip(dir, name));
        let fault = |file: &Path, fault: Fault| CloneFault { file: file.to_owned(), fault };
        if !is_name(name) {
            return Err(fault(if json.exists() { &json } else { &clip }, Fault::Name(name.to_owned())));
        }
        let text = match start_of(&json) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(fault(&clip, Fault::NoDescription(format!("{name}.json"))));
            }
            Err(error) => return Err(fault(&json, Fault::Unreadable(error))),
        };
        let found: Self = serde_json::from_slice(&text)
            .map_err(|error| fault(&json, Fault::NotDescription(error.to_string())))?;
        if found.name != name {
            let why = format!("it names {:?}", found.name);
            return Err(fault(&json, Fault::NotDescription(why)));
        }
        match clip.metadata() {
            Ok(about) if about.is_file() && about.len() == found.bytes => Ok(found),
            Ok(_) => Err(fault(&clip, Fault::Changed)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(fault(&json, Fault::NoClip(format!("{name}.wav"))))
            }
            Err(error) => Err(fault(&clip, Fault::Unreadable(error))),
        }
    }

    /// Reads the clip, and compares its checksum.
    pub(super) fn compare(&self, dir: &Path) -> Result<(), CloneFault> {
        let file = clip(dir, &self.name);
        let fault = match hash_file(&file) {
            Ok(sha256) if sha256 == self.sha256 => return Ok(()),
            Ok(_) => Fault::Changed,
            Err(FetchError::Io { source, .. }) => Fault::Unreadable(source),
            Err(other) => Fault::Unreadable(io::Error::other(other.to_string())),
        };
        Err(CloneFault { file, fault })
    }

    /// The described voice.
    pub(super) fn voice(self, dir: &Path) -> ClonedVoice {
        let clip = clip(dir, &self.name);
        let Self { name, language, words, consent, added, .. } = self;
        ClonedVoice { name, language, clip, words, consent, added }
    }
}

/// The samples per second of a cloned voice's clip.
///
/// # Errors
/// When its file cannot be read.
pub fn sample_rate(clip: &Path) -> io::Result<u32> {
    let mut head = [0; HEAD];
    File::open(clip)?.read_exact(&mut head)?;
    Ok(u32::from_le_bytes(std::array::from_fn(|at| head[RATE_AT + at])))
}

fn start_of(file: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(file)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}
