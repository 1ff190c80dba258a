//! Code blocks fenced by three backticks.

use super::{Inside, Scan};

/// Opens and closes a block.
pub(super) const MARK: &str = "```";
/// A block of this many bytes is full, and no more of it is shown.
const LONGEST: usize = 8 * 1024;

/// Scans a text that begins with a backtick.
pub(super) fn begin(text: &str, ended: bool) -> Scan {
    if text.starts_with(MARK) {
        Scan::Drop(MARK.len(), Some(Inside::Fence(String::new())), true)
    } else if MARK.starts_with(text) && !ended {
        Scan::Open
    } else {
        Scan::Text
    }
}

/// Adds to a block, up to the character that fills it.
pub(super) fn add(code: &mut String, more: &str) {
    let room = LONGEST.saturating_sub(code.len());
    let end = (room.min(more.len())..).find(|at| more.is_char_boundary(*at)).unwrap_or(more.len());
    code.push_str(&more[..end]);
}

/// The block's code without the language name.
pub(super) fn content(code: &str) -> String {
    let (first, rest) = code.split_once('\n').unwrap_or(("", code));
    let code = if first.trim().contains(char::is_whitespace) { code } else { rest };
    code.trim_matches('\n').trim_end().to_owned()
}
