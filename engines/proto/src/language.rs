//! Combines the language probabilities that a model heard with what was expected: Bayes' rule, trusting short speech less.
//! Pure. The engine uses it to choose the language to decode in, the server to choose the language to believe.

use crate::v1::LanguageWeight;

/// The weight of a language that is not among the expected ones.
pub const UNEXPECTED: f32 = 0.1;
/// Seconds of speech from which a model's probabilities are fully trusted.
const ENOUGH_SECONDS: f32 = 1.5;
/// Trust in the probabilities for the shortest sound, where models are far too confident.
const LEAST_TRUST: f32 = 0.6;
/// Lower probabilities are raised to this one: models differ in the tail.
const FLOOR: f32 = 1e-3;

/// A language and its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// ISO 639-1.
    pub language: String,
    /// 0 to 1.
    pub probability: f32,
}

/// The likeliest language of `seconds` of speech, given the model's probabilities `heard` and the prior weights
/// `expected`. `None` if `heard` is empty.
#[must_use]
pub fn weigh(heard: &[LanguageWeight], expected: &[LanguageWeight], seconds: f32) -> Option<Guess> {
    let trust = LEAST_TRUST + (1.0 - LEAST_TRUST) * (seconds / ENOUGH_SECONDS).clamp(0.0, 1.0);
    let weight = |language: &str| {
        let known = expected.iter().find(|known| known.language == language);
        // With no expectation, all languages weigh the same.
        known.map_or(if expected.is_empty() { 1.0 } else { UNEXPECTED }, |known| known.weight)
    };
    let scored: Vec<(&str, f32)> = (heard.iter())
        .map(|one| (one.language.as_str(), one.weight.max(FLOOR).powf(trust) * weight(&one.language)))
        .collect();
    let sum: f32 = scored.iter().map(|(_, score)| score).sum();
    let (language, score) = scored.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Guess { language: language.into(), probability: score / sum.max(f32::MIN_POSITIVE) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &[(&str, f32)]) -> Vec<LanguageWeight> {
        pairs
            .iter()
            .map(|(code, weight)| LanguageWeight { language: (*code).into(), weight: *weight })
            .collect()
    }

    #[test]
    fn a_certain_language_is_believed_and_an_uncertain_one_yields_to_the_expected() {
        type Case<'a> = (&'a str, &'a [(&'a str, f32)], &'a [(&'a str, f32)], f32, &'a str);
        let voiced = [("en", 1.0)];
        let spoken = [("en", 4.0)];
        let cases: [Case<'_>; 9] = [
            ("nothing known", &[("de", 0.4), ("nl", 0.3)], &[], 2.0, "de"),
            ("an actor's first words", &[("mi", 0.498), ("en", 0.2), ("haw", 0.1)], &voiced, 4.0, "en"),
            ("a sure language, first words", &[("mi", 0.98), ("en", 0.004)], &voiced, 4.0, "mi"),
            ("short and sure", &[("de", 0.95), ("en", 0.004)], &spoken, 0.9, "de"),
            ("short and only likely", &[("de", 0.9), ("en", 0.1)], &spoken, 1.0, "en"),
            ("long and only likely", &[("de", 0.6), ("en", 0.1)], &spoken, 5.0, "en"),
            ("long and sure", &[("de", 0.9), ("en", 0.02)], &spoken, 5.0, "de"),
            ("after Chinese", &[("en", 0.9), ("zh", 0.006)], &[("zh", 0.5), ("en", 1.0)], 1.2, "en"),
            ("two that have voices", &[("de", 0.7), ("en", 0.2)], &[("de", 1.0), ("en", 3.0)], 2.0, "de"),
        ];
        for (case, heard, expected, seconds, language) in cases {
            let guess = weigh(&list(heard), &list(expected), seconds).unwrap();
            assert_eq!(guess.language, language, "{case}: {guess:?}");
        }
        assert_eq!(weigh(&[], &list(&[("en", 1.0)]), 3.0), None);
    }

    #[test]
    fn a_language_is_more_certain_the_longer_the_speech() {
        let (heard, expected) = (list(&[("de", 0.9), ("en", 0.1)]), list(&[("en", 1.0), ("de", 0.5)]));
        let sure = |seconds| {
            let guess = weigh(&heard, &expected, seconds).unwrap();
            if guess.language == "de" { guess.probability } else { 1.0 - guess.probability }
        };
        assert!(sure(0.2) < sure(1.0) && sure(1.0) < sure(1.5));
        assert!((sure(1.5) - sure(9.0)).abs() < 1e-6);
    }
}
