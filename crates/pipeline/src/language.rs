//! Which language a call speaks: a belief that grows with each utterance whose words are sure, weighed with what the
//! recogniser hears. Languages that the server has a voice for are likelier than the other ninety. Pure.

use std::collections::BTreeMap;

use visavis_proto::language::{Guess, UNEXPECTED, weigh};
use visavis_proto::v1;

use crate::frame::{LanguageWeight, Transcript};

/// How much likelier a language is when belief in it is full.
const GROWTH: f32 = 3.0;
/// Share of the remaining doubt that one sure utterance removes from the belief in its language.
const LEARNT: f32 = 0.5;
/// Share of the belief in every other language that remains.
const KEPT: f32 = 0.6;
/// Probability, weighed with expectation, below which a language is not named.
const MARGIN: f32 = 0.5;
/// Probability from which an utterance counts for its language.
const SURE: f32 = 0.6;
/// Words less sure than this (mean log probability) say nothing about the language: laughter has been taken for Chinese at
/// -1.2 to -1.5.
const SURE_WORDS: f32 = -0.8;
/// From this no-speech probability on, words say nothing about the language.
const NO_SPEECH: f32 = 0.5;
/// Length of speech from which an utterance counts fully for its language.
const ENOUGH_MS: f32 = 1_500.0;

/// What is known about a call's language.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallLanguage {
    voiced: Vec<String>,
    /// From 0 to 1, by ISO 639-1 code.
    belief: BTreeMap<String, f32>,
}

impl CallLanguage {
    /// Sets the languages, by ISO 639-1 code, in which the server can respond.
    pub fn can_respond_in(&mut self, languages: Vec<String>) {
        self.voiced = languages;
    }

    /// The language that the call speaks, by ISO 639-1 code; empty: not known yet.
    #[must_use]
    pub fn code(&self) -> &str {
        self.belief.iter().max_by(|a, b| a.1.total_cmp(b.1)).map_or("", |(code, _)| code)
    }

    /// Relative weight of each language in the next utterance.
    #[must_use]
    pub fn expected(&self) -> Vec<LanguageWeight> {
        let voiced = self.voiced.iter().filter(|code| !self.belief.contains_key(*code));
        let weight = |code: &String| {
            let belief = self.belief.get(code).copied().unwrap_or_default();
            let voiced = self.voiced.is_empty() || self.voiced.contains(code);
            // A language spoken so far is likely to continue, voice or not.
            let base = if voiced { 1.0 } else { belief.max(UNEXPECTED) };
            base * (1.0 + GROWTH * belief)
        };
        let all = self.belief.keys().chain(voiced);
        all.map(|code| LanguageWeight { language: code.clone(), weight: weight(code) }).collect()
    }

    /// The language of an utterance with this much speech; the call's, if the words or their language are unsure.
    #[must_use]
    pub fn judge(&self, words: &Transcript, speech_ms: u32) -> String {
        let heard = self.weighed(words, speech_ms);
        let believed = heard.filter(|heard| heard.probability >= MARGIN && is_speech(words));
        believed.map_or_else(|| self.code().to_owned(), |heard| heard.language)
    }

    /// The likeliest language of an utterance, weighed with expectation.
    fn weighed(&self, words: &Transcript, speech_ms: u32) -> Option<Guess> {
        weigh(&on_the_wire(heard(words)), &on_the_wire(self.expected()), speech_ms as f32 / 1000.0)
    }

    /// Remembers the language of an utterance whose words are final.
    pub fn remember(&mut self, words: &Transcript, speech_ms: u32) {
        let Some(heard) = self.weighed(words, speech_ms) else { return };
        if words.text.is_empty() || heard.probability < SURE || !is_speech(words) {
            return;
        }
        let learnt = LEARNT * heard.probability * (speech_ms as f32 / ENOUGH_MS).min(1.0);
        let belief = self.belief.entry(heard.language.clone()).or_default();
        *belief += (1.0 - *belief) * learnt;
        for (code, belief) in &mut self.belief {
            if *code != heard.language {
                *belief *= 1.0 - (1.0 - KEPT) * learnt / LEARNT;
            }
        }
    }
}

/// As the engine receives them.
fn on_the_wire(weights: Vec<LanguageWeight>) -> Vec<v1::LanguageWeight> {
    let one = |LanguageWeight { language, weight }| v1::LanguageWeight { language, weight };
    weights.into_iter().map(one).collect()
}

/// Whether words are sure enough for their language to be believed.
fn is_speech(words: &Transcript) -> bool {
    words.average_log_probability >= SURE_WORDS && words.no_speech_probability < NO_SPEECH
}

/// The languages that the recogniser heard; only the likeliest, if it names no others.
fn heard(words: &Transcript) -> Vec<LanguageWeight> {
    let likeliest = LanguageWeight { language: words.language.clone(), weight: words.language_probability };
    if words.languages.is_empty() && !words.language.is_empty() {
        return vec![likeliest];
    }
    words.languages.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(languages: &[(&str, f32)], average_log_probability: f32) -> Transcript {
        let languages = languages
            .iter()
            .map(|(code, weight)| LanguageWeight { language: (*code).into(), weight: *weight });
        Transcript {
            text: "words".into(),
            languages: languages.collect(),
            average_log_probability,
            ..Transcript::default()
        }
    }

    type Heard<'a> = &'a [(&'a str, f32)];

    /// A call with an English voice, after these utterances: languages heard, sureness of the words, milliseconds.
    fn call(spoken: &[(Heard<'_>, f32, u32)]) -> CallLanguage {
        let mut call = CallLanguage::default();
        call.can_respond_in(vec!["en".into()]);
        for (languages, sureness, ms) in spoken {
            call.remember(&words(languages, *sureness), *ms);
        }
        call
    }

    const ENGLISH: &[(&str, f32)] = &[("en", 0.97), ("de", 0.004), ("zh", 0.001)];
    const LAUGHTER: &[(&str, f32)] = &[("zh", 0.85), ("ja", 0.06), ("en", 0.03)];
    const GERMAN: &[(&str, f32)] = &[("de", 0.95), ("nl", 0.02), ("en", 0.004)];

    #[test]
    fn the_language_is_what_was_heard_weighed_with_what_the_call_spoke() {
        type Case<'a> = (&'a str, &'a CallLanguage, Heard<'a>, f32, u32, &'a str);
        let fresh = call(&[]);
        let english = call(&[(ENGLISH, -0.3, 3_000), (ENGLISH, -0.2, 2_000), (ENGLISH, -0.3, 2_500)]);
        let after_laughter = call(&[(LAUGHTER, -1.3, 1_800)]);
        let german = call(&[(ENGLISH, -0.3, 2_000), (GERMAN, -0.3, 3_000), (GERMAN, -0.3, 3_000)]);
        let cases: [Case<'_>; 11] = [
            ("the first words", &fresh, ENGLISH, -0.3, 2_000, "en"),
            ("laughter", &fresh, LAUGHTER, -1.3, 1_800, ""),
            ("laughter later", &english, LAUGHTER, -1.3, 1_800, "en"),
            ("English after laughter", &after_laughter, &[("en", 0.9), ("zh", 0.006)], -0.3, 1_300, "en"),
            ("an actor", &fresh, &[("mi", 0.498), ("en", 0.2), ("haw", 0.1)], -0.5, 4_000, "en"),
            ("a guess", &fresh, &[("mi", 0.3), ("cy", 0.25), ("nn", 0.2)], -0.5, 4_000, ""),
            ("a short sentence that is surely German", &english, GERMAN, -0.4, 900, "de"),
            ("a short one that may be", &english, &[("de", 0.6), ("en", 0.2)], -0.4, 900, "en"),
            ("a long one that may be", &english, &[("cy", 0.4), ("en", 0.2)], -0.4, 5_000, "en"),
            ("a German call's \"ja\"", &german, &[("de", 0.5), ("en", 0.3)], -0.5, 500, "de"),
            ("back to English", &german, ENGLISH, -0.2, 1_000, "en"),
        ];
        for (case, call, heard, sureness, ms, expected) in cases {
            assert_eq!(call.judge(&words(heard, sureness), ms), expected, "{case}: {call:?}");
        }
    }

    #[test]
    fn belief_grows_only_with_sure_words_and_follows_the_person() {
        let one = call(&[(ENGLISH, -0.3, 3_000)]);
        let two = call(&[(ENGLISH, -0.3, 3_000), (ENGLISH, -0.3, 3_000)]);
        let weight = |call: &CallLanguage, code: &str| {
            call.expected().iter().find(|it| it.language == code).map_or(UNEXPECTED, |it| it.weight)
        };
        assert!(1.0 < weight(&one, "en") && weight(&one, "en") < weight(&two, "en"));
        assert_eq!(call(&[(LAUGHTER, -1.3, 2_000)]), call(&[]), "laughter teaches nothing");
        assert_eq!(call(&[(&[("mi", 0.4), ("en", 0.04)], -0.3, 4_000)]).code(), "", "nor does a guess");
        let switched = call(&[(ENGLISH, -0.3, 3_000), (GERMAN, -0.3, 3_000), (GERMAN, -0.3, 3_000)]);
        assert_eq!(switched.code(), "de");
        assert!(weight(&switched, "en") < weight(&one, "en"));
    }

    #[test]
    fn without_a_list_of_voices_any_language_is_accepted() {
        let mut call = CallLanguage::default();
        assert_eq!(call.expected(), []);
        assert_eq!(call.judge(&words(GERMAN, -0.3), 2_000), "de");
        let told_one = Transcript { language: "nl".into(), language_probability: 0.9, ..words(&[], -0.3) };
        call.remember(&told_one, 3_000);
        assert_eq!(call.code(), "nl");
    }
}
