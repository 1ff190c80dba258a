//! Numbers with something attached: a sign ("-5", "~5", "≤5"), a second number ("3–5"), a unit ("10mL").

use super::number::{DASHES, leading};
use super::token::{Here, Reading};
use super::tongue::Lexicon;
use super::{maths, unit};

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    let (sign, rest) = sign(core, here);
    let signed = rest.len() < core.len();
    let (from, rest) = leading(rest)?;
    let (to, suffix) = second(rest);
    if to.is_none() && suffix.is_empty() && !signed {
        return None;
    }
    let number = match to {
        // "50-50".
        Some(to) if to == from => format!("{from} {to}"),
        Some(to) => format!("{from}{} {} {to}", first_unit(rest, suffix), here.lexicon.to),
        None => from.to_owned(),
    };
    let one = to.is_none() && from == "1" || here.describes(0);
    let text = format!("{sign} {number}{}", suffix_said(from, suffix, one, here)?);
    Some(Reading::one(text.trim()))
}

/// The name of the sign before a number, and what follows it.
pub(super) fn sign<'a>(core: &'a str, here: &Here<'_>) -> (&'static str, &'a str) {
    let lexicon: &'static Lexicon = here.lexicon;
    let mut chars = core.chars();
    let sign = chars.next().unwrap_or(' ');
    let rest = chars.as_str();
    let said = match sign {
        '-' | '−' | '–' => lexicon.minus,
        '+' => lexicon.plus,
        '±' => lexicon.plus_minus,
        '#' => lexicon.number,
        '~' | '≈' if lexicon.abouts.contains(&here.previous().to_lowercase().as_str()) => "",
        '~' | '≈' => lexicon.about,
        '<' if rest.starts_with('=') => return (lexicon.at_most, &rest[1..]),
        '>' if rest.starts_with('=') => return (lexicon.at_least, &rest[1..]),
        '<' => lexicon.less,
        '>' => lexicon.more,
        '≤' => lexicon.at_most,
        '≥' => lexicon.at_least,
        _ => return ("", core),
    };
    // "Fewer than <5" already says it.
    let than = matches!(here.previous(), "than" | "als" | "que" | "di") && matches!(sign, '<' | '>');
    (if than { "" } else { said }, rest)
}

/// The second number of a range, and what follows it.
pub(super) fn second(rest: &str) -> (Option<&str>, &str) {
    // "10%–20%": the first number may also have the sign.
    let dash = rest.trim_start_matches(['%', '°']);
    let Some(after) = dash.strip_prefix(DASHES) else { return (None, rest) };
    leading(after).map_or((None, rest), |(to, suffix)| (Some(to), suffix))
}

/// The first number's own percent sign, if it has one.
fn first_unit(rest: &str, suffix: &str) -> &'static str {
    match (rest.chars().next(), suffix) {
        (Some('%'), _) => "%",
        _ => "",
    }
}

fn suffix_said(number: &str, suffix: &str, one: bool, here: &Here<'_>) -> Option<String> {
    let lexicon = here.lexicon;
    match suffix {
        "" => return Some(String::new()),
        "%" => return Some("%".into()),
        "+" => return Some(format!(" {}", lexicon.plus)),
        // "the 1990s", "the 90s".
        "s" if number.ends_with('0') && (number.len() == 4 || number.len() == 2 && is_decade(here)) => {
            return None;
        }
        "x" if here.tokens.len() > 1 && is_term(here) => return Some(format!(" {}", lexicon.letter('x'))),
        "x" | "×" if lexicon.english => return Some(" times".into()),
        "M" | "bn" | "mn" | "tn" | "Mio" | "Mrd" => {
            let scale = lexicon.scales.iter().find(|(short, ..)| *short == suffix)?;
            return Some(format!(" {}", scale.2.split(' ').next()?));
        }
        _ => {}
    }
    unit::name(suffix, one, lexicon).map(|unit| format!(" {unit}"))
}

/// "2x + 3": a term of a sum.
fn is_term(here: &Here<'_>) -> bool {
    maths::is_sign(here.next()) || maths::is_sign(here.previous())
}

fn is_decade(here: &Here<'_>) -> bool {
    here.token().lead.ends_with(['\'', '’', '‘'])
        || here.previous().ends_with(|c: char| c.is_ascii_digit())
        || matches!(here.previous(), "the" | "early" | "late" | "mid" | "in" | "The")
}
