//! Written numbers.

/// "12", "1,200.50", "3,5".
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && !text.contains("..")
        && !text.contains(",,")
}

pub(super) fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A small whole number of at most `longest` digits.
pub(super) fn small(text: &str, longest: usize) -> Option<u32> {
    (all_digits(text) && text.len() <= longest).then(|| text.parse().ok())?
}

/// The number at the start of a word, and what follows it: "5km", "1,200.50/day".
pub(super) fn leading(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(text.len());
    let number = text[..end].trim_end_matches(['.', ',']);
    is_number(number).then(|| text.split_at(number.len()))
}

/// Dashes written between numbers.
pub(super) const DASHES: [char; 4] = ['-', '–', '—', '−'];
