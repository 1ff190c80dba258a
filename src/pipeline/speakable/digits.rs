//! Numbers that are names: telephone, card and order numbers, codes. They are said digit by digit, in groups.

use super::tongue::Tongue;
use super::{Bare, Said, Word, all_digits};

/// From so many digits on, a number without thousands separators is no amount.
const LONG: usize = 7;
/// How far before a number stands what it is the number of.
const REACH: usize = 4;

/// Numbers that are written in groups, as several words: "555 0199", "4111 1111 1111 1111".
pub(super) fn long_numbers(words: &[Bare], tongue: &Tongue) -> Vec<Option<Said>> {
    let mut said = vec![None; words.len()];
    let mut at = 0;
    while at < words.len() {
        let run = words[at..].iter().position(|word| !is_group(word)).unwrap_or(words.len() - at);
        // Punctuation ends the number.
        let ended = words[at..at + run].iter().position(|word| !word.tail.trim_end_matches(')').is_empty());
        let run = ended.map_or(run, |ended| ended + 1);
        if run > 1 && is_name(&words[at..at + run], words, at, tongue) {
            for (index, word) in words[at..at + run].iter().enumerate() {
                let mut text = spelled(&word.core, tongue);
                if index + 1 < run {
                    text.push(',');
                }
                said[at + index] = Some(text.into());
            }
        }
        at += run.max(1);
    }
    said
}

fn is_group(word: &Bare) -> bool {
    let core = word.core.strip_prefix('+').unwrap_or(&word.core);
    core.len() > 1
        && core.split(['-', '/']).all(all_digits)
        && digits(core) <= 8
        && matches!(word.lead.as_str(), "" | "(")
}

/// Whether groups of digits are one long number, and no amount with spaces between its thousands.
fn is_name(run: &[Bare], words: &[Bare], at: usize, tongue: &Tongue) -> bool {
    let total: usize = run.iter().map(|word| digits(&word.core)).sum();
    let first = &run[0];
    let plain = run.iter().all(|word| all_digits(&word.core));
    let thousands = plain && first.core.len() <= 3 && run[1..].iter().all(|word| word.core.len() == 3);
    let marked = first.core.starts_with(['0', '+']) || first.lead == "(" || tongue.cues(words, at, REACH);
    let telephone = run.len() == 2 && first.core.len() == 3 && run[1].core.len() == 4;
    total >= LONG && (marked || telephone || total >= LONG + 2 && !thousands)
}

/// A number in one word: long, with a leading zero, after "code" and the like, or in groups with hyphens.
pub(super) fn say(word: &Word<'_>, tongue: &Tongue) -> Option<Said> {
    let core = word.core.strip_prefix('+').unwrap_or(word.core);
    if all_digits(core) {
        // Not the thousands of "1 200 000".
        let thousands = core.len() == 3 && all_digits(word.previous());
        let zero = core.len() > 1 && core.starts_with('0') && !thousands;
        let cued = core.len() > 2 && tongue.cues(word.before, word.before.len(), REACH);
        return (core.len() >= LONG || zero || cued || core != word.core && core.len() > 4)
            .then(|| spelled(word.core, tongue).into());
    }
    let parts: Vec<&str> = core.split(['-', '.', '/', '(', ')']).filter(|part| !part.is_empty()).collect();
    let number = parts.len() > 1 && parts.iter().all(|part| all_digits(part)) && !core.contains("--");
    let total = digits(core);
    let shortest = parts.iter().map(|part| part.len()).min().unwrap_or(0);
    let looks =
        number && core.contains('-') && (parts.len() > 2 || parts[0].len() != parts[parts.len() - 1].len());
    // "3-5" and "2020-2021" are ranges, "2026-11-21" is a date.
    let date = super::numbers::date(core, tongue).is_some();
    (looks && total >= LONG && shortest > 1 && !date).then(|| spelled(word.core, tongue).into())
}

/// The digits one by one, in the groups that are there, or in groups that can be remembered.
fn spelled(core: &str, tongue: &Tongue) -> String {
    let plus = core.starts_with('+');
    let groups = core.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let groups: Vec<String> = groups.flat_map(grouped).collect();
    let text = groups.join(", ");
    if plus { format!("{} {text}", tongue.plus) } else { text }
}

fn grouped(digits: &str) -> Vec<String> {
    let size = match digits.len() {
        0..=5 => digits.len(),
        length if length % 4 == 0 && length > 8 => 4,
        8 => 4,
        _ => 3,
    };
    let chars: Vec<char> = digits.chars().collect();
    let mut groups: Vec<Vec<char>> = chars.chunks(size.max(1)).map(<[char]>::to_vec).collect();
    // No digit stands alone at the end.
    if groups.len() > 1 && groups.last().is_some_and(|last| last.len() == 1) {
        let last = groups.pop().unwrap_or_default();
        if let Some(end) = groups.last_mut() {
            end.extend(last);
        }
    }
    groups.iter().map(|group| group.iter().map(char::to_string).collect::<Vec<_>>().join(" ")).collect()
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}
