//! Numbers with what is attached to them: a sign before ("-5", "~5", "≤5"), a second number ("3–5"), a unit behind ("10mL").

use super::number::{DASHES, leading};
use super::token::{Here, Reading};
use super::tongue::Tongue;
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
        Some(to) => format!("{from}{} {} {to}", first_unit(rest, suffix), here.tongue.to),
        None => from.to_owned(),
    };
    let one = to.is_none() && from == "1" || here.describes(0);
    let text = format!("{sign} {number}{}", suffix_said(from, suffix, one, here)?);
    Some(Reading::one(text.trim()))
}

/// What the sign before a number is called, and what follows it.
pub(super) fn sign<'a>(core: &'a str, here: &Here<'_>) -> (&'static str, &'a str) {
    let tongue: &'static Tongue = here.tongue;
    let mut chars = core.chars();
    let sign = chars.next().unwrap_or(' ');
    let rest = chars.as_str();
    let said = match sign {
        '-' | '−' | '–' => tongue.minus,
        '+' => tongue.plus,
        '±' => tongue.plus_minus,
        '#' => tongue.number,
        '~' | '≈' if tongue.abouts.contains(&here.previous().to_lowercase().as_str()) => "",
        '~' | '≈' => tongue.about,
        '<' if rest.starts_with('=') => return (tongue.at_most, &rest[1..]),
        '>' if rest.starts_with('=') => return (tongue.at_least, &rest[1..]),
        '<' => tongue.less,
        '>' => tongue.more,
        '≤' => tongue.at_most,
        '≥' => tongue.at_least,
        _ => return ("", core),
    };
    // "Fewer than <5" says it already.
    let than = matches!(here.previous(), "than" | "als" | "que" | "di") && matches!(sign, '<' | '>');
    (if than { "" } else { said }, rest)
}

/// The second number of a range, and what follows.
pub(super) fn second(rest: &str) -> (Option<&str>, &str) {
    // "10%–20%": the first number may have the sign as well.
    let dash = rest.trim_start_matches(['%', '°']);
    let Some(after) = dash.strip_prefix(DASHES) else { return (None, rest) };
    leading(after).map_or((None, rest), |(to, suffix)| (Some(to), suffix))
}

/// The first number's own sign, unless the second one's stands for both.
fn first_unit(rest: &str, suffix: &str) -> &'static str {
    match (rest.chars().next(), suffix) {
        (Some('%'), _) => "%",
        _ => "",
    }
}

fn suffix_said(number: &str, suffix: &str, one: bool, here: &Here<'_>) -> Option<String> {
    let tongue = here.tongue;
    match suffix {
        "" => return Some(String::new()),
        "%" => return Some("%".into()),
        "+" => return Some(format!(" {}", tongue.plus)),
        // "the 1990s", "the 90s".
        "s" if number.ends_with('0') && (number.len() == 4 || number.len() == 2 && is_decade(here)) => {
            return None;
        }
        "x" if here.tokens.len() > 1 && is_term(here) => return Some(format!(" {}", tongue.letter('x'))),
        "x" | "×" if tongue.english => return Some(" times".into()),
        "M" | "bn" | "mn" | "tn" | "Mio" | "Mrd" => {
            let scale = tongue.scales.iter().find(|(short, ..)| *short == suffix)?;
            return Some(format!(" {}", scale.2.split(' ').next()?));
        }
        _ => {}
    }
    unit::name(suffix, one, tongue).map(|unit| format!(" {unit}"))
}

/// "2x + 3": a part of a sum.
fn is_term(here: &Here<'_>) -> bool {
    maths::is_sign(here.next()) || maths::is_sign(here.previous())
}

fn is_decade(here: &Here<'_>) -> bool {
    here.token().lead.ends_with(['\'', '’', '‘'])
        || here.previous().ends_with(|c: char| c.is_ascii_digit())
        || matches!(here.previous(), "the" | "early" | "late" | "mid" | "in" | "The")
}
