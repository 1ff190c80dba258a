//! Whether a recogniser repeats itself: over long sound it may say one clause again and again in the place of what is said.

use std::collections::HashMap;

/// Words of a row that is looked for again.
const ROW: usize = 5;
/// How often such a row is in what people say at most, in the half minute of a piece.
const MOST: usize = 2;

/// Whether one row of words is in a text more often than people say one.
pub(crate) fn repeats(text: &str) -> bool {
    let plain =
        |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let words: Vec<String> = text.split_whitespace().map(plain).collect();
    let mut rows: HashMap<&[String], usize> = HashMap::new();
    words.windows(ROW).any(|row| {
        let times = rows.entry(row).or_default();
        *times += 1;
        *times > MOST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_that_is_said_again_and_again_is_noticed_and_rhetoric_is_not() {
        let dickens = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of \
                       foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of light, \
                       it was the season of darkness";
        assert!(!repeats(dickens));
        assert!(!repeats("No. No. No. No!"));
        assert!(!repeats(""));
        let looped = "It was the age of wisdom, it was the age of foolishness. It was the age of foolishness, it was the age of \
                      Foolishness";
        assert!(repeats(looped));
    }
}
