//! Words as segments: sentences, or what is said between two pauses. Pure.

use crate::words::{Word, ends_clause, ends_sentence, text_of};

/// A pause that ends a segment, in seconds.
const PAUSE: f64 = 1.2;
/// A segment this long ends with the next clause, in seconds.
const LONG: f64 = 15.0;

/// How sure recognition is of what it heard.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sureness {
    /// Mean log probability of the tokens.
    pub average_log_probability: f32,
    /// Probability that there is no speech.
    pub no_speech_probability: f32,
}

/// A sentence or a part of one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Segment {
    /// Its words; at least one.
    pub words: Vec<Word>,
    /// ISO 639-1; empty: not known.
    pub language: String,
    /// Of the piece of sound in which it was heard.
    pub sureness: Sureness,
}

impl Segment {
    /// What is said.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(&self.words)
    }

    /// Where it begins, in seconds of the recording.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.words.first().map_or(0.0, |word| word.start)
    }

    /// Where it ends, in seconds of the recording.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.words.last().map_or(0.0, |word| word.end)
    }
}

/// The sentences of these words.
pub(crate) fn sentences(words: Vec<Word>) -> Vec<Vec<Word>> {
    let mut found: Vec<Vec<Word>> = Vec::new();
    let mut current: Vec<Word> = Vec::new();
    for word in words {
        if current.last().is_some_and(|last| word.start - last.end >= PAUSE) {
            found.push(std::mem::take(&mut current));
        }
        let long = current.first().is_some_and(|first| word.end - first.start >= LONG);
        let ends = ends_sentence(&word.text) || (long && ends_clause(&word.text));
        current.push(word);
        if ends {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        found.push(current);
    }
    found
}

/// The text of a whole recording.
#[must_use]
pub fn whole_text(segments: &[Segment]) -> String {
    let mut text = String::new();
    for segment in segments {
        let glued = segment.words.first().is_some_and(|word| word.glued);
        if !text.is_empty() && !glued {
            text.push(' ');
        }
        text.push_str(&segment.text());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split;

    fn timed(text: &str, step: f64) -> Vec<Word> {
        let words = split(text).into_iter().enumerate();
        words
            .map(|(at, word)| Word { start: at as f64 * step, end: at as f64 * step + 0.3, ..word })
            .collect()
    }

    fn texts(words: Vec<Word>) -> Vec<String> {
        sentences(words).iter().map(|words| text_of(words)).collect()
    }

    #[test]
    fn a_segment_is_a_sentence_or_ends_at_a_pause() {
        assert_eq!(texts(timed("Dr. Who is here. Really? yes", 0.3)), ["Dr. Who is here.", "Really?", "yes"]);
        assert_eq!(texts(timed("one two", 2.0)), ["one", "two"]);
        assert!(texts(Vec::new()).is_empty());
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_comma() {
        let text = "and ".repeat(30) + "so, it goes on, as ever";
        assert_eq!(texts(timed(&text, 0.6)).len(), 2);
    }

    #[test]
    fn the_whole_text_has_every_segment_once() {
        let of = |text: &str| Segment { words: split(text), ..Segment::default() };
        assert_eq!(whole_text(&[of("Hello there."), of("You too.")]), "Hello there. You too.");
        assert_eq!(whole_text(&[]), "");
    }
}
