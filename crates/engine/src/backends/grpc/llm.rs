//! Text generation by `visavis-llm`.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::watch;
use visavis_proto::v1::{self, generate_event, llm_client::LlmClient};

use super::{Link, deadline_ms};
use crate::config::LlmEngine;
use crate::frame::{Message, Role};
use crate::retry::patiently;
use crate::sampling::{Form, Length, Usage};
use crate::status::Life;
use crate::tool::{Tool, Tools, WrittenCall};
use crate::{Counts, Ended, EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest, Sampling};

/// Text generation by `visavis-llm`.
#[derive(Debug, Clone)]
pub(super) struct GrpcLlm {
    pub(super) link: Link,
    /// Length and sampling of responses.
    pub(super) settings: LlmEngine,
}

/// The message that asks for a response. It has no deadline: playout holds generation back while it speaks.
fn response(settings: &LlmEngine, request: LlmRequest) -> v1::GenerateRequest {
    let priority = match request {
        LlmRequest { ahead: true, .. } => v1::Priority::Batch,
        LlmRequest { speculative: true, .. } => v1::Priority::Speculative,
        _ => v1::Priority::Live,
    };
    let user = &request.caller.user;
    // What programs use is not held against the same user's calls.
    let client = if request.ahead { format!("beside calls: {user}") } else { user.to_string() };
    let message = v1::GenerateRequest {
        conversation: request.conversation,
        messages: chat(&request.messages),
        tools: request.tools.iter().map(tool).collect(),
        max_tokens: settings.max_tokens,
        temperature: settings.temperature,
        top_p: settings.top_p,
        priority: priority.into(),
        deadline_ms: 0,
        turn_end: request.speculative,
        client,
        ..Default::default()
    };
    sampled(message, request.sampling)
}

/// The message that asks for a prefill; `open`: for words that are still being spoken.
fn prefill(settings: &LlmEngine, request: LlmRequest, open: bool) -> v1::GenerateRequest {
    // A prefill between turns has lower priority than one for words being spoken, and both have lower priority than
    // responses.
    let priority = if open { v1::Priority::Speculative } else { v1::Priority::Batch };
    v1::GenerateRequest {
        open,
        turn_end: false,
        deadline_ms: deadline_ms(),
        priority: priority.into(),
        ..response(settings, request)
    }
}

/// The same request, with what it asks of the writing in place of the configuration.
fn sampled(message: v1::GenerateRequest, sampling: Sampling) -> v1::GenerateRequest {
    let Sampling { temperature, top_p, seed, length, stop, form, must_call } = sampling;
    let (max_tokens, fill) = match length {
        Length::Configured => (message.max_tokens, false),
        // 0 would be the engine's own default.
        Length::AtMost(tokens) => (tokens.max(1), true),
        Length::Rest => (u32::MAX, true),
    };
    let schema = match form {
        _ if must_call => String::new(),
        Form::Text => String::new(),
        Form::Json => r#"{"type":"object"}"#.to_owned(),
        Form::Schema(schema) => schema,
    };
    v1::GenerateRequest {
        max_tokens,
        fill,
        stop,
        schema,
        must_call,
        temperature: temperature.unwrap_or(message.temperature),
        top_p: top_p.unwrap_or(message.top_p),
        seed: seed.unwrap_or(message.seed),
        ..message
    }
}

/// The pieces that an event of a response is; `detailed`: how the response has ended is wanted as well.
fn pieces_of(event: generate_event::Event, detailed: bool) -> [Option<LlmPiece>; 2] {
    let piece = match event {
        generate_event::Event::Text(text) => LlmPiece::Text(text),
        generate_event::Event::Call(v1::ToolCall { name, arguments }) => {
            LlmPiece::Call(WrittenCall { name, arguments })
        }
        generate_event::Event::TurnEnd(probability) => LlmPiece::TurnEnd(probability),
        generate_event::Event::Done(done) => {
            let read = LlmPiece::Read(done.prompt_tokens.saturating_sub(done.cached_tokens));
            return [Some(read), detailed.then(|| LlmPiece::Ended(ended(&done)))];
        }
    };
    [Some(piece), None]
}

fn ended(done: &v1::GenerateDone) -> Ended {
    let usage =
        Usage { prompt: done.prompt_tokens, cached: done.cached_tokens, response: done.generated_tokens };
    Ended { cut: done.reason() == v1::generate_done::Reason::Length, usage: Some(usage) }
}

#[async_trait]
impl Llm for GrpcLlm {
    fn capabilities(&self) -> LlmCapabilities {
        let context = Some(self.link.status.borrow().context).filter(|tokens| *tokens > 0);
        LlmCapabilities { context, ..LlmCapabilities::ALL }
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        let (detailed, ahead) = (request.detailed, request.ahead);
        let message = response(&self.settings, request);
        let open = || async {
            let mut client = LlmClient::new(self.link.channel.clone());
            let opened = self.link.watchdog.response(client.generate(message.clone())).await?;
            Ok::<_, EngineError>(opened.into_inner())
        };
        let events = patiently(open, EngineError::is_passing).await?;
        let pieces = events
            .map_err(EngineError::from)
            .map_ok(move |event| {
                let pieces = event.event.map(|event| pieces_of(event, detailed));
                stream::iter(pieces.into_iter().flatten().flatten().map(Ok::<_, EngineError>))
            })
            .try_flatten()
            .boxed();
        let watchdog = self.link.watchdog.clone();
        let watchdog = if ahead { watchdog.behind_others() } else { watchdog };
        Ok(watchdog.pieces(pieces, || true))
    }

    async fn prefill(&self, request: LlmRequest, open: bool) {
        let message = prefill(&self.settings, request, open);
        let read = || async {
            let mut client = LlmClient::new(self.link.channel.clone());
            self.link.watchdog.response(client.prefill(message.clone())).await
        };
        // Retry while the engine restarts: it then has the most to prefill.
        let starts = |error: &EngineError| matches!(error, EngineError::Unavailable(_));
        // Failure only costs time: the prompt is then evaluated with the response.
        if let Err(error) = patiently(read, starts).await {
            tracing::trace!(%error, "prefill failed");
        }
    }

    async fn count(&self, messages: &[Message], tools: &Tools) -> Result<Counts, EngineError> {
        let message = v1::GenerateRequest {
            messages: messages.iter().map(alone).collect(),
            tools: tools.iter().map(tool).collect(),
            max_tokens: self.settings.max_tokens,
            ..Default::default()
        };
        let count = || async {
            let mut client = LlmClient::new(self.link.channel.clone());
            let counted = self.link.watchdog.response(client.count(message.clone())).await?;
            Ok::<_, EngineError>(counted.into_inner())
        };
        let reply = patiently(count, EngineError::is_passing).await?;
        let v1::CountReply { messages, tools, total, limit } = reply;
        Ok(Counts { messages, tools, total, limit })
    }

    async fn release(&self, conversation: &str) {
        let request = v1::ReleaseRequest { conversation: conversation.into() };
        // An engine that is gone holds nothing anyway.
        _ = tokio::time::timeout(
            Duration::from_secs(2),
            LlmClient::new(self.link.channel.clone()).release(request),
        )
        .await;
    }

    fn lives(&self) -> Option<watch::Receiver<Life>> {
        self.link.life.clone()
    }
}

fn tool(tool: &Tool) -> v1::Tool {
    v1::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.to_string(),
    }
}

/// Converts messages; a tool call joins the agent's message before it, if there is one.
fn chat(messages: &[Message]) -> Vec<v1::ChatMessage> {
    let mut chat: Vec<v1::ChatMessage> = Vec::with_capacity(messages.len());
    for message in messages {
        let next = alone(message);
        match chat.last_mut().filter(|last| last.role == next.role && last.call.is_none()) {
            Some(last) if next.call.is_some() => last.call = next.call,
            _ => chat.push(next),
        }
    }
    chat
}

/// Converts a message, regardless of what precedes it.
fn alone(message: &Message) -> v1::ChatMessage {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant | Role::Call => "assistant",
        Role::Tool => "tool",
    };
    if message.role != Role::Call {
        return v1::ChatMessage { role: role.into(), content: message.content.clone(), call: None };
    }
    let call: serde_json::Value = serde_json::from_str(&message.content).unwrap_or_default();
    let name = call["name"].as_str().unwrap_or_default().to_string();
    let call = Some(v1::ToolCall { name, arguments: call["arguments"].to_string() });
    v1::ChatMessage { role: role.into(), content: String::new(), call }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_may_take_as_long_as_it_is_heard_and_a_prefill_has_a_deadline() {
        let settings = LlmEngine::default();
        for (speculative, ahead) in [(false, false), (true, false), (false, true)] {
            let request = LlmRequest { speculative, ahead, ..LlmRequest::default() };
            assert_eq!(response(&settings, request.clone()).deadline_ms, 0, "{request:?}");
            for open in [true, false] {
                assert_eq!(prefill(&settings, request.clone(), open).deadline_ms, deadline_ms());
            }
        }
        assert!(deadline_ms() > 0, "0 is no deadline");
    }

    #[test]
    fn without_wishes_a_request_is_as_configured_and_each_wish_replaces_one_setting() {
        let own = v1::GenerateRequest { max_tokens: 160, temperature: 0.5, top_p: 0.9, ..Default::default() };
        assert_eq!(sampled(own.clone(), Sampling::default()), own);
        let wishes = Sampling {
            temperature: Some(0.0),
            top_p: Some(1.0),
            seed: Some(7),
            length: Length::AtMost(9),
            stop: vec!["END".into()],
            form: Form::Json,
            must_call: false,
        };
        let asked = sampled(own.clone(), wishes);
        assert_eq!((asked.temperature, asked.top_p, asked.seed), (0.0, 1.0, 7));
        assert_eq!((asked.max_tokens, asked.fill, asked.stop.len()), (9, true, 1));
        assert_eq!(asked.schema, r#"{"type":"object"}"#);
        let rest = sampled(own, Sampling { length: Length::Rest, must_call: true, ..Sampling::default() });
        assert!(rest.fill && rest.must_call && rest.schema.is_empty() && rest.max_tokens > 100_000);
    }

    #[test]
    fn the_end_of_a_response_is_told_only_to_who_wants_it() {
        let event = || {
            generate_event::Event::Done(v1::GenerateDone {
                reason: v1::generate_done::Reason::Length.into(),
                prompt_tokens: 10,
                cached_tokens: 4,
                generated_tokens: 3,
                ..Default::default()
            })
        };
        let usage = Some(Usage { prompt: 10, cached: 4, response: 3 });
        let (read, ended) = (Some(LlmPiece::Read(6)), LlmPiece::Ended(Ended { cut: true, usage }));
        assert_eq!(pieces_of(event(), true), [read.clone(), Some(ended)]);
        assert_eq!(pieces_of(event(), false), [read, None]);
    }
}
