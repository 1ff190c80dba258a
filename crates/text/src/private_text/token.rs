//! Chat template marks that a model writes as text.

use super::{Inside, Scan, begins};

/// Longest name between `<|` and `|>`.
const LONGEST: usize = 48;
const ROLES: [&str; 7] = ["system", "user", "assistant", "model", "tool", "developer", "ipython"];
/// Marks in square brackets; true: the rest of the text is dropped, since only tool calls follow.
const SQUARE: [(&str, bool); 10] = [
    ("[INST]", false),
    ("[/INST]", false),
    ("[SYS]", false),
    ("[TOOL_CALLS]", true),
    ("[TOOL_CALL]", true),
    ("[TOOL_RESULTS]", true),
    ("[AVAILABLE_TOOLS]", true),
    ("[/TOOL_RESULTS]", false),
    ("[/AVAILABLE_TOOLS]", false),
    ("[UNUSED_TOKEN_145]", false),
];
/// Marks of other shapes.
const OTHER: [&str; 2] = ["<<SYS>>", "<</SYS>>"];

/// Scans a text that begins with `<` or `◁`.
pub(super) fn angle(text: &str, ended: bool) -> Scan {
    match begins(text, "◁think▷") {
        Some(true) => return Scan::Drop("◁think▷".len(), Some(Inside::Until("◁/think▷")), false),
        None if !ended => return Scan::Open,
        _ => {}
    }
    for mark in OTHER {
        match begins(text, mark) {
            Some(true) => return Scan::mark(mark.len()),
            None if !ended => return Scan::Open,
            _ => {}
        }
    }
    let Some(after) = text.strip_prefix('<') else { return Scan::Text };
    let Some(bar) = after.chars().next() else { return if ended { Scan::Text } else { Scan::Open } };
    // DeepSeek writes full-width bars.
    if !matches!(bar, '|' | '｜') {
        return Scan::Text;
    }
    let inner = &after[bar.len_utf8()..];
    let length =
        inner.find(|c: char| matches!(c, '|' | '｜' | '<' | '>') || c.is_whitespace()).unwrap_or(inner.len());
    if length > LONGEST {
        return Scan::Text;
    }
    let from = text.len() - inner.len();
    let rest = &inner[length..];
    let close = rest.chars().next().map_or(0, char::len_utf8);
    match rest.get(close..).map(|after| after.as_bytes().first()) {
        _ if rest.is_empty() => return if ended { Scan::Text } else { Scan::Open },
        _ if !rest.starts_with(bar) => return Scan::Text,
        Some(None) => return if ended { Scan::Text } else { Scan::Open },
        Some(Some(b'>')) => {}
        _ => return Scan::Text,
    }
    named(text, &inner[..length].to_lowercase(), from + length + close + 1, ended)
}

/// What to drop at the mark of this name, which ends at `end`.
fn named(text: &str, name: &str, end: usize, ended: bool) -> Scan {
    match name {
        "im_start" | "start_header_id" | "start_of_role" => role(text, end, ended),
        "channel" => channel(text, end, ended),
        "begin_of_thought" => Scan::Drop(end, Some(Inside::Until("<|end_of_thought|>")), false),
        _ if name.contains("tool") || name == "python_tag" => Scan::Drop(end, Some(Inside::Rest), false),
        _ => Scan::mark(end),
    }
}

/// Drops the mark up to `end` and the role name that may follow it.
pub(super) fn role(text: &str, end: usize, ended: bool) -> Scan {
    let word = text[end..].bytes().take(LONGEST).take_while(u8::is_ascii_lowercase).count();
    if end + word == text.len() && !ended {
        return Scan::Open;
    }
    let known = ROLES.contains(&&text[end..end + word]);
    Scan::mark(if known { end + word } else { end })
}

/// Only the channel "final" is for the person.
fn channel(text: &str, end: usize, ended: bool) -> Scan {
    match begins(&text[end..], "final") {
        Some(true) => Scan::mark(end + "final".len()),
        None if !ended => Scan::Open,
        _ => Scan::Drop(end, Some(Inside::Until("<|channel|>final")), false),
    }
}

/// Scans a text that begins with `[`.
pub(super) fn square(text: &str, ended: bool) -> Scan {
    // Case-sensitive: tags for the face are in lower case.
    for (mark, rest) in SQUARE {
        if text.starts_with(mark) {
            return Scan::Drop(mark.len(), rest.then_some(Inside::Rest), false);
        }
        if mark.starts_with(text) && !ended {
            return Scan::Open;
        }
    }
    Scan::Text
}
