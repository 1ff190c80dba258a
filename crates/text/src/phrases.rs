//! Cuts the model's text into phrases as it streams in: the first one early, so that speech begins, later ones whole
//! unless the voice would run out of words.
//! Whether a full stop ends a sentence is decided by `speakable::sentence`.

use super::speakable::Tongue;
use super::speakable::sentence::{Stop, stop};

/// The first phrase, and one in a hurry, may end at a clause once it has this many words.
const CLAUSE_WORDS: usize = 3;
/// And without one before a conjunction, where a speaker may breathe, once it has this many.
const BREATH_WORDS: usize = 4;
/// Characters before a clause mark of a script without spaces, in a hurry.
const CLAUSE_CHARACTERS: usize = 6;
/// The first phrase is cut here even without punctuation: the person waits.
const FIRST_LONGEST: usize = 90;
/// Later phrases are cut here: one endless sentence must not hold all speech back.
const LONGEST: usize = 240;

/// A phrase, without the white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The phrase.
    pub text: String,
    /// Bytes of the answer's text before it.
    pub at: usize,
}

/// The splitter of one answer.
#[derive(Debug)]
pub struct Splitter {
    tongue: &'static Tongue,
    pending: String,
    /// Bytes of the answer's text before `pending`.
    before: usize,
    cut: u32,
}

impl Splitter {
    /// A splitter of text in `language` (ISO 639-1; empty: English), whose abbreviations it knows.
    #[must_use]
    pub fn new(language: &str) -> Self {
        Self { tongue: Tongue::of(language), pending: String::new(), before: 0, cut: 0 }
    }

    /// Takes a piece of text; returns the phrases that are complete. `hurry`: the voice is running out of words, so where no
    /// phrase is complete, what there is of the next one may go up to its last clause.
    pub fn push(&mut self, text: &str, hurry: bool) -> Vec<Phrase> {
        self.pending.push_str(text);
        let mut phrases = Vec::new();
        while let Some(at) = self.boundary() {
            self.cut_at(at, &mut phrases);
        }
        if hurry
            && phrases.is_empty()
            && let Some(at) = self.last_clause()
        {
            self.cut_at(at, &mut phrases);
        }
        phrases
    }

    fn cut_at(&mut self, at: usize, phrases: &mut Vec<Phrase>) {
        let rest = self.pending.split_off(at);
        let phrase = std::mem::replace(&mut self.pending, rest);
        self.keep(&phrase, phrases);
    }

    /// What is left when the text has ended.
    pub fn finish(&mut self) -> Option<Phrase> {
        let mut phrases = Vec::new();
        let phrase = std::mem::take(&mut self.pending);
        self.keep(&phrase, &mut phrases);
        phrases.pop()
    }

    fn keep(&mut self, phrase: &str, phrases: &mut Vec<Phrase>) {
        let text = phrase.trim();
        if !text.is_empty() {
            self.cut += 1;
            let at = self.before + phrase.len() - phrase.trim_start().len();
            phrases.push(Phrase { text: text.to_string(), at });
        }
        self.before += phrase.len();
    }

    /// Where the first complete phrase ends, in bytes.
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
                // A number keeps its unit.
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

    /// Where the last clause of an incomplete phrase ends, in bytes. A link and a row of a table are not torn, and a sentence
    /// that may be complete is waited for.
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

    /// Whether the phrase ends with the character at `at`; the quotes after it end at `closed`.
    fn ends(&self, at: usize, char: char, closed: usize) -> Stop {
        let (before, after) = self.pending.split_at(at);
        let after = &after[closed - at..];
        let spaced = after.starts_with(char::is_whitespace);
        match char {
            '\n' | '。' | '！' | '？' => Stop::Ends,
            '?' | '!' | '…' if spaced => Stop::Ends,
            '.' if spaced => stop(before, after, self.tongue),
            _ => Stop::Continues,
        }
    }

    /// The same of a clause.
    fn ends_clause(&self, at: usize, char: char, closed: usize) -> Stop {
        let (before, after) = self.pending.split_at(at);
        let after = &after[closed - at..];
        let spaced = after.starts_with(char::is_whitespace);
        match char {
            ',' | ';' | ':' | '–' | '—' if spaced && words(before) >= CLAUSE_WORDS => {
                // "August 15, 1947" and "10 – 20" go on.
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

/// Whether a speaker may breathe at the space from `at` to `end`.
fn is_breath(text: &str, at: usize, end: usize) -> bool {
    begins_clause(&text[end..]) && words(&text[..at]) >= BREATH_WORDS
}

/// Whether the text from `at` on stands inside a formula of LaTeX, which is said as a whole.
fn in_formula(text: &str, at: usize, open: bool) -> bool {
    let rest = &text[at..];
    let opens = rest.starts_with("\\(") || rest.starts_with("\\[");
    let closes = rest.starts_with("\\)") || rest.starts_with("\\]");
    (open || opens) && !closes
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Whether the next word has come whole and begins a clause of its own.
fn begins_clause(rest: &str) -> bool {
    rest.split_once(char::is_whitespace).is_some_and(|(word, _)| CONJUNCTIONS.contains(&word))
}

/// Words that begin a clause, in the languages that the voices speak.
const CONJUNCTIONS: &[&str] = &[
    "and", "but", "or", "because", "so", "which", "who", "while", "where", "when", "if", "und", "aber",
    "oder", "weil", "dass", "wenn", "während", "et", "mais", "parce", "qui", "quand", "lorsque", "pero",
    "porque", "cuando", "mientras", "ma", "perché", "quando", "mentre",
];

/// Bytes of quotes and brackets that belong to what they close.
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
        let mut phrases: Vec<Phrase> =
            text.split_inclusive(' ').flat_map(|piece| splitter.push(piece, false)).collect();
        phrases.extend(splitter.finish());
        for phrase in &phrases {
            assert!(text[phrase.at..].starts_with(&phrase.text), "{phrase:?} stands elsewhere");
        }
        phrases.into_iter().map(|phrase| phrase.text).collect()
    }

    #[test]
    fn the_first_phrase_ends_at_a_clause_and_later_ones_are_sentences() {
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
    fn a_stop_before_a_word_that_goes_on_ends_no_phrase() {
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
            let mut phrases = Vec::new();
            for piece in sentence.split_inclusive(' ') {
                phrases.extend(splitter.push(piece, false));
            }
            phrases.extend(splitter.finish());
            let cut: Vec<_> = phrases.iter().map(|phrase| phrase.text.as_str()).collect();
            let stops = cut.iter().filter(|phrase| phrase.ends_with('.')).count();
            assert_eq!(stops, 1, "{cut:?}");
            assert!(!cut.iter().any(|phrase| phrase.ends_with("15,")), "{cut:?}");
        }
    }

    #[test]
    fn a_stop_before_a_word_that_begins_a_sentence_ends_one() {
        assert_eq!(split("We left the U.S. Then it rained."), ["We left the U.S.", "Then it rained."]);
        assert_eq!(split("It is 5 p.m. The shop is closed."), ["It is 5 p.m.", "The shop is closed."]);
        assert_eq!(split("Say no. Five is enough."), ["Say no.", "Five is enough."]);
        assert_eq!(split("I said it was I. Then we left."), ["I said it was I.", "Then we left."]);
        assert_eq!(split("He scored 5. John scored 3."), ["He scored 5.", "John scored 3."]);
    }

    #[test]
    fn a_later_phrase_ends_at_a_clause_only_when_the_voice_runs_out_of_words() {
        let text = "A brave dog, named Max, was a loyal companion who loved, above all, to run. Yes.";
        let cut = |hurry: bool| {
            let mut splitter = Splitter::new("en");
            let mut phrases: Vec<Phrase> =
                text.split_inclusive(' ').flat_map(|piece| splitter.push(piece, hurry)).collect();
            phrases.extend(splitter.finish());
            phrases.into_iter().map(|phrase| phrase.text).collect::<Vec<_>>()
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
    fn in_a_hurry_a_sentence_that_is_there_stays_whole_and_else_all_clauses_that_are_there_go() {
        let hurried = |text: &str| {
            let mut splitter = Splitter::new("en");
            splitter.push("Yes! ", false);
            let phrases = splitter.push(text, true);
            phrases.into_iter().map(|phrase| phrase.text).collect::<Vec<_>>()
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
    fn a_formula_is_one_piece() {
        assert_eq!(
            split("The answer is \\( x = 2, y = 3. \\) Good."),
            ["The answer is \\( x = 2, y = 3. \\) Good."]
        );
    }

    #[test]
    fn text_without_punctuation_is_cut_at_a_space_before_it_grows_long() {
        let phrases = split(&"word ".repeat(100));
        assert!(phrases[0].len() <= FIRST_LONGEST && phrases.iter().all(|phrase| phrase.len() <= LONGEST));
    }

    proptest! {
        #[test]
        fn no_character_but_white_space_is_lost_however_the_text_is_cut(text in "[a-zäß.,!?\" \n。1-3]{0,200}", step in 1usize..7, hurry: bool) {
            let mut splitter = Splitter::new("en");
            let chars: Vec<char> = text.chars().collect();
            let mut phrases = Vec::new();
            for piece in chars.chunks(step) {
                phrases.extend(splitter.push(&piece.iter().collect::<String>(), hurry));
            }
            phrases.extend(splitter.finish());
            let dense = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
            let phrases: String = phrases.into_iter().map(|phrase| phrase.text).collect();
            prop_assert_eq!(dense(&phrases), dense(&text));
        }
    }
}
