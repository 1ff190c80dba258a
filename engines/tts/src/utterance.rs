//! From a part's text to Piper's phoneme ids, and from the ids' durations back to phonemes and words in time. Pure.

use std::collections::HashMap;
use std::ops::Range;

use visavis_proto::v1;

use crate::align::{align, is_modifier, is_stress};

/// A voice's phoneme ids, from `phoneme_id_map` of its .onnx.json.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdMap(HashMap<char, Vec<i64>>);

impl IdMap {
    /// The map as the voice's file has it; keys of several characters are never met and left out.
    pub(crate) fn new(map: HashMap<String, Vec<i64>>) -> Self {
        let one = |text: String| {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        Self(map.into_iter().filter_map(|(key, ids)| one(key).map(|key| (key, ids))).collect())
    }

    /// Whether the marks that frame every utterance are there.
    pub(crate) fn is_complete(&self) -> bool {
        ['^', '_', '$'].iter().all(|mark| self.0.get(mark).is_some_and(|ids| !ids.is_empty()))
    }

    fn ids(&self, c: char) -> &[i64] {
        self.0.get(&c).map_or(&[], Vec::as_slice)
    }
}

/// One clause as espeak-ng speaks it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpokenClause {
    /// espeak-ng's IPA.
    pub(crate) ipa: String,
    /// The clause's words, as byte ranges of the request's text, with the pronunciation of each alone.
    pub(crate) words: Vec<(Range<usize>, String)>,
    /// The punctuation at its end.
    pub(crate) mark: Option<char>,
}

/// What Piper is to speak, and where its words and phonemes lie in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Utterance {
    /// Phoneme ids, padded and framed.
    pub(crate) ids: Vec<i64>,
    symbols: Vec<Symbol>,
    words: Vec<(Range<usize>, Range<usize>)>,
}

/// A character that Piper speaks, with the ids that stand for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Symbol {
    c: char,
    ids: Range<usize>,
}

impl Utterance {
    /// The ids of the clauses, in order. Characters that the voice does not know are left out, as Piper does.
    pub(crate) fn new(clauses: &[SpokenClause], map: &IdMap) -> Self {
        let mut utterance = Self::default();
        utterance.ids.extend(map.ids('^'));
        utterance.ids.extend(map.ids('_'));
        for (index, clause) in clauses.iter().enumerate() {
            let ipa: Vec<char> = clause.ipa.chars().collect();
            let alone: Vec<Vec<char>> = clause.words.iter().map(|(_, ipa)| ipa.chars().collect()).collect();
            // Where each character of the clause begins among the symbols.
            let mut at = Vec::with_capacity(ipa.len() + 1);
            for &c in &ipa {
                at.push(utterance.symbols.len());
                utterance.push(c, map);
            }
            at.push(utterance.symbols.len());
            let spans = align(&ipa, &alone);
            utterance.words.extend(
                clause
                    .words
                    .iter()
                    .zip(spans)
                    .map(|((text, _), span)| (text.clone(), at[span.start]..at[span.end])),
            );
            if let Some(mark) = clause.mark {
                utterance.push(mark, map);
            }
            if index + 1 < clauses.len() {
                utterance.push(' ', map);
            }
        }
        utterance.ids.extend(map.ids('$'));
        utterance
    }

    fn push(&mut self, c: char, map: &IdMap) {
        // The framing marks are no phonemes, even if they come in one.
        let ids = if matches!(c, '^' | '_' | '$') { &[] } else { map.ids(c) };
        if !ids.is_empty() {
            let start = self.ids.len();
            self.ids.extend(ids);
            self.ids.extend(map.ids('_'));
            self.symbols.push(Symbol { c, ids: start..self.ids.len() });
        }
    }

    /// Whether there is anything to hear.
    pub(crate) fn is_silent(&self) -> bool {
        !self.symbols.iter().any(|symbol| symbol.is_sound())
    }

    /// Words and phonemes in time. `ends` holds for each id the sample at which it ends; the words' spelling is `text`'s.
    pub(crate) fn timed(&self, text: &str, ends: &[u64]) -> (Vec<v1::Word>, Vec<v1::Phoneme>) {
        let start = |symbol: &Symbol| symbol.ids.start.checked_sub(1).map_or(0, |before| ends[before]);
        let end = |symbol: &Symbol| ends[symbol.ids.end - 1];
        let mut words: Vec<v1::Word> = Vec::with_capacity(self.words.len());
        for (spelling, span) in &self.words {
            let mut heard = self.symbols[span.clone()].iter().filter(|symbol| symbol.is_heard());
            let before = words.last().map_or(0, |word| word.end);
            let from = heard
                .next()
                .map_or((before, before), |first| (start(first), end(heard.next_back().unwrap_or(first))));
            words.push(v1::Word {
                text: text[spelling.clone()].to_owned(),
                start: from.0.max(before),
                end: from.1.max(before),
            });
        }
        (words, self.phonemes(start, end))
    }

    /// One for each sound: stress and length marks belong to the sound that they mark.
    fn phonemes(&self, start: impl Fn(&Symbol) -> u64, end: impl Fn(&Symbol) -> u64) -> Vec<v1::Phoneme> {
        let mut phonemes: Vec<v1::Phoneme> = Vec::new();
        let mut open: Option<(String, u64)> = None; // stress marks wait for their sound
        let mut joins = false; // a modifier has a sound before it
        for symbol in self.symbols.iter() {
            if is_stress(symbol.c) {
                open.get_or_insert_with(|| (String::new(), start(symbol))).0.push(symbol.c);
            } else if is_modifier(symbol.c) {
                if let Some(last) = phonemes.last_mut().filter(|_| joins) {
                    last.symbol.push(symbol.c);
                    last.length = short(end(symbol)) - last.start;
                }
            } else if symbol.is_sound() {
                let (mut name, from) = open.take().unwrap_or_else(|| (String::new(), start(symbol)));
                name.push(symbol.c);
                phonemes.push(v1::Phoneme {
                    symbol: name,
                    start: short(from),
                    length: short(end(symbol) - from),
                });
            } else {
                open = None;
            }
            joins = symbol.is_heard();
        }
        phonemes
    }
}

impl Symbol {
    /// A speech sound: neither a mark, nor a pause.
    fn is_sound(&self) -> bool {
        self.is_heard() && !is_stress(self.c) && !is_modifier(self.c)
    }

    /// Not a pause.
    fn is_heard(&self) -> bool {
        !matches!(self.c, ' ' | ',' | '.' | '?' | '!' | ';' | ':')
    }
}

/// A part is far shorter than 2^32 samples.
fn short(samples: u64) -> u32 {
    u32::try_from(samples).unwrap_or(u32::MAX)
}

/// For each id the sample at which it ends, from its duration in frames, and true. Without durations that fill the audio
/// exactly the ids share it evenly.
pub(crate) fn ends(ids: usize, frames: Option<&[u64]>, samples: usize) -> (Vec<u64>, bool) {
    let samples = samples as u64;
    if let Some(frames) = frames.filter(|frames| frames.len() == ids) {
        let sum: u64 = frames.iter().sum();
        if sum > 0 && samples.is_multiple_of(sum) {
            let mut end = 0;
            let ends = frames
                .iter()
                .map(|frames| {
                    end += frames * (samples / sum);
                    end
                })
                .collect();
            return (ends, true);
        }
    }
    ((1..=ids as u64).map(|id| samples * id / ids as u64).collect(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> IdMap {
        let letters = "_^$ ,.ˈːhəloʊwɜdʌvðz";
        IdMap::new(letters.chars().enumerate().map(|(id, c)| (c.to_string(), vec![id as i64])).collect())
    }

    fn clause(ipa: &str, words: &[(Range<usize>, &str)], mark: Option<char>) -> SpokenClause {
        let words = words.iter().map(|(range, ipa)| (range.clone(), (*ipa).to_owned())).collect();
        SpokenClause { ipa: ipa.to_owned(), words, mark }
    }

    #[test]
    fn ids_are_framed_and_padded_and_unknown_characters_left_out() {
        let utterance = Utterance::new(&[clause("hə_x", &[], Some(',')), clause("lo", &[], None)], &map());
        assert_eq!(utterance.ids, [1, 0, 8, 0, 9, 0, 4, 0, 3, 0, 10, 0, 11, 0, 2]);
    }

    #[test]
    fn words_and_phonemes_take_the_time_of_their_ids() {
        let text = "Of the, world";
        let first = clause("ʌvðə", &[(0..2, "ʌv"), (3..6, "ðə")], Some(','));
        let second = clause("wˈɜːld", &[(8..13, "wˈɜːld")], None);
        let utterance = Utterance::new(&[first, second], &map());
        let frames = vec![1; utterance.ids.len()];
        let samples = frames.len() * 100;
        let (words, phonemes) = utterance.timed(text, &ends(frames.len(), Some(&frames), samples).0);
        let words: Vec<_> = words.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect();
        // Frame: two ids; each symbol: two ids; the comma and the space lie between "the" and "world".
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

    #[test]
    fn durations_that_do_not_fill_the_audio_are_not_trusted() {
        assert_eq!(ends(3, Some(&[1, 0, 2]), 768), (vec![256, 256, 768], true));
        assert_eq!(ends(3, Some(&[1, 0, 2]), 769), (vec![256, 512, 769], false));
        assert_eq!(ends(2, Some(&[1, 0, 2]), 768), (vec![384, 768], false));
        assert_eq!(ends(2, None, 768), (vec![384, 768], false));
    }
}
