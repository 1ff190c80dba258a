//! Times of the written words, from those of the spoken ones. Pure.

use crate::frame::{Segment, WordTime};

/// How much of a segment's spoken text has been passed by its chunks so far.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// In bytes.
    at: usize,
    /// The written word that the last spoken one stands for.
    written: Option<usize>,
}

/// Converts times of a chunk's spoken words to those of the written ones: "12.50" is three spoken words. A written word is
/// reported once, with the chunk in which it begins.
pub(super) fn as_written(segment: &Segment, spoken: Vec<WordTime>, passed: &mut Passed) -> Vec<WordTime> {
    let mut times: Vec<WordTime> = Vec::with_capacity(spoken.len());
    for word in spoken {
        let Some(from) = pass(segment, &word.text, &mut passed.at) else { continue };
        let index = segment.words.partition_point(|written| written.spoken.end <= from);
        let Some(written) = segment.words.get(index) else { continue };
        match times.last_mut() {
            Some(open) if passed.written == Some(index) => open.end = word.end,
            None if passed.written == Some(index) => {}
            _ => times.push(WordTime { text: written.word.clone(), ..word }),
        }
        passed.written = Some(index);
    }
    times
}

/// Start of the next such word in the spoken text; advances `at` to its end.
fn pass(segment: &Segment, word: &str, at: &mut usize) -> Option<usize> {
    let from = *at + segment.speakable.get(*at..)?.find(word)?;
    *at = from + word.len();
    Some(from)
}
