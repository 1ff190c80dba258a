//! The language that a call has been speaking: it changes when another one is heard for certain, and not for a "ja". Pure.

/// Speech under this says little of its language.
const ENOUGH_MS: u32 = 1_500;
/// The probability from which the call's first language is believed,
const LIKELY: f32 = 0.5;
/// and the one from which another one is.
const SURE: f32 = 0.7;

/// What is known of a call's language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallLanguage {
    code: String,
}

impl CallLanguage {
    /// ISO 639-1; empty: not known yet.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The language of an utterance with so much speech, of which the engine identified one with a probability.
    #[must_use]
    pub fn judge<'a>(&'a self, identified: &'a str, probability: f32, speech_ms: u32) -> &'a str {
        let believed = self.code.is_empty() || (speech_ms >= ENOUGH_MS && probability >= SURE);
        if believed && !identified.is_empty() { identified } else { &self.code }
    }

    /// Remembers the language of an utterance whose words are final.
    pub fn heard(&mut self, identified: &str, probability: f32, speech_ms: u32) {
        let language = self.judge(identified, probability, speech_ms);
        if language != self.code && probability >= LIKELY {
            self.code = language.to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> CallLanguage {
        let mut call = CallLanguage::default();
        call.heard("en", 0.9, 2_000);
        call
    }

    #[test]
    fn a_short_utterance_keeps_the_language_of_the_call() {
        assert_eq!(english().judge("de", 0.95, 1_400), "en");
        assert_eq!(english().judge("de", 0.95, 1_600), "de");
    }

    #[test]
    fn an_uncertain_utterance_keeps_the_language_of_the_call() {
        assert_eq!(english().judge("cy", 0.4, 5_000), "en");
        assert_eq!(english().judge("", 0.0, 5_000), "en");
    }

    #[test]
    fn a_call_switches_with_the_person_and_stays_there() {
        let mut call = english();
        call.heard("de", 0.9, 3_000);
        call.heard("en", 0.9, 700);
        assert_eq!(call.code(), "de");
    }

    #[test]
    fn a_doubtful_first_word_binds_nobody() {
        let mut call = CallLanguage::default();
        assert_eq!(call.judge("nl", 0.3, 600), "nl");
        call.heard("nl", 0.3, 600);
        assert_eq!(call.code(), "");
        call.heard("en", 0.8, 900);
        assert_eq!(call.code(), "en");
    }
}
