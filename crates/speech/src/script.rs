//! What is spoken: pieces of text, each with its speed, and pauses. Pure.

use visavis_engine::Speed;

/// A piece of what is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Say {
        /// As written, except for respellings.
        text: String,
        /// Relative to the configured speed.
        speed: Speed,
    },
    /// Silence.
    Pause {
        /// How long.
        milliseconds: u32,
    },
}

/// What is spoken, by whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1; empty: the voice's.
    pub language: String,
    /// In order.
    pub pieces: Vec<Piece>,
}
