//! Cuts the model's text into phrases as it streams in: the first one early, so that speech begins, later ones whole.

/// The first phrase may end at a clause once it has this many words.
const CLAUSE_WORDS: usize = 3;
/// And without one before a conjunction, where a speaker may breathe, once it has this many.
const BREATH_WORDS: usize = 4;
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
#[derive(Debug, Default)]
pub struct Splitter {
    pending: String,
    /// Bytes of the answer's text before `pending`.
    before: usize,
    cut: u32,
}

impl Splitter {
    /// Takes a piece of text; returns the phrases that are complete.
    pub fn push(&mut self, text: &str) -> Vec<Phrase> {
        self.pending.push_str(text);
        let mut phrases = Vec::new();
        while let Some(at) = self.boundary() {
            let rest = self.pending.split_off(at);
            let phrase = std::mem::replace(&mut self.pending, rest);
            self.keep(&phrase, &mut phrases);
        }
        phrases
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
        for (at, char) in text.char_indices() {
            let end = at + char.len_utf8();
            let closed = end + closing(&text[end..]);
            let spaced = text[closed..].starts_with(char::is_whitespace);
            let ends = match char {
                '\n' | '。' | '！' | '？' => true,
                '?' | '!' | '…' => spaced,
                '.' => spaced && !is_abbreviation(&text[..at]),
                ',' | ';' | ':' | '–' | '—' => spaced && first && words(&text[..at]) >= CLAUSE_WORDS,
                '，' | '；' | '：' => first,
                _ => false,
            };
            if ends && !text[..end].trim().is_empty() {
                return Some(closed);
            }
            if char.is_whitespace() {
                if first && begins_clause(&text[end..]) && words(&text[..at]) >= BREATH_WORDS {
                    return Some(end);
                }
                last_space = Some(end);
            }
            if end >= if first { FIRST_LONGEST } else { LONGEST } {
                return Some(last_space.unwrap_or(end));
            }
        }
        None
    }
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

/// A full stop after this does not end a sentence: "Dr", "e.g", an initial, a list number.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|char: char| char.is_whitespace() || char == '(').next().unwrap_or("");
    let one = word.chars().count() == 1 && word.chars().all(char::is_alphabetic) && word != "I";
    let numbered = before.trim().chars().all(|char| char.is_ascii_digit());
    let known = [
        "mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "approx", "bzw", "z.b",
        "p.ej", "sra", "sr",
    ];
    one || numbered || known.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut phrases: Vec<Phrase> =
            text.split_inclusive(' ').flat_map(|piece| splitter.push(piece)).collect();
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
            ["Dr. Smith paid 3.50 euros e.g. for tea at 5 p.m.", "yesterday.", "\"Really?\"", "Yes."]
        );
    }

    #[test]
    fn text_without_punctuation_is_cut_at_a_space_before_it_grows_long() {
        let phrases = split(&"word ".repeat(100));
        assert!(phrases[0].len() <= FIRST_LONGEST && phrases.iter().all(|phrase| phrase.len() <= LONGEST));
    }

    proptest! {
        #[test]
        fn no_character_but_white_space_is_lost_however_the_text_is_cut(text in "[a-zäß.,!?\" \n。1-3]{0,200}", step in 1usize..7) {
            let mut splitter = Splitter::default();
            let chars: Vec<char> = text.chars().collect();
            let mut phrases = Vec::new();
            for piece in chars.chunks(step) {
                phrases.extend(splitter.push(&piece.iter().collect::<String>()));
            }
            phrases.extend(splitter.finish());
            let dense = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
            let phrases: String = phrases.into_iter().map(|phrase| phrase.text).collect();
            prop_assert_eq!(dense(&phrases), dense(&text));
        }
    }
}
