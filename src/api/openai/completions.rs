//! `POST /v1/completions`: text for a prompt, as one message to the same model. Chat models continue no bare text, so this is for clients
//! that know nothing newer.

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::error::ApiError;
use super::fields::Fields;
use super::models::language_model;
use super::reply::{Shape, Streamed};
use super::sent::Sent;
use super::wishes;
use super::writing::{Order, head, serve};
use crate::api::App;
use crate::api::caller::Caller;
use crate::engine::sampling::Length;
use crate::engine::{LlmRequest, Sampling};
use crate::frame::{Message, Role};

/// Tokens of a completion without a requested length, as in OpenAI's API.
const SHORT: u32 = 16;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    prompt: String,
    sampling: Sampling,
    streamed: Option<Streamed>,
}

/// Completes a prompt.
///
/// # Errors
/// In the form of OpenAI's API.
pub async fn completions(
    State(app): State<App>,
    Caller(principal): Caller,
    sent: Sent,
) -> Result<Response, ApiError> {
    let Asked { prompt, sampling, streamed } = read(&sent.body)?;
    let messages = vec![Message { role: Role::User, content: prompt }];
    let request = LlmRequest {
        messages,
        sampling,
        ahead: true,
        detailed: true,
        thoughts: true,
        ..LlmRequest::default()
    };
    let head = head(Shape::Completion, language_model(&app));
    serve(&app, principal, Order { request, streamed, head }).await
}

fn read(body: &Value) -> Result<Asked, ApiError> {
    let fields = Fields::of(body, "")?;
    for (name, plain) in
        [("echo", Value::Bool(false)), ("suffix", Value::from("")), ("best_of", Value::from(1))]
    {
        if fields.get(name).is_some_and(|value| *value != plain) {
            return Err(fields.fault(name, "is not supported; leave it out"));
        }
    }
    let mut sampling = wishes::sampling(&fields)?;
    if sampling.length == Length::Rest {
        sampling.length = Length::AtMost(SHORT);
    }
    Ok(Asked { prompt: prompt(&fields)?, sampling, streamed: wishes::streamed(&fields)? })
}

fn prompt(fields: &Fields<'_>) -> Result<String, ApiError> {
    let text = match fields.get("prompt") {
        Some(Value::Array(list)) if list.len() == 1 => list[0].as_str(),
        Some(value) => value.as_str(),
        None => None,
    };
    let text = text.filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| fields.fault("prompt", "one text that is not empty is expected"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_prompt_is_one_text_and_short_unless_a_length_is_asked_for() {
        let asked =
            read(&json!({ "prompt": "Say hi", "echo": false, "best_of": 1, "suffix": null })).unwrap();
        assert_eq!((asked.prompt.as_str(), asked.sampling.length), ("Say hi", Length::AtMost(SHORT)));
        let asked = read(&json!({ "prompt": ["Say hi"], "max_tokens": 40, "stream": true })).unwrap();
        assert_eq!(
            (asked.sampling.length, asked.streamed),
            (Length::AtMost(40), Some(Streamed { usage: false }))
        );
    }

    #[test]
    fn what_cannot_be_completed_is_refused_with_its_field() {
        for (body, param) in [
            (json!({}), "prompt"),
            (json!({ "prompt": "" }), "prompt"),
            (json!({ "prompt": ["a", "b"] }), "prompt"),
            (json!({ "prompt": [1, 2, 3] }), "prompt"),
            (json!({ "prompt": "a", "echo": true }), "echo"),
            (json!({ "prompt": "a", "best_of": 3 }), "best_of"),
            (json!({ "prompt": "a", "suffix": "b" }), "suffix"),
            (json!({ "prompt": "a", "logprobs": 2 }), "logprobs"),
        ] {
            let error = read(&body).unwrap_err().body();
            assert_eq!(error["error"]["param"], param, "{body}");
        }
    }
}
