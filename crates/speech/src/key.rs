//! What determines how a text sounds. Pure.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use visavis_containers::Format;

use crate::script::{Piece, Script};

/// Changes when the same script sounds differently with the same voice: a new normalisation of texts, for example.
const VERSION: &[u8] = b"visavis-speech-1";

/// The identity of a piece of speech, whatever format it is sent in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

/// Who speaks, beyond the names in a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Voiced {
    /// The engine.
    pub engine: String,
    /// Its model.
    pub model: String,
    /// The version of the voice's files: another voice may stand under the same name by now.
    pub version: String,
    /// When the voice was added, since 1970, if it is a cloned one: its name may later belong to another.
    pub since: Option<Duration>,
}

/// A piece of speech in a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The speech.
    pub key: Key,
    /// The format.
    pub format: Format,
}

impl Key {
    /// The key of a script spoken by this voice.
    #[must_use]
    pub fn of(script: &Script, voiced: &Voiced) -> Self {
        let mut hash = Fields(Sha256::new());
        hash.bytes(VERSION);
        for field in [&voiced.engine, &voiced.model, &voiced.version, &script.voice, &script.language] {
            hash.bytes(field.as_bytes());
        }
        hash.bytes(&voiced.since.as_ref().map(Duration::as_nanos).unwrap_or_default().to_le_bytes());
        for piece in &script.pieces {
            match piece {
                Piece::Say { text, speed } => {
                    hash.bytes(&speed.hundredths().to_le_bytes());
                    hash.bytes(text.as_bytes());
                }
                Piece::Pause { milliseconds } => {
                    hash.bytes(b"pause");
                    hash.bytes(&milliseconds.to_le_bytes());
                }
            }
        }
        Self(hash.0.finalize().into())
    }

    /// The key with this name; `None` if the name is malformed.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut key = [0; 32];
        if name.len() != 2 * key.len() || !name.is_ascii() {
            return None;
        }
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        // Numbers may have a sign or capitals; a key's name has not.
        Some(Self(key)).filter(|key| key.to_string() == name)
    }
}

/// Its name: hexadecimal digits.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0[..4], f)
    }
}

fn hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// A hash of fields, each with its length, so that no two lists of fields are the same bytes.
struct Fields(Sha256);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use visavis_engine::Speed;

    use super::*;

    fn script(voice: &str, texts: &[&str], speed: f64) -> Script {
        let speed = Speed::new(speed).unwrap();
        let pieces = texts.iter().map(|text| Piece::Say { text: (*text).to_owned(), speed }).collect();
        Script { voice: voice.into(), language: "en".into(), pieces }
    }

    #[test]
    fn all_that_is_heard_makes_a_key_of_its_own() {
        let joe = Voiced { engine: "piper".into(), model: "joe.onnx".into(), ..Voiced::default() };
        let later = |seconds| Some(Duration::from_secs(seconds));
        let keys = [
            Key::of(&script("joe", &["ab"], 1.0), &joe),
            Key::of(&script("joe", &["a", "b"], 1.0), &joe),
            Key::of(&script("joe", &["ab"], 1.5), &joe),
            Key::of(&script("ann", &["ab"], 1.0), &joe),
            Key::of(&Script { language: "de".into(), ..script("joe", &["ab"], 1.0) }, &joe),
            Key::of(&script("joe", &["ab"], 1.0), &Voiced { model: "other".into(), ..joe.clone() }),
            Key::of(&script("joe", &["ab"], 1.0), &Voiced { version: "2".into(), ..joe.clone() }),
            Key::of(&script("joe", &["ab"], 1.0), &Voiced { since: later(1), ..joe.clone() }),
            Key::of(&script("joe", &["ab"], 1.0), &Voiced { since: later(2), ..joe.clone() }),
        ];
        let different: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(keys[0], Key::of(&script("joe", &["ab"], 1.0), &joe));
    }

    #[test]
    fn a_key_is_known_by_its_name() {
        let key = Key::of(&script("joe", &["a"], 1.0), &Voiced::default());
        assert_eq!(Key::named(&key.to_string()), Some(key));
        let others = ["g", "+1", "AB"].map(|digits| digits.repeat(64 / digits.len()));
        for name in ["", "ab", "é".repeat(32).as_str()].into_iter().chain(others.iter().map(String::as_str))
        {
            assert_eq!(Key::named(name), None, "{name}");
        }
    }
}
