//! The scripts that a voice reads: Latin, and that of its language. Pure.

use std::ops::RangeInclusive;

/// A language's letters other than Latin ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Script(&'static [RangeInclusive<char>]);

const LATIN: &[RangeInclusive<char>] = &[
    'a'..='z',
    'A'..='Z',
    '\u{aa}'..='\u{aa}',
    '\u{b5}'..='\u{b5}',
    '\u{ba}'..='\u{ba}',
    '\u{c0}'..='\u{d6}',
    '\u{d8}'..='\u{f6}',
    '\u{f8}'..='\u{24f}',
    '\u{1e00}'..='\u{1eff}',
];
const CYRILLIC: &[RangeInclusive<char>] = &['\u{400}'..='\u{481}', '\u{48a}'..='\u{52f}'];
const GREEK: &[RangeInclusive<char>] = &['\u{370}'..='\u{3ff}', '\u{1f00}'..='\u{1fff}'];
const ARABIC: &[RangeInclusive<char>] = &['\u{600}'..='\u{6ff}', '\u{750}'..='\u{77f}'];
const HEBREW: &[RangeInclusive<char>] = &['\u{590}'..='\u{5ff}'];
const ARMENIAN: &[RangeInclusive<char>] = &['\u{530}'..='\u{58f}'];
const DEVANAGARI: &[RangeInclusive<char>] = &['\u{900}'..='\u{97f}'];
const BENGALI: &[RangeInclusive<char>] = &['\u{980}'..='\u{9ff}'];
const GURMUKHI: &[RangeInclusive<char>] = &['\u{a00}'..='\u{a7f}'];
const GUJARATI: &[RangeInclusive<char>] = &['\u{a80}'..='\u{aff}'];
const TAMIL: &[RangeInclusive<char>] = &['\u{b80}'..='\u{bff}'];
const TELUGU: &[RangeInclusive<char>] = &['\u{c00}'..='\u{c7f}'];
const KANNADA: &[RangeInclusive<char>] = &['\u{c80}'..='\u{cff}'];
const MALAYALAM: &[RangeInclusive<char>] = &['\u{d00}'..='\u{d7f}'];
const SINHALA: &[RangeInclusive<char>] = &['\u{d80}'..='\u{dff}'];
const THAI: &[RangeInclusive<char>] = &['\u{e00}'..='\u{e7f}'];
const BURMESE: &[RangeInclusive<char>] = &['\u{1000}'..='\u{109f}'];
const GEORGIAN: &[RangeInclusive<char>] = &['\u{10a0}'..='\u{10ff}'];
const ETHIOPIC: &[RangeInclusive<char>] = &['\u{1200}'..='\u{137f}'];
const HANGUL: &[RangeInclusive<char>] =
    &['\u{1100}'..='\u{11ff}', '\u{3130}'..='\u{318f}', '\u{ac00}'..='\u{d7af}'];
const HAN: &[RangeInclusive<char>] = &['\u{3400}'..='\u{4dbf}', '\u{4e00}'..='\u{9fff}'];
const JAPANESE: &[RangeInclusive<char>] =
    &['\u{3040}'..='\u{30ff}', '\u{3400}'..='\u{4dbf}', '\u{4e00}'..='\u{9fff}'];

impl Script {
    /// The script of a language or of an espeak-ng voice such as "en-us"; for most only Latin.
    pub(crate) fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        Self(match primary {
            "be" | "bg" | "ba" | "cv" | "kk" | "ky" | "mk" | "mn" | "ru" | "sr" | "tg" | "tt" | "uk" => {
                CYRILLIC
            }
            "el" | "grc" => GREEK,
            "ar" | "fa" | "ps" | "sd" | "ug" | "ur" => ARABIC,
            "he" | "yi" => HEBREW,
            "hy" | "hyw" => ARMENIAN,
            "hi" | "kok" | "mr" | "ne" | "sa" => DEVANAGARI,
            "as" | "bn" | "bpy" => BENGALI,
            "pa" => GURMUKHI,
            "gu" => GUJARATI,
            "ta" => TAMIL,
            "te" => TELUGU,
            "kn" => KANNADA,
            "ml" => MALAYALAM,
            "si" => SINHALA,
            "th" => THAI,
            "my" => BURMESE,
            "ka" => GEORGIAN,
            "am" => ETHIOPIC,
            "ko" => HANGUL,
            "cmn" | "hak" | "yue" | "zh" => HAN,
            "ja" => JAPANESE,
            _ => &[],
        })
    }

    /// Whether it is safe to let espeak-ng name symbols such as "™" and "%": for the languages of India its rules for endings,
    /// applied to those names, overrun its buffers.
    pub(crate) fn names_symbols(self) -> bool {
        !self.0.iter().any(|range| ('\u{900}'..='\u{dff}').contains(range.start()))
    }

    /// Whether a voice of this script reads the letter, digit or vowel sign unchanged.
    pub(crate) fn reads(self, c: char) -> bool {
        c.is_ascii_digit() || LATIN.iter().chain(self.0).any(|range| range.contains(&c))
    }
}

/// The name of a single Greek letter, as in formulas; within words it is romanised like other scripts.
pub(crate) fn greek_letter(c: char) -> Option<&'static str> {
    const NAMES: [&str; 25] = [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
        "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi",
        "omega",
    ];
    let lower = c.to_lowercase().next()?;
    NAMES.get((u32::from(lower)).checked_sub(u32::from('α'))? as usize).copied()
}

/// Whether this is a Chinese character; each is a syllable.
pub(crate) fn is_han(c: char) -> bool {
    HAN.iter().any(|range| range.contains(&c))
        || matches!(c, '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
