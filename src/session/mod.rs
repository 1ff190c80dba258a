//! The calls in progress: ids, hang-up from outside, faces, and draining when the server stops; `ended`: which calls have
//! ended of late. How many there may be, [`crate::admission`] decides.

mod ended;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::ended::EndedCalls;
use crate::admission::{Admission, Kind, Permit};
use crate::config::Config;
use crate::ends::{FaceMoment, PipelineEnds, Presence};
use crate::engine::Engines;
use crate::event::EndReason;
use crate::pipeline;
use crate::pipeline::options::CallOptions;
use crate::pipeline::scope::Scope;
use crate::renderers;
use crate::renderers::target::{Claims, Wanted};
use crate::transport::webrtc::PeerHandle;

/// What a transport gets to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// Before the end of `server.drain_seconds`: calls that still speak are ended, and say why.
const FAREWELL: Duration = Duration::from_secs(2);
/// Before the end of `server.drain_seconds`: transports whose clients do not listen are cut off.
const CUT_OFF: Duration = Duration::from_millis(500);
/// A farewell takes this long even where `server.drain_seconds` leaves no time for it.
const SHORTEST_FAREWELL: Duration = Duration::from_secs(1);

/// A call from its admission to its end; when dropped, the call has ended and its permit is given back.
pub struct Call {
    calls: Arc<Calls>,
    id: String,
    ended: Option<EndReason>,
}

impl Call {
    /// The name that clients know it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut table = self.calls.table.lock();
        table.active.remove(&self.id);
        table.ended.note(std::mem::take(&mut self.id), self.ended, Instant::now());
    }
}

#[derive(Default)]
struct Table {
    active: HashMap<String, Entry>,
    ended: EndedCalls,
}

struct Entry {
    /// None once it was hung up: what the call still says needs no permit.
    permit: Option<Permit>,
    /// Ends the call; no queue of its client is in the way.
    hang_up: CancellationToken,
    peer: Option<PeerHandle>,
    face: Option<broadcast::Sender<FaceMoment>>,
}

/// What a client wants of its call.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The language to speak; none: as configured.
    pub language: Option<String>,
    /// Where its face goes beside the configured renderers.
    pub renderers: Wanted,
}

/// All calls of this server.
pub struct Calls {
    config: Arc<Config>,
    engines: Engines,
    admission: Arc<Admission>,
    table: Mutex<Table>,
    /// Which renderers show a call.
    claims: Claims,
    tasks: TaskTracker,
    /// Finish the answer in work, then end.
    drain: CancellationToken,
    /// End now, and say why.
    stop: CancellationToken,
    /// Close transports, whatever they still have to say.
    cut_off: CancellationToken,
}

impl Calls {
    /// No calls yet; `admission` is where their permits come from.
    #[must_use]
    pub fn new(config: Arc<Config>, engines: Engines, admission: Arc<Admission>) -> Arc<Self> {
        Arc::new(Self {
            config,
            engines,
            admission,
            table: Mutex::default(),
            claims: Claims::default(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
            cut_off: CancellationToken::new(),
        })
    }

    /// Gives the call that is admitted with this permit an id.
    #[must_use]
    pub fn open(self: &Arc<Self>, permit: Permit) -> Call {
        debug_assert_eq!(permit.kind(), Kind::Call, "a call is counted as one");
        let id = uuid::Uuid::new_v4().simple().to_string();
        let entry = Entry { permit: Some(permit), hang_up: CancellationToken::new(), peer: None, face: None };
        self.table.lock().active.insert(id.clone(), entry);
        Call { calls: self.clone(), id, ended: None }
    }

    /// Where a call's transport runs.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// A token for a call's transport.
    #[must_use]
    pub fn transport_token(&self) -> CancellationToken {
        self.cut_off.child_token()
    }

    /// Runs the call's pipeline to its end; `transport` is cancelled when its client has had time to hear of it.
    pub fn start(
        self: &Arc<Self>,
        mut call: Call,
        ends: PipelineEnds,
        peer: Option<PeerHandle>,
        wishes: Wishes,
        transport: CancellationToken,
    ) {
        let kind = if peer.is_some() { "webrtc" } else { "websocket" };
        if let Some(entry) = self.table.lock().active.get_mut(&call.id) {
            if entry.hang_up.is_cancelled() {
                ends.hang_up.cancel();
            }
            if let Some(permit) = &entry.permit {
                permit.cancel_when_revoked(transport.clone());
            }
            (entry.hang_up, entry.peer, entry.face) =
                (ends.hang_up.clone(), peer, Some(ends.moments.clone()));
        }
        self.tasks.spawn(attend(self.clone(), call.id.clone(), ends.presence.clone()));
        metrics::counter!("visavis_calls_total", "transport" => kind).increment(1);
        let Wishes { language, renderers } = wishes;
        let shown = renderers::Shown { call: &call.id, moments: &ends.moments, claims: &self.claims };
        renderers::attach(&self.config, &renderers, &shown, &self.tasks, &self.stop);
        let calls = self.clone();
        self.tasks.spawn(async move {
            let (id, began) = (call.id.clone(), Instant::now());
            tracing::info!(call = %id, transport = kind, "call began");
            let scope = Scope { drain: calls.drain.clone(), token: calls.stop.clone() };
            let options = CallOptions { language, ..CallOptions::default() };
            let run = pipeline::run(id.clone(), ends, calls.engines.clone(), &calls.config, options, scope);
            let reason = Box::pin(run).await;
            metrics::histogram!("visavis_call_seconds").record(began.elapsed().as_secs_f64());
            metrics::counter!("visavis_calls_ended_total", "reason" => reason.name()).increment(1);
            tracing::info!(call = %id, reason = reason.name(), seconds = began.elapsed().as_secs(), "call ended");
            call.ended = Some(reason);
            drop(call);
            _ = tokio::time::timeout(LAST_WORDS, transport.cancelled()).await;
            transport.cancel();
        });
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

    /// Hangs up; false when there is no such call and has been none of late.
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

    /// Why a call is over for good, where it ended of late: its client may have been cut off then, and is not to get another
    /// call in its place.
    #[must_use]
    pub fn over(&self, id: &str) -> Option<EndReason> {
        let table = self.table.lock();
        match table.active.get(id) {
            Some(entry) => entry.hang_up.is_cancelled().then_some(EndReason::EndedByOperator),
            None => table.ended.over(id, Instant::now()),
        }
    }

    /// Takes no more calls, lets each finish its answer for a while, says goodbye, and returns when all are gone: within
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

/// Keeps account of whether a call's client is there, until its transport is gone.
async fn attend(calls: Arc<Calls>, id: String, mut presence: watch::Receiver<Presence>) {
    while presence.changed().await.is_ok() {
        let now = *presence.borrow_and_update();
        let table = calls.table.lock();
        if let Some(permit) = table.active.get(&id).and_then(|entry| entry.permit.as_ref()) {
            permit.note(now);
        }
    }
}

#[cfg(test)]
mod tests;
