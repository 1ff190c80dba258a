//! Decides whether a full stop ends a sentence, for `segments`, which cuts the streaming text, and for `speakable`, which
//! drops every other stop so that the speech engine needs no abbreviation table of its own.

use super::token::Token;
use super::tongue::{Lexicon, Place};

/// What a full stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Ends,
    Continues,
    /// Undecided: the next word is not complete yet.
    Unknown,
}

/// What the full stop between `before` and `after` does. `before` is the text up to the stop, `after` the text after it and
/// its closing quotes.
pub(crate) fn stop(before: &str, after: &str, lexicon: &Lexicon) -> Stop {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or("");
    let earlier = before[..before.len() - word.len()].trim_end();
    let alone = earlier.is_empty() || earlier.ends_with(['.', '!', '?', ':', '\n']);
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let space = after.len() - after.trim_start().len();
    if after[..space].contains('\n') {
        return Stop::Ends;
    }
    let after = &after[space..];
    let next = after.split(char::is_whitespace).next().unwrap_or("");
    let next = next.trim_matches(|c: char| !c.is_alphanumeric());
    let Some(initial) = next.chars().next() else {
        return if after.is_empty() { Stop::Unknown } else { Stop::Ends };
    };
    let whole = after.contains(char::is_whitespace) || after.len() > 16;
    match verdict(word, initial, alone, lexicon) {
        Verdict::Ends => Stop::Ends,
        Verdict::Continues => Stop::Continues,
        Verdict::IfStarter if whole => starts(next, lexicon),
        Verdict::IfStarter => Stop::Unknown,
    }
}

fn starts(next: &str, lexicon: &Lexicon) -> Stop {
    if lexicon.starters.contains(&next) { Stop::Ends } else { Stop::Continues }
}

/// The spoken mark for the stop after the token at `at`: none for an abbreviation's stop, a comma if the sentence goes on in
/// lower case after an ordinary word. `read`: a kind has read the word together with its stop.
pub(super) fn mark(tokens: &[Token<'_>], at: usize, read: bool, lexicon: &Lexicon) -> &'static str {
    let word = tokens[at].core.as_str();
    let short = lexicon.abbreviation(word).is_some() || word.contains('.') || word.chars().count() < 2;
    let number = word.bytes().all(|byte| byte.is_ascii_digit());
    match ends_at(tokens, at, lexicon) {
        true => ".",
        false if !read && (number && begins(tokens, at) || !number && !short) => ",",
        false => "",
    }
}

/// Whether the token at `at` begins a sentence or a line.
fn begins(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    tokens[at].first || before.is_some_and(|before| before.tail.starts_with(['.', '!', '?', ':']))
}

/// Whether the stop after the token at `at` ends a sentence; the text's last stop always does.
pub(super) fn ends_at(tokens: &[Token<'_>], at: usize, lexicon: &Lexicon) -> bool {
    let token = &tokens[at];
    // Few words in a row are silent, so the search is bounded.
    let Some(next) = tokens[at + 1..].iter().take(8).find(|next| next.core.chars().any(super::is_heard))
    else {
        return true;
    };
    if next.first {
        // The end of a line ends the sentence; "1." there is not a list number.
        return true;
    }
    let word = next.core.trim_matches(|c: char| !super::is_heard(c));
    let Some(initial) = word.chars().next() else { return true };
    match verdict(&token.core, initial, begins(tokens, at), lexicon) {
        Verdict::Ends => true,
        Verdict::Continues => false,
        Verdict::IfStarter => starts(word, lexicon) == Stop::Ends,
    }
}

enum Verdict {
    Ends,
    Continues,
    /// Ends only if the next word is a sentence starter.
    IfStarter,
}

/// `word`: the word before the stop; `initial`: the next word's first character; `alone`: `word` begins its line or sentence.
fn verdict(word: &str, initial: char, alone: bool, lexicon: &Lexicon) -> Verdict {
    let number = word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
    if initial.is_lowercase() || number && alone {
        // "at 9 a.m. sharp"; "1. First": a list number.
        return Verdict::Continues;
    }
    if number && lexicon.code == "de" && word.len() <= 2 && initial.is_alphabetic() {
        return Verdict::IfStarter; // "3. Oktober", "19. Jahrhundert"
    }
    let digit = initial.is_numeric();
    if let Some(known) = lexicon.abbreviation(word) {
        return match known.place {
            Place::Name | Place::Inside => Verdict::Continues,
            Place::Number if digit => Verdict::Continues,
            Place::Number => Verdict::Ends,
            Place::Open if digit => Verdict::Ends,
            Place::Open => Verdict::IfStarter,
        };
    }
    let mut letters = word.chars();
    let one = matches!((letters.next(), letters.next()), (Some(c), None) if c.is_alphabetic() && c != 'I');
    let dotted = word.contains('.')
        && word.split('.').all(|part| part.chars().count() <= 2 && part.chars().all(char::is_alphabetic));
    if one || dotted { if digit { Verdict::Ends } else { Verdict::IfStarter } } else { Verdict::Ends }
}
