//! Prepares a clause for espeak-ng: removes pictographs and the signs that it would name. Pure.

use std::ops::Range;

/// A clause as espeak-ng reads it, and each of its words alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The clause for espeak-ng.
    pub(crate) text: String,
    /// Its words.
    pub(crate) words: Vec<SaidWord>,
}

/// A word as espeak-ng reads it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SaidWord {
    /// Bytes of the request's text.
    pub(crate) range: Range<usize>,
    /// The word for espeak-ng.
    pub(crate) read: String,
}

/// Prepares `text[range]`, which consists of these words.
pub(crate) fn say(text: &str, range: Range<usize>, words: &[Range<usize>]) -> Said {
    let mut said = Said::default();
    let mut at = range.start;
    for word in words {
        let read = plain(&text[word.clone()]);
        said.text += &between(&text[at..word.start]);
        said.text += &read;
        said.words.push(SaidWord { range: word.clone(), read });
        at = word.end;
    }
    said.text += &between(&text[at..range.end]);
    said
}

/// The text between words, without runs of dots: espeak-ng would name one of them.
fn between(text: &str) -> String {
    if text.contains("..") { plain(&text.replace('.', " ")) } else { plain(text) }
}

/// Replaces pictographs and markup by spaces and drops invisible characters.
fn plain(text: &str) -> String {
    let picture = |c: char| {
        matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2500}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}'
            | '*' | '_' | '`' | '~' | '|' | '\\' | '^' | '<' | '>' | '[' | ']' | '{' | '}')
    };
    let invisible = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}');
    text.chars().filter(|&c| !invisible(c)).map(|c| if picture(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn read(text: &str) -> String {
        say(text, 0..text.len(), &words(text, 0..text.len())).text
    }

    #[test]
    fn dots_are_never_read_by_name() {
        assert_eq!(read("Wait .. what").split_whitespace().collect::<Vec<_>>(), ["Wait", "what"]);
    }

    #[test]
    fn pictographs_and_markup_are_not_read() {
        assert_eq!(read("**Hi** 😀 so\u{ad}ft").split_whitespace().collect::<Vec<_>>(), ["Hi", "soft"]);
    }

    #[test]
    fn each_word_keeps_its_range_in_the_text() {
        let text = "so\u{ad}ft *and* low";
        let said = say(text, 0..text.len(), &words(text, 0..text.len()));
        let pairs: Vec<_> =
            said.words.iter().map(|word| (&text[word.range.clone()], word.read.as_str())).collect();
        assert_eq!(pairs, [("so\u{ad}ft", "soft"), ("and", "and"), ("low", "low")]);
    }
}
