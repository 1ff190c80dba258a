//! Letters said by their names: spelled words, runs of single letters, and "A" unless it is the article.

use super::maths;
use super::token::{Here, Reading, Token};
use super::tongue::Lexicon;

/// Equal letters without a pause: espeak-ng drops the fourth equal word of a clause.
const EQUAL: usize = 3;
/// Longest run of single letters.
const LONGEST: usize = 60;

/// Spells the letters and digits one by one.
pub(super) fn apart(text: &str, lexicon: &Lexicon) -> String {
    let mut out = String::new();
    let mut before = None;
    let mut equal = 0;
    for char in text.chars().filter(|char| char.is_alphanumeric()) {
        equal = if before == Some(char) { equal + 1 } else { 1 };
        before = Some(char);
        if !out.is_empty() {
            let pause = equal > 1 && equal % EQUAL == 1 && !char.is_ascii_digit();
            out.push_str(if pause { ", " } else { " " });
        }
        out += &lexicon.letter(char);
    }
    out
}

/// Spells capitals without pauses, as "N.Y.C": without the dots espeak-ng may read them as a word.
pub(super) fn together(text: &str, lexicon: &Lexicon) -> String {
    let letters: Vec<String> = text.chars().map(String::from).collect();
    if letters.len() < 2 {
        return apart(text, lexicon);
    }
    letters.chunks(EQUAL + 1).map(|chunk| chunk.join(".")).collect::<Vec<_>>().join(" ")
}

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    if let Some(said) = spelled(here.core(), here.lexicon) {
        return Some(Reading::one(said));
    }
    if !is_letter(here.token()) {
        return None;
    }
    let run = here.tokens[here.at..].iter().take(LONGEST).take_while(|token| is_letter(token)).count();
    let run = run.min(ended(&here.tokens[here.at..here.at + run]));
    let equal = run > 1 && here.core() == here.next();
    let one = |token: &Token<'_>| here.lexicon.letter(token.core.chars().next().unwrap_or(' '));
    if run > 2 || equal {
        let tokens = &here.tokens[here.at..here.at + run];
        let mut said: Vec<String> = Vec::with_capacity(run);
        let mut same = 0;
        for (at, token) in tokens.iter().enumerate() {
            same = if at > 0 && tokens[at - 1].core == token.core { same + 1 } else { 1 };
            if same > 1 && same % EQUAL == 1 {
                said[at - 1].push(',');
            }
            said.push(one(token));
        }
        return Some(Reading(said));
    }
    let operand = maths::is_sign(here.next()) && here.joined(1).is_some()
        || maths::is_sign(here.previous()) && here.joined_before().is_some();
    (operand && here.core() != "I" || is_name_of_letter(here)).then(|| Reading::one(one(here.token())))
}

fn is_letter(token: &Token<'_>) -> bool {
    token.core.chars().count() == 1
        && token.core.chars().all(char::is_alphabetic)
        && !token.core.contains('I')
        && matches!(token.lead.as_str(), "" | "(")
}

/// Length of the run up to the first letter followed by punctuation.
fn ended(run: &[Token<'_>]) -> usize {
    run.iter().position(|token| !token.tail.is_empty()).map_or(run.len(), |at| at + 1)
}

/// Words that a letter may follow as a name.
const LETTERED: [&str; 14] = [
    "Vitamin",
    "Plan",
    "Option",
    "Grade",
    "Group",
    "Type",
    "Section",
    "Team",
    "Level",
    "Hepatitis",
    "Gate",
    "Appendix",
    "Exhibit",
    "Class",
];

/// "plan A", "the letter A": a capital A inside a sentence is not the article.
fn is_name_of_letter(here: &Here<'_>) -> bool {
    let Some(before) = here.joined_before() else { return false };
    here.lexicon.english
        && here.core() == "A"
        && before.tail.is_empty()
        && !here.shouting
        && (before.core.starts_with(char::is_lowercase) || LETTERED.contains(&before.core.as_str()))
}

/// "B-E-C-K-E-T-T", with a pause after each letter.
fn spelled(core: &str, lexicon: &Lexicon) -> Option<String> {
    let letters: Vec<&str> = core.split('-').collect();
    let single = |text: &&str| text.chars().count() == 1 && text.chars().all(char::is_alphanumeric);
    if letters.len() < 3 || !letters.iter().all(single) || !core.chars().any(char::is_alphabetic) {
        return None;
    }
    let said: Vec<String> =
        letters.iter().flat_map(|letter| letter.chars()).map(|c| lexicon.letter(c)).collect();
    Some(said.join(", "))
}
