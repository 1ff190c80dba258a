//! Text generation by an endpoint.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::ahead::Ahead;
use super::endpoint::Endpoint;
use super::reading::{Reading, Step};
use super::refusal::{Asked, Denied};
use super::request;
use super::too_long::{Prompt, estimate};
use crate::backends::http::{Refused, Silence};
use crate::config::LlmEngine;
use crate::retry::{in_time, patiently_as_told};
use crate::status::EngineStatus;
use crate::watchdog::Watchdog;
use crate::{EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest};

/// Factor by which a response may stall longer if it may call a tool: many endpoints send a call only once all of it is
/// written.
const CALLING: u32 = 3;

/// Text generation by an endpoint.
#[derive(Debug)]
pub(super) struct Chat {
    /// Its name in metrics.
    pub(super) engine: &'static str,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) settings: LlmEngine,
    pub(super) status: watch::Receiver<EngineStatus>,
    /// Ends requests to a silent endpoint.
    pub(super) watchdog: Watchdog,
}

impl Chat {
    /// Most tokens of a prompt and its response together: as configured, or fewer if the endpoint says so.
    fn context(&self) -> u32 {
        match self.status.borrow().context {
            0 => self.settings.context,
            listed => self.settings.context.min(listed),
        }
    }

    fn asked(&self, request: &LlmRequest) -> Asked {
        let response = self.settings.max_tokens;
        let limit = self.context().saturating_sub(response);
        let prompt = Prompt { tokens: estimate(&request.messages, &request.tools), limit, response };
        let tools = request.tools.iter().map(|tool| tool.name.clone()).collect();
        self.endpoint.asked(prompt, tools)
    }

    /// Limits of silence within a response; `tools`: tools were offered.
    fn stall(&self, tools: bool) -> Silence {
        let times = if tools { CALLING } else { 1 };
        Silence::between(self.settings.stall_seconds.saturating_mul(times), self.settings.silence_seconds)
    }

    /// Makes one attempt, and waits for the first piece of the response. An endpoint that refuses to choose among tools while it streams is
    /// asked without a choice, from then on at once: the model writes its calls as text.
    async fn open(&self, body: &Map<String, Value>, asked: &Asked) -> Result<Reading, Refused> {
        if self.endpoint.chooses_none()
            && let Some(plain) = request::without_choice(body)
        {
            return self.once(&plain, asked).await.map_err(|denied| denied.refused);
        }
        let denied = match self.once(body, asked).await {
            Ok(reading) => return Ok(reading),
            Err(denied) => denied,
        };
        if denied.choice
            && let Some(plain) = request::without_choice(body)
            && let Ok(reading) = self.once(&plain, asked).await
        {
            self.endpoint.refused_a_choice();
            return Ok(reading);
        }
        Err(denied.refused)
    }

    /// Makes one request, and waits for the first piece of the response.
    async fn once(&self, body: &Map<String, Value>, asked: &Asked) -> Result<Reading, Denied> {
        let tokens = request::tokens(body);
        let begun = async {
            let response = self.endpoint.chat(body, asked).await?;
            let reading = Reading::new(self.endpoint.clone(), asked.clone(), response, tokens);
            // llama-cpp-python's server refuses a choice by breaking off.
            let choice = |error: &EngineError| {
                request::has_choice(body) && matches!(error, EngineError::Failed(_) | EngineError::Invalid(_))
            };
            let denied = |error: EngineError| Denied { choice: choice(&error), refused: error.into() };
            reading.begin().await.map_err(denied)
        };
        let watched = async { Ok::<Result<Reading, Denied>, EngineError>(begun.await) };
        let opened = self.watchdog.response(watched).await;
        let silence = Silence::before(self.settings.silence_seconds);
        opened.unwrap_or_else(|error| Err(silent(error, asked, silence).into()))
    }

    /// The steps of a response that has begun; `None` for signs of life. An error ends them when the endpoint has been silent
    /// for too long and all text has been spoken.
    fn steps(
        &self,
        reading: Reading,
        asked: Asked,
        silence: Silence,
    ) -> BoxStream<'static, Result<Option<LlmPiece>, EngineError>> {
        let steps = stream::try_unfold(reading, |mut reading| async move {
            Ok::<_, EngineError>(match reading.step().await? {
                Step::Piece(piece) => Some((Some(piece), reading)),
                Step::Life => Some((None, reading)),
                Step::End => None,
            })
        });
        let mut ahead = Ahead::default();
        let lasts = move |step: &Option<LlmPiece>| match step {
            Some(LlmPiece::Text(text)) => ahead.with(text),
            _ => Duration::ZERO,
        };
        let steps = self.watchdog.clone().of_stalls(silence.length()).heard_pieces(steps.boxed(), lasts);
        steps.map_err(move |error| silent(error, &asked, silence)).boxed()
    }
}

#[async_trait]
impl Llm for Chat {
    fn capabilities(&self) -> LlmCapabilities {
        LlmCapabilities {
            context: Some(self.context()),
            prefill: self.settings.prefill,
            tools: self.settings.tools,
            // An endpoint that keeps to none says so when it is asked.
            schemas: true,
            // No endpoint reports these.
            turn_end: false,
            counts_tokens: false,
        }
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        let (body, asked) = (request::response(&request, &self.settings), self.asked(&request));
        let (detailed, thoughts) = (request.detailed, request.thoughts);
        // Nobody hears what no call waits for stall.
        let silence = if request.ahead {
            Silence::before(self.settings.silence_seconds)
        } else {
            self.stall(!asked.tools.is_empty())
        };
        metrics::counter!("visavis_engine_requests_total", "engine" => self.engine).increment(1);
        let passes = in_time(|refusal: &Refused| refusal.error.is_passing());
        let told = |refusal: &Refused| refusal.after;
        let reading = patiently_as_told(|| self.open(&body, &asked), passes, told)
            .await
            .map_err(|refusal| refusal.error)?;
        let wanted = move |piece: &LlmPiece| match piece {
            LlmPiece::Thought(_) => thoughts,
            LlmPiece::Ended(_) => detailed,
            _ => true,
        };
        let pieces =
            self.steps(reading, asked, silence).try_filter_map(move |piece| ready(Ok(piece.filter(wanted))));
        Ok(pieces.boxed())
    }

    async fn prefill(&self, request: LlmRequest, _open: bool) {
        let (body, asked) = (request::prefill(&request, &self.settings), self.asked(&request));
        let read = async {
            let reading = self.open(&body, &asked).await.map_err(|refusal| refusal.error)?;
            // Without a limit, a whole response would follow; closing the connection after its first token prevents that.
            if request::is_bounded(&body) {
                let silence = self.stall(!asked.tools.is_empty());
                self.steps(reading, asked.clone(), silence).try_for_each(|_| ready(Ok(()))).await?;
            }
            Ok::<_, EngineError>(())
        };
        // Failure only costs time: the prompt is then evaluated with the response.
        if let Err(error) = read.await {
            tracing::trace!(%error, "prefill failed");
        }
    }
}

/// Adds advice to the error of a silent endpoint; other errors are unchanged.
fn silent(error: EngineError, asked: &Asked, silence: Silence) -> EngineError {
    silence.explain(error, &asked.endpoint.address, &asked.endpoint.section, "nothing")
}
