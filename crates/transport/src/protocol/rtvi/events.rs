//! Converts a call's events to messages.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Outgoing, RTVI_VERSION, output, requests, times};
use crate::event::{CallEvent, EndReason};
use crate::frame::ResponseId;
use crate::tool::ToolEnd;

/// The messages for an event, in order.
pub(super) fn messages(event: &CallEvent, now: Duration) -> Vec<Outgoing> {
    let one = |kind, data| vec![Outgoing::new(kind, data)];
    match event {
        CallEvent::Ready { .. } | CallEvent::Resumed { .. } | CallEvent::ResumeToken { .. } => of_call(event),
        CallEvent::State(state) => one("server-message", json!({ "type": "state", "state": state })),
        CallEvent::UserStartedSpeaking => one("user-started-speaking", json!({})),
        CallEvent::UserStoppedSpeaking => one("user-stopped-speaking", json!({})),
        CallEvent::UserTranscript { text, stable, last, language } => {
            one("user-transcription", user_transcription(text, *stable, *last, language, now))
        }
        CallEvent::UserTyped { text } => one("user-llm-text", json!({ "text": text })),
        CallEvent::Expression(cue) => {
            let mut data = json!(cue);
            data["type"] = "expression".into();
            one("server-message", data)
        }
        CallEvent::ToolStarted { .. } | CallEvent::ToolStopped { .. } => of_tool(event),
        CallEvent::Notice { code, message } => {
            one("server-message", json!({ "type": "notice", "code": code, "message": message }))
        }
        CallEvent::Granted { id, request } => vec![requests::response(id.clone(), request)],
        CallEvent::BadMessage { id, message } => {
            vec![Outgoing::response("error-response", id.clone(), json!({ "error": message }))]
        }
        CallEvent::Ended { reason, message } => ended(*reason, message),
        _ => of_response(event),
    }
}

/// The messages for an event of the call's begin, or of its going on.
fn of_call(event: &CallEvent) -> Vec<Outgoing> {
    let one = |kind, data| vec![Outgoing::new(kind, data)];
    match event {
        CallEvent::ResumeToken { call, token, seconds } => {
            let data = json!({ "type": "resume", "call": call, "token": token, "seconds": seconds });
            one("server-message", data)
        }
        CallEvent::Resumed { call, said, cut } => {
            let said: Vec<Value> =
                said.iter().map(|said| json!({ "role": said.role, "text": said.content })).collect();
            one("server-message", json!({ "type": "resumed", "call": call, "said": said, "cut": cut }))
        }
        CallEvent::Ready { call, resumed } => {
            let about = json!({ "library": "visavis", "version": env!("CARGO_PKG_VERSION") });
            let mut data = json!({ "version": RTVI_VERSION, "about": about, "call": call });
            if *resumed {
                data["resumed"] = true.into();
            }
            one("bot-ready", data)
        }
        _ => Vec::new(),
    }
}

/// The messages for a response's events.
fn of_response(event: &CallEvent) -> Vec<Outgoing> {
    let of = |response: &ResponseId| json!({ "response": response });
    let one = |kind, data| vec![Outgoing::new(kind, data)];
    match event {
        CallEvent::ResponseStarted(response) => one("bot-llm-started", of(response)),
        CallEvent::ResponseText { response, text } => {
            one("bot-llm-text", json!({ "text": text, "response": response }))
        }
        CallEvent::ResponseTextEnded(response) => one("bot-llm-stopped", of(response)),
        CallEvent::AgentStartedSpeaking(response) => vec![
            Outgoing::new("bot-tts-started", of(response)),
            Outgoing::new("bot-started-speaking", of(response)),
        ],
        CallEvent::SegmentSpoken { .. } | CallEvent::SegmentProgress { .. } => output::messages(event),
        CallEvent::AgentStoppedSpeaking(response) => vec![
            Outgoing::new("bot-stopped-speaking", of(response)),
            Outgoing::new("bot-tts-stopped", of(response)),
        ],
        CallEvent::Interrupted { response, heard } => {
            one("bot-interrupted", json!({ "response": response, "heard": heard }))
        }
        CallEvent::ResponseFailed { response, heard } => {
            let data = json!({ "type": "response-failed", "response": response, "heard": heard });
            one("server-message", data)
        }
        CallEvent::Turn { response, end, marks, slow, served } => {
            let mut told = json!(marks);
            if let Some(slow) = slow {
                told["reason"] = slow.reason.as_str().into();
            }
            let mut data = json!({ "type": "turn", "response": response, "end": end, "marks": told });
            if !served.is_empty() {
                data["engines"] = json!(served);
            }
            let turn = Outgoing::new("server-message", data);
            std::iter::once(turn).chain(times::message(marks)).collect()
        }
        _ => Vec::new(),
    }
}

fn user_transcription(text: &str, stable: usize, last: bool, language: &str, now: Duration) -> Value {
    let mut data = json!({ "text": text, "final": last, "timestamp": timestamp(now), "user_id": "user", "language": language });
    if !last {
        data["stable"] = json!(text[..stable].chars().count());
    }
    data
}

fn ended(reason: EndReason, message: &str) -> Vec<Outgoing> {
    let data = json!({ "type": "call-ended", "reason": reason, "message": message });
    let ended = Outgoing::new("server-message", data);
    match reason {
        EndReason::Fault => {
            vec![fatal(message), ended]
        }
        _ => vec![ended],
    }
}

/// An error that ends the call. Before RTVI 2, `error` was called `message`.
pub(super) fn fatal(error: &str) -> Outgoing {
    Outgoing::new("error", json!({ "error": error, "message": error, "fatal": true }))
}

/// The messages for a tool call, in RTVI's terms.
fn of_tool(event: &CallEvent) -> Vec<Outgoing> {
    match event {
        CallEvent::ToolStarted { id, name, arguments } => {
            let mut data = json!({ "function_name": name, "tool_call_id": id });
            // The arguments of the server's own tools are not disclosed.
            if let Some(arguments) = arguments {
                data["arguments"] = arguments.clone();
            }
            vec![
                Outgoing::new("llm-function-call-started", json!({ "function_name": name })),
                Outgoing::new("llm-function-call-in-progress", data),
            ]
        }
        CallEvent::ToolStopped { id, name, end, .. } => {
            let data = json!({ "function_name": name, "tool_call_id": id, "cancelled": *end == ToolEnd::Cancelled, "failed": *end == ToolEnd::Failed });
            vec![Outgoing::new("llm-function-call-stopped", data)]
        }
        _ => Vec::new(),
    }
}

/// A time since 1970 as RFC 3339 in UTC.
fn timestamp(time: Duration) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + time).to_string()
}
