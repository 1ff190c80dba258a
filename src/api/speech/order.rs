//! What a request asks for, in either form. Pure.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use visavis_containers::Format;

use super::events::Told;
use super::fault::Fault;
use crate::frame::is_language;

/// Most words of a request's own lexicon.
const MOST_WORDS: usize = 1000;
/// All formats, for messages.
const FORMATS: &str = "mp3, opus, aac, flac, wav or pcm";

/// A text, and how it is to be spoken.
#[derive(Debug, Clone)]
pub(in crate::api) struct Asked {
    /// The name of the field that has the text.
    pub(in crate::api) field: &'static str,
    pub(in crate::api) text: String,
    /// Empty: the usual one.
    pub(in crate::api) voice: String,
    /// ISO 639-1; empty: the voice's.
    pub(in crate::api) language: String,
    /// None: the usual one.
    pub(in crate::api) speed: Option<f64>,
    pub(in crate::api) format: Format,
    /// Respellings of this request alone.
    pub(in crate::api) lexicon: BTreeMap<String, String>,
    /// As server-sent events, with these times; none: as a file.
    pub(in crate::api) events: Option<Told>,
}

/// The body of `/v1/audio/speech`. Further fields, such as `model` and `instructions`, are accepted: the voices have one manner.
#[derive(Debug, Deserialize)]
struct OpenAi {
    input: String,
    voice: Option<Named>,
    response_format: Option<String>,
    speed: Option<f64>,
    stream_format: Option<String>,
    language: Option<String>,
    lexicon: Option<BTreeMap<String, String>>,
    timestamps: Option<Vec<String>>,
}

/// A voice, by its name or as an object with it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Name(String),
    Object { id: String },
}

/// The body of `/speak`. `model` and `voiceEngine` are accepted; a pitch is checked, and the voices keep their own.
#[derive(Debug, Deserialize)]
struct Speak {
    text: String,
    voice: Option<String>,
    language: Option<String>,
    speed: Option<f64>,
    pitch: Option<f64>,
    format: Option<String>,
    lexicon: Option<BTreeMap<String, String>>,
}

impl Asked {
    /// Reads a body of `/v1/audio/speech`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::api) fn openai(body: &[u8]) -> Result<Self, Fault> {
        let body: OpenAi = read(body)?;
        let told = Told::named(body.timestamps.as_deref().unwrap_or_default())?;
        let events = match body.stream_format.as_deref() {
            Some("sse") => Some(told),
            None | Some("audio") if told == Told::default() => None,
            None | Some("audio") => {
                return Err(Fault::wrong(
                    "timestamps",
                    "they are sent as events; set stream_format to \"sse\"",
                ));
            }
            Some(other) => {
                return Err(Fault::wrong(
                    "stream_format",
                    &format!("{other:?} is neither \"audio\" nor \"sse\""),
                ));
            }
        };
        let voice = match body.voice {
            Some(Named::Name(name) | Named::Object { id: name }) => name,
            None => String::new(),
        };
        let asked = Self {
            field: "input",
            text: body.input,
            voice,
            language: body.language.unwrap_or_default(),
            speed: body.speed,
            format: format("response_format", body.response_format.as_deref())?,
            lexicon: body.lexicon.unwrap_or_default(),
            events,
        };
        asked.checked()
    }

    /// Reads a body of `/speak`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::api) fn speak(body: &[u8]) -> Result<Self, Fault> {
        let body: Speak = read(body)?;
        if let Some(pitch) = body.pitch
            && !(0.0..=2.0).contains(&pitch)
        {
            return Err(Fault::wrong("pitch", &format!("{pitch} is not between 0 and 2")));
        }
        let asked = Self {
            field: "text",
            text: body.text,
            voice: body.voice.unwrap_or_default(),
            language: body.language.unwrap_or_default(),
            speed: body.speed,
            format: format("format", body.format.as_deref())?,
            lexicon: body.lexicon.unwrap_or_default(),
            events: None,
        };
        asked.checked()
    }

    fn checked(mut self) -> Result<Self, Fault> {
        // Browsers write "en-US": the region is a matter of the voice.
        if let Some((language, region)) = self.language.split_once(['-', '_'])
            && !region.is_empty()
            && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            self.language = language.to_ascii_lowercase();
        }
        if !self.language.is_empty() && !is_language(&self.language) {
            let why = format!("{:?} is not two letters such as \"en\"", self.language);
            return Err(Fault::wrong("language", &why));
        }
        if self.lexicon.len() > MOST_WORDS {
            let why =
                format!("{} words are more than {MOST_WORDS}; put them into a file", self.lexicon.len());
            return Err(Fault::wrong("lexicon", &why));
        }
        Ok(self)
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::Unreadable {
        status: StatusCode::BAD_REQUEST,
        message: format!("The body is no such JSON object: {error}."),
    })
}

fn format(field: &'static str, name: Option<&str>) -> Result<Format, Fault> {
    let Some(name) = name else { return Ok(Format::Mp3) };
    name.parse().map_err(|_| Fault::wrong(field, &format!("{name:?} is not known; there are {FORMATS}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn openai(body: &Value) -> Result<Asked, Fault> {
        Asked::openai(body.to_string().as_bytes())
    }

    fn field(fault: Fault) -> &'static str {
        match fault {
            Fault::Wrong { field, .. } => field,
            other => panic!("{other:?} names no field"),
        }
    }

    #[test]
    fn the_requests_of_unmodified_clients_are_read() {
        let asked = openai(&json!({ "model": "gpt-4o-mini-tts", "input": "Hi", "voice": "alloy",
            "instructions": "Cheerful.", "response_format": "wav", "speed": 1.5, "stream_format": "sse" }));
        let asked = asked.unwrap();
        assert_eq!((asked.text.as_str(), asked.voice.as_str(), asked.speed), ("Hi", "alloy", Some(1.5)));
        assert_eq!(asked.format.as_str(), "wav");
        assert_eq!(asked.events, Some(Told::default()));
        let least = openai(&json!({ "input": "Hi", "voice": { "id": "joe" }, "speed": null })).unwrap();
        assert_eq!((least.voice.as_str(), least.format.as_str(), least.speed), ("joe", "mp3", None));
        let gateway = json!({ "text": "Hi", "voiceEngine": "piper", "voice": "joe", "language": "en-US",
            "speed": 1, "pitch": 1 });
        let gateway = Asked::speak(gateway.to_string().as_bytes()).unwrap();
        assert_eq!((gateway.language.as_str(), gateway.voice.as_str()), ("en", "joe"));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        for (body, name) in [
            (json!({ "input": "Hi", "response_format": "ogg" }), "response_format"),
            (json!({ "input": "Hi", "stream_format": "ndjson" }), "stream_format"),
            (json!({ "input": "Hi", "timestamps": ["word"] }), "timestamps"),
            (json!({ "input": "Hi", "stream_format": "sse", "timestamps": ["letter"] }), "timestamps"),
            (json!({ "input": "Hi", "language": "english" }), "language"),
        ] {
            assert_eq!(field(openai(&body).unwrap_err()), name, "{body}");
        }
        for body in [json!({}), json!({ "input": 7 }), json!([]), json!({ "input": "Hi", "speed": "fast" })] {
            assert!(
                matches!(openai(&body), Err(Fault::Unreadable { status: StatusCode::BAD_REQUEST, .. })),
                "{body}"
            );
        }
        let body = json!({ "text": "Hi", "pitch": 9 }).to_string();
        assert_eq!(field(Asked::speak(body.as_bytes()).unwrap_err()), "pitch");
    }
}
