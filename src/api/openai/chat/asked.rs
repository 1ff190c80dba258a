//! What a chat request asks for. Pure. Fields that are not known are ignored, as OpenAI's own API does.

use super::format;
use super::messages::{self, MESSAGES};
use super::tools::{self, Offer};
use crate::api::openai::error::ApiError;
use crate::api::openai::fields::Fields;
use crate::api::openai::reply::{Head, Streamed};
use crate::api::openai::sent::Sent;
use crate::api::openai::wishes;
use crate::api::openai::writing::Order;
use crate::engine::sampling::Form;
use crate::engine::{LlmCapabilities, LlmRequest, Sampling};
use crate::frame::Message;

/// A chat and what is wished of the response.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::api::openai) struct Asked {
    messages: Vec<Message>,
    offer: Offer,
    sampling: Sampling,
    streamed: Option<Streamed>,
}

/// Reads the body of a request.
///
/// # Errors
/// The first fault, with its field.
pub(in crate::api::openai) fn read(sent: &Sent) -> Result<Asked, ApiError> {
    let fields = Fields::of(&sent.body, "")?;
    // Any name is taken: there is one model, and clients have names of others written into them.
    fields.text("model")?;
    refuse_older(&fields)?;
    let messages = messages::read(fields.list(MESSAGES)?)?;
    let offer = tools::read(&fields)?;
    let form = format::read(&fields, sent)?;
    let sampling = Sampling { form, must_call: offer.must_call, ..wishes::sampling(&fields)? };
    Ok(Asked { messages, offer, sampling, streamed: wishes::streamed(&fields)? })
}

/// Refuses what would be left undone without a word.
fn refuse_older(fields: &Fields<'_>) -> Result<(), ApiError> {
    for name in ["functions", "function_call"] {
        if fields.get(name).is_some() {
            return Err(fields.fault(name, "is no longer supported; send tools and tool_choice"));
        }
    }
    let sounds = fields.list("modalities")?.iter().any(|kind| kind == "audio");
    if sounds {
        return Err(fields.fault("modalities", "a response is text; have it spoken by /v1/audio/speech"));
    }
    Ok(())
}

impl Asked {
    /// Checks that the language model can do it.
    ///
    /// # Errors
    /// If it cannot.
    pub(in crate::api::openai) fn check(&self, can: LlmCapabilities) -> Result<(), ApiError> {
        if !can.tools && !self.offer.tools.is_empty() {
            let message = "tools: the language model calls none; leave them out.";
            return Err(ApiError::invalid(message).param("tools"));
        }
        if !can.schemas && self.sampling.form != Form::Text {
            let message = "response_format: the language model cannot be kept to JSON; ask for text.";
            return Err(ApiError::invalid(message).param("response_format"));
        }
        Ok(())
    }

    /// What is asked of the engine: behind calls, in a conversation that nothing is kept of.
    pub(in crate::api::openai) fn order(self, head: Head) -> Order {
        let Self { messages, offer: Offer { tools, .. }, sampling, streamed } = self;
        let request = LlmRequest {
            messages,
            tools,
            sampling,
            ahead: true,
            detailed: true,
            thoughts: true,
            ..LlmRequest::default()
        };
        Order { request, streamed, head }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::sampling::Length;

    fn read(body: &Value) -> Result<Asked, ApiError> {
        super::read(&Sent::from(body))
    }

    fn chat(more: &Value) -> Value {
        let mut body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hi" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    #[test]
    fn a_bare_chat_and_one_with_unknown_fields_are_the_same() {
        let bare = read(&chat(&json!({}))).unwrap();
        assert_eq!(bare.sampling, Sampling { length: Length::Rest, ..Sampling::default() });
        assert!(bare.offer.tools.is_empty() && bare.streamed.is_none());
        let more = json!({
            "store": false, "metadata": {}, "reasoning_effort": "low", "parallel_tool_calls": true,
            "modalities": ["text"], "frequency_penalty": 0.5, "tomorrow": [1],
        });
        assert_eq!(read(&chat(&more)).unwrap(), bare);
        assert_eq!(read(&json!({ "messages": [{ "role": "user", "content": "Hi" }] })).unwrap(), bare);
    }

    #[test]
    fn a_call_that_is_required_is_required_of_the_engine() {
        let tool = json!({ "type": "function", "function": { "name": "look" } });
        let asked = read(&chat(&json!({ "tools": [tool], "tool_choice": "required" }))).unwrap();
        assert!(asked.sampling.must_call && asked.offer.tools.len() == 1);
        assert!(asked.check(LlmCapabilities::ALL).is_ok());
        assert!(asked.check(LlmCapabilities::default()).is_err());
    }

    #[test]
    fn each_fault_names_its_field() {
        for (body, param) in [
            (json!({ "model": 5, "messages": [{ "role": "user", "content": "Hi" }] }), "model"),
            (json!({ "model": "x" }), "messages"),
            (chat(&json!({ "functions": [] })), "functions"),
            (chat(&json!({ "modalities": ["text", "audio"] })), "modalities"),
            (chat(&json!({ "tools": {} })), "tools"),
            (chat(&json!({ "response_format": "json" })), "response_format"),
            (chat(&json!({ "stream": "yes" })), "stream"),
            (chat(&json!({ "stream": true, "stream_options": 1 })), "stream_options"),
        ] {
            let error = read(&body).unwrap_err().body();
            assert_eq!(error["error"]["param"], param, "{body}: {error}");
        }
        assert!(read(&json!([])).is_err());
    }
}
