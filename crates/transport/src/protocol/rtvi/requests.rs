//! `client-message`s: requests outside the standard. Each valid one gets a response with its id.

use serde_json::{Value, json};

use super::{Incoming, Outgoing};
use crate::avatar::cue::{Cue, GESTURES, MOODS};
use crate::event::ClientCommand;
use crate::frame::{ResponseId, is_language};
use crate::{tool, voice};

/// Default timeout of a client's tool.
const CLIENT_TOOL_TIMEOUT_MS: u64 = 10_000;

/// Reads a `client-message`, and makes its response.
pub(super) fn read(data: &Value, id: Option<String>) -> Result<Incoming, String> {
    let kind = data.get("t").and_then(Value::as_str).ok_or("client-message: data.t must be a string")?;
    let command = match kind {
        // Shows that the server is alive, whatever the call is doing.
        "ping" => None,
        _ => Some(command(kind, data, id.clone())?),
    };
    // Whether tools fit and a voice exists is known only later, so the response is sent then.
    let decided = !matches!(command, Some(ClientCommand::SetTools { .. } | ClientCommand::SetVoice { .. }));
    let replies = id.filter(|_| decided).map(|id| response(id, kind).text());
    Ok(Incoming { command, replies: replies.into_iter().collect() })
}

/// The response to a successful request.
pub(super) fn response(id: String, kind: &str) -> Outgoing {
    Outgoing::response("server-response", Some(id), json!({ "t": kind, "d": {} }))
}

fn command(kind: &str, data: &Value, id: Option<String>) -> Result<ClientCommand, String> {
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
        "set-voice" => match field("voice") {
            None | Some(Value::Null) => Ok(ClientCommand::SetVoice { id, voice: None }),
            Some(Value::String(name)) if voice::is_name(name) => {
                Ok(ClientCommand::SetVoice { id, voice: Some(name.clone()) })
            }
            Some(_) => Err(format!(
                "set-voice: d.voice must be null or the name of a voice, such as \"af_heart\", of at most {} bytes",
                voice::LONGEST_NAME
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
                Ok(ClientCommand::FirstAudioHeard { response: ResponseId(response), ms })
            }
            _ => Err("first-audio: d.response and d.ms must be whole numbers".into()),
        },
        other => Err(format!("unknown client-message {other:?}")),
    }
}

/// The cue for the face.
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
