//! Each language's words for signs, units, money and months, and its abbreviations. What espeak-ng reads correctly by itself
//! is not listed.

mod english;
mod french;
mod german;
mod italian;
mod spanish;

use super::token::Token;
use english::ENGLISH;
use french::FRENCH;
use german::GERMAN;
use italian::ITALIAN;
use spanish::SPANISH;

type Pairs = &'static [(&'static str, &'static str)];
/// A written unit, with its singular and plural names.
type Units = &'static [(&'static str, &'static str, &'static str)];

/// Where an abbreviation occurs, which decides whether its full stop can end a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before a name; the stop never ends a sentence. Elsewhere it is a different word.
    Name,
    /// Before a number; elsewhere it is a different word.
    Number,
    /// Inside a sentence.
    Inside,
    /// Anywhere; the stop can end a sentence.
    Open,
}

/// An abbreviation and what is said for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abbreviation {
    /// As written, without the last full stop.
    pub(crate) short: &'static str,
    /// What is said; empty: the short form itself.
    pub(crate) long: &'static str,
    pub(crate) place: Place,
}

const fn name(short: &'static str, long: &'static str) -> Abbreviation {
    Abbreviation { short, long, place: Place::Name }
}

const fn number(short: &'static str, long: &'static str) -> Abbreviation {
    Abbreviation { short, long, place: Place::Number }
}

const fn inside(short: &'static str, long: &'static str) -> Abbreviation {
    Abbreviation { short, long, place: Place::Inside }
}

const fn open(short: &'static str, long: &'static str) -> Abbreviation {
    Abbreviation { short, long, place: Place::Open }
}

/// A currency's written signs and spoken names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Currency {
    /// Symbols and codes; of two with a common beginning, the longer comes first.
    pub(super) signs: &'static [&'static str],
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    /// The hundredth; empty: the currency has none.
    pub(super) cent: &'static str,
    pub(super) cents: &'static str,
}

/// A noun's two forms.
#[derive(Clone, Copy)]
struct Noun {
    one: &'static str,
    many: &'static str,
}

const fn noun(one: &'static str, many: &'static str) -> Noun {
    Noun { one, many }
}

/// The hundredth of a currency that has none.
const NO_CENT: Noun = noun("", "");

const fn currency(signs: &'static [&'static str], whole: Noun, cent: Noun) -> Currency {
    Currency { signs, one: whole.one, many: whole.many, cent: cent.one, cents: cent.many }
}

/// The signs of a currency, the same in all languages.
const DOLLAR: &[&str] = &["$", "USD"];
const US_DOLLAR: &[&str] = &["US$", "U.S.$"];
const EURO: &[&str] = &["€", "EUR"];
const POUND: &[&str] = &["£", "GBP"];
const YEN: &[&str] = &["¥", "￥", "JPY"];
const RUPEE: &[&str] = &["₹", "INR", "Rs"];
const FRANC: &[&str] = &["CHF"];
const CANADIAN: &[&str] = &["CA$", "C$", "CAD"];
const AUSTRALIAN: &[&str] = &["AU$", "A$", "AUD"];
const WON: &[&str] = &["₩", "KRW"];

/// The words for ≠, <, >, ≤, ≥ and ≈ between two values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparisons {
    pub(super) unequal: &'static str,
    pub(super) less: &'static str,
    pub(super) more: &'static str,
    pub(super) at_most: &'static str,
    pub(super) at_least: &'static str,
    pub(super) about: &'static str,
}

/// A language's words for text normalisation; `..ENGLISH` fills in what a language does not define.
#[derive(Debug)]
pub(crate) struct Lexicon {
    pub(super) code: &'static str,
    pub(super) english: bool,
    pub(super) and: &'static str,
    pub(super) or: &'static str,
    pub(super) plus: &'static str,
    pub(super) minus: &'static str,
    pub(super) plus_minus: &'static str,
    pub(super) equals: &'static str,
    pub(super) times: &'static str,
    /// "10 x 10".
    pub(super) by: &'static str,
    pub(super) over: &'static str,
    pub(super) squared: &'static str,
    pub(super) cubed: &'static str,
    /// "to the" in a power.
    pub(super) power: &'static str,
    /// "square root of".
    pub(super) root: &'static str,
    pub(super) to: &'static str,
    /// "16:9".
    pub(super) ratio: &'static str,
    /// "5 km/day".
    pub(super) per: &'static str,
    /// "$5/day": "five dollars a day"; empty: as `per`.
    pub(super) each: &'static str,
    pub(super) number: &'static str,
    pub(super) about: &'static str,
    /// Words that already say "about".
    pub(super) abouts: &'static [&'static str],
    pub(super) less: &'static str,
    pub(super) more: &'static str,
    pub(super) at_most: &'static str,
    pub(super) at_least: &'static str,
    /// Words for comparison signs between two values.
    pub(super) compared: Comparisons,
    /// "$5+".
    pub(super) or_more: &'static str,
    pub(super) at: &'static str,
    pub(super) dot: &'static str,
    pub(super) dash: &'static str,
    pub(super) underscore: &'static str,
    /// Said instead of a formula that is too complex to say.
    pub(super) formula: &'static str,
    pub(super) months: [&'static str; 12],
    /// Abbreviated months and their numbers.
    pub(super) short_months: &'static [(&'static str, usize)],
    /// Words that indicate a date after them.
    pub(super) before_dates: &'static [&'static str],
    pub(super) units: Units,
    pub(super) currencies: &'static [Currency],
    /// Said between euros and cents.
    pub(super) and_cents: &'static str,
    /// Written scale, and what is said after one and after many.
    pub(super) scales: Units,
    /// Said between a scale and the currency: "deux millions d'euros".
    pub(super) scale_of: &'static str,
    /// Scales written as words, before a currency.
    pub(super) scale_words: &'static [&'static str],
    pub(super) fractions: Pairs,
    /// Fraction names from a half on, singular and plural.
    pub(super) parts: Pairs,
    /// After these, a unit before a noun is singular: "a 5 min walk".
    pub(super) determiners: &'static [&'static str],
    pub(super) abbreviations: &'static [Abbreviation],
    /// Words that usually begin a sentence, to decide about ambiguous stops.
    pub(super) starters: &'static [&'static str],
    /// Acronyms that espeak-ng would read as a word.
    pub(super) spelled: &'static [&'static str],
    /// Letters that espeak-ng would read as a word, and how they are said.
    pub(super) letters: Pairs,
    /// Endings of words that, up to some words before a number, make it an identifier, said digit by digit.
    named: &'static [&'static str],
    /// Words that do so directly before the number.
    directly: &'static [&'static str],
}

impl Lexicon {
    /// The lexicon of `language`, such as "de" or "en-GB"; empty: English.
    pub(crate) fn of(language: &str) -> &'static Self {
        match language.split(['-', '_']).next().unwrap_or("") {
            "de" => &GERMAN,
            "fr" => &FRENCH,
            "it" => &ITALIAN,
            "es" => &SPANISH,
            "en" | "" => &ENGLISH,
            _ => &OTHER,
        }
    }

    /// The abbreviation that the word is, given without its last full stop.
    pub(super) fn abbreviation(&self, word: &str) -> Option<&'static Abbreviation> {
        let lower = |short: &str| short.chars().all(char::is_lowercase) || short.contains('.');
        self.abbreviations.iter().find(|known| known.short == word).or_else(|| {
            // "Approx. 20" at the beginning of a sentence.
            self.abbreviations
                .iter()
                .find(|known| lower(known.short) && word.eq_ignore_ascii_case(known.short))
        })
    }

    /// The month that a word names, from 1, and whether it is abbreviated.
    pub(super) fn month(&self, word: &str) -> Option<(usize, bool)> {
        let long = self.months.iter().position(|month| {
            *month == word || self.code != "en" && month.to_lowercase() == word.to_lowercase()
        });
        let short =
            || self.short_months.iter().find(|(short, _)| *short == word).map(|(_, month)| (*month, true));
        long.map(|at| (at + 1, false)).or_else(short)
    }

    /// The name of a letter, written so that espeak-ng says it.
    pub(super) fn letter(&self, letter: char) -> String {
        let upper: String = letter.to_uppercase().collect();
        self.letters.iter().find(|(name, _)| *name == upper).map_or(upper, |(_, said)| (*said).to_owned())
    }

    /// Top-level domains of addresses that are recognised without "https://".
    pub(super) fn endings(&self) -> &'static [&'static str] {
        &["com", "org", "net", "dev", "io", "de", "fr", "uk", "eu", "edu", "gov", "info", "app", "ai", "ch"]
    }

    /// Whether a word up to `reach` words before `at` makes the number there an identifier.
    pub(super) fn cues(&self, words: &[Token<'_>], at: usize, reach: usize) -> bool {
        let near = &words[at.saturating_sub(reach)..at];
        let mut lower = near.iter().map(|word| word.core.to_lowercase());
        let ends = |word: &str| self.named.iter().any(|cue| word.ends_with(cue));
        let amount = near.iter().any(|word| matches!(word.core.as_str(), "of" | "von" | "de" | "di"));
        lower.clone().any(|word| ends(&word)) && !amount
            || lower.next_back().is_some_and(|word| self.directly.contains(&word.as_str()))
    }
}

/// Whether English of this region writes the day before the month.
pub(super) fn day_first(language: &str) -> bool {
    let region = language.split(['-', '_']).nth(1).unwrap_or("").to_uppercase();
    matches!(region.as_str(), "GB" | "UK" | "AU" | "NZ" | "IE" | "IN" | "ZA" | "SG")
}

/// An unknown language: English words for units and money would be worse than what espeak-ng makes of them, but digit by digit
/// numbers and addresses still help.
const OTHER: Lexicon = Lexicon {
    code: "",
    english: false,
    units: &[],
    currencies: &[],
    fractions: &[],
    parts: &[],
    spelled: &[],
    letters: &[],
    determiners: &[],
    ..ENGLISH
};
