//! What a job is, from its beginning to its end. Pure.

use serde::{Deserialize, Serialize};

/// What is done with its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Texts are spoken.
    Speech,
    /// Recordings are transcribed.
    Transcription,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Speech, Self::Transcription];

    /// Its name for clients.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Speech => "speech",
            Self::Transcription => "transcription",
        }
    }
}

/// What a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The client's name for it, which others may have as well; may be empty.
    pub name: String,
    /// What is done with its items.
    pub kind: Kind,
    /// When it was taken, in seconds since 1970.
    pub created: u64,
    /// How many items it has.
    pub items: u32,
}
