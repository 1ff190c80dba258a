//! How much of a segment's text has been spoken, so that another engine can speak the rest. Pure.

use crate::TtsPart;

/// Characters per second of speech, including the space after each word; for a voice that reports no words.
const PACE: f64 = 15.0;

/// A segment's text, and how far an engine has spoken it.
#[derive(Debug, Clone)]
pub struct Progress {
    text: String,
    /// Bytes of the text up to the end of the last word that was reported.
    at: usize,
    seconds: f64,
    /// A part was returned.
    begun: bool,
}

impl Progress {
    /// A segment of which nothing has been spoken.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), at: 0, seconds: 0.0, begun: false }
    }

    /// Takes a part of its speech.
    pub fn take(&mut self, part: &TtsPart) {
        self.begun = true;
        self.seconds += part.samples.len() as f64 / f64::from(part.rate.max(1));
        for word in &part.words {
            let found = self.text.get(self.at..).and_then(|rest| rest.find(&word.text));
            self.at = found.map_or(self.at, |from| self.at + from + word.text.len());
        }
    }

    /// Whether any of it was returned.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    /// The text that is left to speak; none: all of it was spoken. Without word times it begins with the last word that
    /// sounded, by the pace of speech: repeating a word is better than skipping one.
    #[must_use]
    pub fn rest(&self) -> Option<String> {
        let at = match self.at {
            0 if self.begun => self.by_pace(),
            at => at,
        };
        let rest = &self.text[at..];
        let from = rest.find(char::is_alphanumeric)?;
        // Skips what ends the last word, such as a comma, but not what belongs to the next, such as a sign or a quotation mark.
        let space = rest[..from].char_indices().rev().find(|(_, char)| char.is_whitespace());
        let begins = space.map_or(if at == 0 { 0 } else { from }, |(at, char)| at + char.len_utf8());
        Some(rest[begins..].to_owned())
    }

    /// Start of the word that sounds at this time.
    fn by_pace(&self) -> usize {
        let spoken = (self.seconds * PACE) as usize;
        let start = |word: &str| (word.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let mut passed = 0;
        let mut at = 0;
        for word in self.text.split_whitespace() {
            if passed > spoken {
                break;
            }
            at = start(word);
            passed += word.chars().count() + 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::WordTime;

    fn part(milliseconds: usize, words: &[&str]) -> TtsPart {
        let words = words.iter().map(|word| WordTime { text: (*word).into(), start: 0, end: 0 }).collect();
        TtsPart { rate: 1000, samples: vec![0; milliseconds], words, ..TtsPart::default() }
    }

    fn rest(text: &str, parts: &[TtsPart]) -> Option<String> {
        let mut progress = Progress::new(text);
        parts.iter().for_each(|part| progress.take(part));
        progress.rest()
    }

    #[test]
    fn the_rest_begins_behind_the_last_word_that_was_reported() {
        let text = "The cat, the \"old\" one, sat: -3 degrees.";
        for (words, left) in [
            (&["The"][..], Some("cat, the \"old\" one, sat: -3 degrees.")),
            (&["The", "cat"][..], Some("the \"old\" one, sat: -3 degrees.")),
            (&["The", "cat", "the"][..], Some("\"old\" one, sat: -3 degrees.")),
            (&["The", "cat", "the", "old", "one", "sat"][..], Some("-3 degrees.")),
            (&["The", "cat", "the", "old", "one", "sat", "3", "degrees"][..], None),
        ] {
            assert_eq!(rest(text, &[part(9000, words)]).as_deref(), left, "{words:?}");
        }
    }

    #[test]
    fn without_words_the_rest_begins_with_the_word_that_sounded_by_the_pace_of_speech() {
        let text = "One two three four five.";
        assert_eq!(rest(text, &[]).as_deref(), Some(text));
        assert_eq!(rest(text, &[part(100, &[])]).as_deref(), Some(text), "its first word is not over");
        assert_eq!(rest(text, &[part(300, &[]), part(300, &[])]).as_deref(), Some("three four five."));
        assert_eq!(
            rest(text, &[part(60_000, &[])]).as_deref(),
            Some("five."),
            "the end is heard in any case"
        );
        assert_eq!(rest("... !", &[part(100, &[])]), None, "there is nothing to say");
    }

    #[test]
    fn words_that_are_not_in_the_text_move_nothing() {
        assert_eq!(rest("Hello there.", &[part(100, &["Hello", "zebra"])]).as_deref(), Some("there."));
    }
}
