//! Money: "$12.50", "€3bn", "$1-2 million", "5 €", "39.99 EUR", "CHF 12", "$5/month", "$5+".

use super::number::{DASHES, leading};
use super::quantity;
use super::token::{Here, Reading};
use super::tongue::{Currency, Tongue};
use super::unit;

/// An amount of a currency in one word.
#[derive(Debug)]
struct Amount<'a> {
    currency: &'static Currency,
    /// What stands before the number: "about", "minus".
    sign: &'static str,
    from: &'a str,
    to: Option<&'a str>,
    /// What a scale is called after one and after many.
    scale: Option<(&'static str, &'static str)>,
    /// "/month".
    per: &'a str,
    /// "$5+".
    more: bool,
}

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    attached(here).or_else(|| apart(here)).or_else(|| after_scale(here))
}

/// The currency and the number in one word; a scale may follow: "$1.4 billion loan".
fn attached(here: &Here<'_>) -> Option<Reading> {
    if let Some(both) = scaled_range(here) {
        return Some(both);
    }
    let amount = parse(here.core(), here)?;
    let scale = here.joined(1).filter(|next| {
        here.token().tail.is_empty() && amount.scale.is_none() && is_scale(&next.core, here.tongue)
    });
    let Some(scale) = scale else {
        return Some(Reading::one(said(&amount, describes(here, 0), here.tongue)));
    };
    let described = Here { at: here.at + 1, ..*here };
    let name = currency(&amount, true, describes(&described, 1));
    let number = number(&amount, here.tongue);
    Some(Reading::two(number, scaled(&scale.core, name, here.tongue)))
}

/// "$3k-$5k": two whole amounts.
fn scaled_range(here: &Here<'_>) -> Option<Reading> {
    let (from, to) = here.core().split_once(DASHES)?;
    let (from, to) = (parse(from, here)?, parse(to, here)?);
    from.scale?;
    let said = |amount| said(amount, false, here.tongue);
    Some(Reading::one(format!("{} {} {}", said(&from), here.tongue.to, said(&to))))
}

/// The currency in a word of its own: "CHF 12", "5 €", "39.99 EUR".
fn apart(here: &Here<'_>) -> Option<Reading> {
    let abbreviated = matches!(here.core(), "Rs") && here.token().tail == ".";
    let next = here.joined(1).filter(|_| here.token().tail.is_empty() || abbreviated)?;
    let tongue = here.tongue;
    if let Some(currency) = exact(here.core(), tongue) {
        let (number, rest) = leading(&next.core)?;
        if !rest.is_empty() {
            return None;
        }
        let whole = Amount { currency, sign: "", from: number, to: None, scale: None, per: "", more: false };
        if let Some(scale) =
            here.joined(2).filter(|scale| next.tail.is_empty() && is_scale(&scale.core, tongue))
        {
            let said = scaled(&scale.core, currency.many, tongue);
            let (scale, currency) = said.split_once(' ').unwrap_or((&said, ""));
            return Some(Reading(vec![number.to_owned(), scale.to_owned(), currency.to_owned()]));
        }
        return Some(last_apart(&said(&whole, false, tongue)));
    }
    let (sign, number) = quantity::sign(here.core(), here);
    let (from, rest) = leading(number)?;
    let (to, rest) = quantity::second(rest);
    let (code, per) = next.core.split_once('/').unwrap_or((&next.core, ""));
    // "3 M€".
    let scale = tongue
        .scales
        .iter()
        .find(|(short, ..)| code.strip_prefix(short).is_some_and(|rest| exact(rest, tongue).is_some()));
    let sign_of = &code[scale.map_or(0, |(short, ..)| short.len())..];
    let scale = scale.map(|(_, one, many)| (*one, *many));
    let currency = exact(sign_of, tongue).filter(|_| rest.is_empty())?;
    let described = Here { at: here.at + 1, ..*here };
    let whole = Amount { currency, sign, from, to, scale, per, more: false };
    Some(last_apart(&said(&whole, describes(&described, 1), tongue)))
}

/// "5 million EUR": the currency after a scale.
fn after_scale(here: &Here<'_>) -> Option<Reading> {
    let before = here.joined_before().filter(|before| is_scale(&before.core, here.tongue))?;
    let currency = exact(here.core(), here.tongue)?;
    let of = if takes_of(&before.core) { here.tongue.scale_of.trim_start() } else { "" };
    Some(Reading::one(format!("{of}{}", currency.many).trim().to_owned()))
}

/// Two words for the written two: all but the last one, and the last.
fn last_apart(said: &str) -> Reading {
    let (first, last) = said.rsplit_once(' ').unwrap_or((said, ""));
    Reading::two(first, last)
}

fn exact(text: &str, tongue: &'static Tongue) -> Option<&'static Currency> {
    tongue.currencies.iter().find(|currency| currency.signs.contains(&text))
}

fn parse<'a>(core: &'a str, here: &Here<'_>) -> Option<Amount<'a>> {
    let tongue = here.tongue;
    let (sign, rest) = quantity::sign(core, here);
    let begins = |text: &str| {
        let all = tongue
            .currencies
            .iter()
            .flat_map(|currency| currency.signs.iter().map(move |sign| (currency, *sign)));
        all.filter(|(_, sign)| text.starts_with(sign)).max_by_key(|(_, sign)| sign.len())
    };
    let (before, rest) =
        begins(rest).map_or((None, rest), |(currency, sign)| (Some(currency), &rest[sign.len()..]));
    // "$-5".
    let (sign, rest) =
        if before.is_some() && sign.is_empty() { quantity::sign(rest, here) } else { (sign, rest) };
    let (from, rest) = fractional(rest)?;
    let (to, mut rest) = match (quantity::second(rest), before) {
        ((None, _), Some(_)) => {
            // "$5-$10": the second number may have the sign as well.
            let again = rest.strip_prefix(DASHES).and_then(begins);
            let number = again.and_then(|(_, sign)| leading(&rest[rest.find(sign)? + sign.len()..]));
            number.map_or((None, rest), |(to, rest)| (Some(to), rest))
        }
        ((to, rest), _) => (to, rest),
    };
    let mut scale = None;
    if let Some((short, one, many)) = tongue
        .scales
        .iter()
        .filter(|(short, ..)| rest.starts_with(short))
        .max_by_key(|(short, ..)| short.len())
    {
        let after = &rest[short.len()..];
        if before.is_some() && !after.starts_with(char::is_alphabetic) || begins(after).is_some() {
            scale = Some((*one, *many));
            rest = after;
        }
    }
    let (currency, rest) = match before {
        Some(currency) => (currency, rest),
        None => begins(rest).map(|(currency, sign)| (currency, &rest[sign.len()..]))?,
    };
    let (more, rest) = rest.strip_prefix('+').map_or((false, rest), |rest| (true, rest));
    let per = match rest.strip_prefix('/') {
        Some(per) if !per.is_empty() => per,
        _ if rest.is_empty() => "",
        _ => return None,
    };
    Some(Amount { currency, sign, from, to, scale, per, more })
}

/// A number that may lack its whole part: ".50".
fn fractional(text: &str) -> Option<(&str, &str)> {
    let Some(after) = text.strip_prefix('.') else { return leading(text) };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| text.split_at(digits + 1))
}

fn is_scale(word: &str, tongue: &Tongue) -> bool {
    tongue.scale_words.contains(&word)
}

/// "a $5 bill" always describes; without an article only some nouns do: "$1.4 billion loan", but "$5 yesterday".
fn describes(here: &Here<'_>, from: usize) -> bool {
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
    let noun = here.joined(1).filter(|_| here.token().tail.is_empty());
    here.tongue.english
        && (here.describes(from) || noun.is_some_and(|noun| NOUNS.contains(&noun.core.trim_end_matches('s'))))
}

fn number(amount: &Amount<'_>, tongue: &Tongue) -> String {
    let number = match amount.to {
        Some(to) => format!("{} {} {to}", amount.from, tongue.to),
        None => amount.from.to_owned(),
    };
    let number = number.strip_prefix('.').map_or_else(|| number.clone(), |rest| format!("0.{rest}"));
    format!("{} {number}", amount.sign).trim_start().to_owned()
}

fn currency(amount: &Amount<'_>, many: bool, describes: bool) -> &'static str {
    if describes || !many { amount.currency.one } else { amount.currency.many }
}

/// "million dollars", "millions de dollars".
fn scaled(scale: &str, currency: &str, tongue: &Tongue) -> String {
    let of = if takes_of(scale) { tongue.scale_of } else { " " };
    // French and Italian: "millions d'euros".
    if of == " de " && tongue.code == "fr" && currency.starts_with(['e', 'a']) {
        return format!("{scale} d'{currency}");
    }
    let scale = match scale {
        "Mio" => "Millionen",
        "Mrd" => "Milliarden",
        "Tsd" => "Tausend",
        scale => scale,
    };
    format!("{scale}{of}{currency}")
}

/// "mil euros", but "millones de euros".
fn takes_of(scale: &str) -> bool {
    !matches!(scale, "mil" | "mille" | "mila")
}

fn said(amount: &Amount<'_>, describes: bool, tongue: &Tongue) -> String {
    let mut text = match amount.scale {
        Some((one, many)) => {
            let name = currency(amount, true, describes);
            let scale = if amount.from == "1" && amount.to.is_none() { one } else { many };
            let scale = scale.split(' ').next().unwrap_or(scale);
            format!("{} {}", number(amount, tongue), scaled(scale, name, tongue))
        }
        None => match cents(amount) {
            Some((whole, part)) => with_cents(amount, whole, part, describes, tongue),
            None => {
                let one = amount.to.is_none() && amount.from == "1";
                format!("{} {}", number(amount, tongue), currency(amount, !one, describes))
            }
        },
    };
    if amount.more {
        text = format!("{text} {}", tongue.or_more);
    }
    if !amount.per.is_empty() {
        let each = if tongue.each.is_empty() { tongue.per } else { tongue.each };
        let per = unit::divisor(amount.per, tongue).unwrap_or_else(|| amount.per.to_owned());
        let an = tongue.english && per.starts_with(['a', 'e', 'i', 'o']) || per.starts_with("hour");
        text = format!("{text} {each}{} {per}", if an && tongue.english { "n" } else { "" });
    }
    text
}

/// The whole part and the cents of an amount with two decimals.
fn cents<'a>(amount: &Amount<'a>) -> Option<(&'a str, &'a str)> {
    let (whole, part) = amount.from.rsplit_once(['.', ','])?;
    (part.len() == 2 && amount.to.is_none() && !amount.currency.cents.is_empty()).then_some((whole, part))
}

fn with_cents(amount: &Amount<'_>, whole: &str, part: &str, describes: bool, tongue: &Tongue) -> String {
    let Currency { cent, cents, .. } = *amount.currency;
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_start_matches('0'));
    let coins = if part == "1" { cent } else { cents };
    let text = match (whole, part) {
        ("", "") => format!("0 {}", amount.currency.many),
        ("", part) => format!("{part} {coins}"),
        (whole, "") => format!("{whole} {}", currency(amount, whole != "1", describes)),
        (whole, part) => {
            let currency = currency(amount, whole != "1", false);
            // Only English names the cents after the whole.
            let coins = if tongue.english { format!(" {coins}") } else { String::new() };
            format!("{whole} {currency}{}{part}{coins}", tongue.and_cents)
        }
    };
    format!("{} {text}", amount.sign).trim_start().to_owned()
}
