//! Numbers that are identifiers, said digit by digit in groups: telephone, card and order numbers, zip codes.

use super::number::all_digits;
use super::token::{Here, Reading, Token};
use super::tongue::Lexicon;
use super::{acronym, date};

/// Fewest digits at which a number without thousands separators is an identifier, not an amount.
const LONG: usize = 7;
/// Words before a number that are searched for what it identifies.
const REACH: usize = 4;

/// Numbers written in groups, as several words: "555 0199", "4111 1111 1111 1111".
pub(super) fn groups(here: &Here<'_>) -> Option<Reading> {
    let words = &here.tokens[here.at..];
    // A number has few groups; the rest of a longer run is read when its words are reached.
    let run = words.iter().take(12).take_while(|word| is_group(word)).count();
    // Punctuation ends the number.
    let ended = words[..run].iter().position(|word| !word.tail.trim_end_matches(')').is_empty());
    let run = ended.map_or(run, |ended| ended + 1);
    if run < 2 || !is_identifier(&words[..run], here) {
        return None;
    }
    let said = words[..run].iter().enumerate().map(|(index, word)| {
        let text = spelled(&word.core, here.lexicon);
        if index + 1 < run { text + "," } else { text }
    });
    Some(Reading(said.collect()))
}

fn is_group(word: &Token<'_>) -> bool {
    let core = word.core.strip_prefix('+').unwrap_or(&word.core);
    core.len() > 1
        && core.split(['-', '/']).all(all_digits)
        && digits(core) <= 8
        && matches!(word.lead.as_str(), "" | "(")
}

/// Whether groups of digits are one identifier rather than an amount with spaces between its thousands.
fn is_identifier(run: &[Token<'_>], here: &Here<'_>) -> bool {
    let total: usize = run.iter().map(|word| digits(&word.core)).sum();
    let first = &run[0];
    let plain = run.iter().all(|word| all_digits(&word.core));
    let thousands = plain && first.core.len() <= 3 && run[1..].iter().all(|word| word.core.len() == 3);
    let marked = first.core.starts_with(['0', '+'])
        || first.lead == "("
        || here.lexicon.cues(here.tokens, here.at, REACH);
    let telephone = run.len() == 2 && first.core.len() == 3 && run[1].core.len() == 4;
    total >= LONG && (marked || telephone || total >= LONG + 2 && !thousands)
}

/// An identifier in one word: long, with a leading zero, after a word like "code", or in groups with hyphens or dots.
pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core().strip_prefix('+').unwrap_or(here.core());
    let is_identifier = if all_digits(core) { is_code(core, here) } else { is_grouped(core, here) };
    is_identifier.then(|| Reading::one(spelled(here.core(), here.lexicon)))
}

fn is_code(core: &str, here: &Here<'_>) -> bool {
    // Not the thousands of "1 200 000".
    let thousands = core.len() == 3 && all_digits(here.previous());
    let zero = core.len() > 1 && core.starts_with('0') && !thousands;
    let cued = core.len() > 2 && here.lexicon.cues(here.tokens, here.at, REACH);
    let zip = core.len() == 5 && here.lexicon.english && acronym::is_state(here.previous());
    let long = core.len() >= LONG && !is_count(core, here);
    long || zero || cued || zip || core != here.core() && core.len() > 4
}

/// "1000000 people": a round number, or one that counts something.
fn is_count(core: &str, here: &Here<'_>) -> bool {
    let zeros = core.bytes().rev().take_while(|byte| *byte == b'0').count();
    let counted = here.joined(1).filter(|_| here.token().tail.is_empty()).is_some_and(|next| {
        let word = next.core.as_str();
        let plural = word.len() > 3 && word.ends_with('s') && word.chars().all(char::is_lowercase);
        plural || matches!(word, "people" | "men" | "women" | "children" | "Menschen" | "Leute" | "Einwohner")
    });
    core.len() <= 15 && !core.starts_with('0') && (zeros * 2 >= core.len() || counted && core.len() < 10)
}

fn is_grouped(core: &str, here: &Here<'_>) -> bool {
    let parts: Vec<&str> = core.split(['-', '.', '/', '(', ')']).filter(|part| !part.is_empty()).collect();
    let number = parts.len() > 1 && parts.iter().all(|part| all_digits(part)) && !core.contains("--");
    if !number || digits(core) < LONG || date::is_numeric(core, here) {
        return false;
    }
    let (first, last) = (parts[0].len(), parts[parts.len() - 1].len());
    // "1-800-555-0199": the country code may be one digit.
    let rest = if first == 1 && parts.len() > 2 { &parts[1..] } else { &parts[..] };
    let shortest = rest.iter().map(|part| part.len()).min().unwrap_or(0);
    // "3-5" and "2020-2021" are ranges, "1.200.000" is an amount.
    let hyphens = core.contains('-') && (parts.len() > 2 || first != last);
    let dots = !core.contains(['-', '/', '('])
        && core.contains('.')
        && (parts.len() == 3 && last == 4 || parts.len() > 3 && parts.iter().all(|part| part.len() == 2));
    // "978-3-16-148410-0"
    let many = parts.len() > 3 && digits(core) > LONG + 1 && core.contains('-');
    many || shortest > 1 && (hyphens || dots || core.contains('(') && core.contains(')'))
}

/// The digits one by one, in the written groups, or in groups short enough to remember.
pub(super) fn spelled(core: &str, lexicon: &Lexicon) -> String {
    let plus = core.starts_with('+');
    let groups = core.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let groups: Vec<String> = groups.flat_map(grouped).collect();
    let text = groups.join(", ");
    if plus { format!("{} {text}", lexicon.plus) } else { text }
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
    // A single last digit joins the group before it.
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
