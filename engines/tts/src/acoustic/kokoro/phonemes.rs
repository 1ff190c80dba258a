//! Encodes espeak-ng's IPA as Kokoro's tokens. Pure.
//!
//! Kokoro was trained on espeak-ng's IPA with diphthongs and affricates joined, and English spelled as in its own dictionaries.
//! The rules were compared with the output of misaki 0.9.4, Kokoro's front end, for espeak-ng 1.51's tied phonemes. Of some
//! 4,000 made-up words of each language, none differs in Spanish, 40 in French (English words in it), 8 in Italian, 11 in
//! Portuguese, and in Hindi those with a sound that Kokoro lacks. Of 7,189 English words 1.5 % differ, most in whether `əl`
//! before a vowel is one sound.

use std::ops::Range;

use super::vocabulary::{self, PAD, token};

/// Most tokens of one input without the padding: the network has no more positions.
const MOST_TOKENS: usize = 510;

/// Symbols of espeak-ng, and Kokoro's for the same sounds.
type Rule = (&'static str, &'static str);

/// The rules of a language, in tables; the longest match is taken, and symbols without a rule stay as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules(&'static [&'static [Rule]]);

const EVERYWHERE: &[Rule] = &[("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("ɔɪ", "Y")];
const AFFRICATES: &[Rule] = &[("dʒ", "ʤ"), ("tʃ", "ʧ")];
/// Decomposed, as espeak-ng's IPA arrives here; the token is that of the composed letter.
const CEDILLA: Rule = ("c\u{327}", "ç");
const ENGLISH: &[Rule] = &[
    ("ʔˌn\u{329}", "tn"),
    ("ʔn\u{329}", "tn"),
    ("n\u{329}", "ᵊn"),
    ("l\u{329}", "ᵊl"),
    ("m\u{329}", "ᵊm"),
    (SYLLABIC_L, "ᵊl"),
    ("ʲə", "jə"),
    ("ʲ", ""),
    ("ɚ", "əɹ"),
    ("r", "ɹ"),
    ("x", "k"),
    ("c\u{327}", "k"),
    ("ɐ", "ə"),
    ("ɬ", "l"),
    ("\u{303}", ""),
    ("e", "A"),
    ("o", "ɔ"),
    ("ɾ", "T"),
    ("ʔ", "t"),
];
const AMERICAN: &[Rule] = &[("oʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ɪɚ", "iəɹ"), ("ː", "")];
const BRITISH: &[Rule] = &[("əʊ", "Q"), ("eə", "ɛː"), ("iə", "ɪə")];
const SPANISH: &[Rule] = &[("ts", "ʦ"), CEDILLA];
/// The diphthongs are those of English words, which espeak-ng speaks as in English. French itself has no affricates.
const FRENCH: &[Rule] = &[("əʊ", "Q"), ("oʊ", "O"), CEDILLA];
const ITALIAN: &[Rule] = &[("aɪ", "I"), ("eɪ", "A"), ("dz", "ʣ"), ("ts", "ʦ"), ("ss", "S"), CEDILLA];
const PORTUGUESE: &[Rule] = &[CEDILLA];
/// Kokoro has no retroflex l. The `r.` that espeak-ng writes for a flap is what Kokoro was trained on.
const HINDI: &[Rule] = &[("ɭ", "l"), CEDILLA];

/// This is one sound only before a consonant or a pause: "bottle" and not "hello".
const SYLLABIC_L: &str = "əl";

impl Rules {
    pub(super) const AMERICAN_ENGLISH: Self = Self(&[EVERYWHERE, AFFRICATES, ENGLISH, AMERICAN]);
    pub(super) const BRITISH_ENGLISH: Self = Self(&[EVERYWHERE, AFFRICATES, ENGLISH, BRITISH]);
    pub(super) const SPANISH: Self = Self(&[EVERYWHERE, AFFRICATES, SPANISH]);
    pub(super) const FRENCH: Self = Self(&[EVERYWHERE, FRENCH]);
    pub(super) const ITALIAN: Self = Self(&[AFFRICATES, ITALIAN]);
    pub(super) const PORTUGUESE: Self = Self(&[EVERYWHERE, AFFRICATES, PORTUGUESE]);
    pub(super) const HINDI: Self = Self(&[HINDI]);

    /// The longest rule for the beginning of `symbols`.
    fn find(self, symbols: &[char]) -> Option<Rule> {
        let fits = |&&(from, _): &&Rule| {
            let length = from.chars().count();
            symbols.len() >= length
                && from.chars().eq(symbols[..length].iter().copied())
                && (from != SYLLABIC_L || !symbols.get(length).is_some_and(|&next| begins_vowel(next)))
        };
        self.0.iter().copied().flatten().filter(fits).max_by_key(|(from, _)| from.chars().count()).copied()
    }
}

/// Whether a vowel, or a stressed syllable, begins with this symbol.
fn begins_vowel(symbol: char) -> bool {
    "aeiouyæɑɐɒɔəɚɛɜɪʊʌᵻɨøœɯɤˈˌ".contains(symbol)
}

/// The espeak-ng symbols that the model speaks.
pub(super) fn symbols() -> impl Iterator<Item = char> {
    let of_rules = [ENGLISH, HINDI].into_iter().flatten().flat_map(|(from, _)| from.chars());
    vocabulary::symbols().chain(of_rules)
}

/// Encoded symbols. Some sounds of several symbols are one token, so symbols are encoded in groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Encoded {
    /// The network's input, padded at both ends.
    pub(super) ids: Vec<i64>,
    /// The range of `ids` of each group of symbols, in order and without gaps.
    pub(super) spans: Vec<Range<usize>>,
    /// The number of symbols of each group.
    pub(super) sizes: Vec<usize>,
}

/// Encodes symbols. Those without a token, and those beyond [`MOST_TOKENS`], get an empty span.
pub(super) fn encode(symbols: &[char], rules: Rules) -> Encoded {
    let mut encoded = Encoded { ids: vec![PAD], ..Encoded::default() };
    let mut rest = symbols;
    while let Some(&first) = rest.first() {
        let (size, mut tokens): (usize, Vec<i64>) = match rules.find(rest) {
            Some((from, to)) => (from.chars().count(), to.chars().filter_map(token).collect()),
            None => (1, token(first).into_iter().collect()),
        };
        if encoded.ids.len() + tokens.len() > MOST_TOKENS + 1 {
            tokens.clear();
        }
        let start = encoded.ids.len();
        encoded.ids.extend(tokens);
        encoded.spans.push(start..encoded.ids.len());
        encoded.sizes.push(size);
        rest = &rest[size..];
    }
    encoded.ids.push(PAD);
    encoded
}

#[cfg(test)]
#[path = "phonemes_tests.rs"]
mod tests;
