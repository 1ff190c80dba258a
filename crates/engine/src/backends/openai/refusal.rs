//! Maps an endpoint's refusal of a request for a response to an error that says what to do, and when to retry. Pure.

use super::too_long::{self, Prompt};
use crate::EngineError;
use crate::backends::http::Refused;
use crate::backends::http::answer::{self, Answer};
use crate::backends::http::fault::Fault;

/// The request, as far as error messages mention it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The endpoint and its settings.
    pub(super) endpoint: answer::Asked,
    /// Tools were offered.
    pub(super) tools: bool,
    /// The prompt's length.
    pub(super) prompt: Prompt,
}

/// Explains an HTTP response that is not a stream of events.
pub(super) fn of(answer: &Answer, asked: &Asked) -> Refused {
    answer.explain(&asked.endpoint, |status, fault| error(status, fault, asked))
}

/// Explains a fault that an endpoint reports inside a stream.
pub(super) fn of_fault(fault: &Fault, asked: &Asked) -> EngineError {
    error(fault.status.unwrap_or(500), fault, asked)
}

fn error(status: u16, fault: &Fault, asked: &Asked) -> EngineError {
    if too_long::is_too_long(status, fault) {
        return too_long::error(fault, asked.prompt);
    }
    let endpoint = &asked.endpoint;
    answer::account(status, fault, endpoint)
        .or_else(|| of_chat(status, fault, asked).map(EngineError::Invalid))
        .unwrap_or_else(|| answer::error(status, fault, endpoint))
}

/// Explains a fault of the chat request itself, if it is recognised.
fn of_chat(status: u16, fault: &Fault, asked: &Asked) -> Option<String> {
    let answer::Asked { section, address: at, model, .. } = &asked.endpoint;
    let said = fault.said();
    Some(match status {
        404 if fault.mentions(&["model"]) => format!(
            "{at} has no model {model:?} (404){said}. Set {section}.model to a name that it lists under /models; Ollama \
             first needs `ollama pull`"
        ),
        // Before tools, which some templates' errors mention too.
        400 | 422 | 500 if fault.mentions(&["alternate", "system role"]) => format!(
            "the chat template of {model:?} at {at} does not take a call's messages ({status}){said}. Start the endpoint \
             with another template (--chat-template), or set {section}.model to another"
        ),
        400 | 422 | 500 | 501 if asked.tools && fault.mentions(&["tool"]) => format!(
            "{at} calls no tools with {model:?} ({status}){said}. Set {section}.tools = false, or start the endpoint with \
             its options for tools"
        ),
        200..=299 => format!(
            "{at} does not stream its response{said}. Set {section}.url to an endpoint that takes \"stream\": true"
        ),
        404 | 405 | 408 | 429 => return None,
        400..=499 => format!(
            "{at} refuses the request ({status}){said}. If this names a field, leave it out by {section}.omit or set it \
             in {section}.body"
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
