//! Calculations in one word: "3*4", "2^10", "x^2", "5-3=2", "a>=b".

use super::number::{DASHES, all_digits, is_number};
use super::token::{Here, Token};
use super::tongue::Tongue;

/// A word of more operands and signs is no calculation.
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
    let mut open = true; // an operand is to come
    while let Some(part) = rest.next() {
        match part {
            Part::Operand(text) => {
                if !open || !fits(text, &parts) {
                    return None;
                }
                out.push(operand(text, here.tongue));
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
                        if *exponent == "2" { here.tongue.squared } else { here.tongue.cubed }.to_owned(),
                    );
                    rest.next();
                    open = false;
                } else {
                    out.push(sign_said(sign, open, here.tongue)?);
                    open = true;
                }
            }
        }
    }
    (!open).then(|| out.join(" "))
}

/// Whether a sign makes a calculation of what could be a range or a fraction otherwise.
fn is_strong(part: &Part<'_>) -> bool {
    matches!(part, Part::Sign(sign) if !sign.starts_with(DASHES) && *sign != "/")
}

/// Whether a sign beside the word makes the word a part of an equation.
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

/// Whether an operand may stand in its calculation: words only where a sign like "=" or "+" joins them.
fn fits(text: &str, parts: &[Part<'_>]) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let joining = parts
        .iter()
        .all(|part| matches!(part, Part::Operand(_) | Part::Sign("=" | "+" | "×" | "÷" | "≈" | "≠")));
    let longest = if joining { 40 } else { 2 };
    letters <= longest && text.chars().any(char::is_alphanumeric)
}

fn operand(text: &str, tongue: &Tongue) -> String {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if is_number(text) || all_digits(text) || letters == 0 || letters > 2 {
        return text.to_owned();
    }
    // "2a", "mc".
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphabetic() {
            out += &format!(" {} ", tongue.letter(c));
        } else {
            out.push(c);
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `open`: no operand stands before the sign.
fn sign_said(sign: &str, open: bool, tongue: &Tongue) -> Option<String> {
    let said = match sign {
        "*" | "×" | "·" => tongue.times,
        "**" | "^" => tongue.power,
        "+" => tongue.plus,
        "-" | "–" | "−" => tongue.minus,
        "/" | "÷" => tongue.over,
        "=" | "==" => tongue.equals,
        "!=" | "≠" => tongue.compared.unequal,
        "<=" | "≤" => {
            if open {
                tongue.at_most
            } else {
                tongue.compared.at_most
            }
        }
        ">=" | "≥" => {
            if open {
                tongue.at_least
            } else {
                tongue.compared.at_least
            }
        }
        "<" => tongue.compared.less,
        ">" => tongue.compared.more,
        "≈" | "~=" => {
            if open {
                tongue.about
            } else {
                tongue.compared.about
            }
        }
        "√" => tongue.root,
        "±" => tongue.plus_minus,
        _ => return None,
    };
    Some(said.to_owned())
}
