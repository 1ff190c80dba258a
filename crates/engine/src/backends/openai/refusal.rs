//! What follows from an endpoint's refusal: an error that says what to do, and when to ask again. Pure.

use std::time::Duration;

use super::fault::Fault;
use super::too_long::{self, Prompt};
use crate::EngineError;

/// Pause after "too many requests" or "overloaded" without a time of the endpoint's own.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// Why an endpoint did not serve a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For the pipeline.
    pub(super) error: EngineError,
    /// The shortest pause before the next attempt.
    pub(super) after: Option<Duration>,
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        let after = matches!(error, EngineError::Busy(_)).then_some(BUSY_PAUSE);
        Self { error, after }
    }
}

/// What was asked, as far as errors speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// `llm.url`.
    pub(super) address: String,
    /// `llm.model`.
    pub(super) model: String,
    /// A key was sent.
    pub(super) keyed: bool,
    /// Tools were offered.
    pub(super) tools: bool,
    /// The prompt's length.
    pub(super) prompt: Prompt,
}

/// An HTTP response that is not a stream of events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    /// `Content-Type`.
    pub(super) kind: &'a str,
    /// `Retry-After`.
    pub(super) retry_after: Option<&'a str>,
    pub(super) body: &'a str,
}

impl Refusal {
    /// Explains an HTTP response.
    pub(super) fn of(answer: &Answer<'_>, asked: &Asked) -> Self {
        if answer.status < 500 && is_page(answer) {
            let address = &asked.address;
            return EngineError::Invalid(format!(
                "{address} answers with a web page ({}), not with an API. Set llm.url to the address before \
                 /chat/completions, usually one that ends in /v1",
                answer.status
            ))
            .into();
        }
        let fault = Fault::of_body(answer.body);
        let status = match answer.status {
            200..=299 => fault.status.unwrap_or(answer.status),
            status => status,
        };
        let told = answer.retry_after.and_then(seconds);
        let after = match status {
            429 | 529 => Some(told.unwrap_or(BUSY_PAUSE)),
            503 => told,
            _ => None,
        };
        let error = match (error(status, &fault, asked), told) {
            (EngineError::Busy(text), Some(told)) => {
                EngineError::Busy(format!("{text}. It wants {} s of patience", told.as_secs_f32().ceil()))
            }
            (error, _) => error,
        };
        Self { error, after }
    }

    /// Explains a fault that an endpoint reports inside a stream.
    pub(super) fn of_fault(fault: &Fault, asked: &Asked) -> EngineError {
        error(fault.status.unwrap_or(500), fault, asked)
    }
}

/// Reads seconds; dates, which no known endpoint sends, count as none.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f32(text.trim().parse().ok()?).ok()
}

fn is_page(answer: &Answer<'_>) -> bool {
    answer.kind.starts_with("text/html") || answer.body.trim_start().starts_with('<')
}

fn error(status: u16, fault: &Fault, asked: &Asked) -> EngineError {
    if too_long::is_too_long(status, fault) {
        return too_long::error(fault, asked.prompt);
    }
    if let Some(error) = account(status, fault, asked) {
        return error;
    }
    let (at, model, said) = (&asked.address, &asked.model, fault.said());
    let invalid = EngineError::Invalid;
    match status {
        404 if fault.mentions(&["model"]) => invalid(format!(
            "{at} has no model {model:?} (404){said}. Set llm.model to a name that it lists under /models; Ollama first \
             needs `ollama pull`"
        )),
        404 | 405 => invalid(format!(
            "{at} has no /chat/completions ({status}){said}. Set llm.url to the address before it, usually one that ends \
             in /v1"
        )),
        429 => EngineError::Busy(format!(
            "{at} takes no more requests for now (429){said}. Raise its limit, or lower server.max_calls"
        )),
        529 => EngineError::Busy(format!("{at} is overloaded (529){said}")),
        408 | 502..=504 => EngineError::Unavailable(format!("{at} is not ready ({status}){said}")),
        // Before tools, which some templates' errors mention too.
        400 | 422 | 500 if fault.mentions(&["alternate", "system role"]) => invalid(format!(
            "the chat template of {model:?} at {at} does not take a call's messages ({status}){said}. Start the endpoint \
             with another template (--chat-template), or set llm.model to another"
        )),
        400 | 422 | 500 | 501 if asked.tools && fault.mentions(&["tool"]) => invalid(format!(
            "{at} calls no tools with {model:?} ({status}){said}. Set llm.tools = false, or start the endpoint with its \
             options for tools"
        )),
        200..=299 => invalid(format!(
            "{at} does not stream its response{said}. Set llm.url to an endpoint that takes \"stream\": true"
        )),
        300..=399 => {
            invalid(format!("{at} redirects ({status}). Set llm.url to the address that it redirects to"))
        }
        400..=499 => invalid(format!(
            "{at} refuses the request ({status}){said}. If this names a field, leave it out by llm.omit or set it in \
             llm.body"
        )),
        _ => EngineError::Failed(format!("{at} failed ({status}){said}. Its log says more")),
    }
}

/// The error of a request whose key or account is at fault.
fn account(status: u16, fault: &Fault, asked: &Asked) -> Option<EngineError> {
    let (at, model, said) = (&asked.address, &asked.model, fault.said());
    // What the endpoint says is left out: it often repeats a part of the key.
    let wrong_key = || format!("{at} refuses the key ({status}). Set llm.key or llm.key_file to a valid one");
    let no_credit =
        || format!("the account at {at} has no credit left ({status}){said}. Add some, or change llm.url");
    let text = match status {
        401 if !asked.keyed => format!("{at} wants a key (401). Set llm.key_file, or VISAVIS_LLM_KEY"),
        401 => wrong_key(),
        400 if fault.mentions(&["api key", "api_key"]) => wrong_key(),
        402 => no_credit(),
        429 if fault.mentions(&["quota", "credit", "billing"]) => no_credit(),
        403 => format!(
            "{at} does not let the key use {model:?} (403){said}. Allow it there, or set llm.model to another"
        ),
        _ => return None,
    };
    Some(EngineError::Invalid(text))
}

#[cfg(test)]
mod tests;
