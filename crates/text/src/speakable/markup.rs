//! Removes what is only meant to be seen: Markdown, HTML entities, emoji, brackets, box drawing, footnote marks.

use super::fold::fold;

/// The lines that hold words, without fences, rules and table delimiter rows.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("```") && !is_rule(line))
}

/// "|---|:--:|", "-----", "═════".
fn is_rule(line: &str) -> bool {
    let drawn = |c: char| matches!(c, '-' | '|' | ':' | '=' | '+' | '_' | ' ' | '\u{2500}'..='\u{257f}');
    line.len() > 2 && line.chars().all(drawn) && line.chars().any(|c| !matches!(c, ' ' | '+' | ':'))
}

/// The words of a line, without the list, quote and heading marks at its start.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    let mark = |word: &&str| {
        matches!(*word, "-" | "*" | "+" | "•" | ">" | "|" | "→") || word.bytes().all(|byte| byte == b'#')
    };
    line.split_whitespace().skip_while(mark)
}

/// A word without markup and pictographs; signs of numbers and formulas are kept.
pub(super) fn clean(word: &str) -> String {
    let word = fold(&entities(word));
    if let Some(sign) = alone(&word) {
        return sign.into();
    }
    let word = footnote(&link(&word));
    let address = word.contains('@') || word.contains("://") || word.starts_with("www.");
    let chars: Vec<char> = word.chars().collect();
    let mut out = String::with_capacity(word.len());
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| **c == chars[at]).count();
        match chars[at] {
            '*' => out.push_str(star(&chars, at, run)),
            c if address || !is_markup(c) => out.extend(std::iter::repeat_n(c, run)),
            c => out.push_str(sign(&chars, at, run, c)),
        }
        at += run;
    }
    hesitate(out.trim())
}

/// Replaces runs of dots by an ellipsis: espeak-ng would read a second dot aloud.
fn hesitate(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find("..") {
        out.push_str(&rest[..at]);
        rest = rest[at..].trim_start_matches('.');
        if !out.is_empty() {
            out.push_str(if rest.starts_with(char::is_alphanumeric) { "… " } else { "…" });
        }
    }
    out + rest
}

/// Signs that are words of their own; `maths` decides what they mean.
fn alone(word: &str) -> Option<&str> {
    match word {
        "->" | "=>" | "-->" | "==>" | "→" | "⇒" | "⟶" | "➜" | "➔" => Some("→"),
        "|" | "•" | "·" | "‣" => Some(","),
        "*" | "<" | ">" | "<=" | ">=" | "^" | "~" | "**" | "<>" | "!=" | "==" | "≠" => Some(word),
        _ => None,
    }
}

fn is_markup(c: char) -> bool {
    matches!(
        c,
        '`' | '~' | '_' | '#' | '|' | '<' | '>' | '{' | '}' | '[' | ']' | '\\' | '^' | '→' | '⇒' | '•'
    ) || is_pictograph(c)
}

/// Between operands one star is multiplication, two are a power; other stars are emphasis.
fn star(chars: &[char], at: usize, run: usize) -> &'static str {
    match (run, between_operands(chars, at, run)) {
        (1, true) => "*",
        (2, true) => "^",
        _ => "",
    }
}

fn sign(chars: &[char], at: usize, run: usize, c: char) -> &'static str {
    let next = chars.get(at + run).copied().unwrap_or(' ');
    let before = if at == 0 { ' ' } else { chars[at - 1] };
    let inside = before.is_alphanumeric() && next.is_alphanumeric();
    match c {
        '~' if at == 0 && (next.is_ascii_digit() || "$€£¥₹".contains(next)) => "~",
        '#' if at == 0 && next.is_ascii_digit() => "#",
        // "C#", "F#".
        '#' if at == 1 && before.is_ascii_uppercase() && !next.is_alphanumeric() => "#",
        '<' if at == 0 && (next.is_ascii_digit() || next == '$') => "<",
        '>' if at == 0 && (next.is_ascii_digit() || next == '$') => ">",
        '<' if next == '=' || between_operands(chars, at, run) => "<",
        '>' if next == '=' || between_operands(chars, at, run) => ">",
        '^' if between_operands(chars, at, run) || next == '-' => "^",
        '_' if inside => " ",
        '|' if at > 0 && at + run < chars.len() => ", ",
        '→' | '⇒' if inside => "→",
        '[' | ']' | '{' | '}' | '`' | '\\' if inside => " ",
        _ => "",
    }
}

/// Whether both sides are operands: numbers, single letters or brackets.
fn between_operands(chars: &[char], at: usize, run: usize) -> bool {
    let left = chars[..at].iter().rev().take_while(|c| c.is_alphanumeric() || **c == '.').count();
    let right = chars[at + run..].iter().take_while(|c| c.is_alphanumeric() || **c == '.').count();
    let closes = at > 0 && chars[at - 1] == ')';
    let opens = chars.get(at + run).is_some_and(|c| matches!(c, '(' | '-'));
    if closes || opens {
        return (closes || left > 0) && (opens || right > 0);
    }
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    left > 0 && right > 0 && (digit(at - 1) || digit(at + run) || left == 1 && right == 1)
}

/// Replaces `[text](address)` and `![text](address)`, or their last word, by the text.
fn link(word: &str) -> String {
    let Some(middle) = word.find("](") else { return word.into() };
    let end = word[middle..].find(')').map_or(word.len(), |end| middle + end + 1);
    let label = word[..middle].trim_start_matches('!').trim_start_matches('[');
    format!("{label}{}", &word[end..])
}

/// Removes footnote marks, as in "word[1]" and "[12],".
fn footnote(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(open) = rest.find('[') {
        let inner = rest[open + 1..].trim_start_matches('^');
        let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
        let note = (1..=3).contains(&digits) && inner[digits..].starts_with(']');
        let end = if note { rest.len() - inner.len() + digits + 1 } else { open + 1 };
        out.push_str(&rest[..if note { open } else { end }]);
        rest = &rest[end..];
    }
    out + rest
}

/// Decodes the HTML entities that models write.
fn entities(word: &str) -> String {
    const NAMED: [(&str, char); 16] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("ndash", '–'),
        ("mdash", '—'),
        ("hellip", '…'),
        ("copy", '©'),
        ("reg", '®'),
        ("trade", '™'),
        ("deg", '°'),
        ("euro", '€'),
        ("pound", '£'),
        ("times", '×'),
    ];
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        // Entities are short, so the search for the end is bounded.
        let end = rest.bytes().take(10).position(|byte| byte == b';');
        let found = end.and_then(|end| {
            let name = &rest[..end];
            let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            });
            let named = || NAMED.iter().find(|(known, _)| *known == name).map(|(_, char)| *char);
            number.and_then(char::from_u32).or_else(named).map(|char| (char, end))
        });
        match found {
            Some((char, end)) => {
                out.push(char);
                rest = &rest[end + 1..];
            }
            None => out.push('&'),
        }
    }
    out + rest
}

fn is_pictograph(char: char) -> bool {
    char.is_control()
        || matches!(u32::from(char),
            0x1F000..=0x1FAFF | 0x2300..=0x23FF | 0x2500..=0x27BF | 0x2190..=0x21FF | 0x2B00..=0x2BFF
            | 0xFE00..=0xFE0F | 0xAD | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060 | 0xFEFF | 0x20E3
            | 0xE000..=0xF8FF | 0xE0000..=0xE007F)
}
