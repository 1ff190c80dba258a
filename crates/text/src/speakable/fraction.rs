//! Fractions and ratios: "3/8", "1½", "16:9". "4/10" is a date unless the context says otherwise.

use super::date;
use super::number::{all_digits, is_number, small};
use super::token::{Here, Reading};
use super::tongue::Lexicon;

/// Common denominators.
const USUAL: [u32; 9] = [2, 3, 4, 5, 6, 8, 16, 32, 64];

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if let Some(said) = vulgar(here) {
        return Some(Reading::one(said));
    }
    if let Some((a, b)) = core.split_once(':') {
        let ratio = small(a, 4).is_some() && small(b, 4).is_some();
        return ratio.then(|| Reading::one(format!("{a} {} {b}", here.lexicon.ratio)));
    }
    let (a, b) = core.split_once('/')?;
    if here.lexicon.parts.is_empty() || !is_number(a) || !is_number(b) {
        return None;
    }
    let over = || format!("{a} {} {b}", if here.lexicon.english { "over" } else { here.lexicon.over });
    let (Some(top), Some(bottom)) = (small(a, 4), small(b, 4)) else { return Some(Reading::one(over())) };
    let fraction = top < bottom && USUAL.contains(&bottom) && !a.starts_with('0') && !b.starts_with('0');
    let rated =
        ["rated", "rating", "score", "scored", "got"].contains(&here.previous().to_lowercase().as_str());
    let cued = date::is_cued(here);
    if (!fraction || cued)
        && !rated
        && let Some(said) = date::short(top, bottom, here)
    {
        return Some(Reading::one(said));
    }
    let english = here.lexicon.english;
    if rated || english && !fraction && top < bottom && bottom == 10 {
        return Some(Reading::one(if english {
            format!("{a} out of {b}")
        } else {
            format!("{a} {} {b}", here.lexicon.ratio)
        }));
    }
    let said = name(top, bottom, here.lexicon).unwrap_or_else(over);
    let whole = here.joined_before().is_some_and(|before| all_digits(&before.core) && before.tail.is_empty());
    Some(Reading::one(if whole { format!("{} {said}", here.lexicon.and) } else { said }))
}

/// "½", "1½", "2¾".
fn vulgar(here: &Here<'_>) -> Option<String> {
    let core = here.core();
    let last = core.chars().next_back()?;
    let (top, bottom) = match last {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        _ => return None,
    };
    let whole = &core[..core.len() - last.len_utf8()];
    let said = name(top, bottom, here.lexicon)?;
    let half = if here.lexicon.english && bottom == 2 { "a half" } else { said.as_str() };
    match whole {
        "" if all_digits(here.previous()) && here.joined_before().is_some() => {
            Some(format!("{} {half}", here.lexicon.and))
        }
        "" => Some(said),
        whole if all_digits(whole) => Some(format!("{whole} {} {half}", here.lexicon.and)),
        _ => None,
    }
}

/// "3 eighths"; `None` if the language has no short name for the fraction.
fn name(top: u32, bottom: u32, lexicon: &Lexicon) -> Option<String> {
    let written = format!("{top}/{bottom}");
    if let Some((_, said)) = lexicon.fractions.iter().find(|(short, _)| *short == written) {
        return Some((*said).to_owned());
    }
    let (one, many) = match bottom {
        2..=10 => *lexicon.parts.get(bottom as usize - 2)?,
        16 if lexicon.english => ("sixteenth", "sixteenths"),
        32 if lexicon.english => ("thirty-second", "thirty-seconds"),
        64 if lexicon.english => ("sixty-fourth", "sixty-fourths"),
        100 if lexicon.english => ("hundredth", "hundredths"),
        _ => return None,
    };
    Some(if top == 1 { format!("1 {one}") } else { format!("{top} {many}") })
}
