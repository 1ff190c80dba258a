//! The wire messages of `docs/protocol.md`: the RTVI 2.1 envelope around events and commands.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::is_language;
use crate::event::{CallEvent, ClientCommand};

use super::MessageCodec;

/// The protocol's version.
pub const RTVI_VERSION: &str = "2.1.0";
/// Longest typed message in characters.
const LONGEST_TEXT: usize = 4000;

/// RTVI 2.1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rtvi;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    id: Option<Value>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

impl MessageCodec for Rtvi {
    fn encode(&self, event: &CallEvent) -> Vec<String> {
        messages(event).into_iter().map(|(kind, data)| envelope(kind, None, &data)).collect()
    }

    fn decode(&self, text: &str) -> Option<ClientCommand> {
        if text.starts_with("ping") {
            return None;
        }
        let bad = |id: Option<String>, message: String| Some(ClientCommand::Bad { id, message });
        let message: Envelope = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                return bad(
                    None,
                    format!("not a message: {error}; expected {{\"label\":\"rtvi-ai\",\"type\":…}}"),
                );
            }
        };
        let id = message.id.as_ref().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_string));
        match command(&message) {
            Ok(command) => command,
            Err(fault) => bad(id, fault),
        }
    }
}

/// One message, with an id of its own unless it answers another.
fn envelope(kind: &str, id: Option<&str>, data: &Value) -> String {
    let own = || uuid::Uuid::new_v4().simple().to_string()[..8].to_string();
    let id = match (id, data.get("_id").and_then(Value::as_str)) {
        (Some(id), _) | (None, Some(id)) => id.to_string(),
        (None, None) => own(),
    };
    let mut data = data.clone();
    if let Some(object) = data.as_object_mut() {
        object.remove("_id");
    }
    json!({ "label": "rtvi-ai", "type": kind, "id": id, "data": data }).to_string()
}

fn command(message: &Envelope) -> Result<Option<ClientCommand>, String> {
    let data = &message.data;
    Ok(Some(match message.kind.as_str() {
        "client-ready" => ClientCommand::Ready,
        "disconnect-bot" => ClientCommand::HangUp,
        "send-text" => {
            let text = data
                .get("content")
                .and_then(Value::as_str)
                .ok_or("send-text: data.content must be a string")?
                .trim();
            let length = text.chars().count();
            if text.is_empty() || length > LONGEST_TEXT {
                return Err(format!(
                    "send-text: data.content must have 1 to {LONGEST_TEXT} characters, not {length}"
                ));
            }
            ClientCommand::Say(text.to_string())
        }
        "client-message" => return client_message(data).map(Some),
        "signalling" => return Ok(None),
        other => return Err(format!("unknown message type {other:?}")),
    }))
}

fn client_message(data: &Value) -> Result<ClientCommand, String> {
    let kind = data.get("t").and_then(Value::as_str).ok_or("client-message: data.t must be a string")?;
    let field = |name: &str| data.get("d").and_then(|inner| inner.get(name));
    let number =
        |name: &str| field(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    match kind {
        "interrupt" => Ok(ClientCommand::Interrupt),
        "mute" => field("muted")
            .and_then(Value::as_bool)
            .map(ClientCommand::Muted)
            .ok_or_else(|| "mute: d.muted must be true or false".into()),
        "set-language" => match field("language") {
            None | Some(Value::Null) => Ok(ClientCommand::SetLanguage(None)),
            Some(Value::String(language)) if language == "auto" => Ok(ClientCommand::SetLanguage(None)),
            Some(Value::String(language)) if is_language(language) => {
                Ok(ClientCommand::SetLanguage(Some(language.clone())))
            }
            Some(other) => Err(format!(
                "set-language: d.language must be null or two letters such as \"en\", not {other}"
            )),
        },
        "first-audio" => match (number("response"), number("ms")) {
            (Some(response), Some(ms)) => {
                Ok(ClientCommand::FirstAudioHeard { response: crate::frame::ResponseId(response), ms })
            }
            _ => Err("first-audio: d.response and d.ms must be whole numbers".into()),
        },
        other => Err(format!("unknown client-message {other:?}")),
    }
}

/// What an event is on the wire, in order.
fn messages(event: &CallEvent) -> Vec<(&'static str, Value)> {
    let none = || json!({});
    match event {
        CallEvent::Ready { call } => {
            let about = json!({ "library": "visavis", "version": env!("CARGO_PKG_VERSION") });
            vec![("bot-ready", json!({ "version": RTVI_VERSION, "about": about, "call": call }))]
        }
        CallEvent::State(state) => vec![("server-message", json!({ "type": "state", "state": state }))],
        CallEvent::UserStartedSpeaking => vec![("user-started-speaking", none())],
        CallEvent::UserStoppedSpeaking => vec![("user-stopped-speaking", none())],
        CallEvent::UserTranscript { text, last, language } => vec![(
            "user-transcription",
            json!({ "text": text, "final": last, "timestamp": timestamp(), "user_id": "user", "language": language }),
        )],
        CallEvent::AnswerStarted(response) => vec![("bot-llm-started", json!({ "response": response }))],
        CallEvent::AnswerText { response, text } => {
            vec![("bot-llm-text", json!({ "text": text, "response": response }))]
        }
        CallEvent::AnswerTextEnded(response) => vec![("bot-llm-stopped", json!({ "response": response }))],
        CallEvent::AgentStartedSpeaking(response) => {
            let data = json!({ "response": response });
            vec![("bot-tts-started", data.clone()), ("bot-started-speaking", data)]
        }
        CallEvent::PhraseSpoken { response, text } => vec![
            ("bot-tts-text", json!({ "text": text, "response": response })),
            (
                "bot-output",
                json!({ "text": text, "spoken": true, "aggregated_by": "sentence", "response": response }),
            ),
        ],
        CallEvent::AgentStoppedSpeaking(response) => {
            let data = json!({ "response": response });
            vec![("bot-stopped-speaking", data.clone()), ("bot-tts-stopped", data)]
        }
        CallEvent::Interrupted { response, heard } => {
            vec![("bot-interrupted", json!({ "response": response, "heard": heard }))]
        }
        CallEvent::Turn { response, marks, slow } => {
            let mut marks = json!(marks);
            if let Some(slow) = slow {
                marks["reason"] = slow.reason.as_str().into();
            }
            vec![("server-message", json!({ "type": "turn", "response": response, "marks": marks }))]
        }
        CallEvent::Notice { code, message } => {
            vec![("server-message", json!({ "type": "notice", "code": code, "message": message }))]
        }
        CallEvent::BadMessage { id, message } => {
            vec![("error-response", json!({ "error": message, "_id": id }))]
        }
        CallEvent::Ended { reason, message } => {
            let ended =
                ("server-message", json!({ "type": "call-ended", "reason": reason, "message": message }));
            match reason {
                crate::event::EndReason::Fault => {
                    vec![("error", json!({ "message": message, "fatal": true })), ended]
                }
                _ => vec![ended],
            }
        }
    }
}

/// Now, as RFC 3339 in UTC.
fn timestamp() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::ResponseId;
    use proptest::prelude::*;

    fn decode(text: &str) -> Option<ClientCommand> {
        Rtvi.decode(text)
    }

    #[test]
    fn a_bad_message_names_the_field_and_keeps_its_id() {
        for (text, part) in [
            (r#"{"type":"send-text","id":"7","data":{"content":" "}}"#, "data.content"),
            (
                r#"{"type":"client-message","id":"7","data":{"t":"set-language","d":{"language":"english"}}}"#,
                "d.language",
            ),
            (r#"{"type":"dance","id":"7"}"#, "dance"),
        ] {
            let Some(ClientCommand::Bad { id, message }) = decode(text) else { panic!("{text}") };
            assert_eq!(id.as_deref(), Some("7"));
            assert!(message.contains(part), "{message}");
        }
        assert!(matches!(decode("{"), Some(ClientCommand::Bad { id: None, .. })));
    }

    #[test]
    fn an_error_response_carries_the_id_of_what_it_answers() {
        let event = CallEvent::BadMessage { id: Some("42".into()), message: "no".into() };
        let value: Value = serde_json::from_str(&Rtvi.encode(&event)[0]).unwrap();
        assert_eq!((&value["id"], &value["data"]), (&json!("42"), &json!({ "error": "no" })));
    }

    #[test]
    fn keep_alives_are_ignored() {
        assert_eq!(decode("ping: 123"), None);
        assert_eq!(decode(r#"{"type":"signalling","message":{"type":"trackStatus"}}"#), None);
    }

    #[test]
    fn an_interruption_says_what_was_heard() {
        let event = CallEvent::Interrupted { response: ResponseId(3), heard: "The capital".into() };
        let value: Value = serde_json::from_str(&Rtvi.encode(&event)[0]).unwrap();
        assert_eq!(value["data"], json!({ "response": 3, "heard": "The capital" }));
    }

    proptest! {
        #[test]
        fn no_text_whatever_is_a_panic(text in ".{0,80}", kind in "(send-text|client-message|[a-z-]{0,9})", data in "(null|1|\\[\\]|\"x\"|\\{\"t\":\"mute\"\\}|\\{\"t\":3\\})") {
            _ = decode(&text);
            _ = decode(&format!("{{\"type\":\"{kind}\",\"id\":3,\"data\":{data}}}"));
        }
    }
}
