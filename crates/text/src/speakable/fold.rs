//! Unicode compatibility characters become ordinary text: full-width and mathematical letters, Roman numerals. Superscripts,
//! fractions and trade marks are handled first, since compatibility normalisation (NFKC) loses their meaning.

use unicode_normalization::UnicodeNormalization;

/// Units that keep their ² and ³, which `unit` reads.
const SQUARED: [&str; 14] =
    ["m", "km", "cm", "mm", "dm", "ft", "in", "mi", "yd", "s", "h", "sec", "hr", "min"];

/// The word in ordinary characters, with powers as "^".
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len());
    let mut power = false; // within a superscript
    let mut dropped = false; // within a footnote mark
    for char in word.chars() {
        let Some(raised) = superscript(char) else {
            (power, dropped) = (false, false);
            plain(char, &mut out);
            continue;
        };
        if power || dropped {
            if power {
                out.push(raised);
            }
            continue;
        }
        let letters: String = trailing_letters(&out);
        if matches!(char, '²' | '³') && SQUARED.contains(&letters.as_str()) && measures(&out, &letters) {
            out.push(char);
        } else if letters.chars().count() <= 2 && out.ends_with(|c: char| c.is_alphanumeric() || c == ')') {
            out.push('^');
            out.push(raised);
            power = true;
        } else {
            // A footnote mark.
            dropped = true;
        }
    }
    out.nfc().collect()
}

fn trailing_letters(text: &str) -> String {
    let start =
        text.char_indices().rev().find(|(_, c)| !c.is_alphabetic()).map_or(0, |(at, c)| at + c.len_utf8());
    text[start..].to_owned()
}

/// Whether the letters can be a unit: after a digit or a slash, or alone.
fn measures(text: &str, letters: &str) -> bool {
    let before = &text[..text.len() - letters.len()];
    before.is_empty() || before.ends_with(|c: char| c.is_ascii_digit() || c == '/')
}

fn superscript(char: char) -> Option<char> {
    Some(match char {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from_digit(u32::from(char) - 0x2070, 10)?,
        '⁺' => '+',
        '⁻' => '-',
        'ⁿ' => 'n',
        _ => return None,
    })
}

fn plain(char: char, out: &mut String) {
    match char {
        '™' | '®' | '©' => {}
        '‑' | '‐' => out.push('-'),
        '№' => out.push_str("number "),
        '½' | '⅓' | '⅔' | '¼' | '¾' | '⅕'..='⅞' => out.push(char),
        // Full-width punctuation is kept: it ends clauses in its languages.
        c if !c.is_ascii()
            && !matches!(c, 'º' | 'ª')
            && (c.is_alphanumeric() || matches!(c, '℃' | '℉' | 'Ω')) =>
        {
            out.extend(std::iter::once(c).nfkc());
        }
        c => out.push(c),
    }
}
