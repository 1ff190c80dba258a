//! Words as they are said, to compare what is written in two ways: "R&D" is "R and D". Numbers stay digits: each language reads them
//! in ways of its own. Pure.

use visavis_text::speakable::speakable;

use crate::words::core;

/// The words that are said for a written one, in the form in which they are compared; none if it is not spoken.
pub(crate) fn said(word: &str, language: &str) -> Vec<String> {
    let plain =
        |letter: char| letter.is_alphanumeric() || matches!(letter, '\'' | '’' | ',' | '?' | '!' | '-');
    let is_plain = word.chars().all(plain) || has_digit(word);
    let spoken = if is_plain { word.to_owned() } else { speakable(word, language).text };
    let said = parts(&spoken);
    // Better the word as it is written than none.
    if said.is_empty() { parts(word) } else { said }
}

/// Whether a word is a number, or has one in it.
pub(crate) fn has_digit(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

fn parts(text: &str) -> Vec<String> {
    let parts = text.split(|letter: char| letter.is_whitespace() || matches!(letter, '-' | '–' | '/'));
    parts.map(core).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_their_marks_and_by_what_is_said() {
        assert_eq!(said("It's,", "en"), ["its"]);
        assert_eq!(said("1,200.", "en"), ["1200"]);
        assert_eq!(said("well-known", "en"), ["well", "known"]);
        assert!(said("—", "en").is_empty());
    }
}
