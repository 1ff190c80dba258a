//! The words of a text, with their usual lengths. Pure.

/// A word of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// The word without the punctuation around it.
    pub(super) text: String,
    /// Its usual length in letters.
    pub(super) length: f32,
    /// A pause usually follows.
    pub(super) pauses: bool,
}

/// Length of the gap between two words, in letters.
const GAP: f32 = 1.0;
/// Length of a digit in letters: it is spoken as a word.
const DIGIT: f32 = 4.0;
/// Length in letters of a character in scripts that write syllables or words.
const SYLLABLE: f32 = 3.0;

/// The words of a text in order. A piece without anything speakable is joined to the preceding word.
pub(super) fn of(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for token in text.split_whitespace() {
        let plain = token.trim_matches(|c: char| !c.is_alphanumeric());
        let pauses = token.ends_with(pauses);
        if !plain.is_empty() {
            let length = plain.chars().map(length).sum::<f32>() + GAP;
            words.push(Word { text: plain.into(), length, pauses });
        } else if let Some(last) = words.last_mut() {
            last.pauses |= pauses || token.starts_with(['-', '–', '—']);
        }
    }
    words
}

/// One word for each token, whatever is in it; punctuation counts as the pause that it makes.
pub(super) fn each(tokens: &[&str]) -> Vec<Word> {
    let word = |token: &&str| Word {
        text: (*token).to_owned(),
        length: token.chars().map(length).sum::<f32>() + GAP,
        pauses: token.ends_with(pauses),
    };
    tokens.iter().map(word).collect()
}

/// Whether a pause usually follows: after punctuation, or after a quotation mark or bracket that closes behind it.
fn pauses(mark: char) -> bool {
    matches!(
        mark,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '…'
            | '—'
            | '"'
            | '”'
            | '»'
            | ')'
            | '。'
            | '、'
            | '，'
            | '！'
            | '？'
    )
}

fn length(c: char) -> f32 {
    match c {
        '0'..='9' => DIGIT,
        // Kana, Han, Hangul.
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' => SYLLABLE,
        c if c.is_alphanumeric() => 1.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_long_as_they_are_said_and_lose_the_marks_around_them() {
        let found = of("  \"Well, it's 12 — or 東京 (so).\" … ");
        let told: Vec<_> = found.iter().map(|word| (word.text.as_str(), word.length, word.pauses)).collect();
        let expected = [
            ("Well", 5.0, true),
            ("it's", 4.0, false),
            ("12", 9.0, true),
            ("or", 3.0, false),
            ("東京", 7.0, false),
            ("so", 3.0, true),
        ];
        assert_eq!(told, expected);
        assert_eq!(of("… — !"), []);
    }

    #[test]
    fn every_word_stands_in_the_text_in_its_order() {
        let text = "Dr. Müller paid \u{20ac}5, then (quickly) left; \u{bf}verdad?";
        let mut rest = text;
        for word in of(text) {
            let at = rest.find(&word.text).unwrap();
            rest = &rest[at + word.text.len()..];
        }
    }
}
