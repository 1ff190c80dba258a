//! Turns a part's clauses into the symbols that a model speaks, and the symbols' times into those of words and phonemes. Pure.

use std::collections::HashSet;
use std::ops::Range;

use visavis_proto::v1;

use crate::align::{align, is_modifier, is_stress};

/// One clause as espeak-ng speaks it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpokenClause {
    /// espeak-ng's IPA.
    pub(crate) ipa: String,
    /// The clause's words.
    pub(crate) words: Vec<SpokenWord>,
    /// The punctuation at its end.
    pub(crate) mark: Option<char>,
}

/// A word as espeak-ng speaks it.
#[derive(Debug, Clone)]
pub(crate) struct SpokenWord {
    /// Bytes of the request's text.
    pub(crate) range: Range<usize>,
    /// The word's pronunciation alone.
    pub(crate) ipa: String,
}

/// What a model speaks, and where the words are in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Utterance {
    symbols: Vec<char>,
    words: Vec<Word>,
}

/// A word's position in the text and among the symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    /// Bytes of the request's text.
    text: Range<usize>,
    symbols: Range<usize>,
}

impl Utterance {
    /// The symbols of the clauses, in order, without those unknown to the model.
    pub(crate) fn new(clauses: &[SpokenClause], known: &HashSet<char>) -> Self {
        let mut utterance = Self::default();
        for (index, clause) in clauses.iter().enumerate() {
            let ipa: Vec<char> = clause.ipa.chars().collect();
            let alone: Vec<Vec<char>> = clause.words.iter().map(|word| word.ipa.chars().collect()).collect();
            // The index of each character of the clause among the symbols.
            let mut at = Vec::with_capacity(ipa.len() + 1);
            for &c in &ipa {
                at.push(utterance.symbols.len());
                utterance.push(c, known);
            }
            at.push(utterance.symbols.len());
            let place = |(word, span): (&SpokenWord, Range<usize>)| Word {
                text: word.range.clone(),
                symbols: at[span.start]..at[span.end],
            };
            utterance.words.extend(clause.words.iter().zip(align(&ipa, &alone)).map(place));
            if let Some(mark) = clause.mark {
                utterance.push(mark, known);
            }
            if index + 1 < clauses.len() {
                utterance.push(' ', known);
            }
        }
        utterance
    }

    fn push(&mut self, c: char, known: &HashSet<char>) {
        if known.contains(&c) {
            self.symbols.push(c);
        }
    }

    /// The symbols to speak.
    pub(crate) fn symbols(&self) -> &[char] {
        &self.symbols
    }

    /// The symbols to speak, owned.
    pub(crate) fn into_symbols(self) -> Vec<char> {
        self.symbols
    }

    /// Whether there is no audible symbol.
    pub(crate) fn is_silent(&self) -> bool {
        !self.symbols.iter().any(|&c| is_sound(c))
    }

    /// Words and phonemes with their times. Each symbol begins at one of the `borders`, in samples, and ends at the next; the
    /// words are spelled as in `text`.
    pub(crate) fn timed(&self, text: &str, borders: &[u64]) -> (Vec<v1::Word>, Vec<v1::Phoneme>) {
        let mut words: Vec<v1::Word> = Vec::with_capacity(self.words.len());
        for word in &self.words {
            let mut heard = word.symbols.clone().filter(|&at| is_heard(self.symbols[at]));
            let before = words.last().map_or(0, |word| word.end);
            let (start, end) = heard.next().map_or((before, before), |first| {
                (borders[first], borders[heard.next_back().unwrap_or(first) + 1])
            });
            words.push(v1::Word {
                text: text[word.text.clone()].to_owned(),
                start: start.max(before),
                end: end.max(before),
            });
        }
        (words, self.phonemes(borders))
    }

    /// A phoneme for each sound, with its stress and length marks.
    fn phonemes(&self, borders: &[u64]) -> Vec<v1::Phoneme> {
        let mut phonemes: Vec<v1::Phoneme> = Vec::new();
        let mut open: Option<Stress> = None;
        let mut joins = false; // a modifier would follow a sound
        for (&c, times) in self.symbols.iter().zip(borders.windows(2)) {
            let (start, end) = (times[0], times[1]);
            if is_stress(c) {
                open.get_or_insert_with(|| Stress { marks: String::new(), start }).marks.push(c);
            } else if is_modifier(c) {
                if let Some(last) = phonemes.last_mut().filter(|_| joins) {
                    last.symbol.push(c);
                    last.length = short(end) - last.start;
                }
            } else if is_sound(c) {
                let Stress { mut marks, start } =
                    open.take().unwrap_or_else(|| Stress { marks: String::new(), start });
                marks.push(c);
                phonemes.push(v1::Phoneme { symbol: marks, start: short(start), length: short(end - start) });
            } else {
                open = None;
            }
            joins = is_heard(c);
        }
        phonemes
    }
}

/// Stress marks whose sound is still to come.
struct Stress {
    marks: String,
    start: u64,
}

/// Whether this is a speech sound, neither a mark nor a pause.
fn is_sound(c: char) -> bool {
    is_heard(c) && !is_stress(c) && !is_modifier(c)
}

/// Whether this is not a pause.
fn is_heard(c: char) -> bool {
    !matches!(c, ' ' | ',' | '.' | '?' | '!' | ';' | ':')
}

/// Converts a position within a part, which is far shorter than 2^32 samples.
fn short(samples: u64) -> u32 {
    u32::try_from(samples).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> HashSet<char> {
        " ,.ˈːhəloʊwɜdʌvðz".chars().collect()
    }

    fn clause(ipa: &str, words: &[(Range<usize>, &str)], mark: Option<char>) -> SpokenClause {
        let word =
            |(range, ipa): &(Range<usize>, &str)| SpokenWord { range: range.clone(), ipa: (*ipa).to_owned() };
        SpokenClause { ipa: ipa.to_owned(), words: words.iter().map(word).collect(), mark }
    }

    #[test]
    fn clauses_are_joined_by_their_marks_and_unknown_symbols_are_left_out() {
        let utterance = Utterance::new(&[clause("hə_x", &[], Some(',')), clause("lo", &[], None)], &known());
        assert_eq!(utterance.symbols(), ['h', 'ə', ',', ' ', 'l', 'o']);
        let marks = Utterance::new(&[clause("ˈx", &[], Some('.'))], &known());
        assert!(marks.is_silent() && !utterance.is_silent());
    }

    #[test]
    fn words_and_phonemes_take_the_time_of_their_symbols() {
        let text = "Of the, world";
        let first = clause("ʌvðə", &[(0..2, "ʌv"), (3..6, "ðə")], Some(','));
        let second = clause("wˈɜːld", &[(8..13, "wˈɜːld")], None);
        let utterance = Utterance::new(&[first, second], &known());
        let borders: Vec<u64> = (1..=utterance.symbols().len() as u64 + 1).map(|at| at * 200).collect();
        let (words, phonemes) = utterance.timed(text, &borders);
        let words: Vec<_> = words.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect();
        // The lead and each symbol take 200; the comma and the space are between "the" and "world".
        assert_eq!(words, [("Of", 200, 600), ("the", 600, 1000), ("world", 1400, 2600)]);
        let phonemes: Vec<_> = phonemes.iter().map(|p| (p.symbol.as_str(), p.start, p.length)).collect();
        assert_eq!(
            phonemes,
            [
                ("ʌ", 200, 200),
                ("v", 400, 200),
                ("ð", 600, 200),
                ("ə", 800, 200),
                ("w", 1400, 200),
                ("ˈɜː", 1600, 600),
                ("l", 2200, 200),
                ("d", 2400, 200)
            ]
        );
    }
}
