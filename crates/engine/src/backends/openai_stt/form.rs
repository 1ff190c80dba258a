//! Builds a transcription request: a multipart form with fields and a WAV file. Pure.

use serde_json::Value;

use crate::audio::{pcm, wav_header};
use crate::backends::http::form::Form;
use crate::config::SttEngine;
use crate::frame::MIC_RATE;

/// The level of detail of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// With the language, and figures for each segment.
    Verbose,
    /// The endpoint's simplest form.
    Plain,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Verbose => "verbose_json",
            Self::Plain => "json",
        }
    }
}

/// A field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}

/// The fields of a request, without the audio. `language`: empty if it is to be identified.
pub(super) fn fields(own: &SttEngine, language: &str, format: Format) -> Vec<Field> {
    let mut fields = Vec::new();
    for (name, value) in [
        ("model", own.model_name()),
        ("language", language.to_owned()),
        ("prompt", own.prompt.clone()),
        ("temperature", own.temperature.to_string()),
        ("response_format", format.name().to_owned()),
    ] {
        let omitted = own.omit.iter().any(|omitted| omitted == name);
        if !(value.is_empty() || omitted || own.body.contains_key(name)) {
            fields.push(Field { name: name.into(), value });
        }
    }
    for (name, value) in &own.body {
        let values = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        fields.extend(values.iter().map(|value| Field { name: name.clone(), value: text(value) }));
    }
    fields
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The content type and the body of a request. The audio comes last, so that an endpoint knows all fields when it begins to
/// read it.
pub(super) fn body(fields: &[Field], sound: &[i16]) -> (String, Vec<u8>) {
    let header = wav_header::header(MIC_RATE, Some(sound.len() as u64));
    let wav: Vec<u8> = header.into_iter().chain(pcm::bytes(sound)).collect();
    let form = fields.iter().fold(Form::new(&wav), |form, Field { name, value }| form.text(name, value));
    form.wav("file", "speech.wav", &wav).finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audio::wav;

    fn own() -> SttEngine {
        SttEngine { model: "small".into(), prompt: "Ada".into(), ..SttEngine::default() }
    }

    fn named(fields: &[Field]) -> Vec<String> {
        fields.iter().map(|Field { name, value }| format!("{name}={value}")).collect()
    }

    #[test]
    fn fields_are_left_out_added_and_repeated_as_configured() {
        let all =
            ["model=small", "language=de", "prompt=Ada", "temperature=0", "response_format=verbose_json"];
        assert_eq!(named(&fields(&own(), "de", Format::Verbose)), all);
        let mut own = SttEngine { omit: vec!["temperature".into()], ..own() };
        own.body.insert("granularities[]".into(), json!(["word", "segment"]));
        own.body.insert("prompt".into(), json!("Bob"));
        own.body.insert("vad".into(), json!(true));
        let changed = [
            "model=small",
            "response_format=json",
            "granularities[]=word",
            "granularities[]=segment",
            "prompt=Bob",
            "vad=true",
        ];
        assert_eq!(named(&fields(&own, "", Format::Plain)), changed);
    }

    #[test]
    fn the_sound_is_a_wav_file_that_can_be_read() {
        let sound = [0, 1, -1, i16::MAX, i16::MIN];
        let (kind, body) = body(&[Field { name: "model".into(), value: "small".into() }], &sound);
        let line = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let start = body.windows(4).position(|four| four == b"RIFF").unwrap();
        let head = String::from_utf8_lossy(&body[..start]);
        let first = format!(
            "--{line}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmall\r\n--{line}\r\n"
        );
        assert!(head.starts_with(&first), "{head}");
        assert!(head.ends_with("filename=\"speech.wav\"\r\nContent-Type: audio/wav\r\n\r\n"), "{head}");
        let rest = format!("\r\n--{line}--\r\n");
        let end = body.len() - rest.len();
        assert_eq!(&body[end..], rest.as_bytes());
        assert_eq!(end - start, 44 + sound.len() * 2);
        assert_eq!(wav::read(&body[start..end], MIC_RATE).unwrap(), sound);
    }
}
