//! An amount of money: parsed from one word, and said.

use super::number::{DASHES, leading};
use super::quantity;
use super::token::Here;
use super::tongue::{Currency, Lexicon};
use super::unit;

/// An amount of money written as one word.
#[derive(Debug)]
pub(super) struct Amount<'a> {
    pub(super) currency: &'static Currency,
    /// What is said before the number: "about", "minus".
    pub(super) sign: &'static str,
    pub(super) from: &'a str,
    pub(super) to: Option<&'a str>,
    /// The scale's name after one and after many.
    pub(super) scale: Option<(&'static str, &'static str)>,
    /// "/month".
    pub(super) per: &'a str,
    /// "$5+".
    pub(super) more: bool,
}

pub(super) fn exact(text: &str, lexicon: &'static Lexicon) -> Option<&'static Currency> {
    lexicon.currencies.iter().find(|currency| currency.signs.contains(&text))
}

pub(super) fn parse<'a>(core: &'a str, here: &Here<'_>) -> Option<Amount<'a>> {
    let lexicon = here.lexicon;
    let (sign, rest) = quantity::sign(core, here);
    let begins = |text: &str| {
        let all = lexicon
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
            // "$5-$10": the second number may repeat the sign.
            let again = rest.strip_prefix(DASHES).and_then(begins);
            let number = again.and_then(|(_, sign)| leading(&rest[rest.find(sign)? + sign.len()..]));
            number.map_or((None, rest), |(to, rest)| (Some(to), rest))
        }
        ((to, rest), _) => (to, rest),
    };
    let mut scale = None;
    if let Some((short, one, many)) = lexicon
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

/// A number whose integer part may be missing: ".50".
fn fractional(text: &str) -> Option<(&str, &str)> {
    let Some(after) = text.strip_prefix('.') else { return leading(text) };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| text.split_at(digits + 1))
}

pub(super) fn number(amount: &Amount<'_>, lexicon: &Lexicon) -> String {
    let number = match amount.to {
        Some(to) => format!("{} {} {to}", amount.from, lexicon.to),
        None => amount.from.to_owned(),
    };
    let number = number.strip_prefix('.').map_or_else(|| number.clone(), |rest| format!("0.{rest}"));
    format!("{} {number}", amount.sign).trim_start().to_owned()
}

pub(super) fn currency(amount: &Amount<'_>, many: bool, describes: bool) -> &'static str {
    if describes || !many { amount.currency.one } else { amount.currency.many }
}

/// "million dollars", "millions de dollars".
pub(super) fn scaled(scale: &str, currency: &str, lexicon: &Lexicon) -> String {
    let of = if takes_of(scale) { lexicon.scale_of } else { " " };
    // French: "millions d'euros".
    if of == " de " && lexicon.code == "fr" && currency.starts_with(['e', 'a']) {
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
pub(super) fn takes_of(scale: &str) -> bool {
    !matches!(scale, "mil" | "mille" | "mila")
}

pub(super) fn said(amount: &Amount<'_>, describes: bool, lexicon: &Lexicon) -> String {
    let mut text = match amount.scale {
        Some((one, many)) => {
            let name = currency(amount, true, describes);
            let scale = if amount.from == "1" && amount.to.is_none() { one } else { many };
            let scale = scale.split(' ').next().unwrap_or(scale);
            format!("{} {}", number(amount, lexicon), scaled(scale, name, lexicon))
        }
        None => match cents(amount) {
            Some((whole, part)) => with_cents(amount, whole, part, describes, lexicon),
            None => {
                let one = amount.to.is_none() && amount.from == "1";
                format!("{} {}", number(amount, lexicon), currency(amount, !one, describes))
            }
        },
    };
    if amount.more {
        text = format!("{text} {}", lexicon.or_more);
    }
    if !amount.per.is_empty() {
        let each = if lexicon.each.is_empty() { lexicon.per } else { lexicon.each };
        let per = unit::divisor(amount.per, lexicon).unwrap_or_else(|| amount.per.to_owned());
        let an = lexicon.english && per.starts_with(['a', 'e', 'i', 'o']) || per.starts_with("hour");
        text = format!("{text} {each}{} {per}", if an && lexicon.english { "n" } else { "" });
    }
    text
}

/// The whole part and the cents of an amount with two decimals.
fn cents<'a>(amount: &Amount<'a>) -> Option<(&'a str, &'a str)> {
    let (whole, part) = amount.from.rsplit_once(['.', ','])?;
    (part.len() == 2 && amount.to.is_none() && !amount.currency.cents.is_empty()).then_some((whole, part))
}

fn with_cents(amount: &Amount<'_>, whole: &str, part: &str, describes: bool, lexicon: &Lexicon) -> String {
    let Currency { cent, cents, .. } = *amount.currency;
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_start_matches('0'));
    let coins = if part == "1" { cent } else { cents };
    let text = match (whole, part) {
        ("", "") => format!("0 {}", amount.currency.many),
        ("", part) => format!("{part} {coins}"),
        (whole, "") => format!("{whole} {}", currency(amount, whole != "1", describes)),
        (whole, part) => {
            let currency = currency(amount, whole != "1", false);
            // Only English says "cents" after the whole amount.
            let coins = if lexicon.english { format!(" {coins}") } else { String::new() };
            format!("{whole} {currency}{}{part}{coins}", lexicon.and_cents)
        }
    };
    format!("{} {text}", amount.sign).trim_start().to_owned()
}
