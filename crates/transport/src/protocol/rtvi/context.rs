//! Text from clients: questions, additions to the context, and telephone keys.

use serde_json::{Value, json};

use super::{Incoming, Outgoing};
use crate::event::ClientCommand;
use crate::frame::Role;
use crate::plain::plain;

/// Longest typed message in characters.
const LONGEST_TEXT: usize = 4000;
/// The same in bytes of UTF-8, since an emoji is several tokens to a language model.
const LONGEST_TEXT_BYTES: usize = 8000;
/// Most keys in one message.
const MOST_KEYS: usize = 64;
const KEYS: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"];

/// A text field.
pub(super) fn text<'a>(data: &'a Value, field: &str) -> Option<&'a str> {
    data.get(field).and_then(Value::as_str)
}

/// Typed text: a question, or context for the next response.
pub(super) fn send_text(data: &Value, id: Option<String>) -> Result<ClientCommand, String> {
    let content = text(data, "content").ok_or("send-text: data.content must be a string")?;
    let text = bounded("send-text", content)?;
    let options = data.get("options").unwrap_or(&Value::Null);
    if !options.is_null() && !options.is_object() {
        return Err("send-text: data.options must be an object".into());
    }
    let option = |name| flag(options, name, true).map_err(|fault| format!("send-text: data.options.{fault}"));
    let (at_once, aloud) = (option("run_immediately")?, option("audio_response")?);
    Ok(match (at_once, aloud) {
        // It starts no response, so there is nothing to speak.
        (false, _) => ClientCommand::Append { id, role: Role::User, text },
        (true, true) => ClientCommand::Say(text),
        (true, false) => ClientCommand::AskInText(text),
    })
}

/// Text added to the context, as the person's or the agent's words.
pub(super) fn append(data: &Value, id: Option<String>) -> Result<Incoming, String> {
    let fault = |fault: &str| format!("append-to-context: data.{fault}");
    let role = match text(data, "role") {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => return Err(fault("role must be \"user\" or \"assistant\"")),
    };
    let content = data.get("content").unwrap_or(&Value::Null);
    let content = content_of(content).ok_or_else(|| fault("content must be a string, or a list of texts"))?;
    let text = bounded("append-to-context", &content)?;
    let at_once = flag(data, "run_immediately", false).map_err(|message| fault(&message))?;
    let command = match (at_once, role) {
        (true, Role::User) => ClientCommand::Say(text),
        (true, _) => {
            return Err(fault(
                "run_immediately goes with the role \"user\": the agent does not respond to its own words",
            ));
        }
        (false, _) => ClientCommand::Append { id: id.clone(), role, text },
    };
    // Clients before RTVI 1 wait for this result.
    let done = id.map(|id| {
        Outgoing::response("append-to-context-result", Some(id), json!({ "result": "Appended." })).text()
    });
    Ok(Incoming { command: Some(command), replies: done.into_iter().collect() })
}

/// Telephone keys, as text for the model.
pub(super) fn dtmf(data: &Value) -> Result<ClientCommand, String> {
    let fault =
        || format!("dtmf: data.buttons must be a list of 1 to {MOST_KEYS} of the keys 0 to 9, * and #");
    // Before RTVI 2.1, a single key.
    let keys = match (data.get("buttons"), data.get("button")) {
        (Some(Value::Array(keys)), _) => keys.as_slice(),
        (None, Some(key)) => std::slice::from_ref(key),
        _ => return Err(fault()),
    };
    let known = |key: &Value| KEYS.iter().find(|known| key.as_str() == Some(known)).copied();
    let keys: Option<Vec<&str>> = keys.iter().map(known).collect();
    let keys = keys.filter(|keys| (1..=MOST_KEYS).contains(&keys.len())).ok_or_else(fault)?;
    Ok(ClientCommand::Say(format!("Keys pressed: {}", keys.join(" "))))
}

fn flag(data: &Value, name: &str, default: bool) -> Result<bool, String> {
    match data.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(format!("{name} must be true or false, not {other}")),
    }
}

/// A string, or the texts of a list of parts, as in language models' APIs.
fn content_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Option<Vec<&str>> = parts.iter().map(|part| text(part, "text")).collect();
            texts.map(|texts| texts.join(" "))
        }
        _ => None,
    }
}

/// Cleans text for the model and checks its length.
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
