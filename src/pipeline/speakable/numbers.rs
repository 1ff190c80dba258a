//! Dates, times, ranges, signs, units and fractions, where espeak-ng would read the signs.

use super::tongue::Tongue;
use super::{Said, Word, all_digits, is_number};

pub(super) fn say(word: &Word<'_>, tongue: &Tongue) -> Option<Said> {
    let core = word.core;
    date(core, tongue)
        .or_else(|| time(core, word.next(), tongue))
        .or_else(|| range(core, tongue))
        .or_else(|| signed(word, tongue))
        .or_else(|| unit(word, tongue))
        .or_else(|| fraction(word, tongue))
        .or_else(|| sum(core, tongue))
        .map(Said::from)
}

/// "2026-11-21", and "21/11/2026" or "21.11.2026" where it can only be read one way.
pub(super) fn date(core: &str, tongue: &Tongue) -> Option<String> {
    let separator = ['-', '/', '.'].into_iter().find(|sign| core.contains(*sign))?;
    let parts: Vec<&str> = core.split(separator).collect();
    let [a, b, c] = parts[..] else { return None };
    if !parts.iter().all(|part| all_digits(part)) {
        return None;
    }
    let number = |text: &str| text.parse::<usize>().ok();
    let (year, month, day) = if a.len() == 4 && b.len() == 2 && c.len() == 2 && separator == '-' {
        (a, number(b)?, number(c)?)
    } else if c.len() == 4 && a.len() <= 2 && b.len() <= 2 && separator != '-' {
        let (first, second) = (number(a)?, number(b)?);
        match (first > 12, second > 12) {
            (false, true) => (c, first, second),
            (true, false) => (c, second, first),
            // Day first everywhere but in English, where nobody knows.
            _ if !tongue.english => (c, second, first),
            _ => return None,
        }
    } else {
        return None;
    };
    let name = (1..=31).contains(&day).then(|| tongue.months.get(month.checked_sub(1)?)).flatten()?;
    Some(match tongue.code {
        "en" => format!("{name} {}, {year}", ordinal(day)),
        "es" => format!("{day} de {name} de {year}"),
        "de" => format!("{day}. {name} {year}"),
        "fr" if day == 1 => format!("premier {name} {year}"),
        _ => format!("{day} {name} {year}"),
    })
}

fn ordinal(day: usize) -> String {
    let end = match (day % 10, day / 10) {
        (1, tens) if tens != 1 => "st",
        (2, tens) if tens != 1 => "nd",
        (3, tens) if tens != 1 => "rd",
        _ => "th",
    };
    format!("{day}{end}")
}

fn time(core: &str, next: &str, tongue: &Tongue) -> Option<String> {
    let lower = core.to_lowercase();
    let half = ["am", "pm"].into_iter().find(|half| lower.ends_with(half));
    let clock = half.map_or(lower.as_str(), |half| lower[..lower.len() - 2].trim_end_matches(half));
    let half = match half {
        Some("am") => " a.m.",
        Some(_) => " p.m.",
        None => "",
    };
    if !half.is_empty() && all_digits(clock) && clock.len() <= 2 {
        return Some(format!("{clock}{half}"));
    }
    let (hour, minute) = clock.split_once(':')?;
    let valid = all_digits(hour) && all_digits(minute) && hour.len() <= 2 && minute.len() == 2;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    if !valid || hour > 24 || minute > 59 {
        return None;
    }
    let named = !half.is_empty() || matches!(next.to_lowercase().as_str(), "a.m" | "p.m" | "am" | "pm");
    match (tongue.code, minute) {
        ("en", 0) if named => Some(format!("{hour}{half}")),
        ("en", 0) if (1..=12).contains(&hour) => Some(format!("{hour} o'clock")),
        ("en", 0) => Some(format!("{hour} hundred")),
        ("en", 1..=9) => Some(format!("{hour} oh {minute}{half}")),
        ("en", _) => Some(format!("{hour} {minute}{half}")),
        ("de", 0) => Some(format!("{hour} Uhr")),
        ("de", _) => Some(format!("{hour} Uhr {minute}")),
        ("fr", 0) => Some(format!("{hour} heures")),
        ("fr", _) => Some(format!("{hour} heures {minute}")),
        ("it", 0) => Some(hour.to_string()),
        ("it", _) => Some(format!("{hour} e {minute}")),
        ("es", 0) => Some(format!("{hour} en punto")),
        ("es", _) => Some(format!("{hour} y {minute}")),
        _ => None,
    }
}

/// "3–5", "10%–20%", "$5-$10", "2020-2021".
fn range(core: &str, tongue: &Tongue) -> Option<String> {
    let (from, to) = core.split_once(['–', '-', '—'])?;
    let bare = |text: &str| is_number(text.trim_start_matches(['$', '€', '£']).trim_end_matches(['%', '°']));
    if let (Some(from), Some(to)) = (time(from, "", tongue), time(to, "", tongue)) {
        return Some(format!("{from} {} {to}", tongue.to));
    }
    (bare(from) && bare(to)).then(|| format!("{from} {} {to}", tongue.to))
}

/// A sign before a number: "-5", "#1", "~5", "≤ 5".
fn signed(word: &Word<'_>, tongue: &Tongue) -> Option<String> {
    let mut chars = word.core.chars();
    let sign = chars.next()?;
    let rest = chars.as_str();
    let amount = rest.trim_start_matches(['$', '€', '£']).trim_end_matches(['%', '°']);
    let stands_before = rest.is_empty() && word.next().starts_with(|c: char| c.is_ascii_digit());
    if !is_number(amount) && !stands_before {
        return None;
    }
    let said = match sign {
        '-' | '−' => tongue.minus,
        '+' => tongue.plus,
        '±' => tongue.plus_minus,
        '#' => tongue.number,
        '~' | '≈' => tongue.about,
        '<' => tongue.less,
        '>' => tongue.more,
        '≤' => tongue.at_most,
        '≥' => tongue.at_least,
        _ => return None,
    };
    Some(format!("{said} {rest}").trim_end().to_owned())
}

/// "5 km/h", "5kg", "12 °C": the unit, or both.
fn unit(word: &Word<'_>, tongue: &Tongue) -> Option<String> {
    let core = word.core;
    let cut = core.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(core.len());
    let (number, name) = core.split_at(cut);
    let counted = if number.is_empty() { word.previous() } else { number };
    if !is_number(counted) || name.is_empty() {
        return None;
    }
    let (_, one, many) = tongue.units.iter().find(|(short, ..)| *short == name)?;
    let said = if counted == "1" { one } else { many };
    Some(if number.is_empty() { (*said).to_owned() } else { format!("{number} {said}") })
}

fn fraction(word: &Word<'_>, tongue: &Tongue) -> Option<String> {
    if tongue.english && word.core == "24/7" {
        return Some("24 7".into());
    }
    let (_, said) = tongue.fractions.iter().find(|(short, _)| *short == word.core)?;
    let whole = tongue.english && all_digits(word.previous());
    Some(if whole { format!("and {said}") } else { (*said).to_owned() })
}

/// "2+2=4", "R&D", "3×4": the signs between letters and digits, and alone.
fn sum(core: &str, tongue: &Tongue) -> Option<String> {
    let sign = |c: char| match c {
        '&' => Some(tongue.and),
        '+' => Some(tongue.plus),
        '=' => Some(tongue.equals),
        '×' => Some(tongue.times),
        '÷' => Some(tongue.over),
        _ => None,
    };
    let mut alone = core.chars();
    if let (Some(only), None) = (alone.next().and_then(sign), alone.next()) {
        return Some(only.to_owned());
    }
    let is_sign = |c: char| sign(c).is_some();
    let pieces: Vec<&str> = core.split(is_sign).collect();
    let plain = |piece: &&str| !piece.is_empty() && piece.chars().all(|c| c.is_alphanumeric() || c == '.');
    if pieces.len() < 2 || !pieces.iter().all(plain) {
        return None;
    }
    let mut out = String::new();
    for c in core.chars() {
        match sign(c) {
            Some(said) => out += &format!(" {said} "),
            None => out.push(c),
        }
    }
    Some(out)
}
