//! Estimates word times for a voice that reports none, so that an interrupted response is remembered about as far as it was
//! heard. Pure.

use crate::frame::{OUT_RATE, WordTime};

/// Characters per second of speech, including the space after each word.
const PACE: u64 = 15;

/// The written words of a segment, timed from its first sample.
pub(super) fn words(text: &str) -> Vec<WordTime> {
    let sample = |characters: usize| characters as u64 * u64::from(OUT_RATE) / PACE;
    let mut passed = 0;
    let timed = |word: &str| {
        let start = sample(passed);
        passed += word.chars().count() + 1;
        WordTime { text: word.into(), start, end: sample(passed) }
    };
    text.split_whitespace().map(timed).collect()
}
