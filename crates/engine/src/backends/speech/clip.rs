//! The clips of cloned voices.

use std::path::{Path, PathBuf};

use visavis_models::clones;

use crate::EngineError;

/// Largest clip in bytes: 20 s at 48 kHz are 2 MB.
const LARGEST: u64 = 16 << 20;

/// The clip that a voice is cloned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clip {
    /// The voice's name.
    pub(super) name: String,
    /// ISO 639-1.
    pub(super) language: String,
    /// A WAV file.
    pub(super) file: PathBuf,
    /// The words that are said in it; may be empty.
    pub(super) words: String,
}

/// A clip's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) bytes: Vec<u8>,
    /// A name that no other voice and no other clip has, made of letters, digits and dashes.
    pub(super) tag: String,
}

/// The clips that are in a folder now.
pub(super) async fn list(folder: &Path) -> Vec<Clip> {
    let folder = folder.to_owned();
    let listed = tokio::task::spawn_blocking(move || clones::list(&folder)).await;
    let clip = |voice: clones::ClonedVoice| Clip {
        name: voice.name,
        language: voice.language,
        file: voice.clip,
        words: voice.words,
    };
    listed.unwrap_or_default().into_iter().map(clip).collect()
}

/// Reads a clip.
///
/// # Errors
/// When its file is gone or too large.
pub(super) async fn read(clip: &Clip) -> Result<Recorded, EngineError> {
    let (name, file) = (&clip.name, clip.file.display());
    let fault = |why: String| EngineError::Failed(format!("the clip of the voice {name:?}, {file}, {why}"));
    let size =
        tokio::fs::metadata(&clip.file).await.map_err(|error| fault(format!("cannot be read: {error}")))?;
    if size.len() > LARGEST {
        return Err(fault(format!(
            "has {} bytes; at most {LARGEST}. Add it again with a shorter clip",
            size.len()
        )));
    }
    let bytes =
        tokio::fs::read(&clip.file).await.map_err(|error| fault(format!("cannot be read: {error}")))?;
    let tag = tag(name, &bytes);
    Ok(Recorded { bytes, tag })
}

/// A name for a clip at a server, which changes with its sound: a voice that was removed and added again gets a new name.
fn tag(name: &str, bytes: &[u8]) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    // FNV-1a; collisions are not a security problem here.
    let hash = name.bytes().chain(bytes.iter().copied()).fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    format!("visavis-{plain}-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_changes_with_the_name_and_the_sound() {
        let tags = [tag("Anna", b"one"), tag("Anna", b"two"), tag("Änna", b"one")];
        assert!(tags[0] != tags[1] && tags[0] != tags[2], "{tags:?}");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(tags.iter().all(|tag| tag.starts_with("visavis-") && tag.chars().all(plain)), "{tags:?}");
        assert_eq!(tag("Anna", b"one"), tags[0]);
    }

    #[tokio::test]
    async fn a_clip_that_is_gone_is_named() {
        let clip = Clip {
            name: "Anna".into(),
            language: "en".into(),
            file: "/nowhere/anna.wav".into(),
            words: String::new(),
        };
        let error = read(&clip).await.unwrap_err().to_string();
        assert!(error.contains("\"Anna\"") && error.contains("/nowhere/anna.wav"), "{error}");
    }
}
