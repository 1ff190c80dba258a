//! Word error rates: what was said against what the recogniser heard. Pure.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use super::numerals::spelled;
use crate::harness::words::word_errors;

/// Most words that may be written as one.
const JOINED: usize = 3;

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
    /// Of these, errors of writing alone: the letters are right, but for accents and the spaces between words.
    pub writing: usize,
    /// Errors per word, those of writing included.
    pub word_error_rate: f64,
    /// Sentences that were heard with digits. Numbers up to 99 are compared as words; of others some errors are of writing
    /// alone and not counted as such.
    pub digits: usize,
    /// The sentences with errors.
    pub misheard: Vec<Misheard>,
}

impl Heard {
    /// Adds a sentence in a language.
    pub fn add(&mut self, said: &str, heard: &str, language: &str) {
        let (reference, transcript) = (words(said, language), words(heard, language));
        let errors = word_errors(&reference, &transcript);
        self.sentences += 1;
        self.words += reference.len();
        self.errors += errors;
        self.writing += errors - letter_errors(&reference, &transcript).min(errors);
        self.word_error_rate = self.errors as f64 / self.words.max(1) as f64;
        self.digits += usize::from(heard.chars().any(char::is_numeric));
        if errors > 0 {
            self.misheard.push(Misheard { said: said.into(), heard: heard.trim().into(), errors });
        }
    }
}

/// The words of a text for comparison: lower case, without punctuation, split at apostrophes and hyphens, with accents, and
/// numbers up to 99 in words.
#[must_use]
pub fn words(text: &str, language: &str) -> Vec<String> {
    let joint = |c: char| matches!(c, '\'' | '’' | 'ʼ' | '-' | '‐' | '‑' | '–' | '—');
    let apart: String = text.chars().map(|c| if joint(c) { ' ' } else { c }).collect();
    let read = |word: &str| spelled(word, language).unwrap_or_else(|| word.to_lowercase());
    let read: Vec<String> = apart.unicode_words().map(read).collect();
    read.iter().flat_map(|word| word.split('-')).map(str::to_owned).collect()
}

/// As [`word_errors`], but up to three words are right when they have the letters of up to three others.
fn letter_errors(reference: &[String], heard: &[String]) -> usize {
    let [said, heard] =
        [reference, heard].map(|words| words.iter().map(|word| bare(word)).collect::<Vec<_>>());
    let mut least = vec![vec![0_usize; heard.len() + 1]; said.len() + 1];
    for i in 0..=said.len() {
        for j in 0..=heard.len() {
            least[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let wrong = 1 + least[i - 1][j].min(least[i][j - 1]).min(least[i - 1][j - 1]);
                    let same = |a: usize, b: usize| said[i - a..i].concat() == heard[j - b..j].concat();
                    let pairs = (1..=JOINED.min(i)).flat_map(|a| (1..=JOINED.min(j)).map(move |b| (a, b)));
                    let right = pairs.filter(|(a, b)| same(*a, *b)).map(|(a, b)| least[i - a][j - b]).min();
                    right.map_or(wrong, |right| right.min(wrong))
                }
            };
        }
    }
    least[said.len()][heard.len()]
}

/// A word without the accents of the languages that are judged.
fn bare(word: &str) -> String {
    let letter = |c: char| match c {
        'à' | 'á' | 'â' | 'ã' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        other => other,
    };
    word.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_punctuation_but_with_accents() {
        assert_eq!(
            words("¿Qué? «L’eau» d'ÉTÉ, s'il-te-plaît…", "fr"),
            ["qué", "l", "eau", "d", "été", "s", "il", "te", "plaît"]
        );
        assert_eq!(words("guarda-chuva", "pt"), words("Guarda chuva!", "pt"));
        assert_ne!(words("esta", "es"), words("está", "es"));
        // The signs of vowels and the one that joins consonants belong to their words.
        assert_eq!(words("बहुत धन्यवाद।", "hi"), ["बहुत", "धन्यवाद"]);
    }

    #[test]
    fn an_elision_and_a_number_are_the_same_however_they_are_written() {
        for (language, one, other) in [
            ("it", "Bevo l'acqua.", "bevo l’ acqua"),
            ("it", "Un po' di sale alle ventuno.", "un po di sale alle 21"),
            ("fr", "Il y a quatre-vingt-onze chats.", "Il y a 91 chats"),
            ("en", "Twenty-two at 8:30", "22 at eight thirty"),
            ("es", "Treinta y uno.", "31"),
            ("pt", "Vinte e dois.", "22"),
        ] {
            assert_eq!(words(one, language), words(other, language), "{one}");
        }
        assert_eq!(words("In 1984.", "en"), ["in", "1984"]);
    }

    #[test]
    fn the_rate_is_over_all_words_and_sentences_with_errors_are_kept() {
        let mut heard = Heard::default();
        heard.add("He is at home.", "he is at home", "en");
        heard.add("She has two dogs, too.", " She had 2 dogs.", "en");
        assert_eq!((heard.sentences, heard.words, heard.errors, heard.digits), (2, 9, 2, 1));
        assert!((heard.word_error_rate - 2.0 / 9.0).abs() < 1e-9);
        let kept =
            Misheard { said: "She has two dogs, too.".into(), heard: "She had 2 dogs.".into(), errors: 2 };
        assert_eq!(heard.misheard, [kept]);
    }

    #[test]
    fn errors_of_writing_alone_are_errors_and_counted_apart() {
        for (said, written, errors, writing) in [
            ("una tazza di tè", "una tazza di te", 1, 1),
            ("si trasferisce in una casa", "si trasferisce inuna casa", 2, 2),
            ("dietro l'angolo", "di etro langolo", 3, 3),
            ("chiudi la finestra", "chiude la finestra", 1, 0),
            ("ho dimenticato di nuovo", "o dimenticato dinuovo", 3, 2),
            ("grazie mille", "", 2, 0),
        ] {
            let mut heard = Heard::default();
            heard.add(said, written, "it");
            assert_eq!((heard.errors, heard.writing), (errors, writing), "{said}");
        }
    }
}
