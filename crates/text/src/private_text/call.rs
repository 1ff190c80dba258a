//! Tool calls that a model writes as text, even if it was offered no tools: JSON with a function's name and arguments, or
//! `name({…})`, at the beginning of a line.

use super::{Inside, Scan};

/// Longest call, in bytes; a longer one is dropped together with the rest of the text.
const LONGEST: usize = 4096;
const LONGEST_NAME: usize = 64;
/// Longest run of white space that is skipped.
const MOST_SPACES: usize = 64;
/// The first key of a call's JSON is one of these.
const FIRST_KEYS: &[&str] = &[
    "name",
    "function",
    "function_name",
    "tool",
    "tool_name",
    "tool_calls",
    "function_call",
    "action",
    "arguments",
    "parameters",
    "type",
    "id",
];
/// JSON that contains none of these keys is ordinary text, not a call.
const KEYS: &[&str] = &[
    "\"arguments\"",
    "\"parameters\"",
    "\"args\"",
    "\"input\"",
    "\"action_input\"",
    "\"tool_calls\"",
    "\"function\"",
    "\"function_call\"",
];

/// Scans a line that begins with `{` or `[`.
pub(super) fn json(text: &str, ended: bool) -> Scan {
    let bytes = text.as_bytes();
    let mut at = 1;
    if bytes[0] == b'[' {
        at = spaces(bytes, at);
        match bytes.get(at) {
            None => return open(ended),
            Some(b'{') => at += 1,
            Some(_) => return Scan::Text,
        }
    }
    match first_key(text, spaces(bytes, at)) {
        Head::Open => return open(ended),
        Head::No => return Scan::Text,
        Head::Yes => {}
    }
    let is_call = |text: &str| KEYS.iter().any(|key| text.contains(key));
    match balanced(bytes) {
        Some(length) if length > LONGEST => Scan::Drop(text.len(), Some(Inside::Rest), false),
        Some(length) if is_call(&text[..length]) => Scan::mark(length),
        Some(_) => Scan::Text,
        None if text.len() > LONGEST => Scan::Drop(text.len(), Some(Inside::Rest), false),
        None if !ended => Scan::Open,
        None if is_call(text) => Scan::mark(text.len()),
        None => Scan::Text,
    }
}

/// Scans a line that begins with a letter or `_`.
pub(super) fn named(text: &str, ended: bool) -> Scan {
    let bytes = text.as_bytes();
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let length = bytes.iter().take(LONGEST_NAME + 1).take_while(|byte| name(byte)).count();
    match bytes.get(length) {
        _ if length > LONGEST_NAME => return Scan::Text,
        None => return open(ended),
        Some(b'(') => {}
        _ => return Scan::Text,
    }
    match arguments(text, spaces(bytes, length + 1)) {
        Head::Open => return open(ended),
        Head::No => return Scan::Text,
        Head::Yes => {}
    }
    match balanced(&bytes[length..]) {
        Some(inner) if length + inner <= LONGEST => Scan::mark(length + inner),
        Some(_) => Scan::Drop(text.len(), Some(Inside::Rest), false),
        None if text.len() > LONGEST => Scan::Drop(text.len(), Some(Inside::Rest), false),
        None if !ended => Scan::Open,
        None => Scan::mark(text.len()),
    }
}

/// Whether a text is the beginning of a call.
enum Head {
    /// Undecided: more text is needed.
    Open,
    Yes,
    No,
}

/// Whether the arguments at byte `at` look like code: an object, or `name="…"`.
fn arguments(text: &str, at: usize) -> Head {
    let bytes = text.as_bytes();
    match bytes.get(at) {
        None => Head::Open,
        Some(b'{') => match bytes.get(spaces(bytes, at + 1)) {
            None => Head::Open,
            Some(b'"' | b'}') => Head::Yes,
            Some(_) => Head::No,
        },
        Some(byte) if byte.is_ascii_lowercase() => {
            let name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            let end = at + bytes[at..].iter().take(LONGEST_NAME).take_while(name).count();
            let equals = spaces(bytes, end);
            match bytes.get(equals) {
                None => Head::Open,
                Some(b'=') => match bytes.get(spaces(bytes, equals + 1)) {
                    None => Head::Open,
                    Some(b'"' | b'\'') => Head::Yes,
                    Some(_) => Head::No,
                },
                Some(_) => Head::No,
            }
        }
        Some(_) => Head::No,
    }
}

fn first_key(text: &str, at: usize) -> Head {
    let rest = &text[at..];
    let Some(after) = rest.strip_prefix('"') else {
        return if rest.is_empty() { Head::Open } else { Head::No };
    };
    let Some(length) = after.find('"') else {
        let possible = FIRST_KEYS.iter().any(|key| key.starts_with(after));
        return if possible { Head::Open } else { Head::No };
    };
    if !FIRST_KEYS.contains(&&after[..length]) {
        return Head::No;
    }
    let bytes = after.as_bytes();
    match bytes.get(spaces(bytes, length + 1)) {
        None => Head::Open,
        Some(b':') => Head::Yes,
        Some(_) => Head::No,
    }
}

/// The end of the bracket that the text begins with, ignoring brackets inside strings.
fn balanced(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, &byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(_), _) if std::mem::take(&mut escaped) => {}
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"') => quote = Some(byte),
            (None, b'{' | b'[' | b'(') => depth += 1,
            (None, b'}' | b']' | b')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn spaces(bytes: &[u8], from: usize) -> usize {
    from + bytes
        .get(from..)
        .map_or(0, |rest| rest.iter().take(MOST_SPACES).take_while(|byte| byte.is_ascii_whitespace()).count())
}

fn open(ended: bool) -> Scan {
    if ended { Scan::Text } else { Scan::Open }
}
