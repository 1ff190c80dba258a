//! Builds the fields of a request for a segment. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::backends::http::form::Form;
use crate::backends::speech::api::Line;
use crate::backends::speech::clip::{Clip, Recorded};
use crate::config::TtsEngine;

/// A segment and the name of the voice for the server; empty: none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken<'a> {
    pub(super) line: &'a Line,
    pub(super) voice: &'a str,
}

/// The fields of a request for speech.
pub(super) fn speech(own: &TtsEngine, spoken: Spoken<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    let Spoken { line, voice } = spoken;
    if !own.model.is_empty() {
        body.insert("model".into(), own.model.clone().into());
    }
    let mut set = |ours: &str, usual: &str, value: Value| {
        let name = own.fields.get(ours).map_or(usual, String::as_str);
        if !name.is_empty() {
            body.insert(name.into(), value);
        }
    };
    set("text", "input", line.text.clone().into());
    if !voice.is_empty() {
        set("voice", "voice", voice.into());
    }
    // Few servers know this field, each under another name.
    set("language", "", line.language.clone().into());
    set("format", "response_format", own.format.name().into());
    let speed = line.speed.of(own.speed);
    if (speed - 1.0).abs() > 0.001 {
        set("speed", "speed", decimal(speed));
    }
    body.extend(own.body.clone());
    body
}

/// The same with the clip inline.
pub(super) fn inline(
    own: &TtsEngine,
    spoken: Spoken<'_>,
    clip: &Clip,
    recorded: &Recorded,
) -> Map<String, Value> {
    let mut body = speech(own, spoken);
    let name = |ours: &str, usual: &str| own.fields.get(ours).map_or(usual, String::as_str).to_owned();
    let (sound, words) = (name("clip", "ref_audio"), name("clip_words", "ref_text"));
    if !sound.is_empty() {
        let address = format!("data:audio/wav;base64,{}", STANDARD.encode(&recorded.bytes));
        body.insert(sound, address.into());
    }
    if !words.is_empty() && !clip.words.is_empty() {
        body.insert(words, clip.words.clone().into());
    }
    body
}

/// The same as a form with the clip as a file.
pub(super) fn upload(own: &TtsEngine, spoken: Spoken<'_>, recorded: &Recorded) -> Form {
    let mut form = Form::new(&recorded.bytes);
    for (name, value) in speech(own, spoken) {
        form = match value {
            Value::String(text) => form.text(&name, &text),
            other => form.text(&name, &other.to_string()),
        };
    }
    let name = own.fields.get("clip").map_or("voice_file", String::as_str);
    form.wav(name, &format!("{}.wav", recorded.tag), &recorded.bytes)
}

/// A decimal number as in the configuration: 1.1, not 1.10000002.
fn decimal(value: f32) -> Value {
    ((f64::from(value) * 1e4).round() / 1e4).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::TtsFormat;

    fn line() -> Line {
        Line {
            text: "Hello.".into(),
            voice: "joe".into(),
            language: "en".into(),
            speed: Default::default(),
            clip: None,
        }
    }

    fn own() -> TtsEngine {
        TtsEngine { model: "tts-1".into(), speed: 1.1, format: TtsFormat::Pcm, ..TtsEngine::default() }
    }

    fn recorded() -> (Clip, Recorded) {
        let clip = Clip {
            name: "Anna".into(),
            language: "en".into(),
            file: "/a.wav".into(),
            words: "I am Anna.".into(),
        };
        (clip, Recorded { bytes: b"RIFF".to_vec(), tag: "visavis-Anna-1".into() })
    }

    #[test]
    fn a_request_has_the_usual_fields_and_no_language() {
        let line = line();
        let body = Value::from(speech(&own(), Spoken { line: &line, voice: "joe" }));
        let expected = json!({
            "model": "tts-1", "input": "Hello.", "voice": "joe", "response_format": "pcm", "speed": 1.1,
        });
        assert_eq!(body, expected);
        let usual = TtsEngine { speed: 1.0, model: String::new(), ..own() };
        let body = Value::from(speech(&usual, Spoken { line: &line, voice: "" }));
        assert_eq!(body, json!({ "input": "Hello.", "response_format": "pcm" }));
    }

    #[test]
    fn fields_are_renamed_left_out_and_added_as_configured() {
        let mut own = own();
        for (ours, theirs) in [("language", "lang"), ("text", "prompt"), ("speed", ""), ("voice", "speaker")]
        {
            own.fields.insert(ours.into(), theirs.into());
        }
        own.body.insert("stream".into(), json!(true));
        own.body.insert("response_format".into(), json!("wav"));
        let line = line();
        let body = Value::from(speech(&own, Spoken { line: &line, voice: "joe" }));
        let expected = json!({
            "model": "tts-1", "prompt": "Hello.", "speaker": "joe", "lang": "en", "response_format": "wav", "stream": true,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_clip_goes_into_a_field_or_into_a_form() {
        let (clip, recorded) = recorded();
        let line = line();
        let spoken = Spoken { line: &line, voice: "" };
        let body = inline(&own(), spoken, &clip, &recorded);
        assert_eq!(body["ref_audio"], "data:audio/wav;base64,UklGRg==");
        assert_eq!((body["ref_text"].as_str(), body.get("voice")), (Some("I am Anna."), None));
        let (_, form) = upload(&own(), spoken, &recorded).finish();
        let form = String::from_utf8(form).unwrap();
        for part in [
            "name=\"input\"\r\n\r\nHello.",
            "name=\"speed\"\r\n\r\n1.1",
            "name=\"voice_file\"; filename=\"visavis-Anna-1.wav\"",
        ] {
            assert!(form.contains(part), "{part}: {form}");
        }
    }
}
