//! Converts a response into a transcript: removes stage directions and hallucinated text; extracts the language and the
//! confidence figures. Pure.

use serde_json::Value;

use super::languages;
use crate::frame::{LanguageWeight, Transcript};

/// Minimum no-speech probability of a noise segment, unless its words are surer than [`SURE_WORDS`]; our engine uses the same
/// limits.
const NOISE: f32 = 0.6;
const SURE_WORDS: f32 = -0.4;
/// Compression ratio above which Whisper considers a text repetitive.
const LOOP: f32 = 2.4;
/// Highest mean log probability of a repetitive text: so low that it needs other evidence.
const LOOP_SURENESS: f32 = -1.2;
/// Longest stage direction in bytes. Longer text in brackets was said.
const LONGEST_DIRECTION: usize = 40;
/// Symbols that stand for music.
const NOTES: [char; 4] = ['♪', '♩', '♫', '♬'];
/// Most languages whose probability is kept.
const MOST_LANGUAGES: usize = 8;

/// The request's statements about the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected<'a> {
    /// The requested language, ISO 639-1; empty: it was to be identified.
    pub(super) given: &'a str,
    /// The languages that the endpoint recognises; empty: any.
    pub(super) known: &'a [String],
}

/// A segment of the audio.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment<'a> {
    text: &'a str,
    tokens: usize,
    no_speech: Option<f32>,
    sureness: Option<f32>,
}

impl<'a> Segment<'a> {
    fn of(value: &'a Value) -> Self {
        let text = value["text"].as_str().unwrap_or_default();
        let tokens = value["tokens"].as_array().map_or(text.chars().count(), Vec::len).max(1);
        let sureness = number(&value["avg_logprob"]);
        let loops = number(&value["compression_ratio"]).is_some_and(|ratio| ratio > LOOP);
        let sureness = if loops { Some(sureness.unwrap_or(0.0).min(LOOP_SURENESS)) } else { sureness };
        Self { text, tokens, no_speech: number(&value["no_speech_prob"]), sureness }
    }

    /// Whether its words are hallucinated, as Whisper writes "thank you" for a breath.
    fn is_noise(&self) -> bool {
        self.no_speech.is_some_and(|silence| silence >= NOISE)
            && self.sureness.is_some_and(|sureness| sureness <= SURE_WORDS)
    }
}

/// Parses the body of a response; none if it contains no transcript.
pub(super) fn transcript(body: &str, expected: Expected<'_>) -> Option<Transcript> {
    let value: Value = serde_json::from_str(body).ok()?;
    let whole = value["text"].as_str()?;
    let all: Vec<Segment<'_>> = list(&value["segments"]).iter().map(Segment::of).collect();
    let said: Vec<Segment<'_>> = all.iter().copied().filter(|segment| !segment.is_noise()).collect();
    let text = if said.len() == all.len() && !has_a_line_for_each(whole, &all) {
        spoken(whole)
    } else {
        spoken(&joined(&said))
    };
    // If every segment is noise, its own figures are reported, so that the pipeline rejects it.
    let judged = if said.is_empty() { &all } else { &said };
    let words = Transcript {
        text,
        no_speech_probability: judged
            .iter()
            .filter_map(|segment| segment.no_speech)
            .reduce(f32::min)
            .unwrap_or(0.0),
        average_log_probability: sureness(judged).or_else(|| of_tokens(&value["logprobs"])).unwrap_or(0.0),
        ..Transcript::default()
    };
    Some(with_language(words, &value, expected))
}

/// Whether the text has one line per segment, as whisper.cpp's server writes it; it splits at 60 characters, even within words.
fn has_a_line_for_each(whole: &str, all: &[Segment<'_>]) -> bool {
    let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty());
    let texts = all.iter().map(|segment| segment.text.trim()).filter(|text| !text.is_empty());
    whole.trim().contains('\n') && lines.eq(texts)
}

/// Joins segments. If they carry their own leading spaces, as Whisper's do, one without a space continues the last word.
fn joined(segments: &[Segment<'_>]) -> String {
    let spaced = segments.iter().any(|segment| segment.text.starts_with(' '));
    let texts: Vec<&str> = segments.iter().map(|segment| segment.text).collect();
    texts.join(if spaced { "" } else { " " })
}

/// Adds the language: the requested one, or the one that the endpoint identified.
fn with_language(words: Transcript, value: &Value, expected: Expected<'_>) -> Transcript {
    if !expected.given.is_empty() {
        return Transcript { language: expected.given.into(), ..words };
    }
    let code = |told: &str| {
        languages::code(told)
            .filter(|code| expected.known.is_empty() || expected.known.iter().any(|known| known == code))
    };
    let told = [&value["language"], &value["detected_language"]];
    let Some(language) = told.into_iter().filter_map(Value::as_str).find_map(code) else { return words };
    // whisper.cpp's server decodes in its start-up language and reports the detected one separately.
    if value["detected_language"].as_str().and_then(code).is_some_and(|heard| heard != language) {
        return Transcript { language: language.into(), ..words };
    }
    let probability = [&value["language_probability"], &value["detected_language_probability"]];
    let probability = probability.into_iter().find_map(number).map_or(0.0, |one| one.clamp(0.0, 1.0));
    let mut languages: Vec<LanguageWeight> = value["language_probabilities"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, weight)| {
            Some(LanguageWeight { language: code(name)?.into(), weight: number(weight)? })
        })
        .collect();
    languages.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    languages.truncate(MOST_LANGUAGES);
    Transcript { language: language.into(), language_probability: probability, languages, ..words }
}

/// Mean log probability of the tokens of all segments that report it.
fn sureness(segments: &[Segment<'_>]) -> Option<f32> {
    let told = segments.iter().filter_map(|segment| Some((segment.sureness?, segment.tokens as f32)));
    let (sum, tokens) =
        told.fold((0.0, 0.0), |(sum, all), (sureness, tokens)| (sum + sureness * tokens, all + tokens));
    (tokens > 0.0).then(|| sum / tokens)
}

/// The same for a list of tokens, which some models report instead of segments.
fn of_tokens(tokens: &Value) -> Option<f32> {
    let told: Vec<f32> = list(tokens).iter().filter_map(|token| number(&token["logprob"])).collect();
    (!told.is_empty()).then(|| told.iter().sum::<f32>() / told.len() as f32)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

/// A finite number.
fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
}

/// The words of a text: without `[MUSIC]`, `(applause)`, `*sigh*` and notes. Numbers in brackets stay: "(555) 0199" was said.
fn spoken(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['[', '(', '*']) {
        let (before, from) = rest.split_at(start);
        plain.push_str(before);
        let end = if from.starts_with('[') {
            from.find(']')
        } else if from.starts_with('(') {
            from.find(')')
        } else {
            from[1..].find('*').map(|end| end + 1)
        };
        let said = |inner: &str| inner.len() > LONGEST_DIRECTION || inner.contains(|c: char| c.is_numeric());
        rest = match end {
            Some(end) if !said(&from[1..end]) => &from[end + 1..],
            _ => {
                plain.push_str(&from[..1]);
                &from[1..]
            }
        };
    }
    plain.push_str(rest);
    plain.replace(NOTES, " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ANY: Expected<'static> = Expected { given: "", known: &[] };

    fn read(value: &Value, expected: Expected<'_>) -> Transcript {
        transcript(&value.to_string(), expected).unwrap()
    }

    fn segment(text: &str, no_speech: f32, sureness: f32, ratio: f32) -> Value {
        json!({ "text": text, "tokens": [1, 2, 3], "no_speech_prob": no_speech, "avg_logprob": sureness,
            "compression_ratio": ratio })
    }

    #[test]
    fn figures_of_segments_become_those_of_the_transcript() {
        let value = json!({ "text": " Book a table. For two.", "language": "english", "segments": [
            segment(" Book a table.", 0.1, -0.2, 1.0),
            segment(" For two.", 0.3, -0.4, 1.0),
        ]});
        let words = read(&value, ANY);
        assert_eq!((words.text.as_str(), words.language.as_str()), ("Book a table. For two.", "en"));
        assert!((words.no_speech_probability - 0.1).abs() < 1e-6, "{words:?}");
        assert!((words.average_log_probability + 0.3).abs() < 1e-6, "{words:?}");
    }

    #[test]
    fn words_for_noise_behind_speech_are_dropped_and_noise_alone_stays_doubtful() {
        let thanks = segment(" Thank you for watching.", 0.9, -0.7, 1.0);
        let value = json!({ "text": " Book a table. Thank you for watching.", "segments": [
            segment(" Book a table.", 0.05, -0.2, 1.0), thanks,
        ]});
        assert_eq!(read(&value, ANY).text, "Book a table.");
        let words = read(&json!({ "text": " Thank you for watching.", "segments": [thanks] }), ANY);
        assert!(words.text.is_empty() && words.no_speech_probability > 0.8, "{words:?}");
        let sure = json!({ "text": "Yes.", "segments": [segment("Yes.", 0.7, -0.1, 1.0)] });
        assert_eq!(read(&sure, ANY).text, "Yes.");
    }

    #[test]
    fn a_word_that_is_cut_between_two_segments_stays_whole() {
        for (first, second, expected) in [
            (" Book a table at the rest", "aurant for two.", "Book a table at the restaurant for two."),
            (" Book a table.", " For two.", "Book a table. For two."),
            ("Book a table.", "For two.", "Book a table. For two."),
        ] {
            let segments = json!([{ "text": first }, { "text": second }]);
            let value = json!({ "text": format!("{first}\n{second}\n"), "segments": segments });
            assert_eq!(read(&value, ANY).text, expected);
        }
    }

    #[test]
    fn a_loop_is_doubtful_however_sure_its_tokens_are() {
        let value = json!({ "text": "la la la la", "segments": [segment("la la la la", 0.1, -0.05, 3.1)] });
        assert!(read(&value, ANY).average_log_probability <= LOOP_SURENESS);
    }

    #[test]
    fn a_language_is_told_in_full_with_its_probabilities_or_not_believed() {
        let value = json!({ "text": "Ja.", "language": "german", "detected_language_probability": 0.75,
            "language_probabilities": { "de": 0.75, "nl": 0.15, "haw": 0.05, "en": 0.05 } });
        let words = read(&value, ANY);
        assert_eq!((words.language.as_str(), words.language_probability), ("de", 0.75));
        let codes: Vec<&str> = words.languages.iter().map(|it| it.language.as_str()).collect();
        assert_eq!(codes, ["de", "nl", "en"]);
        let known = ["en".to_string()];
        for (expected, told, language) in [
            (ANY, "klingon", ""),
            (Expected { given: "", known: &known }, "welsh", ""),
            (Expected { given: "", known: &known }, "english", "en"),
            (Expected { given: "fr", known: &known }, "english", "fr"),
        ] {
            let words =
                read(&json!({ "text": "x", "language": told, "language_probability": 0.9 }), expected);
            assert_eq!(words.language, language, "{told}");
            assert_eq!(words.language_probability > 0.0, language == "en", "{told}");
        }
    }

    #[test]
    fn the_language_is_that_of_the_words_where_another_one_was_heard() {
        let value = json!({ "text": "Good day.", "language": "english", "detected_language": "german",
            "detected_language_probability": 0.98, "language_probabilities": { "de": 0.98, "en": 0.01 } });
        let words = read(&value, ANY);
        assert_eq!((words.language.as_str(), words.language_probability), ("en", 0.0));
        assert!(words.languages.is_empty(), "{words:?}");
    }

    #[test]
    fn a_plain_response_has_words_alone_and_token_probabilities_are_used() {
        let words = read(&json!({ "text": " Hello\n there. " }), ANY);
        assert_eq!(words, Transcript { text: "Hello there.".into(), ..Transcript::default() });
        let value =
            json!({ "text": "Hello.", "logprobs": [{ "token": "a", "logprob": -0.5 }, { "logprob": -1.0 }] });
        assert!((read(&value, ANY).average_log_probability + 0.75).abs() < 1e-6);
        assert_eq!(read(&json!({ "text": "" }), ANY), Transcript::default());
        for nothing in ["{}", "[]", "words", r#"{"text":null}"#, r#"{"error":"no"}"#] {
            assert_eq!(transcript(nothing, ANY), None, "{nothing}");
        }
    }

    #[test]
    fn stage_directions_are_no_words_and_numbers_in_brackets_are() {
        for (text, expected) in [
            ("[BLANK_AUDIO]", ""),
            (" (applause) Yes. [MUSIC]", "Yes."),
            ("*sighs* Fine. ♪", "Fine."),
            ("Call (555) 0199.", "Call (555) 0199."),
            ("2 * 3", "2 * 3"),
            ("An open ( bracket", "An open ( bracket"),
            ("今日は[音楽]", "今日は"),
        ] {
            assert_eq!(spoken(text), expected, "{text}");
        }
    }
}
