//! Splits a text into clauses, which end in punctuation that espeak-ng would drop, and parts, each spoken in one run and sent
//! as soon as it is ready. Pure; all ranges are bytes of the request's text and cover it without gaps or overlaps.
//!
//! The text is already normalised: the caller has spelled out abbreviations and dates, so a full stop before a space ends a
//! sentence, or a clause if a word in lower case follows.

use std::ops::Range;

/// Shortest part, in characters: a shorter one would sound clipped and joins its neighbour.
const SHORTEST_PART: usize = 12;
/// Longest first part, in characters: the listener is waiting for it.
const LONGEST_FIRST_PART: usize = 100;
/// Longest later part, in characters: a longer sentence is split at its commas.
const LONGEST_PART: usize = 200;
/// Longest clause, in characters: without commas it is split between words.
const LONGEST_CLAUSE: usize = 240;

/// Text up to and including its punctuation and the white space after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    /// Bytes of the request's text.
    pub(crate) range: Range<usize>,
    /// The punctuation that Piper speaks, one of `, . ? ! ; :`.
    pub(crate) mark: Option<char>,
    sentence: bool,
}

/// Clauses spoken in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Bytes of the request's text.
    pub(crate) range: Range<usize>,
    /// Clauses in order, at least one of them with a letter or a digit; or none at all.
    pub(crate) clauses: Vec<Clause>,
}

/// The parts of a text, at least one. Only a text without letters and digits yields a part without clauses.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open: Vec<Clause> = Vec::new();
    let length = |clauses: &[Clause]| -> usize {
        clauses.iter().map(|clause| text[clause.range.clone()].trim_end().chars().count()).sum()
    };
    for clause in clauses(text) {
        let limit = if parts.is_empty() { LONGEST_FIRST_PART } else { LONGEST_PART };
        let so_far = length(&open);
        if so_far >= SHORTEST_PART && so_far + length(std::slice::from_ref(&clause)) > limit {
            close(text, &mut parts, &mut open);
        }
        let sentence = clause.sentence;
        open.push(clause);
        if sentence && length(&open) >= SHORTEST_PART {
            close(text, &mut parts, &mut open);
        }
    }
    // The rest is short, or a sentence without a full stop.
    match parts.last_mut() {
        Some(last) if !open.is_empty() && length(&open) < SHORTEST_PART => {
            last.range.end = text.len();
            last.clauses.append(&mut open);
        }
        _ => close(text, &mut parts, &mut open),
    }
    if parts.is_empty() {
        parts.push(Part { range: 0..text.len(), clauses: Vec::new() });
    }
    // Symbols before the first and after the last word are in no clause that can be spoken.
    parts[0].range.start = 0;
    let last = parts.len() - 1;
    parts[last].range.end = text.len();
    parts
}

/// Ends a part, unless it has nothing to speak: then the next clause joins it.
fn close(text: &str, parts: &mut Vec<Part>, open: &mut Vec<Clause>) {
    let (Some(first), Some(last)) = (open.first(), open.last()) else { return };
    let range = first.range.start..last.range.end;
    if text[range.clone()].chars().any(char::is_alphanumeric) {
        parts.push(Part { range, clauses: std::mem::take(open) });
    }
}

/// The clauses of a text, without gaps.
fn clauses(text: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let Some(stop) = stop_at(text, at, c) else {
            at += c.len_utf8();
            continue;
        };
        at = after_space(text, stop.end);
        push(text, &mut clauses, Clause { range: start..at, mark: Some(stop.mark), sentence: stop.sentence });
        start = at;
    }
    if start < text.len() {
        push(text, &mut clauses, Clause { range: start..text.len(), mark: None, sentence: false });
    }
    clauses
}

/// Adds a clause, split between words if it is too long.
fn push(text: &str, clauses: &mut Vec<Clause>, mut clause: Clause) {
    loop {
        let rest = &text[clause.range.clone()];
        let Some((limit, _)) = rest.trim_end().char_indices().nth(LONGEST_CLAUSE) else { break };
        let space = rest[..limit].char_indices().rev().find(|&(at, c)| at > 0 && c.is_whitespace());
        let cut = clause.range.start + space.map_or(limit, |(at, c)| at + c.len_utf8());
        clauses.push(Clause { range: clause.range.start..cut, mark: None, sentence: false });
        clause.range.start = cut;
    }
    clauses.push(clause);
}

struct Stop {
    /// The position after the punctuation and its closing quotes.
    end: usize,
    mark: char,
    sentence: bool,
}

/// The end of the clause, if the character `c` at `at` ends one.
fn stop_at(text: &str, at: usize, c: char) -> Option<Stop> {
    let before = text[..at].chars().next_back();
    match c {
        '\n' | '\r' => Some(Stop { end: at + 1, mark: '.', sentence: true }),
        '。' | '！' | '？' | '，' | '、' | '；' | '：' | '।' | '؟' | '،' | '؛' => {
            let mark = match c {
                '。' | '।' => '.',
                '！' => '!',
                '？' | '؟' => '?',
                '；' | '؛' => ';',
                '：' => ':',
                _ => ',',
            };
            Some(Stop { end: at + c.len_utf8(), mark, sentence: matches!(mark, '.' | '!' | '?') })
        }
        '—' => Some(Stop { end: at + c.len_utf8(), mark: ',', sentence: false }),
        '-' | '–' if before.is_some_and(char::is_whitespace) => {
            let after = text[at..].trim_start_matches(['-', '–']);
            after.starts_with(char::is_whitespace).then(|| Stop {
                end: text.len() - after.len(),
                mark: ',',
                sentence: false,
            })
        }
        '.' | '?' | '!' | ',' | ';' | ':' | '…' => stop_of_marks(text, at, c),
        _ => None,
    }
}

/// The end of the clause, if the marks that begin with `c` at `at` end one.
fn stop_of_marks(text: &str, at: usize, c: char) -> Option<Stop> {
    let marks = text[at..].len() - text[at..].trim_start_matches(['.', '?', '!', ',', ';', ':', '…']).len();
    let marks = &text[at..at + marks];
    let rest =
        text[at + marks.len()..].trim_start_matches(['"', '\'', '”', '’', ')', ']', '}', '»', '*', '_']);
    // No clause ends in "3.14", "10:30", "1,234" and "visavis.dev", but one does in "wait...what".
    if !(rest.is_empty()
        || rest.starts_with(char::is_whitespace)
        || marks.contains("..")
        || marks.contains('…'))
    {
        return None;
    }
    let end = text.len() - rest.len();
    let mark = ['?', '!'].into_iter().find(|&mark| marks.contains(mark)).unwrap_or(match c {
        '…' => '.',
        c => c,
    });
    if mark != '.' {
        return Some(Stop { end, mark, sentence: matches!(mark, '?' | '!') });
    }
    let next = rest.trim_start().chars().find(|c| c.is_alphanumeric());
    // "Well... maybe" hesitates and "Inc. in" goes on: no sentence begins in lower case.
    let sentence = !next.is_some_and(char::is_lowercase);
    Some(Stop { end, mark: if sentence { '.' } else { ',' }, sentence })
}

fn after_space(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start().len()
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
