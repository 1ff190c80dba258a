//! Word error rates: what was said against what the recogniser heard. Pure.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use crate::harness::words::word_errors;

/// A sentence that was not heard as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misheard {
    /// The sentence.
    pub said: String,
    /// The transcript.
    pub heard: String,
    /// Words that are wrong, missing or too many.
    pub errors: usize,
}

/// What was heard of a voice.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Heard {
    /// Number of sentences.
    pub sentences: usize,
    /// Number of their words.
    pub words: usize,
    /// Words that are wrong, missing or too many.
    pub errors: usize,
    /// Errors per word.
    pub word_error_rate: f64,
    /// Sentences that were heard with digits. None was said with digits, so some of their errors are of writing alone.
    pub digits: usize,
    /// The sentences with errors.
    pub misheard: Vec<Misheard>,
}

impl Heard {
    /// Adds a sentence.
    pub fn add(&mut self, said: &str, heard: &str) {
        let reference = words(said);
        let errors = word_errors(&reference, &words(heard));
        self.sentences += 1;
        self.words += reference.len();
        self.errors += errors;
        self.word_error_rate = self.errors as f64 / self.words.max(1) as f64;
        self.digits += usize::from(heard.chars().any(char::is_numeric));
        if errors > 0 {
            self.misheard.push(Misheard { said: said.into(), heard: heard.trim().into(), errors });
        }
    }
}

/// The words of a text for comparison: lower case, without punctuation, split at apostrophes and hyphens, with accents.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let joint = |c: char| matches!(c, '\'' | '’' | 'ʼ' | '-' | '‐' | '‑' | '–' | '—');
    let apart: String = text.chars().map(|c| if joint(c) { ' ' } else { c }).collect();
    apart.unicode_words().map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_punctuation_but_with_accents() {
        assert_eq!(
            words("¿Qué? «L’eau» d'ÉTÉ, s'il-te-plaît…"),
            ["qué", "l", "eau", "d", "été", "s", "il", "te", "plaît"]
        );
        assert_eq!(words("guarda-chuva"), words("Guarda chuva!"));
        assert_ne!(words("esta"), words("está"));
        // The signs of vowels and the one that joins consonants belong to their words.
        assert_eq!(words("बहुत धन्यवाद।"), ["बहुत", "धन्यवाद"]);
    }

    #[test]
    fn the_rate_is_over_all_words_and_sentences_with_errors_are_kept() {
        let mut heard = Heard::default();
        heard.add("He is at home.", "he is at home");
        heard.add("She has two dogs, too.", " She has 2 dogs.");
        assert_eq!((heard.sentences, heard.words, heard.errors, heard.digits), (2, 9, 2, 1));
        assert!((heard.word_error_rate - 2.0 / 9.0).abs() < 1e-9);
        let kept =
            Misheard { said: "She has two dogs, too.".into(), heard: "She has 2 dogs.".into(), errors: 2 };
        assert_eq!(heard.misheard, [kept]);
    }
}
