//! Finds the words of a text, as a listener would count them. Pure.

use std::ops::Range;

/// Symbols that espeak-ng speaks as separate words: "rock & roll" is three words.
const SPOKEN_SYMBOLS: [char; 14] = ['&', '+', '=', '%', '@', '#', '/', '$', '€', '£', '¥', '°', '×', '÷'];

/// The words in `text[range]`, in order, as byte ranges of `text` without the punctuation attached to them.
pub(crate) fn words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = range.start;
    for (at, c) in text[range.clone()].char_indices() {
        let at = range.start + at;
        if c.is_whitespace() || breaks_word(c) || text[at..].starts_with("--") || text[at..].starts_with("..")
        {
            words.extend(core(text, start..at));
            start = at + c.len_utf8();
        }
    }
    words.extend(core(text, start..range.end));
    words
}

/// Dashes that join clauses, not words, and punctuation that needs no space after it.
fn breaks_word(c: char) -> bool {
    matches!(c, '—' | '–' | '…' | '。' | '！' | '？' | '，' | '、' | '；' | '：' | '।' | '؟' | '،' | '؛')
}

/// The token without its punctuation; none if nothing is left.
fn core(text: &str, token: Range<usize>) -> Option<Range<usize>> {
    let slice = &text[token.clone()];
    let Some(first) = slice.find(char::is_alphanumeric) else {
        let symbol = slice.find(SPOKEN_SYMBOLS)?;
        let end =
            symbol + slice[symbol..].find(|c| !SPOKEN_SYMBOLS.contains(&c)).unwrap_or(slice.len() - symbol);
        return Some(token.start + symbol..token.start + end);
    };
    let (last, c) = slice.char_indices().rev().find(|(_, c)| c.is_alphanumeric())?;
    let mut end = last + c.len_utf8();
    // Combining marks of the last letter, as in decomposed "café".
    end += slice[end..].find(|c: char| !is_combining(c)).unwrap_or(slice.len() - end);
    let inner_dot =
        slice[first..end].contains('.') && slice[first..end].chars().all(|c| c.is_alphabetic() || c == '.');
    if inner_dot && slice[end..].starts_with('.') {
        end += 1;
    }
    while let Some(symbol) = slice[end..].chars().next().filter(|c| SPOKEN_SYMBOLS.contains(c)) {
        end += symbol.len_utf8();
    }
    let mut start = first;
    let before_digit = slice[first..].starts_with(|c: char| c.is_ascii_digit());
    while let Some(c) = slice[..start].chars().next_back() {
        if !(SPOKEN_SYMBOLS.contains(&c) || before_digit && matches!(c, '-' | '−' | '.')) {
            break;
        }
        start -= c.len_utf8();
    }
    Some(token.start + start..token.start + end)
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text, 0..text.len()).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn words_keep_their_spelling_and_lose_attached_punctuation() {
        assert_eq!(
            split("“Don't,” she said (twice): well-known, e.g. O'Brien's 'idea'…"),
            ["Don't", "she", "said", "twice", "well-known", "e.g.", "O'Brien's", "idea"]
        );
        assert_eq!(
            split("$5.99 is -3% & C++ at 10:30 a.m., no?"),
            ["$5.99", "is", "-3%", "&", "C++", "at", "10:30", "a.m.", "no"]
        );
        assert_eq!(split("well—you know...right – yes. --- *** ."), ["well", "you", "know", "right", "yes"]);
        assert_eq!(split("你好。再见 cafe\u{301}!"), ["你好", "再见", "cafe\u{301}"]);
        assert_eq!(split("  … "), Vec::<&str>::new());
    }
}
