//! The kinds of readings, in order of precedence: the first that recognises a word reads it.
//!
//! If two kinds could read the same characters, this order decides:
//! - "5-3=2" is a calculation, because no kind before `maths` takes a word with "=".
//! - "555-1234" is a telephone number, not a range like "5-3": groups of unequal length and seven digits in all.
//! - "10-03-2025" and "2020-12" are dates, not telephone numbers or ranges.
//! - "2-3pm" is a time, not a range.
//! - "$1-2" is money, not a range; "5m" is metres unless a currency precedes it.
//! - "4/10" is a date if it is not a common fraction or if the previous word indicates a date; otherwise a fraction.
//! - "16:9" is a ratio because its second part has one digit; "16:09" is a time.
//! - "CO2" is a code; "10mL" and "3D" are not: digits before letters are tried as a quantity first.
//! - "No." is an abbreviation only before a number; "A" is a letter only if it is not the article (`letters`).

use super::token::{Here, Reading};
use super::{
    abbreviation, acronym, address, clock, code, date, fraction, letters, maths, money, names, ordinal,
    phone, quantity, roman, unit, year,
};

type Rule = fn(&Here<'_>) -> Option<Reading>;

const KINDS: &[Rule] = &[
    names::read,
    address::read,
    date::read,
    clock::read,
    phone::groups,
    money::read,
    phone::read,
    fraction::read,
    maths::read,
    unit::read,
    quantity::read,
    ordinal::read,
    letters::read,
    code::read,
    abbreviation::read,
    roman::read,
    year::read,
    acronym::read,
    names::joined,
];

/// What is said for the words from this one on, if a kind recognises them.
pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    KINDS.iter().find_map(|rule| rule(here))
}
