//! A text as words: each can have a time, and together they are the text again. Pure.

use serde::Serialize;

/// A word with the punctuation around it, and when it is said.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Word {
    /// The word as it is written.
    #[serde(rename = "word")]
    pub text: String,
    /// Seconds from the beginning of the recording.
    pub start: f64,
    /// The same for its end.
    pub end: f64,
    /// No space stands before it: it goes on a piece of a script without spaces.
    #[serde(skip)]
    pub glued: bool,
}

/// The words of a text, without times. A piece without letters and digits belongs to the word before it, or to the first one.
#[must_use]
pub fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut before = String::new();
    for part in text.split_whitespace() {
        if !has_core(part) {
            let onto = words.last_mut().map_or(&mut before, |last| &mut last.text);
            if !onto.is_empty() {
                onto.push(' ');
            }
            onto.push_str(part);
            continue;
        }
        let first = words.len();
        words.extend(pieces(part));
        if !before.is_empty() {
            let word = &mut words[first];
            word.text = format!("{} {}", std::mem::take(&mut before), word.text);
        }
    }
    words
}

/// The words of a part without spaces: more than one in scripts that write none.
fn pieces(part: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut current = String::new();
    let mut last: Option<char> = None;
    for letter in part.chars() {
        let begins =
            letter.is_alphanumeric() && last.is_some_and(|last| is_unspaced(last) || is_unspaced(letter));
        if begins {
            found.push(word(std::mem::take(&mut current), !found.is_empty()));
        }
        if letter.is_alphanumeric() {
            last = Some(letter);
        }
        current.push(letter);
    }
    found.push(word(current, !found.is_empty()));
    found
}

fn word(text: String, glued: bool) -> Word {
    Word { text, glued, ..Word::default() }
}

fn has_core(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Whether a letter belongs to a script that writes no spaces between words: Kana and Han.
pub(crate) fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// The text of these words.
#[must_use]
pub fn text_of(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && !word.glued {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// A word's letters and digits alone, in lower case, to compare it.
pub(crate) fn core(word: &str) -> String {
    word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What may stand behind a mark that ends a sentence.
const CLOSING: [char; 9] = ['"', '\'', ')', ']', '”', '’', '»', '」', '』'];
/// Short forms whose full stop ends no sentence.
const SHORT: [&str; 12] = ["mr", "mrs", "ms", "dr", "prof", "st", "vs", "sr", "jr", "eg", "ie", "zb"];

/// Whether a sentence ends with this word.
#[must_use]
pub fn ends_sentence(word: &str) -> bool {
    let bare = word.trim_end_matches(CLOSING);
    match bare.chars().next_back() {
        Some('!' | '?' | '…' | '。' | '！' | '？') => true,
        Some('.') => {
            let core = core(bare);
            // An initial, as in "J. S. Bach".
            let is_initial = core.chars().count() == 1 && !core.chars().all(char::is_numeric);
            !is_initial && !SHORT.contains(&core.as_str())
        }
        _ => false,
    }
}

/// Whether a clause ends with this word.
#[must_use]
pub fn ends_clause(word: &str) -> bool {
    let bare = word.trim_end_matches(CLOSING);
    ends_sentence(word) || bare.ends_with([',', ';', ':', '—', '–', '、', '，', '；', '：'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        split(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn a_text_is_split_at_spaces_and_between_letters_of_scripts_without_them() {
        assert_eq!(told("  Well, it's 12 — or so. "), ["Well,", "it's", "12 —", "or", "so."]);
        assert_eq!(told("— \"Yes?\" …"), ["— \"Yes?\" …"]);
        assert_eq!(told("「東京」です。 OK東京"), ["「東", "京」", "で", "す。", "OK", "東", "京"]);
        assert_eq!(told("… — !"), Vec::<String>::new());
        assert_eq!(text_of(&split("「東京」です。 Hi there.")), "「東京」です。 Hi there.");
    }

    #[test]
    fn a_sentence_ends_with_its_mark_and_not_with_a_short_form() {
        for (word, ends) in [
            ("end.", true),
            ("end.\"", true),
            ("Really?!", true),
            ("1961.", true),
            ("7.", true),
            ("す。", true),
            ("Dr.", false),
            ("J.", false),
            ("e.g.", false),
            ("well,", false),
            ("3.5", false),
            ("", false),
        ] {
            assert_eq!(ends_sentence(word), ends, "{word}");
        }
        assert!(ends_clause("well,") && ends_clause("end.") && !ends_clause("well"));
    }

    proptest! {
        #[test]
        fn the_words_of_a_text_are_the_text(text in "[a-zA-Z0-9 .,!東京です—é-]{0,60}") {
            let words = split(&text);
            prop_assert!(words.iter().all(|word| has_core(&word.text)));
            if !words.is_empty() {
                let whole: Vec<&str> = text.split_whitespace().collect();
                prop_assert_eq!(text_of(&words), whole.join(" "));
            }
        }
    }
}
