//! Which part of a file is asked for. Pure.

use std::ops::Range;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// These bytes.
    Some(Range<usize>),
    /// Nothing: it has no such bytes.
    Nothing,
}

/// Whether a header asks for less than all. One that asks for everything from the beginning on needs no complete file.
pub(super) fn is_part(header: &str) -> bool {
    let header = header.trim();
    header.starts_with("bytes=") && header != "bytes=0-"
}

/// The part that a `Range` header asks for of a file of `length` bytes. A header that cannot be read, or that asks for several parts, is
/// ignored, as the standard allows.
pub(super) fn part(header: &str, length: usize) -> Part {
    let Some(asked) = header.trim().strip_prefix("bytes=") else { return Part::All };
    let Some((first, last)) = asked.trim().split_once('-') else { return Part::All };
    let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| Some(text.trim()).filter(digits)?.parse::<usize>().ok();
    match (first.trim().is_empty(), last.trim().is_empty()) {
        (true, true) => Part::All,
        // The last bytes.
        (true, false) => match number(last) {
            None => Part::All,
            Some(0) => Part::Nothing,
            Some(_) if length == 0 => Part::Nothing,
            Some(count) => Part::Some(length.saturating_sub(count)..length),
        },
        (false, open) => {
            let Some(start) = number(first) else { return Part::All };
            let end = if open { Some(usize::MAX) } else { number(last) };
            match end {
                None => Part::All,
                Some(end) if end < start => Part::All,
                Some(_) if start >= length => Part::Nothing,
                Some(end) => Part::Some(start..end.saturating_add(1).min(length)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_within_the_file_or_there_is_nothing_to_send() {
        for (header, expected) in [
            ("bytes=0-9", Part::Some(0..10)),
            ("bytes=90-", Part::Some(90..100)),
            ("bytes=90-1000", Part::Some(90..100)),
            ("bytes=-10", Part::Some(90..100)),
            ("bytes=-1000", Part::Some(0..100)),
            ("bytes=0-", Part::Some(0..100)),
            ("bytes=99-99", Part::Some(99..100)),
            ("bytes=100-", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=9-1", Part::All),
            ("bytes=0-1,5-6", Part::All),
            ("bytes=-", Part::All),
            ("bytes=a-b", Part::All),
            ("bytes=+1-+2", Part::All),
            ("bytes=99999999999999999999999-", Part::All),
            ("items=0-1", Part::All),
        ] {
            assert_eq!(part(header, 100), expected, "{header}");
        }
        assert_eq!(part("bytes=-5", 0), Part::Nothing);
        assert!(is_part("bytes=5-") && !is_part("bytes=0-") && !is_part("items=0-1"));
    }
}
