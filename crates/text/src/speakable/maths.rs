//! Signs between words, "a >= b", "10 x 10", and scientific notation: "1.5e-3".

use super::calculation;
use super::number::{is_number, small};
use super::token::{Here, Reading, Token};
use super::tongue::Lexicon;

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if is_sign(core) || core == "," || core == "x" {
        return lone(here).map(Reading::one);
    }
    scientific(core, here.lexicon)
        .or_else(|| function(here))
        .or_else(|| dimensions(core, here.lexicon))
        .or_else(|| calculation::read(here))
        .map(Reading::one)
}

/// Whether a word is only a sign that joins other words.
pub(super) fn is_sign(word: &str) -> bool {
    matches!(
        word,
        "*" | "**"
            | "+"
            | "="
            | "=="
            | "-"
            | "–"
            | "—"
            | "−"
            | "/"
            | "^"
            | "<"
            | ">"
            | "<="
            | ">="
            | "≤"
            | "≥"
            | "≠"
            | "!="
            | "<>"
            | "≈"
            | "~"
            | "×"
            | "÷"
            | "±"
            | "&"
            | "&&"
            | "→"
            | "·"
    )
}

/// Whether a token is an operand: a number, a single letter or a bracket.
fn is_operand(token: &Token<'_>) -> bool {
    let core = token.core.as_str();
    core.chars().count() == 1 && core.chars().all(char::is_alphanumeric)
        || core.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '−' | '$' | '€'))
        || core.ends_with(|c: char| c.is_ascii_digit())
        || token.tail.starts_with(')')
}

/// Reads a sign that is a word of its own.
fn lone(here: &Here<'_>) -> Option<String> {
    let lexicon = here.lexicon;
    let left = here.other(-1).filter(|token| {
        !here.token().first && (token.tail.is_empty() || token.tail == ")") && is_operand(token)
    });
    let right = here.other(1).filter(|token| here.token().tail.is_empty() && is_operand(token));
    let both = left.zip(right);
    let compared = |between: &str, before: &str| if left.is_some() { between } else { before }.to_owned();
    let plain = |token: &Token<'_>| is_number(bare(&token.core)) || token.core.chars().count() == 1;
    let word = here.other(-1).zip(here.other(1)).filter(|_| !here.token().first);
    let said = match here.core() {
        "x" => {
            let numbers = both
                .is_some_and(|(a, b)| is_number(&a.core) && b.core.starts_with(|c: char| c.is_ascii_digit()));
            return numbers.then(|| lexicon.by.to_owned());
        }
        "*" | "·" | "×" | "**" if both.is_some() => {
            if here.core() == "**" { lexicon.power } else { lexicon.times }.to_owned()
        }
        "×" => lexicon.times.into(),
        "÷" => lexicon.over.into(),
        "/" if both.is_some_and(|(a, b)| plain(a) && plain(b)) && !listed(here) => lexicon.over.into(),
        "^" if both.is_some() => lexicon.power.into(),
        "+" => lexicon.plus.into(),
        "±" => lexicon.plus_minus.into(),
        "&" | "&&" => lexicon.and.into(),
        "=" | "==" => lexicon.equals.into(),
        "≠" | "!=" | "<>" => lexicon.compared.unequal.into(),
        "<" if right.is_some() => compared(lexicon.compared.less, lexicon.less),
        ">" if right.is_some() => compared(lexicon.compared.more, lexicon.more),
        "≤" | "<=" => compared(lexicon.compared.at_most, lexicon.at_most),
        "≥" | ">=" => compared(lexicon.compared.at_least, lexicon.at_least),
        "≈" | "~" if lexicon.abouts.contains(&here.previous().to_lowercase().as_str()) => ",".into(),
        "≈" | "~" if right.is_some() => compared(lexicon.compared.about, lexicon.about),
        "-" | "–" | "—" | "−" => match both.filter(|(a, b)| plain(a) && plain(b)) {
            Some((a, b)) => dash(here, a, b),
            None if between_months(here) => lexicon.to.into(),
            None => ",".into(),
        },
        "→" if word.is_some_and(|(a, b)| !a.core.is_empty() && !b.core.is_empty()) => lexicon.to.into(),
        _ => ",".into(),
    };
    Some(said)
}

/// A dash between two numbers: a difference within an equation or if the second is less, otherwise a range.
fn dash(here: &Here<'_>, a: &Token<'_>, b: &Token<'_>) -> String {
    let equation = [-2, 2].into_iter().filter_map(|steps| here.other(steps)).any(|token| {
        matches!(token.core.as_str(), "=" | "+" | "*" | "×" | "^") || token.core.starts_with('=')
    });
    let value = |token: &Token<'_>| bare(&token.core).replace(',', "").parse::<f64>().ok();
    let falls = value(a).zip(value(b)).is_none_or(|(a, b)| a > b);
    let difference = equation || here.core() == "−" || falls && here.core() == "-";
    if difference { here.lexicon.minus } else { here.lexicon.to }.to_owned()
}

/// A number without its currency or percent sign.
fn bare(text: &str) -> &str {
    text.trim_start_matches(['$', '€', '£']).trim_end_matches('%')
}

/// "3 / 5 / 8": a list, not a quotient.
fn listed(here: &Here<'_>) -> bool {
    [-2, 2].into_iter().filter_map(|steps| here.other(steps)).any(|token| token.core == "/")
}

/// "Jan 5 - Feb 10".
fn between_months(here: &Here<'_>) -> bool {
    let day = here.previous().ends_with(|c: char| c.is_ascii_digit())
        || here.lexicon.month(here.previous()).is_some();
    day && here.lexicon.month(here.next()).is_some()
}

/// "f(x)".
fn function(here: &Here<'_>) -> Option<String> {
    let (name, argument) = here.core().split_once('(')?;
    let one = |text: &str| text.chars().count() == 1 && text.chars().all(char::is_alphabetic);
    let letter = |text: &str| text.chars().next().map(|letter| here.lexicon.letter(letter));
    let plain = here.lexicon.english && here.token().tail.starts_with(')') && one(name) && one(argument);
    if plain { Some(format!("{} of {}", letter(name)?, letter(argument)?)) } else { None }
}

/// "1.5e-3", "6.02e23".
fn scientific(core: &str, lexicon: &Lexicon) -> Option<String> {
    let (number, power) = core.split_once(['e', 'E'])?;
    let (minus, power) =
        power.strip_prefix(['-', '−']).map_or((false, power.trim_start_matches('+')), |rest| (true, rest));
    if !is_number(number) || small(power, 3).is_none() {
        return None;
    }
    let power = power.trim_start_matches('0');
    let minus = if minus { format!("{} ", lexicon.minus) } else { String::new() };
    Some(format!("{number} {} 10 {} {minus}{power}", lexicon.times, lexicon.power))
}

/// "4x4", "1920x1080".
fn dimensions(core: &str, lexicon: &Lexicon) -> Option<String> {
    let parts: Vec<&str> = core.split(['x', '×']).collect();
    let sized =
        core.contains('x') && (2..=3).contains(&parts.len()) && parts.iter().all(|part| is_number(part));
    (sized && !core.starts_with("0x")).then(|| parts.join(&format!(" {} ", lexicon.by)))
}
