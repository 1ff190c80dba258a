//! Reads one response from its connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout, timeout_at};

use super::endpoint::Endpoint;
use super::refusal::Asked;
use super::reply::{Reply, Tokens};
use super::sse::Events;
use crate::backends::http::{answer, cause};
use crate::{EngineError, LlmPiece};

/// Longest wait for the end of a body after its last event.
const REST: Duration = Duration::from_millis(100);

/// Longest wait, after a response has ended, for its token counts and last event. Some endpoints send neither.
const TAIL: Duration = Duration::from_secs(1);

/// The result of a read.
#[derive(Debug)]
pub(super) enum Step {
    /// A piece.
    Piece(LlmPiece),
    /// A sign of life without a piece, such as a part of a tool call.
    Life,
    /// The end.
    End,
}

/// A response that is being read. Dropping it closes the connection, unless everything was read.
pub(super) struct Reading {
    endpoint: Arc<Endpoint>,
    asked: Asked,
    response: Response,
    events: Events,
    reply: Reply,
    /// Pieces to return next.
    ready: VecDeque<LlmPiece>,
    /// When to stop waiting for the tail, once the response has ended.
    until: Option<Instant>,
    /// The stream has ended; only `ready` is left.
    over: bool,
}

impl Reading {
    /// A response that begins; `tokens`: its requested maximum length, if any.
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        asked: Asked,
        response: Response,
        tokens: Option<u64>,
    ) -> Self {
        let (events, reply) = (Events::new(), Reply::within(tokens).offering(&asked.tools));
        let ready = VecDeque::new();
        Self { endpoint, asked, response, events, reply, ready, until: None, over: false }
    }

    /// Reads up to the model's first piece, so that a fault before it counts as a refusal of the request.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) async fn begin(mut self) -> Result<Self, EngineError> {
        if let Step::Piece(piece) = self.step().await? {
            self.ready.push_front(piece);
        }
        Ok(self)
    }

    /// Reads the next piece. Skips comments and events that contain nothing from the model: they may come from a proxy.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) async fn step(&mut self) -> Result<Step, EngineError> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Step::Piece(piece));
            }
            if self.over {
                return Ok(Step::End);
            }
            if self.reply.is_over() {
                self.end();
                continue;
            }
            match self.events.event() {
                Ok(Some(data)) => match self.take(&data)? {
                    Some(piece) => return Ok(Step::Piece(piece)),
                    None if self.reply.works() => return Ok(Step::Life),
                    None => {}
                },
                Ok(None) => self.read().await?,
                Err(reason) => return Err(self.broken(&reason)),
            }
        }
    }

    /// Takes the data of an event; returns its first piece.
    fn take(&mut self, data: &str) -> Result<Option<LlmPiece>, EngineError> {
        match self.reply.take(data) {
            Ok(text) => {
                let text = text.map(LlmPiece::Text);
                let Some(thought) = self.reply.thought() else { return Ok(text) };
                self.ready.extend(text);
                Ok(Some(LlmPiece::Thought(thought)))
            }
            Err(fault) => Err(self.endpoint.fault(fault, &self.asked)),
        }
    }

    /// Reads more bytes, or the end of the body.
    async fn read(&mut self) -> Result<(), EngineError> {
        if self.reply.is_done() {
            // Only a connection whose body was read completely can serve the next request.
            let rest = async { while let Ok(Some(_)) = self.response.chunk().await {} };
            _ = timeout(REST, rest).await;
            self.end();
            return Ok(());
        }
        let chunk = if self.reply.is_whole() {
            let until = *self.until.get_or_insert_with(|| Instant::now() + TAIL);
            let Ok(chunk) = timeout_at(until, self.response.chunk()).await else {
                self.end();
                return Ok(());
            };
            chunk
        } else {
            self.response.chunk().await
        };
        let broken = match chunk {
            Ok(Some(bytes)) => {
                self.events.push(&bytes);
                return Ok(());
            }
            Ok(None) => match self.events.last() {
                Ok(last) => {
                    let text = last.map(|data| self.take(&data)).transpose()?.flatten();
                    self.ready.extend(text);
                    "the connection was closed".to_owned()
                }
                Err(reason) => reason,
            },
            Err(error) => cause(error),
        };
        if !self.reply.is_whole() {
            return Err(self.broken(&broken));
        }
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.over = true;
        if self.reply.has_call_in_text() {
            self.endpoint.passed_on_a_call();
        }
        self.ready.extend(self.reply.last_pieces());
        self.ready.push_back(LlmPiece::Ended(self.reply.ended()));
        if let Some(tokens) = self.reply.tokens() {
            count(tokens);
        }
        let answer::Asked { section, model, address, .. } = &self.asked.endpoint;
        if self.reply.only_thought() {
            tracing::warn!(
                %model, %address,
                "the model spent all tokens of its response on thoughts: raise {section}.max_tokens, or turn its thoughts off by {section}.body"
            );
        } else if self.reply.is_cut() {
            tracing::warn!(
                %model, %address,
                "the endpoint went on past the length that it was asked for, and its response was cut off: have it obey max_tokens, or raise {section}.max_tokens"
            );
        }
    }

    fn broken(&self, reason: &str) -> EngineError {
        let at = &self.asked.endpoint.address;
        EngineError::Failed(format!(
            "{at} broke off in the middle of a response ({reason}). Its log, or that of a proxy before it, says why"
        ))
    }
}

fn count(Tokens { prompt, cached, response }: Tokens) {
    for (kind, tokens) in [("prompt", prompt), ("cached", cached.unwrap_or(0)), ("response", response)] {
        metrics::counter!("visavis_llm_tokens_total", "kind" => kind).increment(tokens.into());
    }
}
