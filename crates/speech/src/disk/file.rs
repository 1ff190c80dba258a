//! The form of a file of speech: a mark, what is said as JSON, the samples, and a checksum of it all.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::key::Key;
use crate::tier::Speech;
use crate::times::Times;

/// The mark, which changes with the form.
const MARK: &[u8; 8] = b"VVSPCH\x01\n";
/// Bytes of the JSON's length.
const LENGTH: usize = 4;
/// Bytes of the checksum.
const CHECKSUM: usize = 32;

#[derive(Serialize, Deserialize)]
struct Head {
    key: String,
    /// Seconds since 1970.
    made: u64,
    times: Times,
}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is too short")]
    Short,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("it is no file of speech, or one of another version")]
    Form,
    #[error("it holds other speech than its name says")]
    Other,
}

/// A file's bytes.
pub(super) fn encode(key: Key, speech: &Speech) -> Vec<u8> {
    let made = speech.made.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let head = Head { key: key.to_string(), made, times: speech.times.clone() };
    // Text and numbers can always be serialised.
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let size = MARK.len() + LENGTH + head.len() + 2 * speech.samples.len() + CHECKSUM;
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(MARK);
    bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&head);
    for sample in speech.samples.iter() {
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// The speech of a file.
///
/// # Errors
/// If the file is not what was written.
pub(super) fn decode(key: Key, bytes: &[u8]) -> Result<Speech, Damage> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(Damage::Short)?;
    if Sha256::digest(body).as_slice() != checksum.as_slice() {
        return Err(Damage::Checksum);
    }
    let rest = body.strip_prefix(MARK).ok_or(Damage::Form)?;
    let (length, rest) = rest.split_first_chunk::<LENGTH>().ok_or(Damage::Short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damage::Form)?;
    let (head, samples) = rest.split_at_checked(length).ok_or(Damage::Short)?;
    let head: Head = serde_json::from_slice(head).map_err(|_| Damage::Form)?;
    if head.key != key.to_string() {
        return Err(Damage::Other);
    }
    let samples = samples.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let made = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(head.made)).ok_or(Damage::Form)?;
    Ok(Speech { made, samples: Arc::new(samples), times: head.times })
}

#[cfg(test)]
mod tests {
    use visavis_core::frame::WordTime;

    use super::*;
    use crate::key::Voiced;
    use crate::script::Script;

    fn key(voice: &str) -> Key {
        Key::of(&Script { voice: voice.into(), ..Script::default() }, &Voiced::default())
    }

    fn speech() -> Speech {
        let words = vec![WordTime { text: "Grüße".into(), start: 0, end: 3 }];
        Speech {
            made: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            samples: Arc::new(vec![0, -1, i16::MAX, i16::MIN]),
            times: Times { words, sounds: Vec::new(), measured: true },
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(decode(key("a"), &encode(key("a"), &speech())), Ok(speech()));
    }

    #[test]
    fn any_damage_is_noticed() {
        let bytes = encode(key("a"), &speech());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(decode(key("a"), &damaged), Err(Damage::Checksum), "byte {at}");
            assert!(decode(key("a"), &bytes[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(decode(key("b"), &bytes), Err(Damage::Other));
        let mut foreign = b"something else".to_vec();
        let checksum = Sha256::digest(&foreign);
        foreign.extend_from_slice(&checksum);
        assert_eq!(decode(key("a"), &foreign), Err(Damage::Form));
    }
}
