//! Routing of language models.
//!
//! A conversation stays on its engine, where its prompt is cached, while that engine is healthy. Until the first word another
//! engine can take over; after it the response ends with an error, since no model continues another's words, and the
//! conversation's next request avoids the engine.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::board::{Board, Picked, Plan};
use super::policy::{Ask, Fate};
use super::race::{self, Begun, Opening, Pieces};
use super::shadow;
use super::talks::{Place, Talks};
use crate::frame::Message;
use crate::status::Life;
use crate::tool::Tools;
use crate::{Counts, EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest};

/// The engines, and the engine of each conversation.
struct Desk {
    board: Arc<Board>,
    engines: Vec<Arc<dyn Llm>>,
    talks: Talks,
}

/// A language model that routes requests.
pub struct RoutedLlm(Arc<Desk>);

impl RoutedLlm {
    /// The engines of a board, in its order.
    #[must_use]
    pub fn new(board: Arc<Board>, engines: Vec<Arc<dyn Llm>>) -> Self {
        Self(Arc::new(Desk { board, engines, talks: Talks::default() }))
    }

    /// The engines that usually serve, in order.
    fn usual(&self) -> impl Iterator<Item = &Arc<dyn Llm>> {
        self.0.board.usual().into_iter().map(|engine| &self.0.engines[engine])
    }
}

impl Desk {
    fn plan(&self, request: &LlmRequest) -> Plan {
        let (user, tier) = (&*request.caller.user, &*request.caller.tier);
        let plan = self.board.plan(&Ask { language: &request.language, user, tier, voice: "" });
        let kept = self.talks.kept(&request.conversation, plan.route);
        let plan = plan.keeping(kept).avoiding(self.talks.failed(&request.conversation));
        if request.ahead { plan.without_deadline() } else { plan }
    }

    /// Makes a request to an engine, within its capabilities.
    fn open(&self, engine: usize, request: &LlmRequest) -> Opening<LlmPiece> {
        let (llm, mut request) = (self.engines[engine].clone(), request.clone());
        if !llm.capabilities().tools {
            request.tools.clear();
        }
        self.talks.sees(&request.conversation, engine);
        async move { llm.generate(request).await }.boxed()
    }

    fn shadow(&self, plan: &Plan, request: &LlmRequest) {
        shadow::run_each(&self.board, plan, |engine| self.open(engine, request));
    }
}

/// A response that an engine makes.
struct Serving {
    picked: Picked,
    rest: Pieces<LlmPiece>,
}

/// A response, whichever engine makes it.
struct Response {
    desk: Arc<Desk>,
    plan: Plan,
    request: LlmRequest,
    /// Pieces to pass on.
    ready: VecDeque<LlmPiece>,
    /// None: it has ended.
    now: Option<Serving>,
    /// Text or a call was passed on, so that no other engine can take over.
    worded: bool,
    /// A turn prediction was passed on.
    judged: bool,
}

impl Response {
    /// Starts the next engine.
    async fn begin(&mut self, after: Option<Fate>) -> Result<(), EngineError> {
        let (desk, request) = (&self.desk, &self.request);
        let open = |engine, _reason| desk.open(engine, request);
        let Begun { picked, first, rest } = race::first(&desk.board, &mut self.plan, after, open).await?;
        let place = Place { engine: picked.engine, route: self.plan.route };
        desk.talks.is_on(&request.conversation, place);
        self.ready.push_back(LlmPiece::Routed(desk.board.serves(picked.engine, picked.reason)));
        self.now = Some(Serving { picked, rest });
        if let Some(first) = first {
            self.take(first);
        }
        Ok(())
    }

    fn take(&mut self, piece: LlmPiece) {
        match &piece {
            // The previous engine may have judged the turn already.
            LlmPiece::TurnEnd(_) if std::mem::replace(&mut self.judged, true) => return,
            LlmPiece::Text(_) | LlmPiece::Call(_) => self.worded = true,
            // Whatever the first engine thought, the next one begins anew.
            LlmPiece::TurnEnd(_)
            | LlmPiece::Read(_)
            | LlmPiece::Routed(_)
            | LlmPiece::Thought(_)
            | LlmPiece::Ended(_) => {}
        }
        self.ready.push_back(piece);
    }

    async fn next(mut self) -> Option<(Result<LlmPiece, EngineError>, Self)> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some((Ok(piece), self));
            }
            match self.now.as_mut()?.rest.next().await {
                Some(Ok(piece)) => self.take(piece),
                None => {
                    self.now.take()?.picked.ticket.served();
                    return None;
                }
                Some(Err(error)) => {
                    let Serving { picked, .. } = self.now.take()?;
                    let fate = picked.ticket.failed(&error);
                    self.plan.lost(picked.engine);
                    self.desk.talks.fails(&self.request.conversation, picked.engine);
                    if self.worded || self.begin(Some(fate)).await.is_err() {
                        return Some((Err(error), self));
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Llm for RoutedLlm {
    /// The capabilities of the engines that usually serve. What a call depends on from its beginning is taken from the first
    /// one. A prompt must fit each of them.
    fn capabilities(&self) -> LlmCapabilities {
        let all: Vec<LlmCapabilities> = self.usual().map(|llm| llm.capabilities()).collect();
        let first = all.first().copied().unwrap_or_default();
        LlmCapabilities {
            context: all.iter().filter_map(|can| can.context).min(),
            prefill: all.iter().any(|can| can.prefill),
            turn_end: first.turn_end,
            tools: first.tools,
            schemas: first.schemas,
            counts_tokens: all.iter().any(|can| can.counts_tokens),
        }
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        let desk = self.0.clone();
        let plan = desk.plan(&request);
        // How long a request behind calls takes says nothing of how long a call would wait.
        if !request.ahead {
            desk.shadow(&plan, &request);
        }
        let (ready, now) = (VecDeque::new(), None);
        let mut response = Response { desk, plan, request, ready, now, worded: false, judged: false };
        response.begin(None).await?;
        Ok(stream::unfold(response, Response::next).boxed())
    }

    async fn prefill(&self, request: LlmRequest, open: bool) {
        let desk = &self.0;
        let plan = desk.plan(&request);
        let Some(choice) = desk.board.peek(&plan, None) else { return };
        let llm = &desk.engines[choice.engine];
        if llm.capabilities().prefill {
            desk.talks.sees(&request.conversation, choice.engine);
            desk.talks.is_on(&request.conversation, Place { engine: choice.engine, route: plan.route });
            llm.prefill(request, open).await;
        }
    }

    async fn count(&self, messages: &[Message], tools: &Tools) -> Result<Counts, EngineError> {
        let mut able = self.0.board.usual();
        able.retain(|engine| self.0.engines[*engine].capabilities().counts_tokens);
        able.sort_by_key(|engine| !self.0.board.is_ready(*engine));
        match able.first() {
            Some(engine) => self.0.engines[*engine].count(messages, tools).await,
            None => Err(EngineError::Invalid("it does not count tokens".into())),
        }
    }

    async fn release(&self, conversation: &str) {
        let seen = self.0.talks.release(conversation);
        join_all(seen.into_iter().map(|engine| self.0.engines[engine].release(conversation))).await;
    }

    fn lives(&self) -> Option<watch::Receiver<Life>> {
        self.usual().next()?.lives()
    }
}
