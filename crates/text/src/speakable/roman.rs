//! Roman numerals: "Henry VIII" is the 8th, "World War I" is one.

use super::ordinal::{self, german_stem};
use super::token::{Here, Reading, Token};

const COUNTED: [&str; 16] = [
    "war", "chapter", "part", "act", "volume", "phase", "type", "stage", "class", "level", "book", "scene",
    "section", "article", "title", "grade",
];
const ROMAN: [&str; 20] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI",
    "XVII", "XVIII", "XIX", "XX",
];

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    if let Some(century) = century(here) {
        return Some(Reading::one(century));
    }
    let number = ROMAN.iter().position(|roman| *roman == here.core())? + 1;
    if here.lexicon.code == "de" {
        // "Ludwig XIV.": with a stop it is an ordinal.
        let king = here.token().is_stopped()
            && here.core().len() > 1
            && here.joined_before().is_some_and(Token::is_capital);
        return king.then(|| Reading::one(format!("der {}", german_stem(number as u32))));
    }
    let before = here.joined_before().filter(|before| here.lexicon.english && before.tail.is_empty())?;
    let before = before.core.as_str();
    if COUNTED.contains(&before.to_lowercase().as_str()) {
        // "In part I agree".
        let person = number == 1 && !before.starts_with(char::is_uppercase)
            || matches!(here.next(), "am" | "have" | "think" | "will" | "had");
        return (!person).then(|| Reading::one(number.to_string()));
    }
    let name = before.len() > 2 && before.starts_with(char::is_uppercase);
    (name && here.core().len() > 1).then(|| {
        Reading::one(match number {
            2 => "the 2nd".into(),
            3 => "the 3rd".into(),
            number => format!("the {number}th"),
        })
    })
}

/// French "XXe siècle", Spanish "siglo XIX".
fn century(here: &Here<'_>) -> Option<String> {
    let roman = match here.lexicon.code {
        "fr" => here.core().strip_suffix("ème").or_else(|| here.core().strip_suffix('e'))?,
        "es" if here.previous() == "siglo" => here.core(),
        _ => return None,
    };
    let number = ROMAN.iter().position(|known| *known == roman)? + 1;
    let number = u32::try_from(number).ok()?;
    Some(match here.lexicon.code {
        "fr" if number > 1 => ordinal::french(number),
        "fr" => return None,
        _ => number.to_string(),
    })
}
