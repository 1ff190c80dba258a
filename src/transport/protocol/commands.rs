//! What clients send, as commands.

use serde_json::Value;

use super::{Envelope, requests};
use crate::event::ClientCommand;
use crate::plain::plain;
use crate::transport::Incoming;

/// Longest typed message in characters.
const LONGEST_TEXT: usize = 4000;
/// And in bytes of UTF-8: an emoji is several tokens to a language model.
const LONGEST_TEXT_BYTES: usize = 8000;

/// What a message wants; the error is for its sender.
pub(super) fn read(message: &Envelope) -> Result<Incoming, String> {
    let data = &message.data;
    Ok(match message.kind.as_str() {
        "client-ready" => ClientCommand::Ready.into(),
        "disconnect-bot" => ClientCommand::HangUp.into(),
        "send-text" => {
            let text = data.get("content").and_then(Value::as_str);
            let text = text.ok_or("send-text: data.content must be a string")?;
            ClientCommand::Say(bounded("send-text", text)?).into()
        }
        "llm-function-call-result" => tool_result(data)?.into(),
        "client-message" => requests::read(data, message.id())?,
        "signalling" => Incoming::default(),
        other => return Err(format!("unknown message type {other:?}")),
    })
}

/// Text for the model, of which there is some and not too much.
fn bounded(kind: &str, text: &str) -> Result<String, String> {
    let text = plain(text);
    let text = text.trim();
    let length = text.chars().count();
    if text.is_empty() || length > LONGEST_TEXT {
        return Err(format!("{kind}: data.content must have 1 to {LONGEST_TEXT} characters, not {length}"));
    }
    if text.len() > LONGEST_TEXT_BYTES {
        return Err(format!(
            "{kind}: data.content must have at most {LONGEST_TEXT_BYTES} bytes in UTF-8, not {}",
            text.len()
        ));
    }
    Ok(text.to_string())
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
