//! Years before 2000, said in two halves.

use super::number::all_digits;
use super::token::{Here, Reading};
use super::tongue::Lexicon;

/// "1947" as said in a date; `None` if espeak-ng says it correctly.
pub(super) fn said(year: &str, lexicon: &Lexicon) -> Option<String> {
    let century = year.get(..2).filter(|century| ("11"..="19").contains(century))?;
    let rest = year.get(2..).filter(|_| year.len() == 4 && all_digits(year))?;
    match lexicon.code {
        "en" => Some(match rest.strip_prefix('0') {
            Some("0") => format!("{century} hundred"),
            Some(last) => format!("{century} oh {last}"),
            None => format!("{century} {rest}"),
        }),
        "de" if rest == "00" => Some(format!("{century} hundert")),
        "de" => Some(format!("{century} hundert {}", rest.trim_start_matches('0'))),
        _ => None,
    }
}

/// "in 1984", "the 1990s".
pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    const BEFORE: [&str; 24] = [
        "in", "since", "year", "from", "until", "to", "by", "of", "before", "after", "around", "between",
        "early", "late", "circa", "till", "about", "year", "jahr", "jahre", "seit", "um", "bis", "von",
    ];
    let core = here.core();
    if !matches!(here.lexicon.code, "en" | "de") {
        return None;
    }
    if let Some(decade) = core.strip_suffix('s').filter(|_| here.lexicon.english) {
        let (century, rest) = decade.split_at_checked(2)?;
        let old = ("11"..="19").contains(&century) && rest.len() == 2 && all_digits(rest);
        let rest = if rest == "00" { "hundreds".to_owned() } else { format!("{rest}s") };
        return old.then(|| Reading::one(format!("{century} {rest}")));
    }
    let previous = here.previous();
    let named = BEFORE.contains(&previous.to_lowercase().as_str())
        || here.lexicon.month(previous).is_some()
        || here.other(-1).is_some_and(|before| before.tail == "," && before.core.len() <= 4);
    // "1500 people" is a count, not a year.
    let counted = here.token().tail.is_empty() && here.next() == "people";
    said(core, here.lexicon).filter(|_| named && !counted).map(Reading::one)
}
