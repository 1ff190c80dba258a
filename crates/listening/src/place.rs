//! When each word of a known text is said, by the words that were heard. Pure.
//!
//! A word that was heard as it is written, or nearly, has its time; a word in whose place another was heard has that one's time and is
//! marked; one in whose place nothing was heard is marked and takes the time that its neighbours leave. A number that is digits in one
//! of the two and words in the other is taken for the same, since its reading is not known.

use serde::Serialize;

use crate::gaps::{Time, filled};
use crate::matching::{ALIKE, Pair, matched};
use crate::spoken::{has_digit, said};
use crate::words::Word;

/// The score of a number that was heard in another form.
const IN_OTHER_FORM: f32 = 0.5;

/// A word of a known text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Placed {
    /// The word as it is written.
    #[serde(rename = "word")]
    pub text: String,
    /// Seconds from the beginning of the recording.
    pub start: f64,
    /// The same for its end.
    pub end: f64,
    /// How alike it is to what was heard, from 0 to 1.
    pub score: f32,
    /// It was heard.
    pub matched: bool,
}

/// A word that is said for a written one.
struct Unit {
    /// The index of the written one.
    word: usize,
    time: Time,
}

/// What is known of a word of the text.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    time: Option<Time>,
    score: f32,
    /// The first and the last word that were heard for it.
    heard: Option<(usize, usize)>,
}

impl Found {
    fn is_matched(&self) -> bool {
        self.score >= ALIKE
    }
}

/// Each word of the text with its time.
pub(crate) fn placed(text: &[Word], heard: &[Word], language: &str) -> Vec<Placed> {
    let (own, forms) = units(text, language);
    let (theirs, their_forms) = units(heard, language);
    let pairs = matched(&forms, &their_forms);
    let mut found = vec![Found::default(); text.len()];
    let mut counts = vec![0_usize; text.len()];
    for (unit, pair) in own.iter().zip(pairs) {
        counts[unit.word] += 1;
        if let Some(pair) = pair {
            add(&mut found[unit.word], pair, &theirs[pair.heard]);
        }
    }
    for (found, count) in found.iter_mut().zip(counts) {
        found.score /= count.max(1) as f32;
    }
    numbers(&mut found, text, heard);
    let times = filled(&found.iter().map(|found| found.time).collect::<Vec<_>>(), 0.0);
    let word = |((word, found), Time { start, end }): ((&Word, &Found), Time)| Placed {
        text: word.text.clone(),
        start,
        end,
        score: found.score,
        matched: found.is_matched(),
    };
    text.iter().zip(&found).zip(times).map(word).collect()
}

fn add(found: &mut Found, pair: Pair, unit: &Unit) {
    // What only stands in its place says nothing for it.
    found.score += if pair.likeness >= ALIKE { pair.likeness } else { 0.0 };
    let first = found.time.map_or(unit.time.start, |time| time.start);
    found.time = Some(Time { start: first, end: unit.time.end });
    found.heard = Some((found.heard.map_or(unit.word, |(first, _)| first), unit.word));
}

/// The words that are said for these, each with its share of the written word's time; and their forms.
fn units(words: &[Word], language: &str) -> (Vec<Unit>, Vec<String>) {
    let (mut units, mut forms) = (Vec::new(), Vec::new());
    for (index, word) in words.iter().enumerate() {
        let said = said(&word.text, language);
        let share = (word.end - word.start) / said.len().max(1) as f64;
        for (at, form) in said.into_iter().enumerate() {
            let start = word.start + share * at as f64;
            units.push(Unit { word: index, time: Time { start, end: start + share } });
            forms.push(form);
        }
    }
    (units, forms)
}

/// Gives numbers the time of what was heard between their neighbours, if one of the two is digits and the other is not.
fn numbers(found: &mut [Found], text: &[Word], heard: &[Word]) {
    let mut at = 0;
    while at < found.len() {
        let length = found[at..].iter().take_while(|found| !found.is_matched()).count();
        let run = at..at + length;
        at += length.max(1);
        let before = run.start.checked_sub(1).and_then(|word| found[word].heard);
        let first = before.map_or(0, |(_, last)| last + 1);
        let behind = found.get(run.end).and_then(|found| found.heard);
        let last = behind.map_or(heard.len(), |(first, _)| first);
        if run.is_empty() || first >= last {
            continue;
        }
        let own = text[run.clone()].iter().all(|word| has_digit(&word.text));
        let theirs = heard[first..last].iter().all(|word| has_digit(&word.text));
        if own != theirs {
            share(&mut found[run], &heard[first..last], first);
        }
    }
}

/// `first`: the index of the first of `heard`.
fn share(found: &mut [Found], heard: &[Word], first: usize) {
    let (start, end) = (heard[0].start, heard[heard.len() - 1].end);
    let each = (end - start) / found.len() as f64;
    for (at, found) in found.iter_mut().enumerate() {
        let start = start + each * at as f64;
        let time = Some(Time { start, end: start + each });
        *found = Found { time, score: IN_OTHER_FORM, heard: Some((first, first + heard.len() - 1)) };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::split;

    /// Words of half a second each.
    fn timed(text: &str) -> Vec<Word> {
        let words = split(text).into_iter().enumerate();
        words.map(|(at, word)| Word { start: at as f64 * 0.5, end: at as f64 * 0.5 + 0.5, ..word }).collect()
    }

    /// Each word with its start, and `!` if it is marked.
    fn told(text: &str, heard: &str) -> Vec<String> {
        let mark = |word: &Placed| if word.matched { "" } else { "!" };
        let placed = placed(&split(text), &timed(heard), "en");
        placed.iter().map(|word| format!("{}{}@{}", mark(word), word.text, word.start)).collect()
    }

    #[test]
    fn words_have_the_time_at_which_they_were_heard() {
        assert_eq!(told("Ask not, what.", "ask not what"), ["Ask@0", "not,@0.5", "what.@1"]);
    }

    #[test]
    fn what_was_not_heard_is_marked_and_bends_nothing() {
        assert_eq!(told("a black cat sat", "a white cat sat"), ["a@0", "!black@0.5", "cat@1", "sat@1.5"]);
        assert_eq!(told("the old cat sat", "the cat sat"), ["the@0", "!old@0.5", "cat@0.5", "sat@1"]);
        assert_eq!(told("something else", ""), ["!something@0", "!else@0"]);
    }

    #[test]
    fn numbers_have_a_time_however_they_are_written() {
        assert_eq!(told("in 1961 we", "in nineteen sixty-one we"), ["in@0", "1961@0.5", "we@1.5"]);
        assert_eq!(
            told("in nineteen sixty we", "in 1960 we"),
            ["in@0", "nineteen@0.5", "sixty@0.75", "we@1"]
        );
        assert_eq!(told("room 12 now", "room 34 now"), ["room@0", "!12@0.5", "now@1"], "another number");
    }

    proptest! {
        #[test]
        fn every_word_has_a_time_and_times_never_go_back(
            text in "([a-c]{1,3}|[0-9]{1,2}){0,1}( ([a-c]{1,3}|[0-9]{1,2})){0,20}",
            heard in "([a-c]{1,3}|[0-9]{1,2}){0,1}( ([a-c]{1,3}|[0-9]{1,2})){0,20}",
        ) {
            let words = split(&text);
            let placed = placed(&words, &timed(&heard), "en");
            prop_assert_eq!(placed.len(), words.len());
            prop_assert!(placed.iter().all(|word| word.start <= word.end + 1e-9));
            prop_assert!(placed.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9));
        }
    }
}
