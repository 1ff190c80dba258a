//! Dates: in digits, in the order of the language and region; with month names; months and days alone.

use super::number::{DASHES, all_digits, small};
use super::ordinal::{self, english};
use super::token::{Here, Reading};
use super::{clock, year};

/// A date; `year` is as written, or empty.
#[derive(Debug, Clone, Copy)]
struct Date<'a> {
    year: &'a str,
    month: u32,
    day: u32,
}

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if here.lexicon.code.is_empty() {
        // The language's month names are unknown.
        return None;
    }
    if let Some(date) = numeric(core, here) {
        return Some(Reading::one(said(date, here)));
    }
    stamp(here)
        .or_else(|| month_of_year(here))
        .or_else(|| range(here))
        .or_else(|| named(here))
        .or_else(|| day_before(here))
}

/// Whether a word is a date in digits.
pub(super) fn is_numeric(core: &str, here: &Here<'_>) -> bool {
    numeric(core, here).is_some()
}

/// "2026-11-21", "21/11/2026", "21.11.2026", "2025/03/10", "10/03/25".
fn numeric<'a>(core: &'a str, here: &Here<'_>) -> Option<Date<'a>> {
    let separator = ['-', '/', '.'].into_iter().find(|sign| core.contains(*sign))?;
    let mut parts = core.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || ![a, b, c].into_iter().all(all_digits) {
        return None;
    }
    if a.len() == 4 {
        return valid(Date { year: a, month: small(b, 2)?, day: small(c, 2)? });
    }
    let full = c.len() == 4;
    let short = c.len() == 2 && (separator == '/' || separator == '.' && here.lexicon.code == "de");
    if !full && !short {
        return None;
    }
    let (first, second) = (small(a, 2)?, small(b, 2)?);
    let day_first = first > 12 || second <= 12 && (here.day_first || separator == '.');
    let (day, month) = if day_first { (first, second) } else { (second, first) };
    valid(Date { year: c, month, day })
}

fn valid(date: Date<'_>) -> Option<Date<'_>> {
    ((1..=12).contains(&date.month) && (1..=31).contains(&date.day)).then_some(date)
}

/// "3/14" without a year; `None` if it cannot be a date.
pub(super) fn short(first: u32, second: u32, here: &Here<'_>) -> Option<String> {
    let day_first = first > 12 || second <= 12 && here.day_first;
    let (day, month) = if day_first { (first, second) } else { (second, first) };
    valid(Date { year: "", month, day }).map(|date| said(date, here))
}

/// Whether the previous word or a leading zero indicates a date.
pub(super) fn is_cued(here: &Here<'_>) -> bool {
    let before = here.previous().to_lowercase();
    here.lexicon.before_dates.contains(&before.as_str()) || here.core().starts_with('0')
}

fn said(date: Date<'_>, here: &Here<'_>) -> String {
    let Date { year, month, day } = date;
    let name = here.lexicon.months[month as usize - 1];
    let year = match year.len() {
        0 => String::new(),
        2 => format!("20{year}"),
        _ => year::said(year, here.lexicon).unwrap_or_else(|| year.to_owned()),
    };
    let said = match here.lexicon.code {
        "en" if year.is_empty() => return format!("{name} {}", english(day)),
        "en" => return format!("{name} {}, {year}", english(day)),
        "es" if year.is_empty() => format!("{} de {name}", day_said(day, here)),
        "es" => format!("{} de {name} de {year}", day_said(day, here)),
        _ => format!("{} {name} {year}", day_said(day, here)),
    };
    said.trim_end().to_owned()
}

/// The day before its month.
fn day_said(day: u32, here: &Here<'_>) -> String {
    match (here.lexicon.code, day) {
        ("de", _) => format!("{}{}", ordinal::german_stem(day), ordinal::german_ending(here)),
        ("fr", 1) => "premier".to_owned(),
        ("it" | "es", 1) => if here.lexicon.code == "it" { "primo" } else { "primero" }.to_owned(),
        _ => day.to_string(),
    }
}

/// "2024-01-15T10:30:00Z".
fn stamp(here: &Here<'_>) -> Option<Reading> {
    let (date, time) = here.core().split_once('T')?;
    let date = numeric(date, here)?;
    Some(Reading::one(format!("{}, {}", said(date, here), clock::stamp(time, here.lexicon)?)))
}

/// "2020-12".
fn month_of_year(here: &Here<'_>) -> Option<Reading> {
    let (year, month) = here.core().split_once('-')?;
    let old = year.starts_with("19") || year.starts_with("20");
    if !old || year.len() != 4 || month.len() != 2 {
        return None;
    }
    let name = here.lexicon.months.get((small(month, 2)? as usize).checked_sub(1)?)?;
    let of = if here.lexicon.code == "es" { " de" } else { "" };
    let year = year::said(year, here.lexicon).or_else(|| all_digits(year).then(|| year.to_owned()))?;
    Some(Reading::one(format!("{name}{of} {year}")))
}

/// "Oct-Dec", "Mon-Fri".
fn range(here: &Here<'_>) -> Option<Reading> {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let (from, to) = here.core().split_once(DASHES)?;
    let month = |text: &str| here.lexicon.month(text).map(|(month, _)| here.lexicon.months[month - 1]);
    let day = |text: &str| {
        let short = here.lexicon.english && (3..=4).contains(&text.len());
        DAYS.into_iter().find(|day| *day == text || short && day.starts_with(text))
    };
    let both = month(from).zip(month(to)).or_else(|| day(from).zip(day(to)));
    both.map(|(from, to)| Reading::one(format!("{from} {} {to}", here.lexicon.to)))
}

/// "Sept. 11", "August 15, 1947", "June 5-7", "Nov. 2025".
fn named(here: &Here<'_>) -> Option<Reading> {
    let (month, short) = here.lexicon.month(here.core())?;
    let name = here.lexicon.months[month - 1];
    let next = here.joined(1).filter(|next| next.core.starts_with(|c: char| c.is_ascii_digit()));
    let Some(next) = next else {
        // "5 Nov": a short month after its day.
        let after = here.joined_before().is_some_and(|before| small(day_of(&before.core), 2).is_some());
        return (short && (after || here.token().is_stopped())).then(|| Reading::one(name));
    };
    let year = next.core.len() == 4 && all_digits(&next.core);
    if year {
        let said = year::said(&next.core, here.lexicon).unwrap_or_else(|| next.core.clone());
        return Some(Reading::two(name, said));
    }
    // "the 15th of August 19 47", which is spoken text already: the day precedes the month.
    if !here.lexicon.english || here.previous() == "of" {
        return short.then(|| Reading::one(name));
    }
    let day = |text: &str| small(day_of(text), 2).filter(|day| (1..=31).contains(day));
    let said = match next.core.split_once(DASHES) {
        Some((from, to)) => format!("{} {} {}", english(day(from)?), here.lexicon.to, english(day(to)?)),
        None => english(day(&next.core)?),
    };
    let mut reading = vec![name.to_owned(), said];
    // After a comma, the number is the year.
    let year = here.other(2).filter(|_| matches!(next.tail.as_str(), "," | ""));
    if let Some(year) = year.and_then(|year| year::said(&year.core, here.lexicon)) {
        reading.push(year);
    }
    Some(Reading(reading))
}

/// The number of "15th".
fn day_of(text: &str) -> &str {
    ["st", "nd", "rd", "th"].into_iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text)
}

/// "15 August 1947", "1 janvier", "am 3.10.": the day before its month.
fn day_before(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if here.lexicon.code == "de"
        && here.token().is_stopped()
        && is_cued(here)
        && let Some((day, month)) = core.split_once('.')
    {
        let date = valid(Date { year: "", month: small(month, 2)?, day: small(day, 2)? })?;
        return Some(Reading::one(said(date, here)));
    }
    let day = small(core, 2).filter(|day| (1..=31).contains(day))?;
    let month = here.joined(1).filter(|_| here.lexicon.code == "de" || here.token().tail.is_empty())?;
    let (number, _) = here.lexicon.month(&month.core)?;
    // "at 5 May went": in English, only a year confirms "5 May" as a date.
    let sure =
        number != 5 || here.other(2).is_some_and(|year| year.core.len() == 4 && all_digits(&year.core));
    match here.lexicon.code {
        "en" if sure => Some(Reading::one(match here.previous() {
            "the" => format!("{} of", english(day)),
            _ => format!("the {} of", english(day)),
        })),
        "de" if here.token().is_stopped() => Some(Reading::one(day_said(day, here))),
        "fr" | "it" if day == 1 => Some(Reading::one(day_said(day, here))),
        _ => None,
    }
}
