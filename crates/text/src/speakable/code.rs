//! Codes of letters and digits, spelled out: "AB12CD", "H2O", "AP1000".

use super::letters;
use super::phone;
use super::token::{Here, Reading};

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if let Some(parts) = hyphened(core) {
        let said: Vec<String> = parts.iter().map(|part| letters::apart(part, here.lexicon)).collect();
        return Some(Reading::one(said.join(", ")));
    }
    let (length, digits) = (core.chars().count(), core.bytes().filter(u8::is_ascii_digit).count());
    let plain = core.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_alphabetic());
    if !plain || !(2..=20).contains(&length) || digits == 0 || digits == length {
        return None;
    }
    let groups = groups(core);
    let capitals = !core.bytes().any(|byte| byte.is_ascii_lowercase());
    // "a1b2c3", but not "mp3" or "h264".
    if !capitals && (groups.len() < 4 || core.bytes().any(|byte| byte.is_ascii_uppercase())) {
        return None;
    }
    // "B12", "3D", "Q3": espeak-ng reads them correctly.
    if groups.len() == 2 && groups.iter().all(|group| group.len() == 1 || is_digits(group) && group.len() < 3)
    {
        return None;
    }
    let last = groups.len() - 1;
    let said = groups.iter().enumerate().map(|(at, group)| {
        let word = group.len() > 4 && group.bytes().any(|byte| b"AEIOU".contains(&byte));
        let round = at == last
            && groups.len() == 2
            && matches!(group.len(), 3 | 4)
            && group.ends_with("00")
            && !group.starts_with('0');
        match is_digits(group) {
            false if word && groups.len() == 2 => (*group).to_owned(),
            false => letters::apart(group, here.lexicon),
            true if round => (*group).to_owned(),
            true if groups.len() == 2 && group.len() < 3 && word_before(&groups) => (*group).to_owned(),
            true => phone::spelled(group, here.lexicon),
        }
    });
    Some(Reading::one(said.collect::<Vec<_>>().join(" ")))
}

/// "AB-1234-XYZ", but not "F-16" or "COVID-19".
fn hyphened(core: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = core.split('-').collect();
    let of = |kind: fn(&u8) -> bool| {
        parts.iter().filter(|part| part.bytes().all(|byte| kind(&byte))).map(|part| part.len()).max()
    };
    let plain = parts.iter().all(|part| {
        (1..=8).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    });
    let digits = of(u8::is_ascii_digit).unwrap_or(0);
    let letters = of(u8::is_ascii_uppercase).unwrap_or(0);
    let code = (1..=4).contains(&letters) && (digits > 3 || parts.len() > 2 && digits > 1);
    (plain && (2..=5).contains(&parts.len()) && code).then_some(parts)
}

/// "COVID19": the digits after a word are read as a number.
fn word_before(groups: &[&str]) -> bool {
    groups[0].len() > 4 && !is_digits(groups[0])
}

fn is_digits(group: &str) -> bool {
    group.starts_with(|c: char| c.is_ascii_digit())
}

/// Splits a code into runs of letters and runs of digits.
fn groups(core: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    let mut start = 0;
    for at in 1..=core.len() {
        if at == core.len()
            || core.as_bytes()[at].is_ascii_digit() != core.as_bytes()[at - 1].is_ascii_digit()
        {
            groups.push(&core[start..at]);
            start = at;
        }
    }
    groups
}
