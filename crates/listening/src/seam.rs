//! Joins the words of pieces that share a stretch of sound: each word of it comes once. Pure.
//!
//! Both pieces have heard the stretch, and each may have mangled the word that its own edge cuts. The longest run of words that both
//! have heard is where one gives way to the other; without such a run it is the middle of the stretch.

use crate::words::{Word, core};

/// How far the estimated time of a word may be wrong, in seconds.
const DOUBT: f64 = 1.5;
/// A single word on which two pieces are joined has at least this many letters: short ones are everywhere.
const LEAST_LETTERS: usize = 4;

/// The times of a piece, in seconds of the recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// How much of its beginning the piece before has as well.
    pub(crate) shared: f64,
    /// How much of its end the next piece has as well.
    pub(crate) shares: f64,
}

/// The words that wait for the next piece.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    held: Vec<Word>,
}

impl Joiner {
    /// Takes the words of the next piece; returns those that no later piece can change.
    pub(crate) fn push(&mut self, words: Vec<Word>, span: Span) -> Vec<Word> {
        let before = std::mem::take(&mut self.held);
        let mut joined = match span.shared > 0.0 {
            true => join(before, words, &(span.start..span.start + span.shared)),
            false => [before, words].concat(),
        };
        if span.shares > 0.0 {
            let from = span.end - span.shares - DOUBT;
            let settled = joined.iter().position(|word| word.end > from).unwrap_or(joined.len());
            self.held = joined.split_off(settled);
        }
        joined
    }

    /// The words that still wait.
    pub(crate) fn finish(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.held)
    }
}

/// Where two lists of words have the same words.
#[derive(Debug, Clone, Copy)]
struct Common {
    /// Of the first list: behind the run.
    first: usize,
    /// Of the second.
    second: usize,
    length: usize,
}

fn join(mut first: Vec<Word>, mut second: Vec<Word>, stretch: &std::ops::Range<f64>) -> Vec<Word> {
    if first.is_empty() || second.is_empty() {
        return [first, second].concat();
    }
    if let Some(common) = longest_common(&first, &second, stretch) {
        first.truncate(common.first);
        let rest = second.split_off(common.second);
        return in_order(first, rest);
    }
    let middle = f64::midpoint(stretch.start, stretch.end);
    first.retain(|word| f64::midpoint(word.start, word.end) < middle);
    second.retain(|word| f64::midpoint(word.start, word.end) >= middle);
    in_order(first, second)
}

/// The words of both, with times that do not go back.
fn in_order(mut first: Vec<Word>, second: Vec<Word>) -> Vec<Word> {
    let end = first.last().map_or(0.0, |word| word.end);
    first.extend(second.into_iter().map(|word| Word {
        start: word.start.max(end),
        end: word.end.max(end),
        ..word
    }));
    first
}

/// The longest run of the same words at about the same time, in and around the shared stretch; of equal ones the first.
fn longest_common(first: &[Word], second: &[Word], stretch: &std::ops::Range<f64>) -> Option<Common> {
    let here = |word: &Word| word.end > stretch.start - DOUBT && word.start < stretch.end + DOUBT;
    let of = |words: &[Word]| -> Vec<Option<String>> {
        words.iter().map(|word| here(word).then(|| core(&word.text))).collect()
    };
    let (one, other) = (of(first), of(second));
    let mut best: Option<Common> = None;
    // Lengths of the runs that end with the word before, for each word of the other list.
    let mut before = vec![0; other.len() + 1];
    for (i, word) in one.iter().enumerate() {
        let mut runs = vec![0; other.len() + 1];
        for (j, heard) in other.iter().enumerate() {
            // The same words are also said again elsewhere.
            let apart = (first[i].start - second[j].start).abs();
            if word.is_none() || word != heard || apart > DOUBT {
                continue;
            }
            runs[j + 1] = before[j] + 1;
            let length = runs[j + 1];
            if best.is_none_or(|best| length > best.length) {
                best = Some(Common { first: i + 1, second: j + 1, length });
            }
        }
        before = runs;
    }
    best.filter(|best| {
        best.length > 1
            || one[best.first - 1].as_ref().is_some_and(|word| word.chars().count() >= LEAST_LETTERS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{split, text_of};

    /// Words of half a second each, from `start`.
    fn said(text: &str, start: f64) -> Vec<Word> {
        let words = split(text).into_iter().enumerate();
        words
            .map(|(at, word)| {
                let start = start + at as f64 * 0.5;
                Word { start, end: start + 0.5, ..word }
            })
            .collect()
    }

    /// The text of two pieces, of which the second begins `shared` seconds before the end of the first.
    fn joined(first: &str, second: &str, end: f64, shared: f64) -> String {
        let mut joiner = Joiner::default();
        let span = Span { start: 0.0, end, shared: 0.0, shares: shared };
        let mut words = joiner.push(said(first, 0.0), span);
        let start = end - shared;
        let span = Span { start, end: start + 20.0, shared, shares: 0.0 };
        words.extend(joiner.push(said(second, start), span));
        words.extend(joiner.finish());
        assert!(words.windows(2).all(|pair| pair[0].start <= pair[1].start), "{words:?}");
        text_of(&words)
    }

    #[test]
    fn a_word_that_both_pieces_have_comes_once_and_one_that_an_edge_cuts_is_whole() {
        let first = "so we shall fight on the beaches we shall fi";
        let second = "n the beaches, we shall fight on the landing grounds";
        assert_eq!(
            joined(first, second, 5.0, 3.0),
            "so we shall fight on the beaches we shall fight on the landing grounds"
        );
    }

    #[test]
    fn without_a_word_in_common_the_middle_of_the_stretch_decides() {
        assert_eq!(
            joined("one two three four five six", "fünf sechs seven", 3.0, 1.0),
            "one two three four five sechs seven"
        );
    }

    #[test]
    fn a_piece_without_words_takes_none_from_its_neighbour() {
        assert_eq!(joined("one two three", "", 1.5, 1.0), "one two three");
        assert_eq!(joined("", "two three four", 1.5, 1.0), "two three four");
    }

    #[test]
    fn pieces_that_share_nothing_follow_each_other_and_nothing_waits() {
        let mut joiner = Joiner::default();
        let span = Span { start: 0.0, end: 2.0, shared: 0.0, shares: 0.0 };
        assert_eq!(text_of(&joiner.push(said("one one one", 0.0), span)), "one one one");
        assert!(joiner.finish().is_empty());
    }
}
