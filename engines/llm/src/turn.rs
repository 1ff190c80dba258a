//! Where a message's words end among the prompt's tokens, and how likely the turn ends there. Pure.

use crate::scheduler::Token;

/// Punctuation that may follow words. A recogniser writes it at any pause, so it says nothing about the turn. Symbols
/// that are spoken, such as `%` and `€`, are words.
const PUNCTUATION: &str = ".,;:!?…-–—'\"‘’“”()[]{}«»‹›*_~/\\。、，．；：！？「」『』（）،؛؟।॥";

/// A token that begins with one of these ends a sentence, and so most turns.
const SENTENCE_ENDS: [&str; 7] = [".", "?", "!", "。", "？", "！", "؟"];

/// The message without what follows its last word.
pub(crate) fn words(message: &str) -> &str {
    message.trim_end_matches(|c: char| c.is_whitespace() || PUNCTUATION.contains(c))
}

/// Whether a token with this text, after the words, ends their sentence.
pub(crate) fn ends_sentence(text: &[u8]) -> bool {
    SENTENCE_ENDS.iter().any(|end| text.starts_with(end.as_bytes()))
}

/// A position in a prompt, given in its text and found among its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Tokens that lie entirely before it.
    pub(crate) tokens: usize,
    /// Whether no token spans it.
    pub(crate) exact: bool,
}

/// Finds the position that `after` bytes of text follow. `lengths` are those of the prompt's tokens from the last to
/// the first: a tokenizer may add tokens at a prompt's beginning, never at its end.
pub(crate) fn place(count: usize, lengths: impl Iterator<Item = usize>, after: usize) -> Place {
    let (mut tokens, mut after) = (count, after);
    for length in lengths {
        if after == 0 {
            break;
        }
        tokens -= 1;
        if length > after {
            return Place { tokens, exact: false };
        }
        after -= length;
    }
    Place { tokens, exact: after == 0 }
}

/// Byte lengths at which the words may be cut without losing more than symbols: all of them, then without the last
/// symbol, and so on back to a letter or digit. A token may join symbols with the punctuation after them.
pub(crate) fn cuts(words: &str) -> impl Iterator<Item = usize> {
    let signs = words.chars().rev().take_while(|c| !c.is_alphanumeric());
    std::iter::once(words.len())
        .chain(signs.scan(words.len(), |end, sign| {
            *end -= sign.len_utf8();
            Some(*end)
        }))
        .filter(|end| *end > 0)
}

/// The probability of these tokens together.
pub(crate) fn share(logits: &[f32], tokens: &[Token]) -> f32 {
    /// e to the power of minus this is negligible even when summed over a large vocabulary.
    const NEGLIGIBLE: f32 = 30.0;
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| {
        let below = logit - highest;
        if below < -NEGLIGIBLE { 0.0 } else { f64::from(below.exp()) }
    };
    let all: f64 = logits.iter().map(|logit| weight(*logit)).sum();
    let logit = |token: &Token| usize::try_from(*token).ok().and_then(|index| logits.get(index));
    let these: f64 = tokens.iter().filter_map(logit).map(|logit| weight(*logit)).sum();
    #[allow(clippy::cast_possible_truncation)] // a probability needs no more digits
    let share = (these / all) as f32;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_and_space_are_not_words_but_spoken_symbols_are() {
        assert_eq!(words("I would like to... "), "I would like to");
        assert_eq!(words("He said \"no!\""), "He said \"no");
        assert_eq!(words("Twenty-five 5%."), "Twenty-five 5%");
        assert_eq!(words("今日は。"), "今日は");
        assert_eq!(words(" ?! "), "");
    }

    #[test]
    fn a_place_is_found_from_the_end_and_is_inexact_within_a_token() {
        // "so" "me" " words" ".!" "<end>"
        let lengths = || [5, 2, 6, 2, 2].into_iter();
        assert_eq!(place(5, lengths(), 7), Place { tokens: 3, exact: true });
        assert_eq!(place(5, lengths(), 6), Place { tokens: 3, exact: false });
        assert_eq!(place(5, lengths(), 0), Place { tokens: 5, exact: true });
        assert_eq!(place(5, lengths(), 99), Place { tokens: 0, exact: false });
    }

    #[test]
    fn symbols_may_be_cut_off_but_letters_never() {
        assert_eq!(cuts("about 5 %").collect::<Vec<_>>(), [9, 8, 7]);
        assert_eq!(cuts("hello").collect::<Vec<_>>(), [5]);
        assert_eq!(cuts("%").collect::<Vec<_>>(), [1]);
        assert_eq!(cuts("").count(), 0);
    }

    #[test]
    fn the_share_is_relative_to_all_tokens_however_unlikely() {
        let logits = [2.0_f32.ln(), 0.0, 5.0_f32.ln(), f32::NEG_INFINITY];
        assert!((share(&logits, &[0, 1]) - 3.0 / 8.0).abs() < 1e-6);
        assert!(share(&logits, &[3]) == 0.0);
        assert!((share(&[-400.0, -400.0], &[1]) - 0.5).abs() < 1e-6);
    }
}
