//! Writes a response as OpenAI's API does: whole, or as events. Pure.

use serde_json::{Value, json};
use visavis_core::tool::WrittenCall;

use super::error::ApiError;
use super::parts::{Part, Parts};
use super::thoughts::Told;
use crate::engine::sampling::Usage;
use crate::engine::{Ended, LlmPiece};

/// The data of the last event.
const DONE: &str = "data: [DONE]\n\n";

/// Which of the API's responses it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Of `/v1/chat/completions`.
    Chat,
    /// Of `/v1/completions`.
    Completion,
}

/// How a response is streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streamed {
    /// The tokens that it took come last.
    pub(super) usage: bool,
}

/// What is the same in all of a response's events.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) shape: Shape,
    /// Unique, without a prefix.
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    /// Who writes.
    pub(super) model: String,
}

impl Head {
    fn json(&self, whole: bool, choices: &Value) -> Value {
        let Self { shape, id, created, model } = self;
        let (prefix, object) = match (shape, whole) {
            (Shape::Chat, true) => ("chatcmpl", "chat.completion"),
            (Shape::Chat, false) => ("chatcmpl", "chat.completion.chunk"),
            (Shape::Completion, _) => ("cmpl", "text_completion"),
        };
        let id = format!("{prefix}-{id}");
        json!({ "id": id, "object": object, "created": created, "model": model, "choices": choices })
    }

    fn call(&self, WrittenCall { name, arguments }: &WrittenCall) -> Value {
        let id = format!("call_{}", self.id);
        json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
    }
}

/// Why a response has ended.
fn reason(parts: &Parts) -> &'static str {
    match parts.ended() {
        _ if parts.has_called() => "tool_calls",
        Ended { cut: true, .. } => "length",
        Ended { .. } => "stop",
    }
}

/// The tokens that a response took; null if the engine does not count them.
fn usage(ended: Ended) -> Value {
    let Some(Usage { prompt, cached, response }) = ended.usage else { return Value::Null };
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": response,
        "total_tokens": u64::from(prompt) + u64::from(response),
        "prompt_tokens_details": { "cached_tokens": cached },
    })
}

/// A response that is sent once it is complete.
#[derive(Debug)]
pub(super) struct Whole {
    head: Head,
    parts: Parts,
    text: String,
    thoughts: String,
    call: Option<WrittenCall>,
}

impl Whole {
    pub(super) fn new(head: Head) -> Self {
        Self { head, parts: Parts::default(), text: String::new(), thoughts: String::new(), call: None }
    }

    /// Takes a piece of it.
    pub(super) fn take(&mut self, piece: LlmPiece) {
        let parts = self.parts.take(piece);
        self.add(parts);
    }

    fn add(&mut self, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Told(Told::Text(text)) => self.text += &text,
                Part::Told(Told::Thought(thought)) => self.thoughts += &thought,
                Part::Call(call) => self.call = Some(call),
            }
        }
    }

    /// The body of the complete response.
    pub(super) fn body(mut self) -> Value {
        let rest = self.parts.finish();
        self.add(rest);
        let reason = reason(&self.parts);
        let choice = match self.head.shape {
            Shape::Chat => {
                json!({ "index": 0, "message": self.message(), "logprobs": null, "finish_reason": reason })
            }
            Shape::Completion => {
                json!({ "index": 0, "text": self.text, "logprobs": null, "finish_reason": reason })
            }
        };
        let mut body = self.head.json(true, &json!([choice]));
        body["usage"] = usage(self.parts.ended());
        body
    }

    fn message(&self) -> Value {
        let content =
            if self.text.is_empty() && self.call.is_some() { Value::Null } else { json!(self.text) };
        let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
        if !self.thoughts.is_empty() {
            message["reasoning_content"] = json!(self.thoughts);
        }
        if let Some(call) = &self.call {
            message["tool_calls"] = json!([self.head.call(call)]);
        }
        message
    }
}

/// A response that is sent as it is written.
#[derive(Debug)]
pub(super) struct Chunks {
    head: Head,
    parts: Parts,
    streamed: Streamed,
}

impl Chunks {
    pub(super) fn new(head: Head, streamed: Streamed) -> Self {
        Self { head, parts: Parts::default(), streamed }
    }

    /// The event before all parts; empty if the form has no such event.
    pub(super) fn begin(&self) -> String {
        match self.head.shape {
            Shape::Chat => self.chunk(&json!({ "role": "assistant", "content": "" }), None),
            Shape::Completion => String::new(),
        }
    }

    /// Takes a piece; returns its events, possibly none.
    pub(super) fn take(&mut self, piece: LlmPiece) -> String {
        let parts = self.parts.take(piece);
        self.events(parts)
    }

    /// The events with which a complete response ends.
    pub(super) fn end(&mut self) -> String {
        let rest = self.parts.finish();
        let mut events = self.events(rest);
        let nothing = match self.head.shape {
            Shape::Chat => json!({}),
            Shape::Completion => json!(""),
        };
        events += &self.chunk(&nothing, Some(reason(&self.parts)));
        if self.streamed.usage {
            let mut last = self.head.json(false, &json!([]));
            last["usage"] = usage(self.parts.ended());
            events += &event(&last);
        }
        events + DONE
    }

    fn events(&self, parts: Vec<Part>) -> String {
        parts.into_iter().map(|part| self.part(part)).collect()
    }

    fn part(&self, part: Part) -> String {
        match (self.head.shape, part) {
            (Shape::Chat, Part::Told(Told::Text(text))) => self.chunk(&json!({ "content": text }), None),
            (Shape::Chat, Part::Told(Told::Thought(thought))) => {
                self.chunk(&json!({ "reasoning_content": thought }), None)
            }
            (Shape::Chat, Part::Call(call)) => {
                let mut call = self.head.call(&call);
                call["index"] = json!(0);
                self.chunk(&json!({ "tool_calls": [call] }), None)
            }
            (Shape::Completion, Part::Told(Told::Text(text))) => self.chunk(&json!(text), None),
            // They have no place there, and no tools are offered.
            (Shape::Completion, Part::Told(Told::Thought(_)) | Part::Call(_)) => String::new(),
        }
    }

    /// An event with what is new.
    fn chunk(&self, new: &Value, reason: Option<&str>) -> String {
        let field = match self.head.shape {
            Shape::Chat => "delta",
            Shape::Completion => "text",
        };
        let choice = json!({ "index": 0, field: new, "logprobs": null, "finish_reason": reason });
        let mut chunk = self.head.json(false, &json!([choice]));
        if self.streamed.usage {
            chunk["usage"] = Value::Null;
        }
        event(&chunk)
    }
}

/// The event of a response that fails after its beginning; the last one.
pub(super) fn fault(error: &ApiError) -> String {
    event(&error.body())
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(shape: Shape) -> Head {
        Head { shape, id: "7".into(), created: 5, model: "small".into() }
    }

    fn text(text: &str) -> LlmPiece {
        LlmPiece::Text(text.into())
    }

    fn call() -> LlmPiece {
        LlmPiece::Call(WrittenCall { name: "look".into(), arguments: "{\"at\":1}".into() })
    }

    fn ended(cut: bool) -> LlmPiece {
        LlmPiece::Ended(Ended { cut, usage: Some(Usage { prompt: 10, cached: 4, response: 3 }) })
    }

    fn whole(shape: Shape, pieces: Vec<LlmPiece>) -> Value {
        let mut whole = Whole::new(head(shape));
        pieces.into_iter().for_each(|piece| whole.take(piece));
        whole.body()
    }

    /// The data of all events; checks their form.
    fn streamed(shape: Shape, usage: bool, pieces: Vec<LlmPiece>) -> Vec<Value> {
        let mut chunks = Chunks::new(head(shape), Streamed { usage });
        let mut events = chunks.begin();
        pieces.into_iter().for_each(|piece| events += &chunks.take(piece));
        events += &chunks.end();
        let events = events.strip_suffix(DONE).expect("it ends with [DONE]");
        let data = events.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    #[test]
    fn a_whole_response_has_its_text_its_thoughts_apart_and_exact_usage() {
        let body = whole(Shape::Chat, vec![text("<think>Hm.</think>"), text("Paris."), ended(false)]);
        let expected = json!({
            "id": "chatcmpl-7", "object": "chat.completion", "created": 5, "model": "small",
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": "stop",
                "message": {
                    "role": "assistant", "content": "Paris.", "refusal": null, "reasoning_content": "Hm.",
                },
            }],
            "usage": {
                "prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13,
                "prompt_tokens_details": { "cached_tokens": 4 },
            },
        });
        assert_eq!(body, expected);
        let cut = whole(Shape::Chat, vec![text("Par"), ended(true)]);
        assert_eq!(cut["choices"][0]["finish_reason"], "length");
        assert!(whole(Shape::Chat, vec![text("x")])["usage"].is_null(), "the engine counts nothing");
    }

    #[test]
    fn a_call_has_an_id_and_its_arguments_as_a_string_and_null_for_content() {
        let body = whole(Shape::Chat, vec![call(), ended(false)]);
        let choice = &body["choices"][0];
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["content"]),
            (&json!("tool_calls"), &Value::Null)
        );
        let function = json!({ "name": "look", "arguments": "{\"at\":1}" });
        let expected = json!([{ "id": "call_7", "type": "function", "function": function }]);
        assert_eq!(choice["message"]["tool_calls"], expected);
        let events = streamed(Shape::Chat, false, vec![text("I look."), call(), ended(false)]);
        let calls: Vec<&Value> = events
            .iter()
            .map(|event| &event["choices"][0]["delta"]["tool_calls"])
            .filter(|calls| !calls.is_null())
            .collect();
        assert_eq!(calls.len(), 1);
        assert_eq!((&calls[0][0]["index"], &calls[0][0]["function"]), (&json!(0), &function));
        assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn a_stream_begins_with_the_role_and_ends_with_the_reason_and_the_usage_if_asked() {
        let pieces = || vec![LlmPiece::Thought("Hm.".into()), text("Par"), text("is."), ended(false)];
        let events = streamed(Shape::Chat, true, pieces());
        let deltas: Vec<&Value> = events
            .iter()
            .filter_map(|event| event["choices"].get(0))
            .map(|choice| &choice["delta"])
            .collect();
        let expected = [
            json!({ "role": "assistant", "content": "" }),
            json!({ "reasoning_content": "Hm." }),
            json!({ "content": "Par" }),
            json!({ "content": "is." }),
            json!({}),
        ];
        assert_eq!(deltas, expected.iter().collect::<Vec<_>>());
        let (last, others) = events.split_last().unwrap();
        assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(13)));
        assert!(others.iter().all(|event| event.get("usage") == Some(&Value::Null)));
        assert!(
            events
                .iter()
                .all(|event| event["id"] == "chatcmpl-7" && event["object"] == "chat.completion.chunk")
        );
        let events = streamed(Shape::Chat, false, pieces());
        assert!(events.iter().all(|event| event.get("usage").is_none()));
        assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn a_completion_has_text_alone() {
        let pieces = || vec![text("<think>Hm.</think>Yes"), ended(true)];
        let body = whole(Shape::Completion, pieces());
        let choice = json!({ "index": 0, "text": "Yes", "logprobs": null, "finish_reason": "length" });
        assert_eq!((&body["object"], &body["choices"]), (&json!("text_completion"), &json!([choice])));
        let events = streamed(Shape::Completion, false, pieces());
        let texts: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["text"]).collect();
        assert_eq!(texts, ["Yes", ""]);
        assert!(events.iter().all(|event| event["id"] == "cmpl-7"));
    }
}
