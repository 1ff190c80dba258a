//! Units after a number: "5 km/h", "m³", "L/min", "sq ft", "litres/day".

use super::number::{DASHES, is_number};
use super::token::{Here, Reading};
use super::tongue::Lexicon;

/// A unit that is a word of its own.
pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let before = here.joined_before().filter(|before| before.tail.is_empty())?;
    if !before.core.ends_with(|c: char| c.is_numeric()) {
        return None;
    }
    let (core, english) = (here.core(), here.lexicon.english);
    // "1/2 tsp": half a teaspoon.
    let part =
        english && (before.core.contains('/') || before.core.chars().count() == 1 && !before.core.is_ascii());
    let one = before.core == "1" || part || here.describes(1);
    if english && matches!(core, "sq" | "cu") {
        let next = here.joined(1)?;
        let unit = name(&next.core, one, here.lexicon)?;
        return Some(Reading::two(if core == "sq" { "square" } else { "cubic" }, unit));
    }
    name(core, one, here.lexicon)
        .or_else(|| words(core, here.lexicon))
        .or_else(|| range(core, here.lexicon))
        .map(Reading::one)
}

/// The name of a unit, singular or plural.
pub(super) fn name(unit: &str, one: bool, lexicon: &Lexicon) -> Option<String> {
    if unit.is_empty() || unit.len() > 24 {
        return None;
    }
    if let Some((_, single, many)) = lexicon.units.iter().find(|(short, ..)| *short == unit) {
        return Some((*if one { single } else { many }).to_owned());
    }
    if let Some((first, rest)) = unit.split_once('/') {
        let first = name(first, one, lexicon)?;
        let mut said = first;
        for part in rest.split('/') {
            said = format!("{said} {} {}", lexicon.per, divisor(part, lexicon)?);
        }
        return Some(said);
    }
    let (base, cubic) = match unit.strip_suffix('²') {
        Some(base) => (base, false),
        None => (unit.strip_suffix('³')?, true),
    };
    let (_, single, many) = lexicon.units.iter().find(|(short, ..)| *short == base)?;
    let base = if one { single } else { many };
    Some(match (lexicon.code, cubic) {
        ("en", false) => format!("square {base}"),
        ("en", true) => format!("cubic {base}"),
        ("de", false) => format!("Quadrat{}", base.to_lowercase()),
        ("de", true) => format!("Kubik{}", base.to_lowercase()),
        ("fr", false) => format!("{base} {}", if one { "carré" } else { "carrés" }),
        ("fr", true) => format!("{base} {}", if one { "cube" } else { "cubes" }),
        ("es", false) => format!("{base} {}", if one { "cuadrado" } else { "cuadrados" }),
        ("es", true) => format!("{base} {}", if one { "cúbico" } else { "cúbicos" }),
        ("it", false) => format!("{base} {}", if one { "quadro" } else { "quadri" }),
        ("it", true) => format!("{base} {}", if one { "cubo" } else { "cubi" }),
        _ => return None,
    })
}

/// A unit below the fraction bar: "second", "second squared", "day".
pub(super) fn divisor(unit: &str, lexicon: &Lexicon) -> Option<String> {
    if let Some(base) = unit.strip_suffix('²').filter(|base| matches!(*base, "s" | "sec" | "h" | "min")) {
        return Some(format!("{} {}", name(base, true, lexicon)?, lexicon.squared));
    }
    name(unit, true, lexicon).or_else(|| is_word(unit).then(|| unit.to_owned()))
}

/// "10 °C–20 °C": the middle word.
fn range(core: &str, lexicon: &Lexicon) -> Option<String> {
    let (unit, to) = core.split_once(DASHES).filter(|(_, to)| is_number(to))?;
    Some(format!("{} {} {to}", name(unit, false, lexicon)?, lexicon.to))
}

/// "litres/day", "requests/second".
fn words(core: &str, lexicon: &Lexicon) -> Option<String> {
    let (first, rest) = core.split_once('/')?;
    let known = lexicon.units.iter().any(|(short, one, _)| *short == rest || *one == rest);
    let time = matches!(
        rest,
        "day"
            | "week"
            | "month"
            | "person"
            | "night"
            | "Tag"
            | "Woche"
            | "Monat"
            | "Person"
            | "jour"
            | "mois"
            | "día"
            | "mes"
            | "giorno"
            | "mese"
    );
    (is_word(first) && (known || time))
        .then(|| Some(format!("{first} {} {}", lexicon.per, divisor(rest, lexicon)?)))?
}

fn is_word(text: &str) -> bool {
    text.chars().count() > 2 && text.chars().all(char::is_alphabetic)
}
