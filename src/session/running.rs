//! A call from its start to its end: its pipeline, and beside it what keeps it for a client that comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use visavis_core::context::CallContext;
use visavis_core::usage::Usage;
use visavis_store::Lease;

use super::kept::Kept;
use super::resume::{Line, Resumption};
use super::tokens::{Entrance, OfCall, Tokens, Watched};
use super::{Call, Calls, Wishes};
use crate::engine::Caller;
use crate::event::{CallEvent, EndReason};
use crate::pipeline;
use crate::pipeline::options::CallOptions;
use crate::pipeline::scope::Scope;
use crate::ports::{PipelinePorts, Presence};
use crate::renderers;
use crate::transport::webrtc::PeerHandle;

/// Time for a transport to deliver its last messages.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// What a client is told whose call has moved on before its connection began.
const MOVED: &str = "The call goes on in another window or place.";

impl Calls {
    /// Runs the call's pipeline to its end; `transport` is cancelled once its client has had time to learn of the end.
    pub fn start(
        self: &Arc<Self>,
        mut call: Call,
        ports: PipelinePorts,
        peer: Option<PeerHandle>,
        wishes: Wishes,
        transport: CancellationToken,
    ) {
        let kind = if peer.is_some() { "webrtc" } else { "websocket" };
        let Wishes { language, voice, renderers, user, owner } = wishes;
        let (context, lease, entrance) = match call.resumption.take() {
            Some(Resumption { context, lease, ticket, next }) => {
                (Some(context), lease, Some(Entrance { token: ticket.token.hash(), next }))
            }
            None => (None, None, None),
        };
        let caller = Caller { user: user.into(), ..Caller::default() };
        let kept = self.saver.as_ref().map(|_| CancellationToken::new());
        let times = Some(self.times.clone());
        let options = CallOptions { language, voice, context, kept, times, caller, ..CallOptions::default() };
        let (over, ended) = watch::channel(None);
        let remembered = options.remembered.subscribe();
        {
            let mut table = self.table.lock();
            let Some(entry) = table.own(&call.id, call.number) else {
                // Its client has come back over another connection before this one began.
                return self.tell_moved(ports, transport);
            };
            let (moved, remembered) = (options.moved.clone(), remembered.clone());
            entry.line = Some(Line { moved, over: ended, remembered });
            entry.connect(&ports, peer, &transport);
        }
        self.tasks.spawn(track_presence(self.clone(), call.id.clone(), call.number, ports.presence.clone()));
        metrics::counter!("visavis_calls_total", "transport" => kind).increment(1);
        let shown = renderers::Shown { call: &call.id, moments: &ports.moments, claims: &self.claims };
        renderers::attach(&self.config, &renderers, &shown, &self.tasks, &self.stop);
        let calls = self.clone();
        self.tasks.spawn(async move {
            let (id, began) = (call.id.clone(), Instant::now());
            tracing::info!(call = %id, transport = kind, "call began");
            let running = Running { id: id.clone(), ports, options, lease, owner, entrance };
            let reason = Box::pin(calls.run(running)).await;
            over.send_replace(Some(reason));
            metrics::histogram!("visavis_call_seconds").record(began.elapsed().as_secs_f64());
            metrics::counter!("visavis_calls_ended_total", "reason" => reason.name()).increment(1);
            log_end(&id, reason, began.elapsed(), used(&remembered));
            call.ended = Some(reason);
            drop(call);
            _ = tokio::time::timeout(LAST_WORDS, transport.cancelled()).await;
            transport.cancel();
        });
    }

    /// Ends a connection before it begins: its call goes on over another one.
    fn tell_moved(&self, ports: PipelinePorts, transport: CancellationToken) {
        // Nothing is in the queue yet.
        _ = ports.events.try_send(CallEvent::Ended { reason: EndReason::Moved, message: MOVED.into() });
        drop(ports);
        self.tasks.spawn(async move {
            _ = tokio::time::timeout(LAST_WORDS, transport.cancelled()).await;
            transport.cancel();
        });
    }

    /// Runs a call's pipeline to its end, and beside it what keeps the call for a client that comes back.
    async fn run(&self, Running { id, ports, options, lease, owner, entrance }: Running) -> EndReason {
        let scope = Scope { drain: self.drain.clone(), token: self.stop.clone() };
        let kept = Kept::begin(self.saver.as_ref(), &id, lease);
        let written = options.kept.clone().unwrap_or_default();
        let keeping = kept.follow(options.remembered.subscribe(), written);
        let seconds = self.config.store.resume_seconds;
        let of_call = OfCall { id: &id, owner, entrance, seconds };
        let mut tokens = Tokens::new(self.saver.as_ref(), of_call);
        let (lost, moved) = (kept.lost(), options.moved.clone());
        let (hellos, events) = (options.hellos.subscribe(), ports.events.downgrade());
        let watched = Watched { hellos, events, lost: lost.clone() };
        let tending = async {
            if let Some(tokens) = &mut tokens {
                tokens.tend(watched).await;
            }
        };
        let pipeline = pipeline::run(id, ports, self.engines.clone(), &self.config, options, scope);
        let call = async {
            let (reason, (), ()) = tokio::join!(Box::pin(pipeline), Box::pin(keeping), Box::pin(tending));
            reason
        };
        let reason = ending_with(&lost, &moved, call).await;
        kept.end(reason);
        if let Some(tokens) = tokens {
            tokens.close(reason).await;
        }
        reason
    }
}

/// What the model's texts took in all the call, over all of its connections.
fn used(remembered: &watch::Receiver<Option<Arc<CallContext>>>) -> Usage {
    remembered.borrow().as_ref().map(|context| context.usage).unwrap_or_default()
}

fn log_end(call: &str, reason: EndReason, time: Duration, usage: Usage) {
    tracing::info!(
        %call, reason = reason.name(), seconds = time.as_secs(),
        prompt_tokens = usage.prompt, cached_tokens = usage.cached, response_tokens = usage.response,
        "call ended"
    );
}

/// A call that runs.
struct Running {
    id: String,
    ports: PipelinePorts,
    options: CallOptions,
    /// The right to write of it, if it goes on from what is stored.
    lease: Option<Lease>,
    owner: String,
    entrance: Option<Entrance>,
}

/// Runs a call, and tells it that it has moved once another node has it.
async fn ending_with(
    lost: &CancellationToken,
    moved: &CancellationToken,
    run: impl Future<Output = EndReason>,
) -> EndReason {
    let tell = async {
        lost.cancelled().await;
        moved.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        reason = run => reason,
        () = tell => EndReason::Moved,
    }
}

/// Records whether a call's client is present, until its transport is gone.
async fn track_presence(calls: Arc<Calls>, id: String, number: u64, mut presence: watch::Receiver<Presence>) {
    while presence.changed().await.is_ok() {
        let now = *presence.borrow_and_update();
        let mut table = calls.table.lock();
        if let Some(permit) = table.own(&id, number).and_then(|entry| entry.permit.as_ref()) {
            permit.note(now);
        }
    }
}
