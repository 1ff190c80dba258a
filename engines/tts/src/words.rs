//! The words of a text as a listener would count them. Pure.

use std::ops::Range;

/// Symbols that espeak-ng speaks when they stand alone: "rock & roll" is three words.
const SPOKEN_SYMBOLS: [char; 14] = ['&', '+', '=', '%', '@', '#', '/', '$', '€', '£', '¥', '°', '×', '÷'];

/// The words in `text[range]`, in order, as byte ranges of `text` without the punctuation attached to them.
pub(crate) fn words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = range.start;
    let stretch = &text[range.clone()];
    for (at, c) in stretch.char_indices() {
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

/// Dashes that join sentences, not words, and the punctuation that needs no space after it.
fn breaks_word(c: char) -> bool {
    matches!(c, '—' | '–' | '…' | '。' | '！' | '？' | '，' | '、' | '；' | '：' | '।' | '؟' | '،' | '؛')
}

/// The token without its punctuation, or nothing.
fn core(text: &str, token: Range<usize>) -> Option<Range<usize>> {
    let stretch = &text[token.clone()];
    let Some(first) = stretch.find(char::is_alphanumeric) else {
        let symbol = stretch.find(SPOKEN_SYMBOLS)?;
        let end = symbol
            + stretch[symbol..].find(|c| !SPOKEN_SYMBOLS.contains(&c)).unwrap_or(stretch.len() - symbol);
        return Some(token.start + symbol..token.start + end);
    };
    let (last, c) = stretch.char_indices().rev().find(|(_, c)| c.is_alphanumeric())?;
    let mut end = last + c.len_utf8();
    // Marks that belong to the last letter, as in decomposed "café".
    end += stretch[end..].find(|c: char| !is_combining(c)).unwrap_or(stretch.len() - end);
    let inner_dot = stretch[first..end].contains('.')
        && stretch[first..end].chars().all(|c| c.is_alphabetic() || c == '.');
    if inner_dot && stretch[end..].starts_with('.') {
        end += 1;
    }
    while let Some(symbol) = stretch[end..].chars().next().filter(|c| SPOKEN_SYMBOLS.contains(c)) {
        end += symbol.len_utf8();
    }
    let mut start = first;
    let before_digit = stretch[first..].starts_with(|c: char| c.is_ascii_digit());
    while let Some(c) = stretch[..start].chars().next_back() {
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
