//! Which language to decode an utterance in, and when that is settled.

use visavis_proto::language::{Guess, weigh};
use visavis_proto::v1::LanguageWeight;

/// Shorter speech says little about its language: one word in four has been taken for another language.
const ENOUGH_SECONDS: f32 = 1.5;
/// The probability from which an utterance's language is settled, after enough speech.
const SETTLED: f32 = 0.8;
/// The amount of speech after which it is settled in any case.
const PLENTY_SECONDS: f32 = 4.0;
/// The language of an "um" when nothing else is known, as in whisper.cpp.
const USUAL: &str = "en";
/// The prior weight of that language.
const USUAL_WEIGHT: f32 = 0.3;

/// The language to decode in, given the model's probabilities.
pub(crate) fn choose(
    heard: &[LanguageWeight],
    expected: &[LanguageWeight],
    speech_seconds: f32,
) -> Option<Guess> {
    let usual = [LanguageWeight { language: USUAL.into(), weight: USUAL_WEIGHT }];
    let unknown = expected.is_empty() && speech_seconds < ENOUGH_SECONDS;
    weigh(heard, if unknown { &usual } else { expected }, speech_seconds)
}

/// Whether an utterance's language is certain and need not be identified again as the utterance grows.
pub(crate) fn is_settled(probability: f32, speech_seconds: f32) -> bool {
    speech_seconds >= PLENTY_SECONDS || (speech_seconds >= ENOUGH_SECONDS && probability >= SETTLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_expectation_the_likeliest_language_wins_unless_it_is_a_mere_guess() {
        let language = |probability: f32, seconds| {
            let one = |language: &str, weight| LanguageWeight { language: language.into(), weight };
            choose(&[one("de", probability), one("en", 0.1)], &[], seconds).unwrap().language
        };
        assert_eq!(language(0.3, 2.0), "de");
        assert_eq!(language(0.8, 0.5), "de");
        assert_eq!(language(0.3, 0.5), "en", "an \"um\"");
    }

    #[test]
    fn a_language_settles_with_enough_speech() {
        assert!(!is_settled(0.99, 1.0) && !is_settled(0.7, 2.0));
        assert!(is_settled(0.9, 1.5) && is_settled(0.3, 4.0));
    }
}
