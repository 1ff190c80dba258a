//! The wire messages of `docs/protocol.md`: the RTVI 2.1 envelope around events and commands.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::avatar::cue::{Cue, GESTURES, MOODS};
use crate::config::is_language;
use crate::event::{CallEvent, ClientCommand, EndReason};
use crate::tool::{self, ToolEnd};

use super::MessageCodec;

/// The protocol's version.
pub const RTVI_VERSION: &str = "2.1.0";
/// Longest typed message in characters.
const LONGEST_TEXT: usize = 4000;
/// How long a client's tool may take that does not say so itself.
const CLIENT_TOOL_TIMEOUT_MS: u64 = 10_000;

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

impl Envelope {
    fn id(&self) -> Option<String> {
        self.id.as_ref().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_string))
    }
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
        match command(&message) {
            Ok(command) => command,
            Err(fault) => bad(message.id(), fault),
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
        "llm-function-call-result" => tool_result(data)?,
        "client-message" => return client_message(data, message.id()).map(Some),
        "signalling" => return Ok(None),
        other => return Err(format!("unknown message type {other:?}")),
    }))
}

fn client_message(data: &Value, id: Option<String>) -> Result<ClientCommand, String> {
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
        "set-expression" => cue(field("mood"), field("gesture")).map(ClientCommand::SetExpression),
        "set-tools" => {
            let tools = field("tools").unwrap_or(&Value::Null);
            tool::of_client(tools, CLIENT_TOOL_TIMEOUT_MS)
                .map(|tools| ClientCommand::SetTools { id, tools })
                .map_err(|fault| format!("set-tools: d.{fault}"))
        }
        "first-audio" => match (number("response"), number("ms")) {
            (Some(response), Some(ms)) => {
                Ok(ClientCommand::FirstAudioHeard { response: crate::frame::ResponseId(response), ms })
            }
            _ => Err("first-audio: d.response and d.ms must be whole numbers".into()),
        },
        other => Err(format!("unknown client-message {other:?}")),
    }
}

/// What the face is to show.
fn cue(mood: Option<&Value>, gesture: Option<&Value>) -> Result<Cue, String> {
    fn known<T: Copy>(field: &str, value: &Value, names: &[(&str, T)]) -> Result<T, String> {
        let found = names.iter().find(|(name, _)| value == name).map(|(_, known)| *known);
        found.ok_or_else(|| {
            let names = names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            format!("set-expression: d.{field} must be one of {names}, not {value}")
        })
    }
    match (mood, gesture) {
        (Some(mood), None) => known("mood", mood, &MOODS).map(Cue::Mood),
        (None, Some(gesture)) => known("gesture", gesture, &GESTURES).map(Cue::Gesture),
        _ => Err("set-expression: d must have either mood or gesture".into()),
    }
}

/// What a tool of the client has done; an object with nothing but `error` says that it could not.
fn tool_result(data: &Value) -> Result<ClientCommand, String> {
    let id = data.get("tool_call_id").and_then(Value::as_str);
    let id = id.ok_or("llm-function-call-result: data.tool_call_id must be a string")?.to_string();
    let result = match data.get("result") {
        None => return Err("llm-function-call-result: data.result is missing".into()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Object(object)) if object.len() == 1 && object.contains_key("error") => {
            Err(object["error"].as_str().map_or_else(|| object["error"].to_string(), str::to_string))
        }
        Some(other) => Ok(other.to_string()),
    };
    Ok(ClientCommand::ToolResult { id, result })
}

fn user_transcription(text: &str, stable: usize, last: bool, language: &str) -> Value {
    let mut data = json!({ "text": text, "final": last, "timestamp": timestamp(), "user_id": "user", "language": language });
    if !last {
        data["stable"] = json!(text[..stable].chars().count());
    }
    data
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
        CallEvent::UserTranscript { text, stable, last, language } => {
            vec![("user-transcription", user_transcription(text, *stable, *last, language))]
        }
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
        CallEvent::Expression(cue) => {
            let mut data = json!(cue);
            data["type"] = "expression".into();
            vec![("server-message", data)]
        }
        CallEvent::AgentStoppedSpeaking(response) => {
            let data = json!({ "response": response });
            vec![("bot-stopped-speaking", data.clone()), ("bot-tts-stopped", data)]
        }
        CallEvent::Interrupted { .. } | CallEvent::AnswerFailed { .. } | CallEvent::Turn { .. } => {
            of_end(event)
        }
        CallEvent::ToolStarted { .. } | CallEvent::ToolStopped { .. } => of_tool(event),
        CallEvent::Notice { code, message } => {
            vec![("server-message", json!({ "type": "notice", "code": code, "message": message }))]
        }
        CallEvent::BadMessage { id, message } => {
            vec![("error-response", json!({ "error": message, "_id": id }))]
        }
        CallEvent::Ended { reason, message } => ended(*reason, message),
    }
}

/// How an answer's end is told.
fn of_end(event: &CallEvent) -> Vec<(&'static str, Value)> {
    match event {
        CallEvent::Interrupted { response, heard } => {
            vec![("bot-interrupted", json!({ "response": response, "heard": heard }))]
        }
        CallEvent::AnswerFailed { response, heard } => {
            let data = json!({ "type": "answer-failed", "response": response, "heard": heard });
            vec![("server-message", data)]
        }
        CallEvent::Turn { response, end, marks, slow } => {
            let mut marks = json!(marks);
            if let Some(slow) = slow {
                marks["reason"] = slow.reason.as_str().into();
            }
            vec![(
                "server-message",
                json!({ "type": "turn", "response": response, "end": end, "marks": marks }),
            )]
        }
        _ => Vec::new(),
    }
}

fn ended(reason: EndReason, message: &str) -> Vec<(&'static str, Value)> {
    let ended = ("server-message", json!({ "type": "call-ended", "reason": reason, "message": message }));
    match reason {
        EndReason::Fault => vec![("error", json!({ "message": message, "fatal": true })), ended],
        _ => vec![ended],
    }
}

/// What a tool's call is on the wire, in RTVI's terms.
fn of_tool(event: &CallEvent) -> Vec<(&'static str, Value)> {
    match event {
        CallEvent::ToolStarted { id, name, arguments } => {
            let mut data = json!({ "function_name": name, "tool_call_id": id });
            // Those of the server's own tools are nobody else's business.
            if let Some(arguments) = arguments {
                data["arguments"] = arguments.clone();
            }
            vec![
                ("llm-function-call-started", json!({ "function_name": name })),
                ("llm-function-call-in-progress", data),
            ]
        }
        CallEvent::ToolStopped { id, name, end, .. } => {
            let data = json!({ "function_name": name, "tool_call_id": id, "cancelled": *end == ToolEnd::Cancelled, "failed": *end == ToolEnd::Failed });
            vec![("llm-function-call-stopped", data)]
        }
        _ => Vec::new(),
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
            (
                r#"{"type":"client-message","id":"7","data":{"t":"set-expression","d":{"mood":"glad"}}}"#,
                "d.mood must be one of neutral, happy",
            ),
            (
                r#"{"type":"client-message","id":"7","data":{"t":"set-expression","d":{"gesture":7}}}"#,
                "d.gesture must be one of nod",
            ),
            (
                r#"{"type":"client-message","id":"7","data":{"t":"set-expression","d":{}}}"#,
                "either mood or gesture",
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
    fn tools_are_declared_and_answered_and_their_faults_named() {
        let declared = r#"{"type":"client-message","id":"7","data":{"t":"set-tools","d":{"tools":[{"name":"x","description":"X."}]}}}"#;
        assert!(
            matches!(decode(declared), Some(ClientCommand::SetTools { id: Some(id), tools }) if tools[0].name == "x" && id == "7")
        );
        let Some(ClientCommand::Bad { message, .. }) = decode(&declared.replace("X.", "")) else { panic!() };
        assert!(message.contains("d.tools[0].description"), "{message}");
        for (result, expected) in [
            (r#""blue""#, Ok("blue".to_string())),
            (r#"{"colour":"blue"}"#, Ok(r#"{"colour":"blue"}"#.to_string())),
            (r#"{"error":"no paint"}"#, Err("no paint".to_string())),
        ] {
            let text = format!(
                r#"{{"type":"llm-function-call-result","data":{{"tool_call_id":"1-1","result":{result}}}}}"#
            );
            assert_eq!(decode(&text), Some(ClientCommand::ToolResult { id: "1-1".into(), result: expected }));
        }
        let started = CallEvent::ToolStarted { id: "1-1".into(), name: "x".into(), arguments: None };
        assert!(!Rtvi.encode(&started)[1].contains("arguments"));
    }

    #[test]
    fn expressions_are_set_and_told_by_their_names() {
        let away = Cue::named("look-away").unwrap();
        let set = r#"{"type":"client-message","data":{"t":"set-expression","d":{"gesture":"look-away"}}}"#;
        assert_eq!(decode(set), Some(ClientCommand::SetExpression(away)));
        let told = Rtvi.encode(&CallEvent::Expression(Cue::named("happy").unwrap()));
        let value: Value = serde_json::from_str(&told[0]).unwrap();
        assert_eq!(
            (&value["type"], &value["data"]),
            (&json!("server-message"), &json!({ "type": "expression", "mood": "happy" }))
        );
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

    #[test]
    fn a_failure_is_no_interruption_and_its_turn_says_so() {
        let types = |event: CallEvent| {
            let value: Value = serde_json::from_str(&Rtvi.encode(&event)[0]).unwrap();
            (value["type"].clone(), value["data"].clone())
        };
        let heard = "The capital".to_owned();
        let (kind, data) = types(CallEvent::AnswerFailed { response: ResponseId(3), heard });
        assert_eq!(kind, "server-message");
        assert_eq!(data, json!({ "type": "answer-failed", "response": 3, "heard": "The capital" }));
        let marks = crate::event::TurnMarks { failed: Some(900), ..Default::default() };
        let end = crate::event::AnswerEnd::Failed;
        let (_, data) = types(CallEvent::Turn { response: ResponseId(3), end, marks, slow: None });
        assert_eq!((&data["end"], &data["marks"]["failed"]), (&json!("failed"), &json!(900)));
        assert_eq!(data["marks"]["interrupted"], Value::Null);
    }

    proptest! {
        #[test]
        fn no_text_whatever_is_a_panic(text in ".{0,80}", kind in "(send-text|client-message|[a-z-]{0,9})", data in "(null|1|\\[\\]|\"x\"|\\{\"t\":\"mute\"\\}|\\{\"t\":3\\})") {
            _ = decode(&text);
            _ = decode(&format!("{{\"type\":\"{kind}\",\"id\":3,\"data\":{data}}}"));
        }
    }
}
