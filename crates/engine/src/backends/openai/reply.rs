//! Assembles a response from its events: text, thoughts, tool call, finish reason, token counts. Pure.

use serde_json::Value;

use super::in_text::InText;
use crate::backends::http::fault::Fault;
use crate::sampling::Usage;
use crate::tool::WrittenCall;
use crate::{Ended, LlmPiece};

/// Data of the event after the last piece.
const END: &str = "[DONE]";
/// Longest arguments of a tool call in bytes.
const LONGEST_ARGUMENTS: usize = 64 << 10;
/// Characters allowed per requested token: twice the English average, since the endpoint's tokeniser is not known.
const CHARACTERS: usize = 8;
/// Minimum of allowed characters: one token may be a long word.
const FEWEST: usize = 64;
/// Most characters of a response without a requested length; also most characters of thoughts, which not every endpoint counts,
/// and most events without text.
const MOST: usize = 64 << 10;
/// The finish reason of a response that reached its length.
const LENGTH: &str = "length";
/// Fields that contain thoughts.
const THOUGHTS: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// The tokens of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tokens {
    /// Tokens of the prompt.
    pub(super) prompt: u32,
    /// Tokens of the prompt that were cached; none if the endpoint does not report them.
    pub(super) cached: Option<u32>,
    /// Tokens of the response, including thoughts.
    pub(super) response: u32,
}

/// The first tool call of a response. The pipeline runs one call at a time, and asks again with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    index: u64,
    id: String,
    written: WrittenCall,
}

/// A response, as far as it has arrived.
#[derive(Debug, Default)]
pub(super) struct Reply {
    call: Option<Call>,
    /// Finds a call in the text.
    in_text: InText,
    /// Its finish reason.
    finish: Option<String>,
    /// The last event has arrived.
    done: bool,
    tokens: Option<Tokens>,
    spoke: bool,
    thought: bool,
    /// The thoughts of the last event.
    thoughts: String,
    /// Most characters of text; none: unlimited.
    most: Option<usize>,
    /// Characters of text so far.
    written: usize,
    /// Characters of thoughts, and events without text, so far.
    unseen: usize,
    /// It exceeded its length.
    cut: bool,
    /// The last event contained output of the model.
    works: bool,
}

impl Reply {
    /// A response to a request for this many tokens; none: unlimited. An endpoint that ignores the limit is cut off, just as
    /// our own engine ends at it.
    pub(super) fn within(tokens: Option<u64>) -> Self {
        let asked = tokens.map(|tokens| usize::try_from(tokens).unwrap_or(usize::MAX));
        let most = asked.map_or(MOST, |tokens| tokens.saturating_mul(CHARACTERS).max(FEWEST));
        Self { most: Some(most), ..Self::default() }
    }

    /// The same response, which may call these tools.
    pub(super) fn offering(self, tools: &[String]) -> Self {
        Self { in_text: InText::of(tools.to_vec()), ..self }
    }

    /// Takes the data of an event; returns its text.
    ///
    /// # Errors
    /// The endpoint's error message, or what is wrong with the event.
    pub(super) fn take(&mut self, data: &str) -> Result<Option<String>, Fault> {
        self.works = false;
        self.thoughts.clear();
        if data.trim() == END {
            self.done = true;
            return Ok(None);
        }
        let event: Value =
            serde_json::from_str(data).map_err(|_| Fault::new("a piece of its response is not JSON"))?;
        if let Some(fault) = Fault::of_event(&event) {
            return Err(fault);
        }
        if let Some(tokens) = tokens(&event["usage"]) {
            self.tokens = Some(tokens);
        }
        let choice = &event["choices"][0];
        if let Some(reason) = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()) {
            self.finish = Some(reason.into());
        }
        let delta = &choice["delta"];
        self.works = holds_work(delta);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.call(call)?;
        }
        let thoughts = move || THOUGHTS.iter().filter_map(move |field| delta[*field].as_str());
        let thought: usize = thoughts().map(|thought| thought.chars().count()).sum();
        // Some endpoints send the same under two names.
        self.thoughts = thoughts().find(|thought| !thought.is_empty()).unwrap_or_default().to_owned();
        self.thought |= thought > 0;
        let text = self.bounded(text(&delta["content"]), thought);
        self.spoke |= !text.trim().is_empty();
        let text = self.in_text.push(text);
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The thoughts of the last event, once; none: it has none.
    pub(super) fn thought(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.thoughts)).filter(|thoughts| !thoughts.is_empty())
    }

    /// How a complete response has ended.
    pub(super) fn ended(&self) -> Ended {
        let usage =
            |Tokens { prompt, cached, response }| Usage { prompt, cached: cached.unwrap_or(0), response };
        Ended { cut: self.finish.as_deref() == Some(LENGTH), usage: self.tokens.map(usage) }
    }

    /// Whether the last event contained output of the model: text, a thought, a part of a call.
    pub(super) fn works(&self) -> bool {
        self.works
    }

    /// Whether the last event has arrived.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the response is complete, so that the connection may end.
    pub(super) fn is_whole(&self) -> bool {
        self.done || self.finish.is_some()
    }

    /// Whether it exceeded its length.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether it ends with a call in its text.
    pub(super) fn has_call_in_text(&self) -> bool {
        self.in_text.has_call()
    }

    /// Whether the rest is not read: it exceeded its length, or ends with a call in its text.
    pub(super) fn is_over(&self) -> bool {
        self.cut || self.in_text.has_call()
    }

    /// Whether all tokens of the response were spent on thoughts.
    pub(super) fn only_thought(&self) -> bool {
        self.finish.as_deref() == Some(LENGTH) && self.thought && !self.spoke && self.call.is_none()
    }

    /// The response's tokens, if the endpoint reports them.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    /// The pieces that follow the text so far of a complete response.
    pub(super) fn last_pieces(&mut self) -> Vec<LlmPiece> {
        let text = Some(self.in_text.finish()).filter(|text| !text.is_empty());
        let read = self.tokens.and_then(|tokens| Some(tokens.prompt.saturating_sub(tokens.cached?)));
        let in_text = self.in_text.take();
        let call = self.call.take().map(|call| call.written).or(in_text).map(|mut written| {
            // Some endpoints send no arguments for a tool without parameters.
            if written.arguments.trim().is_empty() {
                written.arguments = "{}".into();
            }
            LlmPiece::Call(written)
        });
        let read = read.map(LlmPiece::Read);
        text.map(LlmPiece::Text).into_iter().chain(read).chain(call).collect()
    }

    /// The text of an event, up to the response's length; `thought`: the number of characters of thoughts in it.
    fn bounded(&mut self, mut text: String, thought: usize) -> String {
        let Some(most) = self.most else { return text };
        if text.is_empty() {
            self.unseen += thought.max(1);
        }
        if let Some((end, _)) = text.char_indices().nth(most.saturating_sub(self.written)) {
            text.truncate(end);
            self.cut = true;
        }
        self.written += text.chars().count();
        self.cut |= self.unseen > MOST;
        if self.cut {
            self.finish = Some(LENGTH.into());
        }
        text
    }

    /// Takes a piece of a tool call.
    fn call(&mut self, piece: &Value) -> Result<(), Fault> {
        let index = piece["index"].as_u64().unwrap_or(0);
        let id = piece["id"].as_str().unwrap_or_default();
        let new = || Call {
            index,
            id: id.into(),
            written: WrittenCall { name: String::new(), arguments: String::new() },
        };
        let call = self.call.get_or_insert_with(new);
        // Gemini gives all calls the index 0, and each its own id.
        if index != call.index || !(id.is_empty() || id == call.id) {
            return Ok(());
        }
        let function = &piece["function"];
        if call.written.name.is_empty() {
            call.written.name = function["name"].as_str().unwrap_or_default().into();
        }
        match &function["arguments"] {
            Value::String(text) => call.written.arguments.push_str(text),
            whole @ Value::Object(_) => call.written.arguments = whole.to_string(),
            _ => {}
        }
        if call.written.arguments.len() > LONGEST_ARGUMENTS {
            return Err(Fault::new(format!("a tool's arguments have more than {LONGEST_ARGUMENTS} bytes")));
        }
        Ok(())
    }
}

/// Whether a piece of a message contains more than its role. Thoughts may be in a field of any name.
fn holds_work(delta: &Value) -> bool {
    let is_full = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(parts) => !parts.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    delta
        .as_object()
        .is_some_and(|fields| fields.iter().any(|(name, value)| name != "role" && is_full(value)))
}

/// The text of a message's content: a string, or a list of parts, some of which are thoughts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter(|part| part["type"] == "text")
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

fn tokens(usage: &Value) -> Option<Tokens> {
    let count = |value: &Value| value.as_u64().and_then(|tokens| u32::try_from(tokens).ok());
    Some(Tokens {
        prompt: count(&usage["prompt_tokens"])?,
        cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
        response: count(&usage["completion_tokens"]).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests;
