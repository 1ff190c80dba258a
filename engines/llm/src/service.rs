//! The gRPC side: checks a request, enters it into the queue and passes it to the model's thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tokio::task::block_in_place;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use visavis_proto::fault::too_long;
use visavis_proto::state::EngineState;
use visavis_proto::v1::llm_server::Llm;
use visavis_proto::v1::{
    CountReply, GenerateEvent, GenerateRequest, PrefillReply, ReleaseReply, ReleaseRequest,
};

use crate::client::{Client, Reader};
use crate::fault::invalid;
use crate::prompt::Prompter;
use crate::request::{self, Limits};
use crate::scheduler::{self, Kind, Priority};
use crate::tools::{self, ToolForm};
use crate::worker::Job;

/// Events buffered between the model's thread and the network; a reader further behind parks its sequence.
const EVENT_CHANNEL: usize = 32;

/// What is available once the model is loaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) prompter: Prompter,
    pub(crate) tools: ToolForm,
    pub(crate) limits: Limits,
}

/// The `Llm` service.
#[derive(Debug, Clone)]
pub(crate) struct LlmService {
    state: Arc<EngineState>,
    loaded: Arc<OnceLock<Loaded>>,
    jobs: SyncSender<Job>,
    next_id: Arc<AtomicU64>,
}

impl LlmService {
    pub(crate) fn new(state: Arc<EngineState>, loaded: Arc<OnceLock<Loaded>>, jobs: SyncSender<Job>) -> Self {
        Self { state, loaded, jobs, next_id: Arc::default() }
    }

    fn submit(&self, kind: Kind, request: GenerateRequest, reader: Reader) -> Result<(), Status> {
        let arrived = Instant::now();
        let is_behind = kind == Kind::Generate && request.priority() == Priority::Batch;
        let ticket = if is_behind { self.state.enter_behind()? } else { self.state.enter()? };
        let loaded = self.loaded()?;
        let context = loaded.limits.context;
        let mut settings = request::settings(&request, kind, loaded.limits)?;
        settings.stop.extend(loaded.prompter.stops.iter().cloned());
        settings.stop_tokens = loaded.prompter.stop_tokens(&settings.stop);
        // A response has at least one token.
        let kept = if settings.fill { 1 } else { settings.max_tokens };
        let room = context - kept;
        settings.rules = rules(&request, loaded.tools)?;
        let prompt = loaded.prompter.prompt(&request.messages, &request.tools, room)?;
        let words_end = settings.turn_end.then(|| loaded.prompter.words_end(&prompt)).flatten();
        let tokens = if settings.open { loaded.prompter.unfinished(prompt)? } else { prompt.tokens };
        if tokens.is_empty() || tokens.len() > room {
            let message = format!(
                "messages: {} tokens; 1 to {room} fit beside max_tokens {kept} in the context of {context}; leave out \
                 the oldest",
                tokens.len(),
            );
            return Err(too_long(room, tokens.len(), message));
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let scheduled = scheduler::Request {
            id,
            conversation: request.conversation,
            client: request.client,
            priority: settings.priority,
            kind,
            tokens,
            probe: words_end.map(|end| end - 1),
            displaced: 0,
        };
        let client = Client::new(reader, ticket, settings, loaded.tools, scheduled.tokens.len(), arrived);
        self.send(Job::Run(Box::new(client), scheduled))
    }

    fn count_tokens(&self, request: &GenerateRequest) -> Result<CountReply, Status> {
        let loaded = self.loaded()?;
        // `open` leaves out little, and more words will follow.
        let kind = if request.open { Kind::Prefill } else { Kind::Generate };
        let limit = loaded.limits.context - request::settings(request, kind, loaded.limits)?.max_tokens;
        let counts = loaded.prompter.count(&request.messages, &request.tools, limit)?;
        let tokens = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(CountReply {
            messages: counts.messages.into_iter().map(tokens).collect(),
            tools: tokens(counts.tools),
            total: tokens(counts.total),
            limit: tokens(limit),
        })
    }

    fn loaded(&self) -> Result<&Loaded, Status> {
        self.loaded.get().ok_or_else(|| Status::unavailable("the model is still loading"))
    }

    fn send(&self, job: Job) -> Result<(), Status> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Status::resource_exhausted("the model's thread is behind; try again"),
            TrySendError::Disconnected(_) => Status::unavailable("the engine is ending"),
        })
    }
}

/// The grammar of the whole response, if it has to have one.
fn rules(request: &GenerateRequest, form: ToolForm) -> Result<Option<String>, Status> {
    let rules = if request.must_call {
        tools::grammar_of_call(&request.tools, form)
    } else if request.schema.is_empty() {
        return Ok(None);
    } else {
        tools::grammar_of_json(&request.schema, &request.tools, form)
    };
    rules.map(Some).ok_or_else(|| invalid("schema: its grammar is too long; make it simpler"))
}

#[tonic::async_trait]
impl Llm for LlmService {
    type GenerateStream = ReceiverStream<Result<GenerateEvent, Status>>;

    async fn generate(
        &self,
        request: Request<GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        self.state.loaded().await;
        let (sender, events) = mpsc::channel(EVENT_CHANNEL);
        block_in_place(|| self.submit(Kind::Generate, request.into_inner(), Reader::Events(sender)))?;
        Ok(Response::new(ReceiverStream::new(events)))
    }

    async fn prefill(&self, request: Request<GenerateRequest>) -> Result<Response<PrefillReply>, Status> {
        self.state.loaded().await;
        let (sender, reply) = oneshot::channel();
        block_in_place(|| self.submit(Kind::Prefill, request.into_inner(), Reader::Reply(Some(sender))))?;
        let reply = reply.await.map_err(|_| Status::unavailable("the engine is ending"))?;
        reply.map(Response::new)
    }

    async fn count(&self, request: Request<GenerateRequest>) -> Result<Response<CountReply>, Status> {
        self.state.loaded().await;
        block_in_place(|| self.count_tokens(&request.into_inner())).map(Response::new)
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseReply>, Status> {
        let conversation = request.into_inner().conversation;
        if conversation.is_empty() {
            return Err(invalid("conversation: empty; name the one to release"));
        }
        self.send(Job::Release(conversation))?;
        Ok(Response::new(ReleaseReply {}))
    }
}
