//! Money: "$12.50", "€3bn", "$1-2 million", "5 €", "39.99 EUR", "CHF 12", "$5/month", "$5+".

use super::amount::{Amount, currency, exact, number, parse, said, scaled, takes_of};
use super::number::{DASHES, leading};
use super::quantity;
use super::token::{Here, Reading};
use super::tongue::Lexicon;

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    attached(here).or_else(|| apart(here)).or_else(|| after_scale(here))
}

/// Currency and number in one word, perhaps followed by a scale: "$1.4 billion loan".
fn attached(here: &Here<'_>) -> Option<Reading> {
    if let Some(both) = scaled_range(here) {
        return Some(both);
    }
    let amount = parse(here.core(), here)?;
    let scale = here.joined(1).filter(|next| {
        here.token().tail.is_empty() && amount.scale.is_none() && is_scale(&next.core, here.lexicon)
    });
    let Some(scale) = scale else {
        return Some(Reading::one(said(&amount, describes(here, 0), here.lexicon)));
    };
    let described = Here { at: here.at + 1, ..*here };
    let name = currency(&amount, true, describes(&described, 1));
    let number = number(&amount, here.lexicon);
    Some(Reading::two(number, scaled(&scale.core, name, here.lexicon)))
}

/// "$3k-$5k": two complete amounts.
fn scaled_range(here: &Here<'_>) -> Option<Reading> {
    let (from, to) = here.core().split_once(DASHES)?;
    let (from, to) = (parse(from, here)?, parse(to, here)?);
    from.scale?;
    let said = |amount| said(amount, false, here.lexicon);
    Some(Reading::one(format!("{} {} {}", said(&from), here.lexicon.to, said(&to))))
}

/// The currency as a separate word: "CHF 12", "5 €", "39.99 EUR".
fn apart(here: &Here<'_>) -> Option<Reading> {
    let abbreviated = matches!(here.core(), "Rs") && here.token().tail == ".";
    let next = here.joined(1).filter(|_| here.token().tail.is_empty() || abbreviated)?;
    let lexicon = here.lexicon;
    if let Some(currency) = exact(here.core(), lexicon) {
        let (number, rest) = leading(&next.core)?;
        if !rest.is_empty() {
            return None;
        }
        let whole = Amount { currency, sign: "", from: number, to: None, scale: None, per: "", more: false };
        if let Some(scale) =
            here.joined(2).filter(|scale| next.tail.is_empty() && is_scale(&scale.core, lexicon))
        {
            let said = scaled(&scale.core, currency.many, lexicon);
            let (scale, currency) = said.split_once(' ').unwrap_or((&said, ""));
            return Some(Reading(vec![number.to_owned(), scale.to_owned(), currency.to_owned()]));
        }
        return Some(last_apart(&said(&whole, false, lexicon)));
    }
    let (sign, number) = quantity::sign(here.core(), here);
    let (from, rest) = leading(number)?;
    let (to, rest) = quantity::second(rest);
    let (code, per) = next.core.split_once('/').unwrap_or((&next.core, ""));
    // "3 M€".
    let scale = lexicon
        .scales
        .iter()
        .find(|(short, ..)| code.strip_prefix(short).is_some_and(|rest| exact(rest, lexicon).is_some()));
    let sign_of = &code[scale.map_or(0, |(short, ..)| short.len())..];
    let scale = scale.map(|(_, one, many)| (*one, *many));
    let currency = exact(sign_of, lexicon).filter(|_| rest.is_empty())?;
    let described = Here { at: here.at + 1, ..*here };
    let whole = Amount { currency, sign, from, to, scale, per, more: false };
    Some(last_apart(&said(&whole, describes(&described, 1), lexicon)))
}

/// "5 million EUR": the currency after a scale.
fn after_scale(here: &Here<'_>) -> Option<Reading> {
    let before = here.joined_before().filter(|before| is_scale(&before.core, here.lexicon))?;
    let currency = exact(here.core(), here.lexicon)?;
    let of = if takes_of(&before.core) { here.lexicon.scale_of.trim_start() } else { "" };
    Some(Reading::one(format!("{of}{}", currency.many).trim().to_owned()))
}

/// Splits off the last spoken word, to assign two texts to the two written words.
fn last_apart(said: &str) -> Reading {
    let (first, last) = said.rsplit_once(' ').unwrap_or((said, ""));
    Reading::two(first, last)
}

fn is_scale(word: &str, lexicon: &Lexicon) -> bool {
    lexicon.scale_words.contains(&word)
}

/// Nouns that an amount before them describes, in the singular.
const NOUNS: &[&str] = &[
    "loan",
    "grant",
    "deal",
    "bill",
    "fine",
    "budget",
    "investment",
    "project",
    "contract",
    "fund",
    "house",
    "home",
    "fee",
    "payment",
    "plan",
    "program",
    "programme",
    "company",
    "business",
    "market",
    "industry",
    "lawsuit",
    "settlement",
    "prize",
    "gift",
    "donation",
    "bond",
    "bonus",
    "ticket",
    "note",
    "mortgage",
    "tax",
    "acquisition",
    "merger",
    "valuation",
    "stake",
    "package",
    "campaign",
    "scheme",
    "facility",
    "debt",
    "question",
    "discount",
    "coupon",
    "voucher",
    "credit",
    "subscription",
    "surplus",
    "deficit",
    "penalty",
    "rebate",
    "upgrade",
];

/// Whether the amount describes the noun after it: always after an article ("a $5 bill"), otherwise only before some nouns:
/// "$1.4 billion loan", but "$5 yesterday".
fn describes(here: &Here<'_>, from: usize) -> bool {
    let noun = here.joined(1).filter(|_| here.token().tail.is_empty());
    here.lexicon.english
        && (here.describes(from) || noun.is_some_and(|noun| NOUNS.contains(&noun.core.trim_end_matches('s'))))
}
