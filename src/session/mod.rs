//! The calls in progress: ids, hang-up from outside, faces, and draining when the server stops; `table`: what is known of each;
//! `ended`: calls that have ended recently; `kept`: their contexts, for the store; `tokens`: how their clients come back;
//! [`resume`]: going on with them, for whoever shows a `ticket`, one after another through a `turnstile`. [`crate::admission`] limits their number.

mod ended;
mod kept;
pub mod resume;
mod table;
mod ticket;
mod tokens;
mod turnstile;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::kept::Kept;
use self::resume::{Line, Resumption};
use self::table::Table;
use self::tokens::{Entrance, OfCall, Tokens, Watched};
use self::turnstile::Turnstile;
use crate::admission::{Admission, Kind, Permit};
use crate::config::Config;
use crate::engine::{Caller, Engines};
use crate::event::{CallEvent, EndReason};
use crate::pipeline;
use crate::pipeline::options::{CallOptions, TurnTime, TurnTimes};
use crate::pipeline::scope::Scope;
use crate::ports::{FaceMoment, PipelinePorts, Presence};
use crate::renderers;
use crate::renderers::target::{Claims, Wanted};
use crate::transport::webrtc::PeerHandle;
use crate::voice::ChosenVoice;
use visavis_store::{Lease, Saver};

/// Time for a transport to deliver its last messages.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// This long before the end of `server.drain_seconds`, calls still in progress are ended, and say why.
const FAREWELL: Duration = Duration::from_secs(2);
/// This long before the end of `server.drain_seconds`, transports whose clients do not read are cut off.
const CUT_OFF: Duration = Duration::from_millis(500);
/// Least time for a farewell, even if `server.drain_seconds` leaves none.
const SHORTEST_FAREWELL: Duration = Duration::from_secs(1);

/// What a client is told whose call has moved on before its connection began.
const MOVED: &str = "The call goes on in another window or place.";
/// Most times of turns that wait to be read; the oldest are lost.
const TURN_TIMES: usize = 256;

/// A call from its admission to its end; dropping it ends the call and gives back its permit.
pub struct Call {
    calls: Arc<Calls>,
    id: String,
    /// Which entry of the table is its own: once the call goes on elsewhere, another entry has the same id.
    number: u64,
    /// What it goes on from, until it does.
    resumption: Option<Resumption>,
    ended: Option<EndReason>,
}

impl Call {
    /// The id by which clients know it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut table = self.calls.table.lock();
        // One that goes on under the same id has not ended, and has what is kept of it.
        if table.own(&self.id, self.number).is_none() {
            return;
        }
        if let Some(resumption) = self.resumption.take() {
            self.calls.put_back(resumption);
        }
        table.active.remove(&self.id);
        table.ended.note(std::mem::take(&mut self.id), self.ended, Instant::now());
    }
}

/// A client's options for its call.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The language to speak; none: as configured.
    pub language: Option<String>,
    /// The voice that speaks its language; none: as configured.
    pub voice: Option<ChosenVoice>,
    /// Where its face goes besides the configured renderers.
    pub renderers: Wanted,
    /// The caller's name for routes; empty: not known.
    pub user: String,
    /// Whose call it is: nobody else may go on with it. Empty: whoever has its token may.
    pub owner: String,
}

/// All calls of this server.
pub struct Calls {
    config: Arc<Config>,
    engines: Engines,
    admission: Arc<Admission>,
    /// Keeps the calls' contexts; none: they end with their calls.
    saver: Option<Saver>,
    /// Takes how long people waited, in all calls.
    times: TurnTimes,
    table: Mutex<Table>,
    turnstile: Turnstile,
    /// Which renderers show a call.
    claims: Claims,
    tasks: TaskTracker,
    /// Finish the current response, then end.
    drain: CancellationToken,
    /// End now, and say why.
    stop: CancellationToken,
    /// Close transports, even with undelivered messages.
    cut_off: CancellationToken,
}

impl Calls {
    /// A server's calls, none yet; `admission` grants their permits, and `saver`, if there is one, keeps their contexts.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        engines: Engines,
        admission: Arc<Admission>,
        saver: Option<Saver>,
    ) -> Arc<Self> {
        Arc::new(Self {
            config,
            engines,
            admission,
            saver,
            times: broadcast::Sender::new(TURN_TIMES),
            table: Mutex::default(),
            turnstile: Turnstile::default(),
            claims: Claims::default(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
            cut_off: CancellationToken::new(),
        })
    }

    /// Opens a call, with an id, for this permit.
    #[must_use]
    pub fn open(self: &Arc<Self>, permit: Permit) -> Call {
        debug_assert_eq!(permit.kind(), Kind::Call, "a call is counted as one");
        let id = uuid::Uuid::new_v4().simple().to_string();
        let number = self.table.lock().enter(&id, permit, None);
        Call { calls: self.clone(), id, number, resumption: None, ended: None }
    }

    /// The tasks among which a call's transport runs.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// How long people wait for responses, in all calls, from now on.
    #[must_use]
    pub fn turn_times(&self) -> broadcast::Receiver<TurnTime> {
        self.times.subscribe()
    }

    /// A token for a call's transport.
    #[must_use]
    pub fn transport_token(&self) -> CancellationToken {
        self.cut_off.child_token()
    }

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
        {
            let mut table = self.table.lock();
            let Some(entry) = table.own(&call.id, call.number) else {
                // Its client has come back over another connection before this one began.
                return self.tell_moved(ports, transport);
            };
            let remembered = options.remembered.subscribe();
            entry.line = Some(Line { moved: options.moved.clone(), over: ended, remembered });
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
            tracing::info!(call = %id, reason = reason.name(), seconds = began.elapsed().as_secs(), "call ended");
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

    /// The connection of a WebRTC call.
    #[must_use]
    pub fn peer(&self, id: &str) -> Option<PeerHandle> {
        self.table.lock().active.get(id).and_then(|entry| entry.peer.clone())
    }

    /// The face of a call, from now on.
    #[must_use]
    pub fn watch_face(&self, id: &str) -> Option<broadcast::Receiver<FaceMoment>> {
        self.table
            .lock()
            .active
            .get(id)
            .and_then(|entry| entry.face.as_ref().map(broadcast::Sender::subscribe))
    }

    /// Hangs up; false if there is no such call and has been none recently.
    #[must_use]
    pub fn hang_up(&self, id: &str) -> bool {
        let mut table = self.table.lock();
        if let Some(entry) = table.active.get_mut(id) {
            entry.hang_up.cancel();
            drop(entry.permit.take());
            return true;
        }
        table.ended.contains(id, Instant::now())
    }

    /// Why a call that ended recently is over for good. Its client may have been cut off at the time, and must not get another
    /// call in its place.
    #[must_use]
    pub fn over(&self, id: &str) -> Option<EndReason> {
        let table = self.table.lock();
        match table.active.get(id) {
            Some(entry) => entry.hang_up.is_cancelled().then_some(EndReason::EndedByOperator),
            None => table.ended.over(id, Instant::now()),
        }
    }

    /// Takes no more calls, gives each time to finish its response, says goodbye, and returns when all have ended: within
    /// `server.drain_seconds`.
    pub async fn drain(&self) {
        self.admission.stop();
        self.drain.cancel();
        self.tasks.close();
        let grace = Duration::from_secs(self.config.server.drain_seconds);
        let farewell = FAREWELL.min(grace / 2).max(SHORTEST_FAREWELL);
        for (time, then) in
            [(grace.saturating_sub(farewell), &self.stop), (farewell - CUT_OFF, &self.cut_off)]
        {
            if tokio::time::timeout(time, self.tasks.wait()).await.is_ok() {
                return;
            }
            then.cancel();
        }
        _ = tokio::time::timeout(CUT_OFF, self.tasks.wait()).await;
    }
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

#[cfg(test)]
mod tests;
