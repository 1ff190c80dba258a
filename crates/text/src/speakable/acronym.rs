//! Capitals: acronyms that espeak-ng would read as words, text written in capitals, and US states.

use super::letters;
use super::token::{Here, Reading, Token};

/// Words in capitals that make a text shouted.
const SHOUTED: usize = 3;

const STATES: [(&str, &str); 50] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

/// Whether most words are written in capitals and are not just acronyms.
pub(super) fn is_shouted(tokens: &[Token<'_>]) -> bool {
    let words = tokens.iter().filter(|token| token.core.chars().filter(|c| c.is_alphabetic()).count() > 1);
    let (mut all, mut capitals, mut long) = (0, 0, 0);
    for token in words {
        all += 1;
        let upper = !token.core.chars().any(char::is_lowercase)
            && token.core.chars().all(|c| c.is_alphabetic() || "'’-".contains(c));
        capitals += usize::from(upper);
        long += usize::from(upper && (token.core.len() > 5 || COMMON.contains(&token.core.as_str())));
    }
    capitals >= SHOUTED && capitals * 4 >= all * 3 && long > 0 || capitals == 2 && all == 2 && long > 0
}

/// Words in capitals that are not acronyms.
const COMMON: [&str; 40] = [
    "THE", "AND", "NOT", "YOU", "IS", "ARE", "TO", "OF", "THIS", "THAT", "IF", "WE", "DO", "STOP", "NO",
    "YES", "TELL", "WHAT", "WHY", "HOW", "PLEASE", "GO", "NOW", "HELP", "ME", "MY", "YOUR", "IN", "ON",
    "FOR", "WITH", "ALL", "DIE", "DAS", "UND", "NICHT", "LE", "LES", "EL", "IL",
];

/// Whether a word is a state or its code; it may be the last word of the name.
pub(super) fn is_state(word: &str) -> bool {
    STATES.iter().any(|(code, name)| *code == word || *name == word || name.ends_with(word) && word.len() > 4)
}

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if here.lexicon.english
        && let Some(state) = state(here)
    {
        return Some(Reading::one(state));
    }
    let letters = core.chars().all(|c| c.is_alphabetic() && c.is_uppercase());
    if here.shouting
        && core.chars().count() > 1
        && !core.chars().any(char::is_lowercase)
        && core.chars().all(|c| c.is_alphabetic() || "'’-".contains(c))
    {
        let vowel = core.chars().any(|c| "AEIOUYÄÖÜÉÈÀÁÍÓÚ".contains(c));
        return vowel.then(|| Reading::one(core.to_lowercase()));
    }
    // "FAQs", "LEDs".
    let (stem, plural) = match core.strip_suffix('s') {
        Some(stem) if stem.len() > 1 => (stem, "s"),
        _ => (core, ""),
    };
    if here.lexicon.spelled.contains(&stem) && stem.len() > 1
        || here.lexicon.english && letters && is_who(here)
    {
        let plural = if plural.is_empty() { "" } else { "'s" };
        return Some(Reading::one(letters::together(stem, here.lexicon) + plural));
    }
    None
}

/// "CA 90210", "Springfield, IL".
fn state(here: &Here<'_>) -> Option<String> {
    let (_, name) = STATES.iter().find(|(code, _)| *code == here.core())?;
    let zip = here
        .joined(1)
        .is_some_and(|next| next.core.len() == 5 && next.core.bytes().all(|byte| byte.is_ascii_digit()));
    let town = here
        .other(-1)
        .is_some_and(|before| before.tail == "," && before.core.starts_with(char::is_uppercase));
    (zip || town && !here.shouting).then(|| (*name).to_owned())
}

/// "the WHO", "WHO says": the organisation, not the question word.
fn is_who(here: &Here<'_>) -> bool {
    const ASKS: [&str; 16] = [
        "is", "are", "was", "were", "did", "does", "do", "has", "have", "will", "would", "can", "could",
        "the", "am", "else",
    ];
    if here.core() != "WHO" {
        return false;
    }
    let named = matches!(here.previous().to_lowercase().as_str(), "the" | "by" | "from" | "of");
    let says = here.at == 0 && here.joined(1).is_some_and(|next| !ASKS.contains(&next.core.as_str()));
    let asked = here.tokens.last().is_some_and(|last| last.tail.contains('?'));
    named || says && !asked
}
