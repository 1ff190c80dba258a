//! Compares transcripts with what was said.

use unicode_segmentation::UnicodeSegmentation;

/// The words of a text for comparison: lower case, without punctuation.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(|word| word.replace('’', "'").to_lowercase()).collect()
}

/// Word error rate: substitutions, insertions and deletions per word of the reference.
#[must_use]
pub fn word_error_rate(reference: &str, heard: &str) -> f64 {
    let (reference, heard) = (words(reference), words(heard));
    word_errors(&reference, &heard) as f64 / reference.len().max(1) as f64
}

/// Number of substitutions, insertions and deletions.
#[must_use]
pub fn word_errors(reference: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, expected) in reference.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, word) in heard.iter().enumerate() {
            let substituted = diagonal + usize::from(word != expected);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_counts_once_and_punctuation_does_not_count() {
        let said = "Ask not, what your country can do.";
        assert_eq!(word_error_rate(said, "ask not what your country can do"), 0.0);
        for heard in [
            "ask not what our country can do",
            "ask not what country can do",
            "ask not what your own country can do",
        ] {
            assert!((word_error_rate(said, heard) - 1.0 / 7.0).abs() < 1e-9, "{heard}");
        }
        assert_eq!(word_error_rate(said, ""), 1.0);
    }
}
