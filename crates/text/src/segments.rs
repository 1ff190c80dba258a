//! Cuts the model's text into segments as it streams in: the first is short, so that speech begins early; later ones are
//! whole sentences unless the voice is about to run out of words. `speakable::sentence` decides whether a full stop ends a
//! sentence.

use super::speakable::Lexicon;
use super::speakable::sentence::{Stop, stop};

/// The first segment, and one in a hurry, may end at a clause once it has this many words.
const CLAUSE_WORDS: usize = 3;
/// It may also end before a conjunction, where a speaker may breathe, once it has this many words.
const BREATH_WORDS: usize = 4;
/// Fewest characters before a clause mark in a script without spaces, in a hurry.
const CLAUSE_CHARACTERS: usize = 6;
/// Longest first segment, in bytes: it is cut here even without punctuation, since the person is waiting.
const FIRST_LONGEST: usize = 90;
/// Longest later segment, in bytes: an endless sentence must not hold back all speech.
const LONGEST: usize = 240;

/// A segment, without surrounding white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSegment {
    /// The segment.
    pub text: String,
    /// Its byte offset in the response's text.
    pub at: usize,
}

/// Splits the text of one response.
#[derive(Debug)]
pub struct Splitter {
    lexicon: &'static Lexicon,
    pending: String,
    /// Bytes of the response's text before `pending`.
    before: usize,
    /// Number of segments cut so far.
    cut: u32,
}

impl Splitter {
    /// A splitter for text in `language` (ISO 639-1; empty: English).
    #[must_use]
    pub fn new(language: &str) -> Self {
        Self { lexicon: Lexicon::of(language), pending: String::new(), before: 0, cut: 0 }
    }

    /// Takes a piece of text; returns the complete segments. `hurry`: the voice is running out of words, so if no segment is
    /// complete, the pending text up to its last clause becomes one.
    pub fn push(&mut self, text: &str, hurry: bool) -> Vec<TextSegment> {
        self.pending.push_str(text);
        let mut segments = Vec::new();
        while let Some(at) = self.boundary() {
            self.cut_at(at, &mut segments);
        }
        if hurry
            && segments.is_empty()
            && let Some(at) = self.last_clause()
        {
            self.cut_at(at, &mut segments);
        }
        segments
    }

    fn cut_at(&mut self, at: usize, segments: &mut Vec<TextSegment>) {
        let rest = self.pending.split_off(at);
        let segment = std::mem::replace(&mut self.pending, rest);
        self.keep(&segment, segments);
    }

    /// Ends the text; returns what is left as a segment.
    pub fn finish(&mut self) -> Option<TextSegment> {
        let mut segments = Vec::new();
        let segment = std::mem::take(&mut self.pending);
        self.keep(&segment, &mut segments);
        segments.pop()
    }

    fn keep(&mut self, segment: &str, segments: &mut Vec<TextSegment>) {
        let text = segment.trim();
        if !text.is_empty() {
            self.cut += 1;
            let at = self.before + segment.len() - segment.trim_start().len();
            segments.push(TextSegment { text: text.to_string(), at });
        }
        self.before += segment.len();
    }

    /// The end of the first complete segment, in bytes.
    fn boundary(&self) -> Option<usize> {
        let text = self.pending.as_str();
        let first = self.cut == 0;
        let mut last_space = None;
        let mut formula = false;
        for (at, char) in text.char_indices() {
            let end = at + char.len_utf8();
            formula = in_formula(text, at, formula);
            let closed = end + closing(&text[end..]);
            let ends = match self.ends(at, char, closed) {
                Stop::Continues if first => self.ends_clause(at, char, closed),
                ends => ends,
            };
            match ends {
                _ if formula || text[..end].trim().is_empty() => {}
                Stop::Ends => return Some(closed),
                Stop::Unknown => return None,
                Stop::Continues => {}
            }
            if char.is_whitespace() {
                if first && is_breath(text, at, end) {
                    return Some(end);
                }
                // Do not separate a number from its unit.
                if last_space.is_none() || !text[..at].ends_with(|c: char| c.is_ascii_digit()) {
                    last_space = Some(end);
                }
            }
            if end >= if first { FIRST_LONGEST } else { LONGEST } {
                return Some(last_space.unwrap_or(end));
            }
        }
        None
    }

    /// The end of the last clause of an incomplete segment, in bytes. None within a link or a table row, or if the sentence may
    /// be complete.
    fn last_clause(&self) -> Option<usize> {
        let text = self.pending.as_str();
        if text.contains('[') || text.trim_start().starts_with('|') {
            return None;
        }
        let mut last = None;
        let mut formula = false;
        for (at, char) in text.char_indices() {
            let end = at + char.len_utf8();
            formula = in_formula(text, at, formula);
            let closed = end + closing(&text[end..]);
            if matches!(self.ends(at, char, closed), Stop::Unknown) {
                return None;
            }
            let short = !char.is_ascii() && text[..at].trim().chars().count() < CLAUSE_CHARACTERS;
            if formula || short {
                continue;
            }
            if matches!(self.ends_clause(at, char, closed), Stop::Ends) {
                last = Some(closed);
            } else if char.is_whitespace() && is_breath(text, at, end) {
                last = Some(end);
            }
        }
        last
    }

    /// Whether a sentence ends with the character at `at`; closing quotes after it end at `closed`.
    fn ends(&self, at: usize, char: char, closed: usize) -> Stop {
        let (before, after) = self.pending.split_at(at);
        let after = &after[closed - at..];
        let spaced = after.starts_with(char::is_whitespace);
        match char {
            '\n' | '。' | '！' | '？' => Stop::Ends,
            '?' | '!' | '…' if spaced => Stop::Ends,
            '.' if spaced => stop(before, after, self.lexicon),
            _ => Stop::Continues,
        }
    }

    /// As [`Self::ends`], for a clause.
    fn ends_clause(&self, at: usize, char: char, closed: usize) -> Stop {
        let (before, after) = self.pending.split_at(at);
        let after = &after[closed - at..];
        let spaced = after.starts_with(char::is_whitespace);
        match char {
            ',' | ';' | ':' | '–' | '—' if spaced && words(before) >= CLAUSE_WORDS => {
                // No clause ends in "August 15, 1947" or "10 – 20".
                let number = before.trim_end().ends_with(|c: char| c.is_ascii_digit());
                match after.trim_start().chars().next() {
                    None if number => Stop::Unknown,
                    Some(next) if number && next.is_ascii_digit() => Stop::Continues,
                    _ => Stop::Ends,
                }
            }
            '，' | '；' | '：' => Stop::Ends,
            _ => Stop::Continues,
        }
    }
}

/// Whether a speaker may breathe at the white space from `at` to `end`.
fn is_breath(text: &str, at: usize, end: usize) -> bool {
    begins_clause(&text[end..]) && words(&text[..at]) >= BREATH_WORDS
}

/// Whether byte `at` is inside a LaTeX formula, which is spoken as a whole; `open`: whether the character before was.
fn in_formula(text: &str, at: usize, open: bool) -> bool {
    let rest = &text[at..];
    let opens = rest.starts_with("\\(") || rest.starts_with("\\[");
    let closes = rest.starts_with("\\)") || rest.starts_with("\\]");
    (open || opens) && !closes
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Whether the next word is complete and begins a clause.
fn begins_clause(rest: &str) -> bool {
    rest.split_once(char::is_whitespace).is_some_and(|(word, _)| CONJUNCTIONS.contains(&word))
}

/// Words that begin a clause, in the voices' languages.
const CONJUNCTIONS: &[&str] = &[
    "and", "but", "or", "because", "so", "which", "who", "while", "where", "when", "if", "und", "aber",
    "oder", "weil", "dass", "wenn", "während", "et", "mais", "parce", "qui", "quand", "lorsque", "pero",
    "porque", "cuando", "mientras", "ma", "perché", "quando", "mentre",
];

/// Length of the closing quotes and brackets at the start of `rest`, in bytes.
fn closing(rest: &str) -> usize {
    rest.chars()
        .take_while(|char| matches!(char, '"' | '”' | '’' | ')' | ']' | '»'))
        .map(char::len_utf8)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<String> {
        let mut splitter = Splitter::new("en");
        let mut segments: Vec<TextSegment> =
            text.split_inclusive(' ').flat_map(|piece| splitter.push(piece, false)).collect();
        segments.extend(splitter.finish());
        for segment in &segments {
            assert!(text[segment.at..].starts_with(&segment.text), "{segment:?} has a wrong offset");
        }
        segments.into_iter().map(|segment| segment.text).collect()
    }

    #[test]
    fn the_first_segment_ends_at_a_clause_and_later_ones_are_sentences() {
        assert_eq!(
            split(
                "Well, the capital of France, as you know, is Paris. It lies on the Seine, in the north. Yes!"
            ),
            [
                "Well, the capital of France,",
                "as you know, is Paris.",
                "It lies on the Seine, in the north.",
                "Yes!"
            ]
        );
    }

    #[test]
    fn a_long_first_clause_ends_before_a_conjunction() {
        assert_eq!(
            split("The sky is blue because the air scatters blue light and red light passes."),
            ["The sky is blue", "because the air scatters blue light and red light passes."]
        );
        assert_eq!(split("You and I go home."), ["You and I go home."]);
        assert_eq!(
            split("Plants make their own food when the sun shines, and animals eat them because they must."),
            ["Plants make their own food", "when the sun shines, and animals eat them because they must."]
        );
    }

    #[test]
    fn abbreviations_and_decimals_do_not_end_a_sentence() {
        assert_eq!(
            split("Dr. Smith paid 3.50 euros e.g. for tea at 5 p.m. yesterday. \"Really?\" Yes."),
            ["Dr. Smith paid 3.50 euros e.g. for tea at 5 p.m. yesterday.", "\"Really?\"", "Yes."]
        );
    }

    #[test]
    fn a_stop_within_a_sentence_does_not_end_a_segment() {
        for (language, sentence) in [
            ("en", "We open at 9 a.m. sharp."),
            ("en", "It shapes the U.S. economy."),
            ("en", "The D.C. area is large."),
            ("en", "John Smith Jr. lives here."),
            ("en", "Ask Gen. Lee about it."),
            ("en", "As Fig. 3 shows, vol. 2 is long."),
            ("en", "Acme Corp. in Ohio is closed."),
            ("en", "Come on Nov. 5 or approx. 20 days later."),
            ("en", "See No. 5 on the list."),
            ("en", "He met J. R. Smith at 5 p.m. Eastern."),
            ("en", "Born August 15, 1947, he left."),
            ("de", "Es sind ca. 5 Leute, Nr. 3 auch."),
            ("de", "Das ist z. B. hier so."),
            ("de", "Am 3. Oktober ist frei."),
            ("de", "Im 19. Jahrhundert war das so."),
            ("de", "Der 8. Januar ist kalt."),
            ("fr", "M. Dupont arrive."),
            ("es", "La Sra. Pérez llega a las 5 p.m. hoy."),
        ] {
            let mut splitter = Splitter::new(language);
            let mut segments = Vec::new();
            for piece in sentence.split_inclusive(' ') {
                segments.extend(splitter.push(piece, false));
            }
            segments.extend(splitter.finish());
            let cut: Vec<_> = segments.iter().map(|segment| segment.text.as_str()).collect();
            let stops = cut.iter().filter(|segment| segment.ends_with('.')).count();
            assert_eq!(stops, 1, "{cut:?}");
            assert!(!cut.iter().any(|segment| segment.ends_with("15,")), "{cut:?}");
        }
    }

    #[test]
    fn a_stop_before_a_sentence_starter_ends_a_sentence() {
        assert_eq!(split("We left the U.S. Then it rained."), ["We left the U.S.", "Then it rained."]);
        assert_eq!(split("It is 5 p.m. The shop is closed."), ["It is 5 p.m.", "The shop is closed."]);
        assert_eq!(split("Say no. Five is enough."), ["Say no.", "Five is enough."]);
        assert_eq!(split("I said it was I. Then we left."), ["I said it was I.", "Then we left."]);
        assert_eq!(split("He scored 5. John scored 3."), ["He scored 5.", "John scored 3."]);
    }

    #[test]
    fn later_segments_end_at_clauses_only_in_a_hurry() {
        let text = "A brave dog, named Max, was a loyal companion who loved, above all, to run. Yes.";
        let cut = |hurry: bool| {
            let mut splitter = Splitter::new("en");
            let mut segments: Vec<TextSegment> =
                text.split_inclusive(' ').flat_map(|piece| splitter.push(piece, hurry)).collect();
            segments.extend(splitter.finish());
            segments.into_iter().map(|segment| segment.text).collect::<Vec<_>>()
        };
        assert_eq!(
            cut(false),
            ["A brave dog,", "named Max, was a loyal companion who loved, above all, to run.", "Yes."]
        );
        assert_eq!(
            cut(true),
            ["A brave dog,", "named Max, was a loyal companion", "who loved, above all,", "to run.", "Yes."]
        );
    }

    #[test]
    fn in_a_hurry_a_complete_sentence_stays_whole_and_otherwise_all_complete_clauses_are_cut() {
        let hurried = |text: &str| {
            let mut splitter = Splitter::new("en");
            splitter.push("Yes! ", false);
            let segments = splitter.push(text, true);
            segments.into_iter().map(|segment| segment.text).collect::<Vec<_>>()
        };
        assert_eq!(hurried("I really like it, too! "), ["I really like it, too!"]);
        assert_eq!(hurried("One two three, four five six, seven eight"), ["One two three, four five six,"]);
        for whole in [
            "I really like it, too. ",
            "[see the page, please](https://a.example/",
            "| a b c, d | and the rest of it",
            "是，",
            "On August 15, 1947 it",
            "Two words, and",
        ] {
            assert!(hurried(whole).is_empty(), "{whole}");
        }
        assert_eq!(hurried("他们在河边慢慢地走，然后"), ["他们在河边慢慢地走，"]);
    }

    #[test]
    fn a_formula_is_not_cut() {
        assert_eq!(
            split("The answer is \\( x = 2, y = 3. \\) Good."),
            ["The answer is \\( x = 2, y = 3. \\) Good."]
        );
    }

    #[test]
    fn text_without_punctuation_is_cut_at_a_space_within_the_length_limit() {
        let segments = split(&"word ".repeat(100));
        assert!(
            segments[0].len() <= FIRST_LONGEST && segments.iter().all(|segment| segment.len() <= LONGEST)
        );
    }

    proptest! {
        #[test]
        fn only_white_space_is_lost_however_the_text_is_split(text in "[a-zäß.,!?\" \n。1-3]{0,200}", step in 1usize..7, hurry: bool) {
            let mut splitter = Splitter::new("en");
            let chars: Vec<char> = text.chars().collect();
            let mut segments = Vec::new();
            for piece in chars.chunks(step) {
                segments.extend(splitter.push(&piece.iter().collect::<String>(), hurry));
            }
            segments.extend(splitter.finish());
            let dense = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
            let segments: String = segments.into_iter().map(|segment| segment.text).collect();
            prop_assert_eq!(dense(&segments), dense(&text));
        }
    }
}
