//! Removes characters that no person writes and no engine accepts, wherever text enters. Pure.

use std::borrow::Cow;

/// Whether it is a control character other than line end or tab, a byte order mark or a noncharacter.
#[must_use]
pub fn is_dropped(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// The text without the characters that [`is_dropped`] names.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_dropped) {
        text.chars().filter(|c| !is_dropped(*c)).collect::<String>().into()
    } else {
        text.into()
    }
}

/// JSON with each escape of a lone surrogate, which no Rust string can hold, replaced by U+FFFD.
#[must_use]
pub fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    let (mut clean, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(slash) = json[at..].find('\\').map(|found| at + found) {
        at = slash + 1 + json[slash + 1..].chars().next().map_or(0, char::len_utf8);
        let Some(unit) = escaped_unit(&json[slash..]) else { continue };
        at = slash + ESCAPE;
        let paired = matches!(unit, 0xD800..=0xDBFF)
            && escaped_unit(&json[at..]).is_some_and(|next| matches!(next, 0xDC00..=0xDFFF));
        if paired {
            at += ESCAPE;
        } else if matches!(unit, 0xD800..=0xDFFF) {
            clean.push_str(&json[copied..slash]);
            clean.push_str("\\ufffd");
            copied = at;
        }
    }
    if copied == 0 {
        return json.into();
    }
    clean.push_str(&json[copied..]);
    clean.into()
}

/// Length in bytes of an escape such as `\u00e4`.
const ESCAPE: usize = 6;

/// The UTF-16 unit of the escape that a text begins with.
fn escaped_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_removed_and_line_ends_tabs_and_words_are_kept() {
        assert_eq!(plain("\u{feff}a\0b\r\n\tc\u{1b}[1md\u{85}e\u{7f}"), "ab\n\tc[1mde");
        assert!(matches!(plain("ä 你好 🎉\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_lone_surrogate_does_not_make_a_message_unreadable() {
        for (json, text) in [
            (r#""a\ud83db""#, "a\u{fffd}b"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\uD83D\uDE00""#, "😀"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""ä\n\u00e4""#, "ä\nä"),
        ] {
            let clean = without_lone_surrogates(json);
            assert_eq!(serde_json::from_str::<String>(&clean).unwrap(), text, "{json}");
        }
        assert_eq!(without_lone_surrogates("\\"), "\\");
        assert_eq!(without_lone_surrogates("\\ä\\ud8"), "\\ä\\ud8");
    }
}
