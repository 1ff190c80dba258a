//! How long the text received so far keeps a voice speaking: during that time a pause of the model is not audible. Pure.

use std::time::Duration;

/// Characters per second of speech.
const PACE: f64 = 15.0;
/// The first of the letters that stand for a syllable or a word, as in Chinese and Japanese, and for how many others each counts.
const SYLLABLES: char = '\u{2e80}';
const SYLLABLE: usize = 3;
/// Ends of sentences; the voice waits for them.
const ENDS: [char; 8] = ['.', '!', '?', '\n', '。', '！', '？', '।'];

/// Text of a response that no voice can speak yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Characters of the unfinished sentence.
    open: usize,
}

impl Ahead {
    /// How much longer a voice can speak with this piece of text.
    pub(super) fn with(&mut self, text: &str) -> Duration {
        let (ended, open) = match text.rsplit_once(|char: char| ENDS.contains(&char)) {
            Some((ended, open)) => (self.open + characters(ended) + 1, characters(open)),
            None => (0, self.open + characters(text)),
        };
        self.open = open;
        Duration::from_secs_f64(ended as f64 / PACE)
    }
}

/// Characters of a text, by how long they are spoken.
fn characters(text: &str) -> usize {
    text.chars().map(|char| if char < SYLLABLES { 1 } else { SYLLABLE }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_can_speak_what_has_ended_and_nothing_of_a_sentence_that_has_not() {
        let mut ahead = Ahead::default();
        for (text, characters) in
            [("Thirty letters, and no end yet", 0), (" of it.", 37), ("", 0), ("好。Well", 4)]
        {
            assert_eq!(ahead.with(text), Duration::from_secs_f64(f64::from(characters) / PACE), "{text}");
        }
        assert_eq!(ahead.open, 4);
    }
}
