//! Abbreviations: "Dr." before a name, "e.g.", German "z. B.".

use super::letters;
use super::token::{Here, Reading, Token};
use super::tongue::Place;

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    spaced(here).or_else(|| street(here).or_else(|| short(here)).map(Reading::one))
}

/// "z. B.", "d. h.": one abbreviation in two words.
fn spaced(here: &Here<'_>) -> Option<Reading> {
    let token = here.token();
    let next = here.other(1).filter(|next| next.lead.is_empty() && next.is_stopped())?;
    let one = |text: &str| text.chars().count() == 1;
    if !one(&token.core) || !one(&next.core) || token.tail != "." {
        return None;
    }
    let known = here.lexicon.abbreviation(&format!("{}.{}", token.core, next.core))?;
    let (first, rest) = known.long.split_once(' ')?;
    Some(Reading::two(first, rest))
}

/// "Main St.", "Elm Dr.": after a name and not before one.
fn street(here: &Here<'_>) -> Option<String> {
    let long = match here.core() {
        "St" => "Street",
        "Dr" => "Drive",
        _ => return None,
    };
    let before = here.joined_before().filter(|before| before.tail.is_empty() && before.is_capital())?;
    let name = here.joined(1).is_some_and(Token::is_capital);
    // "on Main St. Visit": a capital inside the sentence is the street's name, except in "Mount St. Helens".
    let inside =
        here.other(-2).is_some_and(|earlier| !earlier.pauses() && !earlier.is_stopped() && !before.first);
    let saint = matches!(before.core.as_str(), "Mount" | "Lake" | "Fort" | "Port" | "The");
    (here.lexicon.english && (!name || inside && !saint && here.core() == "St")).then(|| long.to_owned())
}

fn short(here: &Here<'_>) -> Option<String> {
    let token = here.token();
    let core = here.core();
    // Unknown languages get no English expansions.
    let known = here.lexicon.abbreviation(core).filter(|_| !here.lexicon.code.is_empty());
    let Some(known) = known else {
        // "A. R. Jones": a single A is an initial here, not the article.
        let initial = core == "A" && token.is_stopped() && here.next().starts_with(char::is_uppercase);
        return (initial && here.lexicon.english).then(|| letters::apart(core, here.lexicon));
    };
    let next = here.other(1).map_or("", |next| next.core.as_str());
    let fits = match known.place {
        Place::Name => {
            (next.starts_with(char::is_uppercase) || matches!(next, "and" | "&" | "und" | "et" | "y" | "e"))
                && matches!(token.tail.as_str(), "." | "")
        }
        Place::Number => {
            next.starts_with(|c: char| c.is_numeric())
                && (matches!(token.tail.as_str(), "." | ":") || core.ends_with(['°', 'º']))
        }
        // "vs" and the like need no stop; "al" and "Co" do.
        Place::Inside => {
            token.is_stopped() || matches!(core, "vs" | "approx" | "ca" | "bzw" | "etc" | "Mio" | "Mrd")
        }
        Place::Open => token.is_stopped() || matches!(core, "Jr" | "Sr" | "Blvd" | "Ave" | "etc" | "usw"),
    };
    (fits && !known.long.is_empty() && known.long != core).then(|| known.long.to_owned())
}
