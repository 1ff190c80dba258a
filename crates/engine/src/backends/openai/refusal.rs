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
    /// Names of the tools that were offered.
    pub(super) tools: Vec<String>,
    /// The prompt's length.
    pub(super) prompt: Prompt,
}

/// Explains an HTTP response that is not a stream of events.
fn of(answer: &Answer, asked: &Asked) -> Refused {
    answer.explain(&asked.endpoint, |status, fault| error(status, fault, asked))
}

/// Why there is no response.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) refused: Refused,
    /// The endpoint does not offer tools as it was asked to; it may offer them without a choice.
    pub(super) choice: bool,
}

impl From<EngineError> for Denied {
    fn from(error: EngineError) -> Self {
        Self { refused: error.into(), choice: false }
    }
}

/// Explains an HTTP response that is not a stream of events, and whether it is the offer of tools that is refused.
pub(super) fn denied(answer: &Answer, asked: &Asked) -> Denied {
    let fault = Fault::of_body(&answer.body);
    let choice = !too_long::is_too_long(answer.status, &fault) && is_of_tools(answer.status, &fault, asked);
    Denied { refused: of(answer, asked), choice }
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
        400 | 422 | 500 if is_of_roles(fault) => format!(
            "the chat template of {model:?} at {at} does not take a call's messages ({status}){said}. Start the endpoint \
             with another template (--chat-template), or set {section}.model to another"
        ),
        _ if is_of_tools(status, fault, asked) => format!(
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

/// Whether the chat template does not take the messages.
fn is_of_roles(fault: &Fault) -> bool {
    fault.mentions(&["alternate", "system role"])
}

/// Whether it is the tools that are refused. Some templates' errors mention them too.
fn is_of_tools(status: u16, fault: &Fault, asked: &Asked) -> bool {
    let offered = !asked.tools.is_empty() && matches!(status, 400 | 422 | 500 | 501);
    offered && fault.mentions(&["tool"]) && !is_of_roles(fault)
}

#[cfg(test)]
mod tests;
