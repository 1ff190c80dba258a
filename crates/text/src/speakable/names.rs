//! Names spelled with signs ("C++", "AT&T", ".NET"), and words joined by a sign ("his/her", "A→B").

use super::letters;
use super::number::{is_number, small};
use super::token::{Here, Reading};

const FIXED: [(&str, &str); 17] = [
    ("C#", "C sharp"),
    ("F#", "F sharp"),
    ("C++", "C plus plus"),
    ("c++", "C plus plus"),
    (".NET", "dot net"),
    ("ASP.NET", "A.S.P dot net"),
    ("VB.NET", "V.B dot net"),
    ("Node.js", "Node J.S"),
    ("24/7", "24 7"),
    ("24-7", "24 7"),
    ("9/11", "9 11"),
    ("50/50", "50 50"),
    ("WWI", "World War 1"),
    ("w/", "with"),
    ("w/o", "without"),
    ("WWII", "World War 2"),
    ("WW2", "World War 2"),
];

const SOUNDS: [(&str, &str); 8] = [
    ("hm", "hmm"),
    ("hmmm", "hmm"),
    ("mhm", "uh-huh"),
    ("mmhm", "uh-huh"),
    ("shh", "shush"),
    ("sh", "shush"),
    ("shhh", "shush"),
    ("psst", "pst"),
];

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if here.lexicon.english {
        let fixed = FIXED.iter().find(|(name, _)| *name == core).map(|(_, said)| (*said).to_owned());
        let lower = core.to_lowercase();
        let sound = || SOUNDS.iter().find(|(sound, _)| *sound == lower).map(|(_, said)| (*said).to_owned());
        if let Some(said) = fixed.or_else(sound) {
            return Some(Reading::one(said));
        }
    } else if matches!(core, "C#" | "C++") {
        return Some(Reading::one(if core == "C#" { "C sharp" } else { "C plus plus" }));
    }
    if let Some(number) = core.strip_prefix('§') {
        let section = match here.lexicon.code {
            "de" => "Paragraph",
            "fr" => "paragraphe",
            "es" => "artículo",
            "it" => "articolo",
            _ => "section",
        };
        return Some(Reading::one(format!("{section} {}", number.trim_start_matches('§')).trim().to_owned()));
    }
    ampersand(here).map(Reading::one)
}

/// "AT&T", "R&D", "Q&A", "Johnson&Johnson".
fn ampersand(here: &Here<'_>) -> Option<String> {
    let (left, right) = here.core().split_once('&')?;
    let plain = |text: &str| !text.is_empty() && text.chars().all(char::is_alphanumeric);
    if !plain(left) || !plain(right) {
        return None;
    }
    let say = |part: &str| {
        let capitals = part.len() <= 3 && part.chars().all(char::is_uppercase);
        if capitals { letters::together(part, here.lexicon) } else { part.to_owned() }
    };
    Some(format!("{} {} {}", say(left), here.lexicon.and, say(right)))
}

/// Words joined by a sign that no other kind recognises.
pub(super) fn joined(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if core.contains('→') && core.chars().count() > 1 {
        return Some(Reading::one(core.replace('→', &format!(" {} ", here.lexicon.to))));
    }
    // "1-2-3", "4-4-2".
    let numbers: Vec<&str> = core.split('-').collect();
    if numbers.len() > 2 && numbers.iter().all(|part| small(part, 3).is_some()) {
        return Some(Reading::one(numbers.join(", ")));
    }
    let word = |text: &&str| text.chars().count() > 1 && text.chars().all(|c| c.is_alphabetic() || c == '\'');
    let parts: Vec<&str> = core.split('/').collect();
    if parts.len() < 2 || !parts.iter().all(word) || parts.iter().any(|part| is_number(part)) {
        return None;
    }
    let between = match core {
        "and/or" | "und/oder" | "et/ou" | "y/o" | "e/o" => " ".to_owned(),
        _ if parts.iter().all(|part| part.chars().all(char::is_lowercase)) => {
            format!(" {} ", here.lexicon.or)
        }
        _ => " ".to_owned(),
    };
    Some(Reading::one(parts.join(&between)))
}
