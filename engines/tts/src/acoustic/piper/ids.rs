//! Encodes symbols as the phoneme ids that Piper's networks take. Pure.

use std::collections::HashMap;
use std::ops::Range;

/// The symbols around every input, and between its ids.
const BEGIN: char = '^';
const PAD: char = '_';
const END: char = '$';

/// A voice's phoneme ids, from `phoneme_id_map` of its .onnx.json.
#[derive(Debug)]
pub(super) struct IdMap(HashMap<char, Vec<i64>>);

/// Encoded symbols.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    /// The network's input, padded and framed.
    pub(super) ids: Vec<i64>,
    /// The range of `ids` of each symbol.
    pub(super) spans: Vec<Range<usize>>,
}

impl IdMap {
    /// Builds the map from the voice's file; keys of several characters never occur in input and are dropped.
    pub(super) fn new(map: HashMap<String, Vec<i64>>) -> Self {
        let one = |text: String| {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        Self(map.into_iter().filter_map(|(key, ids)| one(key).map(|key| (key, ids))).collect())
    }

    /// Whether the framing and padding marks are present.
    pub(super) fn is_complete(&self) -> bool {
        [BEGIN, PAD, END].iter().all(|mark| self.0.get(mark).is_some_and(|ids| !ids.is_empty()))
    }

    /// The symbols that the voice speaks.
    pub(super) fn symbols(&self) -> impl Iterator<Item = char> {
        self.0.keys().copied().filter(|&c| !self.of(c).is_empty())
    }

    /// The ids of a symbol. The framing marks are not phonemes, so they have none even if they occur in the input.
    fn of(&self, symbol: char) -> &[i64] {
        if matches!(symbol, BEGIN | PAD | END) { &[] } else { self.mark(symbol) }
    }

    fn mark(&self, mark: char) -> &[i64] {
        self.0.get(&mark).map_or(&[], Vec::as_slice)
    }

    /// Encodes symbols. Those unknown to the voice are left out, as in Piper.
    pub(super) fn encode(&self, symbols: &[char]) -> Encoded {
        let mut ids = [self.mark(BEGIN), self.mark(PAD)].concat();
        let span = |&symbol: &char| {
            let start = ids.len();
            let of = self.of(symbol);
            if !of.is_empty() {
                ids.extend(of);
                ids.extend(self.mark(PAD));
            }
            start..ids.len()
        };
        let spans = symbols.iter().map(span).collect();
        ids.extend(self.mark(END));
        Encoded { ids, spans }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_framed_and_padded_and_unknown_symbols_are_left_out() {
        let letters = "_^$ ,.ˈːhəloʊwɜdʌvðz";
        let ids =
            IdMap::new(letters.chars().enumerate().map(|(id, c)| (c.to_string(), vec![id as i64])).collect());
        let Encoded { ids, spans } = ids.encode(&"hə_x, lo".chars().collect::<Vec<_>>());
        assert_eq!(ids, [1, 0, 8, 0, 9, 0, 4, 0, 3, 0, 10, 0, 11, 0, 2]);
        assert_eq!(spans, [2..4, 4..6, 6..6, 6..6, 6..8, 8..10, 10..12, 12..14]);
    }
}
