//! Calculations in one word: "3*4", "2^10", "x^2", "5-3=2", "a>=b".

use super::number::{DASHES, all_digits, is_number};
use super::token::{Here, Token};
use super::tongue::Lexicon;

/// Most operands and signs of a calculation.
const LONGEST: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Operand(&'a str),
    Sign(&'a str),
}

pub(super) fn read(here: &Here<'_>) -> Option<String> {
    let parts = parts(here.core());
    let signs = parts.iter().any(|part| matches!(part, Part::Sign(_)));
    let neighbours = [here.joined_before(), here.joined(1)];
    let equation = parts.iter().any(is_strong) || neighbours.into_iter().flatten().any(joins);
    if !signs || !equation || parts.len() > LONGEST {
        return None;
    }
    let mut out: Vec<String> = Vec::new();
    let mut rest = parts.iter().peekable();
    let mut open = true; // an operand must follow
    while let Some(part) = rest.next() {
        match part {
            Part::Operand(text) => {
                if !open || !fits(text, &parts) {
                    return None;
                }
                out.push(operand(text, here.lexicon));
                open = false;
            }
            Part::Sign(sign) => {
                let begins = sign.starts_with(DASHES) || matches!(*sign, "√" | "≥" | "≤" | "≈" | "=");
                if open && !begins {
                    return None;
                }
                let exponent = rest.peek().filter(|_| *sign == "^");
                if let Some(Part::Operand(exponent @ ("2" | "3"))) = exponent {
                    out.push(
                        if *exponent == "2" { here.lexicon.squared } else { here.lexicon.cubed }.to_owned(),
                    );
                    rest.next();
                    open = false;
                } else {
                    out.push(sign_said(sign, open, here.lexicon)?);
                    open = true;
                }
            }
        }
    }
    (!open).then(|| out.join(" "))
}

/// Whether a sign makes the word a calculation rather than a range or a fraction.
fn is_strong(part: &Part<'_>) -> bool {
    matches!(part, Part::Sign(sign) if !sign.starts_with(DASHES) && *sign != "/")
}

/// Whether a neighbouring sign makes the word part of an equation.
fn joins(token: &Token<'_>) -> bool {
    matches!(
        token.core.as_str(),
        "=" | "==" | "+" | "*" | "×" | "^" | "≠" | "≤" | "≥" | "<=" | ">=" | "<" | ">"
    )
}

fn parts(core: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = core;
    let is_operand = |c: char| {
        c.is_alphanumeric() && !matches!(c, '²' | '³') || matches!(c, '.' | ',' | '%' | '$' | '€' | '°')
    };
    while let Some(first) = rest.chars().next() {
        if is_operand(first) {
            let length = rest.find(|c: char| !is_operand(c)).unwrap_or(rest.len());
            parts.push(Part::Operand(&rest[..length]));
            rest = &rest[length..];
        } else if matches!(first, '(' | ')') {
            rest = &rest[1..];
        } else {
            let two = ["**", ">=", "<=", "!=", "==", "~="].into_iter().find(|two| rest.starts_with(two));
            let length = two.map_or(first.len_utf8(), str::len);
            parts.push(Part::Sign(&rest[..length]));
            rest = &rest[length..];
        }
    }
    parts
}

/// Whether an operand may be part of its calculation: words only if all signs are like "=" or "+".
fn fits(text: &str, parts: &[Part<'_>]) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let joining = parts
        .iter()
        .all(|part| matches!(part, Part::Operand(_) | Part::Sign("=" | "+" | "×" | "÷" | "≈" | "≠")));
    let longest = if joining { 40 } else { 2 };
    letters <= longest && text.chars().any(char::is_alphanumeric)
}

fn operand(text: &str, lexicon: &Lexicon) -> String {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if is_number(text) || all_digits(text) || letters == 0 || letters > 2 {
        return text.to_owned();
    }
    // "2a", "mc".
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphabetic() {
            out += &format!(" {} ", lexicon.letter(c));
        } else {
            out.push(c);
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `open`: no operand precedes the sign.
fn sign_said(sign: &str, open: bool, lexicon: &Lexicon) -> Option<String> {
    let said = match sign {
        "*" | "×" | "·" => lexicon.times,
        "**" | "^" => lexicon.power,
        "+" => lexicon.plus,
        "-" | "–" | "−" => lexicon.minus,
        "/" | "÷" => lexicon.over,
        "=" | "==" => lexicon.equals,
        "!=" | "≠" => lexicon.compared.unequal,
        "<=" | "≤" => {
            if open {
                lexicon.at_most
            } else {
                lexicon.compared.at_most
            }
        }
        ">=" | "≥" => {
            if open {
                lexicon.at_least
            } else {
                lexicon.compared.at_least
            }
        }
        "<" => lexicon.compared.less,
        ">" => lexicon.compared.more,
        "≈" | "~=" => {
            if open {
                lexicon.about
            } else {
                lexicon.compared.about
            }
        }
        "√" => lexicon.root,
        "±" => lexicon.plus_minus,
        _ => return None,
    };
    Some(said.to_owned())
}
