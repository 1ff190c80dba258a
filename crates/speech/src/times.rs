//! When each word and speech sound is heard. Pure.

use serde::{Deserialize, Serialize};
use visavis_core::frame::WordTime;

/// The words and speech sounds of a piece of speech, in samples of [`OUT_RATE`](visavis_core::frame::OUT_RATE) from the beginning
/// of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    /// The words as they are written.
    pub words: Vec<WordTime>,
    /// The speech sounds, in espeak-ng's IPA.
    pub sounds: Vec<WordTime>,
    /// They are the voice's own durations, not estimates.
    pub measured: bool,
}

impl Times {
    /// Times of a chunk that begins at this sample of the whole.
    #[must_use]
    pub fn later(mut self, samples: u64) -> Self {
        for time in self.words.iter_mut().chain(&mut self.sounds) {
            time.start += samples;
            time.end += samples;
        }
        self
    }

    /// Whether there is neither a word nor a sound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.sounds.is_empty()
    }

    /// The times of several pieces, in order.
    pub fn joined<'a>(pieces: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self { measured: true, ..Self::default() };
        for piece in pieces {
            all.words.extend(piece.words.iter().cloned());
            all.sounds.extend(piece.sounds.iter().cloned());
            all.measured &= piece.measured || piece.is_empty();
        }
        all.measured &= !all.is_empty();
        all
    }

    /// About how much memory they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        48 * (self.words.len() + self.sounds.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, start: u64) -> WordTime {
        WordTime { text: text.into(), start, end: start + 10 }
    }

    #[test]
    fn pieces_join_to_a_whole_that_is_measured_only_if_each_is() {
        let piece = |text: &str, measured| Times { words: vec![word(text, 5)], measured, ..Times::default() };
        let joined = Times::joined(&[piece("a", true), Times::default(), piece("b", true).later(100)]);
        assert_eq!((joined.words, joined.measured), (vec![word("a", 5), word("b", 105)], true));
        assert!(!Times::joined(&[piece("a", true), piece("b", false)]).measured);
        assert!(!Times::joined(&[Times::default()]).measured);
    }
}
