//! The words that each language has for signs, units and months. What espeak-ng knows itself is not here.

mod french;
mod german;
mod italian;
mod spanish;

use super::Bare;
use french::FRENCH;
use german::GERMAN;
use italian::ITALIAN;
use spanish::SPANISH;

type Pairs = &'static [(&'static str, &'static str)];
/// A unit as it is written, and its name for one and for many.
type Units = &'static [(&'static str, &'static str, &'static str)];

/// A language's words; English where it is not known.
#[derive(Debug)]
pub(super) struct Tongue {
    pub(super) code: &'static str,
    pub(super) english: bool,
    pub(super) and: &'static str,
    pub(super) plus: &'static str,
    pub(super) minus: &'static str,
    pub(super) plus_minus: &'static str,
    pub(super) equals: &'static str,
    pub(super) times: &'static str,
    pub(super) over: &'static str,
    pub(super) to: &'static str,
    pub(super) number: &'static str,
    pub(super) about: &'static str,
    pub(super) less: &'static str,
    pub(super) more: &'static str,
    pub(super) at_most: &'static str,
    pub(super) at_least: &'static str,
    pub(super) at: &'static str,
    pub(super) dot: &'static str,
    pub(super) dash: &'static str,
    pub(super) underscore: &'static str,
    pub(super) months: [&'static str; 12],
    pub(super) units: Units,
    pub(super) fractions: Pairs,
    /// Before a name, with or without a full stop.
    pub(super) titles: Pairs,
    /// With a full stop.
    pub(super) short: Pairs,
    /// Capitals that espeak-ng takes for a word.
    pub(super) capitals: Pairs,
    /// "No. 5".
    pub(super) numbered: &'static [&'static str],
    /// What has a number that is said digit by digit: as a word's end, some words before it.
    named: &'static [&'static str],
    /// The same, right before it.
    directly: &'static [&'static str],
}

impl Tongue {
    pub(super) fn of(language: &str) -> &'static Self {
        match language.split(['-', '_']).next().unwrap_or("") {
            "de" => &GERMAN,
            "fr" => &FRENCH,
            "it" => &ITALIAN,
            "es" => &SPANISH,
            "en" | "" => &ENGLISH,
            _ => &OTHER,
        }
    }

    /// Endings of addresses that are written without "https://".
    pub(super) fn endings(&self) -> &'static [&'static str] {
        &["com", "org", "net", "dev", "io", "de", "fr", "uk", "eu", "edu", "gov", "info", "app", "ai", "ch"]
    }

    /// Whether one of the words before place `at` says that the number there is a name.
    pub(super) fn cues(&self, words: &[Bare], at: usize, reach: usize) -> bool {
        let near = &words[at.saturating_sub(reach)..at];
        let mut lower = near.iter().map(|word| word.core.to_lowercase());
        let ends = |word: &str| self.named.iter().any(|cue| word.ends_with(cue));
        let amount = near.iter().any(|word| matches!(word.core.as_str(), "of" | "von" | "de" | "di"));
        lower.clone().any(|word| ends(&word)) && !amount
            || lower.next_back().is_some_and(|word| self.directly.contains(&word.as_str()))
    }
}

const ENGLISH: Tongue = Tongue {
    code: "en",
    english: true,
    and: "and",
    plus: "plus",
    minus: "minus",
    plus_minus: "plus or minus",
    equals: "equals",
    times: "times",
    over: "divided by",
    to: "to",
    number: "number",
    about: "about",
    less: "less than",
    more: "more than",
    at_most: "at most",
    at_least: "at least",
    at: "at",
    dot: "dot",
    dash: "dash",
    underscore: "underscore",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    units: &[
        ("km/h", "kilometer per hour", "kilometers per hour"),
        ("mph", "mile per hour", "miles per hour"),
        ("m/s", "meter per second", "meters per second"),
        ("km", "kilometer", "kilometers"),
        ("m", "meter", "meters"),
        ("cm", "centimeter", "centimeters"),
        ("mm", "millimeter", "millimeters"),
        ("mi", "mile", "miles"),
        ("ft", "foot", "feet"),
        ("kg", "kilogram", "kilograms"),
        ("g", "gram", "grams"),
        ("mg", "milligram", "milligrams"),
        ("lb", "pound", "pounds"),
        ("lbs", "pound", "pounds"),
        ("oz", "ounce", "ounces"),
        ("l", "liter", "liters"),
        ("L", "liter", "liters"),
        ("ml", "milliliter", "milliliters"),
        ("h", "hour", "hours"),
        ("hr", "hour", "hours"),
        ("hrs", "hour", "hours"),
        ("min", "minute", "minutes"),
        ("sec", "second", "seconds"),
        ("ms", "millisecond", "milliseconds"),
        ("°C", "degree Celsius", "degrees Celsius"),
        ("°F", "degree Fahrenheit", "degrees Fahrenheit"),
        ("m²", "square meter", "square meters"),
        ("km²", "square kilometer", "square kilometers"),
        ("kB", "kilobyte", "kilobytes"),
        ("MB", "megabyte", "megabytes"),
        ("GB", "gigabyte", "gigabytes"),
        ("TB", "terabyte", "terabytes"),
        ("W", "watt", "watts"),
        ("kW", "kilowatt", "kilowatts"),
        ("kWh", "kilowatt hour", "kilowatt hours"),
        ("V", "volt", "volts"),
        ("Hz", "hertz", "hertz"),
        ("kHz", "kilohertz", "kilohertz"),
        ("MHz", "megahertz", "megahertz"),
        ("GHz", "gigahertz", "gigahertz"),
    ],
    fractions: &[
        ("1/2", "one half"),
        ("1/3", "one third"),
        ("2/3", "two thirds"),
        ("1/4", "one quarter"),
        ("3/4", "three quarters"),
    ],
    titles: &[
        ("Dr", "Doctor"),
        ("Mr", "Mister"),
        ("Mrs", "Missus"),
        ("Ms", "Miz"),
        ("Prof", "Professor"),
        ("St", "Saint"),
    ],
    short: &[
        ("e.g", "for example"),
        ("i.e", "that is"),
        ("etc", "et cetera"),
        ("approx", "approximately"),
        ("vs", "versus"),
    ],
    capitals: &[("VIP", "V I P"), ("FAQ", "F. A. Q."), ("LED", "L E D")],
    numbered: &["No", "no", "Nr"],
    named: &["number", "code", "pin", "zip", "digits", "phone", "extension", "password", "id"],
    directly: &["order", "card", "account", "reference", "ticket", "flight", "room", "invoice", "booking"],
};

/// A language that is not known here: signs in a foreign tongue are worse than what espeak-ng makes of them; digits and
/// addresses still help.
const OTHER: Tongue =
    Tongue { code: "", english: false, units: &[], fractions: &[], titles: &[], short: &[], ..ENGLISH };
