//! Whether a full stop ends a sentence, decided in one place: phrases are cut by it while the text streams in, and
//! `speakable` drops every stop that ends nothing, so that the speech engine needs no table of its own.

use super::token::Token;
use super::tongue::{Place, Tongue};

/// What a full stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Ends,
    Continues,
    /// The next word decides, and has not come whole yet.
    Unknown,
}

/// What the full stop between `before` and `after` is. `before` is the text up to the stop, `after` the text behind it
/// and its closing quotes.
pub(crate) fn stop(before: &str, after: &str, tongue: &Tongue) -> Stop {
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
    match verdict(word, initial, alone, tongue) {
        Verdict::Ends => Stop::Ends,
        Verdict::Continues => Stop::Continues,
        Verdict::IfStarter if whole => starts(next, tongue),
        Verdict::IfStarter => Stop::Unknown,
    }
}

fn starts(next: &str, tongue: &Tongue) -> Stop {
    if tongue.starters.contains(&next) { Stop::Ends } else { Stop::Continues }
}

/// What the stop after the token at `at` is said as: nothing where it belongs to an abbreviation, and a pause where the
/// sentence goes on in lower case after an ordinary word. `read`: a kind has read the word, and its stop with it.
pub(super) fn mark(tokens: &[Token<'_>], at: usize, read: bool, tongue: &Tongue) -> &'static str {
    let word = tokens[at].core.as_str();
    let short = tongue.abbreviation(word).is_some() || word.contains('.') || word.chars().count() < 2;
    let number = word.bytes().all(|byte| byte.is_ascii_digit());
    match ends_at(tokens, at, tongue) {
        true => ".",
        false if !read && (number && begins(tokens, at) || !number && !short) => ",",
        false => "",
    }
}

/// Whether a sentence or a line begins with the token at `at`.
fn begins(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    tokens[at].first || before.is_some_and(|before| before.tail.starts_with(['.', '!', '?', ':']))
}

/// Whether the stop after the token at `at` ends a sentence; the last one of a text does.
pub(super) fn ends_at(tokens: &[Token<'_>], at: usize, tongue: &Tongue) -> bool {
    let token = &tokens[at];
    // Words without a sound are few; the search is bounded.
    let Some(next) = tokens[at + 1..].iter().take(8).find(|next| next.core.chars().any(super::is_heard))
    else {
        return true;
    };
    if next.first {
        // A line's end ends its sentence; "1." at a line's end is no list's number.
        return true;
    }
    let word = next.core.trim_matches(|c: char| !super::is_heard(c));
    let Some(initial) = word.chars().next() else { return true };
    match verdict(&token.core, initial, begins(tokens, at), tongue) {
        Verdict::Ends => true,
        Verdict::Continues => false,
        Verdict::IfStarter => starts(word, tongue) == Stop::Ends,
    }
}

enum Verdict {
    Ends,
    Continues,
    IfStarter,
}

/// `word`: before the stop; `initial`: of the next word; `alone`: the word begins its line or sentence.
fn verdict(word: &str, initial: char, alone: bool, tongue: &Tongue) -> Verdict {
    let number = word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
    if initial.is_lowercase() || number && alone {
        // "at 9 a.m. sharp"; "1. First": the number of a list.
        return Verdict::Continues;
    }
    if number && tongue.code == "de" && word.len() <= 2 && initial.is_alphabetic() {
        return Verdict::IfStarter; // "3. Oktober", "19. Jahrhundert"
    }
    let digit = initial.is_numeric();
    if let Some(known) = tongue.abbreviation(word) {
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
