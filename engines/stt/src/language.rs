//! Which language an utterance is in: the one that the model hears, unless it hears too little of it to be believed
//! against what the call has been speaking so far.

use crate::vocabulary::Language;

/// Speech under this says little of its language: one word in four has been taken for another language's.
const ENOUGH_SECONDS: f32 = 1.5;
/// The probability from which another language than the expected one is believed.
const SURE: f32 = 0.7;
/// The probability from which an utterance's language is not asked for again,
const SETTLED: f32 = 0.5;
/// nor from this much speech on.
const PLENTY_SECONDS: f32 = 4.0;

/// What an "um" is taken for when nothing else is known, as whisper.cpp does.
pub(crate) const USUAL: &str = "en";

/// The language to listen in, of the likeliest, the expected, and the usual one with their probabilities.
pub(crate) fn choose(
    heard: (Language, f32),
    expected: Option<(Language, f32)>,
    usual: Option<(Language, f32)>,
    speech_seconds: f32,
) -> (Language, f32) {
    let (short, unsure) = (speech_seconds < ENOUGH_SECONDS, heard.1 < SURE);
    match (expected, usual) {
        (Some(expected), _) if short || unsure => expected,
        (None, Some(usual)) if short && unsure => usual,
        _ => heard,
    }
}

/// Whether an utterance's language is certain, and need not be asked again as the utterance grows.
pub(crate) fn is_settled(probability: f32, speech_seconds: f32) -> bool {
    speech_seconds >= PLENTY_SECONDS || (speech_seconds >= ENOUGH_SECONDS && probability >= SETTLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(probability: f32) -> (Language, f32) {
        (Language { id: 1, code: "de" }, probability)
    }

    fn expected() -> Option<(Language, f32)> {
        Some((Language { id: 0, code: "en" }, 0.1))
    }

    #[test]
    fn a_short_utterance_keeps_the_language_of_the_call() {
        assert_eq!(choose(heard(0.9), expected(), None, 1.4).0.code, "en");
        assert_eq!(choose(heard(0.9), expected(), None, 1.6).0.code, "de");
    }

    #[test]
    fn another_language_must_be_heard_for_certain() {
        assert_eq!(choose(heard(0.6), expected(), None, 5.0).0.code, "en");
        assert_eq!(choose(heard(0.8), expected(), None, 5.0), heard(0.8));
    }

    #[test]
    fn without_an_expectation_the_likeliest_language_is_taken_unless_it_is_but_a_guess() {
        assert_eq!(choose(heard(0.3), None, expected(), 2.0), heard(0.3));
        assert_eq!(choose(heard(0.8), None, expected(), 0.5), heard(0.8));
        assert_eq!(choose(heard(0.3), None, expected(), 0.5).0.code, "en", "an \"um\"");
    }

    #[test]
    fn a_language_settles_with_enough_speech() {
        assert!(!is_settled(0.99, 1.0) && !is_settled(0.4, 2.0));
        assert!(is_settled(0.9, 1.5) && is_settled(0.3, 4.0));
    }
}
