//! The protocol's messages as a client reads and writes them: the RTVI envelope of `docs/protocol.md`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::comeback::{Pass, Recalled};
use visavis_core::event::{AgentState, EndReason, ResponseEnd, TurnMarks};
use visavis_core::frame::ResponseId;

/// Messages between WebRTC peers outside the protocol, for example that one has left.
const SIGNALLING: &str = "signalling";

/// A message from the server. Fields are those of `docs/protocol.md`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the protocol's document describes each message and field once")]
pub enum ServerMessage {
    BotReady { version: String, call: String },
    UserStartedSpeaking,
    UserStoppedSpeaking,
    UserTranscription { text: String, last: bool, language: String },
    BotLlmStarted { response: ResponseId },
    BotLlmText { text: String, response: ResponseId },
    BotLlmStopped { response: ResponseId },
    BotTtsStarted { response: ResponseId },
    BotTtsText { text: String, response: ResponseId },
    BotTtsStopped { response: ResponseId },
    BotOutput { text: String, response: ResponseId },
    BotSpoke { segment: u64, text: String, response: ResponseId },
    BotStartedSpeaking { response: ResponseId },
    BotStoppedSpeaking { response: ResponseId },
    BotInterrupted { response: ResponseId, heard: String },
    Error { message: String, fatal: bool },
    ErrorResponse { id: String, error: String },
    State(AgentState),
    Notice { code: String, message: String },
    ResponseFailed { response: ResponseId, heard: String },
    Turn { response: ResponseId, end: ResponseEnd, marks: TurnMarks },
    CallEnded { reason: EndReason, message: String },
    Resume(Pass),
    Resumed(Recalled),
    ToolCalled { id: String, name: String },
    Unknown { kind: String },
}

#[derive(Deserialize)]
struct Envelope {
    label: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct OfResponse {
    response: ResponseId,
}

#[derive(Deserialize)]
struct TextOf {
    text: String,
    response: ResponseId,
}

#[derive(Deserialize)]
struct TurnData {
    response: ResponseId,
    /// Absent from servers that do not send it.
    end: Option<ResponseEnd>,
    marks: TurnMarks,
}

impl From<TurnData> for ServerMessage {
    fn from(TurnData { response, end, marks }: TurnData) -> Self {
        let cut = if marks.interrupted.is_some() { ResponseEnd::Interrupted } else { ResponseEnd::Finished };
        Self::Turn { response, end: end.unwrap_or(cut), marks }
    }
}

#[derive(Deserialize)]
struct EndData {
    reason: EndReason,
    #[serde(default)]
    message: String,
}

/// Reads a message; the error says what the protocol expects.
pub fn parse(text: &str) -> Result<ServerMessage, String> {
    let bad = |error: serde_json::Error| format!("not an RTVI message: {error}");
    let value: Value = serde_json::from_str(text).map_err(bad)?;
    if value["type"] == SIGNALLING {
        return Ok(ServerMessage::Unknown { kind: SIGNALLING.to_owned() });
    }
    let envelope = Envelope::deserialize(value).map_err(bad)?;
    if envelope.label != "rtvi-ai" {
        return Err(format!("label {:?} is not \"rtvi-ai\"", envelope.label));
    }
    read(&envelope).map_err(|error| format!("bad data of {:?}: {error}", envelope.kind))
}

fn read(envelope: &Envelope) -> Result<ServerMessage, serde_json::Error> {
    let data = &envelope.data;
    let response = || OfResponse::deserialize(data).map(|of| of.response);
    let text = || TextOf::deserialize(data);
    Ok(match envelope.kind.as_str() {
        "bot-ready" => {
            ServerMessage::BotReady { version: string(data, "version"), call: string(data, "call") }
        }
        "user-started-speaking" => ServerMessage::UserStartedSpeaking,
        "user-stopped-speaking" => ServerMessage::UserStoppedSpeaking,
        "user-transcription" => ServerMessage::UserTranscription {
            text: string(data, "text"),
            last: data["final"].as_bool().unwrap_or(false),
            language: string(data, "language"),
        },
        "bot-llm-started" => ServerMessage::BotLlmStarted { response: response()? },
        "bot-llm-stopped" => ServerMessage::BotLlmStopped { response: response()? },
        "bot-llm-text" => {
            text().map(|of| ServerMessage::BotLlmText { text: of.text, response: of.response })?
        }
        "bot-tts-started" => ServerMessage::BotTtsStarted { response: response()? },
        "bot-tts-stopped" => ServerMessage::BotTtsStopped { response: response()? },
        "bot-tts-text" => {
            text().map(|of| ServerMessage::BotTtsText { text: of.text, response: of.response })?
        }
        // The other messages of a segment only report its progress.
        "bot-output" if matches!(data["spoken_status"].as_str(), None | Some("new")) => {
            text().map(|of| ServerMessage::BotOutput { text: of.text, response: of.response })?
        }
        "bot-output" => ServerMessage::BotSpoke {
            segment: data["segment_id"].as_u64().unwrap_or_default(),
            text: string(&data["spoken_progress"], "accumulated_text"),
            response: response()?,
        },
        "bot-started-speaking" => ServerMessage::BotStartedSpeaking { response: response()? },
        "bot-stopped-speaking" => ServerMessage::BotStoppedSpeaking { response: response()? },
        "bot-interrupted" => {
            ServerMessage::BotInterrupted { response: response()?, heard: string(data, "heard") }
        }
        "error" => ServerMessage::Error {
            message: string(data, "error"),
            fatal: data["fatal"].as_bool().unwrap_or(false),
        },
        "error-response" => ServerMessage::ErrorResponse {
            id: envelope.id.as_str().unwrap_or_default().to_owned(),
            error: string(data, "error"),
        },
        "llm-function-call-in-progress" => ServerMessage::ToolCalled {
            id: string(data, "tool_call_id"),
            name: string(data, "function_name"),
        },
        "server-message" => read_ours(data)?,
        other => ServerMessage::Unknown { kind: other.to_owned() },
    })
}

fn read_ours(data: &Value) -> Result<ServerMessage, serde_json::Error> {
    Ok(match data["type"].as_str().unwrap_or_default() {
        "state" => ServerMessage::State(AgentState::deserialize(&data["state"])?),
        "notice" => ServerMessage::Notice { code: string(data, "code"), message: string(data, "message") },
        "response-failed" => {
            let response = OfResponse::deserialize(data)?.response;
            ServerMessage::ResponseFailed { response, heard: string(data, "heard") }
        }
        "turn" => TurnData::deserialize(data)?.into(),
        "resume" => ServerMessage::Resume(Pass::deserialize(data)?),
        "resumed" => ServerMessage::Resumed(Recalled::deserialize(data)?),
        "call-ended" => EndData::deserialize(data)
            .map(|end| ServerMessage::CallEnded { reason: end.reason, message: end.message })?,
        other => ServerMessage::Unknown { kind: format!("server-message/{other}") },
    })
}

fn string(data: &Value, field: &str) -> String {
    data[field].as_str().unwrap_or_default().to_owned()
}

/// A message to the server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ClientMessage {
    /// Ready to start; the server responds with `bot-ready`.
    Ready,
    /// Typed words.
    SendText(String),
    /// Fix the language; `None`: identify it again.
    SetLanguage(Option<String>),
    /// Choose a voice for the language that it speaks; `None`: each language's first again.
    SetVoice(Option<String>),
    /// Stop speaking.
    Interrupt,
    /// The microphone is muted on purpose, or no longer.
    Mute(bool),
    /// When this client heard a response begin.
    FirstAudio {
        /// The response.
        response: ResponseId,
        /// Milliseconds after the person's last spoken sample.
        ms: u32,
    },
    /// The tools that this client runs for the model, as a list.
    SetTools(Value),
    /// The result of a tool of this client.
    ToolResult {
        /// The call's id.
        id: String,
        /// The result, for the model.
        result: Value,
    },
    /// Hang up.
    Disconnect,
}

impl ClientMessage {
    /// The message as it goes over the wire.
    #[must_use]
    pub fn to_text(&self, id: &str) -> String {
        let client = |t: &str, d: Value| ("client-message", json!({"t": t, "d": d}));
        let (kind, data) = match self {
            Self::Ready => {
                ("client-ready", json!({"version": "2.1.0", "about": {"library": "visavis-client"}}))
            }
            Self::SendText(content) => ("send-text", json!({"content": content})),
            Self::SetLanguage(language) => client("set-language", json!({"language": language})),
            Self::SetVoice(voice) => client("set-voice", json!({"voice": voice})),
            Self::Interrupt => client("interrupt", json!({})),
            Self::Mute(muted) => client("mute", json!({"muted": muted})),
            Self::FirstAudio { response, ms } => {
                client("first-audio", json!({"response": response, "ms": ms}))
            }
            Self::SetTools(tools) => client("set-tools", json!({"tools": tools})),
            Self::ToolResult { id, result } => {
                ("llm-function-call-result", json!({"tool_call_id": id, "result": result}))
            }
            Self::Disconnect => ("disconnect-bot", json!({})),
        };
        json!({"label": "rtvi-ai", "type": kind, "id": id, "data": data}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_a_turn_are_read_and_missing_ones_stay_none() {
        let text = r#"{"label":"rtvi-ai","type":"server-message","id":"9","data":{"type":"turn","response":3,
            "marks":{"turn_decided":210,"first_sent":640,"interrupted":null}}}"#;
        let ServerMessage::Turn { response, end, marks } = parse(text).unwrap() else { panic!("not a turn") };
        assert_eq!((response, end), (ResponseId(3), ResponseEnd::Finished));
        assert_eq!((marks.turn_decided, marks.first_sent, marks.interrupted), (Some(210), Some(640), None));
    }

    #[test]
    fn the_progress_of_a_segment_is_no_further_caption() {
        let text = r#"{"label":"rtvi-ai","type":"bot-output","id":"9","data":{"text":"Well, hello.","segment_id":65538,
            "response":1,"spoken_status":"in-progress",
            "spoken_progress":{"accumulated_text":"Well,","remaining_text":" hello."}}}"#;
        let spoke =
            ServerMessage::BotSpoke { segment: 65_538, text: "Well,".into(), response: ResponseId(1) };
        assert_eq!(parse(text).unwrap(), spoke);
    }

    #[test]
    fn a_token_and_what_a_call_goes_on_from_are_read() {
        let ours = |data: Value| {
            let message = json!({ "label": "rtvi-ai", "type": "server-message", "id": "9", "data": data });
            parse(&message.to_string()).unwrap()
        };
        let pass = Pass { call: "c".into(), token: "t".into() };
        let told = json!({ "type": "resume", "call": "c", "token": "t", "seconds": 60 });
        assert_eq!(ours(told), ServerMessage::Resume(pass));
        let told = json!({ "type": "resumed", "call": "c", "said": [{ "role": "user", "text": "Hi." }], "cut": null });
        let ServerMessage::Resumed(recalled) = ours(told) else { panic!("it goes on") };
        assert_eq!((recalled.whole().as_str(), recalled.cut), ("Hi.", None));
    }

    #[test]
    fn a_message_without_its_response_is_an_error_and_an_unknown_one_is_not() {
        let broken = r#"{"label":"rtvi-ai","type":"bot-started-speaking","id":"1","data":{}}"#;
        assert!(parse(broken).unwrap_err().contains("bot-started-speaking"));
        let unknown = r#"{"label":"rtvi-ai","type":"metrics","id":"1"}"#;
        assert_eq!(parse(unknown).unwrap(), ServerMessage::Unknown { kind: "metrics".to_owned() });
        assert!(parse(r#"{"label":"other","type":"bot-ready"}"#).is_err());
    }
}
