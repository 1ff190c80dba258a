//! How words are respelled, so that a voice says them right. Pure.

use std::collections::BTreeMap;

/// Most words of a lexicon.
const MOST_WORDS: usize = 20_000;
/// Longest word and longest respelling, in characters.
const LONGEST: usize = 200;
const APOSTROPHES: [char; 2] = ['\'', '’'];

/// Respellings by word, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lexicon(BTreeMap<String, String>);

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexiconFault {
    /// The line is not an entry.
    #[error("line {line}: {why}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong, and how to write it.
        why: String,
    },
    /// The word cannot be respelled.
    #[error("{word:?}: {why}")]
    Word {
        /// The word.
        word: String,
        /// What is wrong, and how to write it.
        why: String,
    },
    /// There are too many.
    #[error("there are more than {MOST_WORDS} words; remove some")]
    Many,
}

impl Lexicon {
    /// Reads a file with a line `word = respelling` for each word; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// For the first line that is not an entry.
    pub fn parse(text: &str) -> Result<Self, LexiconFault> {
        let mut lexicon = Self::default();
        for (line, entry) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let entry = entry.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let at = |why: String| LexiconFault::Line { line, why };
            let Some((word, respelling)) = entry.split_once('=') else {
                return Err(at(format!("{entry:?} holds no \"=\"; write it like Nguyen = win")));
            };
            lexicon.add(word, respelling).map_err(at)?;
            if lexicon.0.len() > MOST_WORDS {
                return Err(LexiconFault::Many);
            }
        }
        Ok(lexicon)
    }

    /// A lexicon of these words.
    ///
    /// # Errors
    /// For the first word that cannot be respelled.
    pub fn of<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, LexiconFault> {
        let mut lexicon = Self::default();
        for (word, respelling) in entries {
            let fault = |why| LexiconFault::Word { word: word.chars().take(LONGEST).collect(), why };
            lexicon.add(word, respelling).map_err(fault)?;
        }
        Ok(lexicon)
    }

    fn add(&mut self, word: &str, respelling: &str) -> Result<(), String> {
        let (word, respelling) = (word.trim(), respelling.trim());
        if word.chars().count() > LONGEST || respelling.chars().count() > LONGEST {
            return Err(format!("the word or its respelling has more than {LONGEST} characters"));
        }
        if word.is_empty() || !word.chars().all(is_of_word) {
            return Err(format!("{word:?} is not one word of letters, digits and apostrophes"));
        }
        if respelling.contains("[[") {
            return Err(format!(
                "{respelling:?} is IPA, which the voices do not take; respell the word in letters"
            ));
        }
        let has_sound = respelling.chars().any(char::is_alphanumeric);
        if !has_sound || respelling.contains(char::is_control) {
            return Err(format!("{respelling:?} cannot be spoken; respell the word in letters"));
        }
        self.0.insert(word.to_lowercase(), respelling.to_owned());
        Ok(())
    }

    /// How many words it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn respelling(&self, word: &str) -> Option<&str> {
        self.0.get(&word.to_lowercase()).map(String::as_str)
    }
}

/// The text with each word respelled by the first lexicon that has it. Respellings are not respelled again.
#[must_use]
pub fn respelled(text: &str, lexicons: &[&Lexicon]) -> String {
    if lexicons.iter().all(|lexicon| lexicon.is_empty()) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
        if word == 0 {
            let between = rest.find(is_of_word).unwrap_or(rest.len());
            out.push_str(&rest[..between]);
            rest = &rest[between..];
            continue;
        }
        push_respelled(&mut out, &rest[..word], lexicons);
        rest = &rest[word..];
    }
    out
}

/// A word may have apostrophes of its own, or stand in quotes of the same signs.
fn push_respelled(out: &mut String, word: &str, lexicons: &[&Lexicon]) {
    let found = |word: &str| lexicons.iter().find_map(|lexicon| lexicon.respelling(word));
    if let Some(respelling) = found(word) {
        return out.push_str(respelling);
    }
    let bare = word.trim_matches(APOSTROPHES);
    let begin = word.len() - word.trim_start_matches(APOSTROPHES).len();
    match found(bare) {
        Some(respelling) => {
            out.push_str(&word[..begin]);
            out.push_str(respelling);
            out.push_str(&word[begin + bare.len()..]);
        }
        None => out.push_str(word),
    }
}

/// Marks belong to the letter before them: accents, points of Hebrew, and signs of Hindi.
fn is_of_word(c: char) -> bool {
    let is_mark = matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{93c}' | '\u{94d}' | '\u{200c}' | '\u{200d}');
    c.is_alphanumeric() || APOSTROPHES.contains(&c) || is_mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_respelled_whatever_their_case() {
        let lexicon = Lexicon::parse("# names\nNguyen = win\n\ngif = jif\n").unwrap();
        let own = Lexicon::of([("gif", "ghif")]).unwrap();
        for (text, expected) in [
            ("Nguyen sent a GIF.", "win sent a jif."),
            ("nguyens gifs", "nguyens gifs"),
            ("(Nguyen-gif)", "(win-jif)"),
            ("a 'gif', ’Nguyen’ and ''", "a 'jif', ’win’ and ''"),
            ("", ""),
            ("ü, 🎉 nguyen", "ü, 🎉 win"),
        ] {
            assert_eq!(respelled(text, &[&lexicon]), expected);
        }
        assert_eq!(respelled("Nguyen's gif", &[&own, &lexicon]), "Nguyen's ghif");
        assert_eq!(respelled("gif", &[]), "gif");
        // With accents of their own, and with a sign that joins two letters.
        let marked = Lexicon::of([("cafe\u{301}", "kafay"), ("नमस्ते", "namastay")]).unwrap();
        assert_eq!(respelled("Cafe\u{301}, नमस्ते!", &[&marked]), "kafay, namastay!");
    }

    #[test]
    fn a_line_that_is_no_entry_is_refused_with_its_number_and_how_to_write_it() {
        for (text, told) in [
            ("ok = fine\nNguyen", "line 2: \"Nguyen\" holds no \"=\""),
            ("two words = one", "line 1: \"two words\" is not one word"),
            ("x = [[ˈeks]]", "IPA, which the voices do not take"),
            ("x =", "cannot be spoken"),
        ] {
            let fault = Lexicon::parse(text).unwrap_err().to_string();
            assert!(fault.contains(told), "{fault}");
        }
        let fault = Lexicon::of([("a b", "c")]).unwrap_err().to_string();
        assert!(fault.starts_with("\"a b\": "), "{fault}");
        let long = "a".repeat(100_000);
        let fault = Lexicon::of([(long.as_str(), "c")]).unwrap_err().to_string();
        assert!(fault.len() < 300 && fault.contains("more than 200 characters"), "{fault:.400}");
    }
}
