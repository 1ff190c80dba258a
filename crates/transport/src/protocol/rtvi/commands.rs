//! Converts clients' messages to commands.

use serde_json::{Value, json};

use super::{Envelope, Incoming, Outgoing, RTVI_VERSION, context, requests};
use crate::event::ClientCommand;

/// Reads a message; the error is for its sender.
pub(super) fn read(message: &Envelope) -> Result<Incoming, String> {
    let data = &message.data;
    Ok(match message.kind.as_str() {
        "client-ready" => ready(message),
        "disconnect-bot" => ClientCommand::HangUp.into(),
        "send-text" => context::send_text(data, message.id())?.into(),
        "append-to-context" => context::append(data, message.id())?,
        "dtmf" => context::dtmf(data)?.into(),
        "llm-function-call-result" => tool_result(data)?.into(),
        "client-message" => requests::read(data, message.id())?,
        "signalling" => Incoming::default(),
        // The agent neither sees nor controls a page; it acts through tools.
        "ui-event" => context::text(data, "event")
            .map(|_| Incoming::default())
            .ok_or("ui-event: data.event must be a string")?,
        "ui-snapshot" => Incoming::default(),
        "ui-cancel-job-group" => {
            let job =
                context::text(data, "job_id").ok_or("ui-cancel-job-group: data.job_id must be a string")?;
            return Err(format!(
                "ui-cancel-job-group: there is no job group {job:?}: this server starts none"
            ));
        }
        "raw-audio" | "raw-audio-batch" => {
            return Err(format!(
                "{}: send sound over RTP, or as binary frames of the WebSocket",
                message.kind
            ));
        }
        other => return Err(format!("unknown message type {other:?}")),
    })
}

/// The client's hello. A client with another version is told so, and the call goes on.
fn ready(message: &Envelope) -> Incoming {
    let fault = version_fault(&message.data).map(|fault| {
        Outgoing::response(
            "error-response",
            message.id(),
            json!({ "error": format!("client-ready: {fault}") }),
        )
    });
    let replies = fault.iter().map(Outgoing::text).collect();
    Incoming { replies, ..ClientCommand::Ready.into() }
}

fn version_fault(data: &Value) -> Option<String> {
    let version = data.get("version").filter(|version| !version.is_null())?;
    match major(version) {
        Some(theirs) if Some(theirs) == major(&RTVI_VERSION.into()) => None,
        Some(_) => Some(format!(
            "the client speaks RTVI {version} and the server RTVI {RTVI_VERSION}, so that some messages may not be \
             understood; the call goes on"
        )),
        None => {
            Some(format!("data.version must be like \"{RTVI_VERSION}\", not {version}; the call goes on"))
        }
    }
}

/// Whether the client's hello names a version before 2.
pub(super) fn is_old(data: &Value) -> bool {
    data.get("version").and_then(major).is_some_and(|major| major < 2)
}

fn major(version: &Value) -> Option<u32> {
    version.as_str()?.split('.').next()?.parse().ok()
}

/// The result of a client's tool; an object that contains only `error` reports a failure.
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
