//! Text generation by `visavis-llm`.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::watch;
use visavis_proto::v1::{self, generate_event, llm_client::LlmClient};

use super::{Link, deadline_ms};
use crate::config::LlmEngine;
use crate::frame::{Message, Role};
use crate::retry::patiently;
use crate::status::Life;
use crate::tool::{Tool, Tools, WrittenCall};
use crate::{Counts, EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest};

/// Text generation by `visavis-llm`.
#[derive(Debug, Clone)]
pub(super) struct GrpcLlm {
    pub(super) link: Link,
    /// Length and sampling of responses.
    pub(super) settings: LlmEngine,
}

impl GrpcLlm {
    fn message(&self, request: LlmRequest) -> v1::GenerateRequest {
        let priority = if request.speculative { v1::Priority::Speculative } else { v1::Priority::Live };
        v1::GenerateRequest {
            conversation: request.conversation,
            messages: chat(&request.messages),
            tools: request.tools.iter().map(tool).collect(),
            max_tokens: self.settings.max_tokens,
            temperature: self.settings.temperature,
            top_p: self.settings.top_p,
            priority: priority.into(),
            deadline_ms: 0,
            turn_end: request.speculative,
            client: request.caller.user.to_string(),
            ..Default::default()
        }
    }
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
        let message = self.message(request);
        let open = || async {
            let mut client = LlmClient::new(self.link.channel.clone());
            let opened = self.link.watchdog.answer(client.generate(message.clone())).await?;
            Ok::<_, EngineError>(opened.into_inner())
        };
        let events = patiently(open, EngineError::is_passing).await?;
        let pieces = events
            .map_err(EngineError::from)
            .try_filter_map(|event| async move {
                Ok(match event.event {
                    Some(generate_event::Event::Text(text)) => Some(LlmPiece::Text(text)),
                    Some(generate_event::Event::Call(v1::ToolCall { name, arguments })) => {
                        Some(LlmPiece::Call(WrittenCall { name, arguments }))
                    }
                    Some(generate_event::Event::TurnEnd(probability)) => Some(LlmPiece::TurnEnd(probability)),
                    Some(generate_event::Event::Done(done)) => {
                        Some(LlmPiece::Read(done.prompt_tokens.saturating_sub(done.cached_tokens)))
                    }
                    None => None,
                })
            })
            .boxed();
        Ok(self.link.watchdog.pieces(pieces, || true))
    }

    async fn prefill(&self, request: LlmRequest, open: bool) {
        let message = self.message(request);
        let message = v1::GenerateRequest { open, turn_end: false, deadline_ms: deadline_ms(), ..message };
        // A prefill between turns has lower priority than one for words being spoken, and both have lower priority than
        // responses.
        let priority = if open { v1::Priority::Speculative } else { v1::Priority::Batch };
        let message = v1::GenerateRequest { priority: priority.into(), ..message };
        let read = || async {
            let mut client = LlmClient::new(self.link.channel.clone());
            self.link.watchdog.answer(client.prefill(message.clone())).await
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
            let counted = self.link.watchdog.answer(client.count(message.clone())).await?;
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
