//! A language model that follows a script.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use visavis_core::frame::Message;
use visavis_core::tool::{Tool, Tools};
use visavis_engine::{Counts, EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest};

use crate::response::ScriptedResponse;

/// Tokens that [`ScriptedLlm`] adds for each message.
const FRAME: u32 = 4;

/// Token count of a text for [`ScriptedLlm`]: one per four bytes.
#[must_use]
pub fn tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)
}

/// Source of the responses.
enum Source {
    /// One for each request, in order.
    Script(Mutex<VecDeque<ScriptedResponse>>),
    /// Made from the request.
    Made(Box<dyn Fn(&LlmRequest) -> ScriptedResponse + Send + Sync>),
}

/// A language model that responds by a script. By default it has all capabilities and an empty script.
pub struct ScriptedLlm {
    source: Source,
    /// Limit of a prompt's tokens, counted by [`tokens`]; none: no limit.
    limit: Option<u32>,
    capabilities: LlmCapabilities,
    asked: Mutex<Vec<LlmRequest>>,
    prefilled: Mutex<Vec<LlmRequest>>,
    released: Mutex<Vec<String>>,
    beyond: Mutex<Vec<&'static str>>,
}

impl Default for ScriptedLlm {
    fn default() -> Self {
        Self::new([])
    }
}

impl std::fmt::Debug for ScriptedLlm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedLlm").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl ScriptedLlm {
    /// Responds to each request with the next of these; after the last one requests fail.
    #[must_use]
    pub fn new(responses: impl IntoIterator<Item = ScriptedResponse>) -> Self {
        Self::of(Source::Script(Mutex::new(responses.into_iter().collect())))
    }

    /// Makes each response from its request.
    #[must_use]
    pub fn responding(response: impl Fn(&LlmRequest) -> ScriptedResponse + Send + Sync + 'static) -> Self {
        Self::of(Source::Made(Box::new(response)))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            limit: None,
            capabilities: LlmCapabilities::ALL,
            asked: Mutex::default(),
            prefilled: Mutex::default(),
            released: Mutex::default(),
            beyond: Mutex::default(),
        }
    }

    /// The same, but a prompt of more [`tokens`] than `limit`, with 4 added for each message and tool, is refused as too long.
    /// A refused request uses up no response of the script.
    #[must_use]
    pub fn with_limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The same, but with only these capabilities. It still does what else is requested, and [`ScriptedLlm::beyond`] reports
    /// it.
    #[must_use]
    pub fn with_capabilities(self, capabilities: LlmCapabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// Removes all capabilities except generating responses.
    #[must_use]
    pub fn only_answering(self) -> Self {
        self.with_capabilities(LlmCapabilities::default())
    }

    /// The requests for responses so far, including refused ones.
    #[must_use]
    pub fn asked(&self) -> Vec<LlmRequest> {
        self.asked.lock().clone()
    }

    /// The prefill requests so far.
    #[must_use]
    pub fn prefilled(&self) -> Vec<LlmRequest> {
        self.prefilled.lock().clone()
    }

    /// The conversations that were released so far.
    #[must_use]
    pub fn released(&self) -> Vec<String> {
        self.released.lock().clone()
    }

    /// Requests beyond its capabilities: "tools", "prefill", "count".
    #[must_use]
    pub fn beyond(&self) -> Vec<&'static str> {
        self.beyond.lock().clone()
    }

    fn counts(&self, messages: &[Message], tools: &Tools) -> Counts {
        let messages: Vec<_> = messages.iter().map(|message| FRAME + tokens(&message.content)).collect();
        let tool = |tool: &Tool| {
            FRAME + tokens(&tool.name) + tokens(&tool.description) + tokens(&tool.parameters.to_string())
        };
        let tools = tools.iter().map(tool).sum();
        let total = messages.iter().sum::<u32>() + tools;
        Counts { messages, tools, total, limit: self.limit.unwrap_or(u32::MAX) }
    }

    /// Records a request that is beyond its capabilities.
    fn notice(&self, able: bool, asked: &'static str) {
        if !able {
            self.beyond.lock().push(asked);
        }
    }
}

#[async_trait]
impl Llm for ScriptedLlm {
    fn capabilities(&self) -> LlmCapabilities {
        self.capabilities
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        self.notice(self.capabilities.tools || request.tools.is_empty(), "tools");
        let Counts { total, limit, .. } = self.counts(&request.messages, &request.tools);
        self.asked.lock().push(request.clone());
        if total > limit {
            return Err(EngineError::TooLong { limit, got: total });
        }
        let response = match &self.source {
            Source::Script(responses) => responses.lock().pop_front(),
            Source::Made(respond) => Some(respond(&request)),
        };
        response.ok_or_else(|| EngineError::Failed("the script has ended".into()))?.stream()
    }

    async fn prefill(&self, request: LlmRequest, _open: bool) {
        self.notice(self.capabilities.prefill, "prefill");
        self.prefilled.lock().push(request);
    }

    async fn count(&self, messages: &[Message], tools: &Tools) -> Result<Counts, EngineError> {
        self.notice(self.capabilities.counts_tokens, "count");
        Ok(self.counts(messages, tools))
    }

    async fn release(&self, conversation: &str) {
        self.released.lock().push(conversation.to_owned());
    }
}
