//! The calls in progress: ids, hang-up from outside, and draining when the server stops; `admission`: who gets a place;
//! `ended`: which calls have ended of late.

mod admission;
mod ended;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::admission::Refusal;

use self::admission::{Admission, Limits};
use self::ended::EndedCalls;
use crate::config::Config;
use crate::ends::{FaceMoment, PipelineEnds, Presence};
use crate::engine::Engines;
use crate::event::EndReason;
use crate::pipeline;
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

/// A place for one call, given back when dropped.
pub struct Seat {
    calls: Arc<Calls>,
    id: String,
    ended: Option<EndReason>,
}

impl Seat {
    /// The id of the call that will sit here.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.calls.table.lock();
        table.active.remove(&self.id);
        table.admission.leave(&self.id);
        table.ended.note(std::mem::take(&mut self.id), self.ended, Instant::now());
        table.report();
    }
}

struct Table {
    admission: Admission,
    active: HashMap<String, Entry>,
    ended: EndedCalls,
    stopping: bool,
}

impl Table {
    fn report(&self) {
        metrics::gauge!("visavis_calls_active").set(self.admission.taken() as f64);
        for (presence, name) in [(Presence::Awaited, "awaited"), (Presence::CutOff, "cut-off")] {
            let calls = self.admission.with(presence) as f64;
            metrics::gauge!("visavis_calls_without_client", "presence" => name).set(calls);
        }
    }
}

#[derive(Default, Clone)]
struct Entry {
    /// Ends the call; no queue of its client is in the way.
    hang_up: CancellationToken,
    peer: Option<PeerHandle>,
    face: Option<broadcast::Sender<FaceMoment>>,
    /// Ends the transport, and so the call.
    transport: CancellationToken,
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
    /// No calls yet.
    #[must_use]
    pub fn new(config: Arc<Config>, engines: Engines) -> Arc<Self> {
        let limits = Limits { calls: config.server.max_calls, per_address: config.server.calls_per_address };
        let table = Table {
            admission: Admission::new(limits),
            active: HashMap::new(),
            ended: EndedCalls::default(),
            stopping: false,
        };
        Arc::new(Self {
            config,
            engines,
            table: Mutex::new(table),
            claims: Claims::default(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
            cut_off: CancellationToken::new(),
        })
    }

    /// Takes a place for a caller at this address, or says why there is none. Calls of no address have no share.
    ///
    /// # Errors
    /// When the server is full or stops, or the address has its share.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Refusal> {
        let mut table = self.table.lock();
        let refused = |refusal, reason| {
            metrics::counter!("visavis_calls_refused_total", "reason" => reason).increment(1);
            Err(refusal)
        };
        if table.stopping {
            return refused(Refusal::Stopping, "stopping");
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        let given_up = match table.admission.admit(id.clone(), address, Instant::now()) {
            Ok(given_up) => given_up,
            Err(refusal @ Refusal::Share) => return refused(refusal, "share"),
            Err(refusal) => return refused(refusal, "full"),
        };
        if let Some(entry) = given_up.and_then(|id| table.active.get(&id)) {
            metrics::counter!("visavis_calls_given_up_total").increment(1);
            entry.transport.cancel();
        }
        table.active.insert(id.clone(), Entry::default());
        table.report();
        Ok(Seat { calls: self.clone(), id, ended: None })
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
        mut seat: Seat,
        ends: PipelineEnds,
        peer: Option<PeerHandle>,
        wishes: Wishes,
        transport: CancellationToken,
    ) {
        let kind = if peer.is_some() { "webrtc" } else { "websocket" };
        if let Some(entry) = self.table.lock().active.get_mut(&seat.id) {
            if entry.hang_up.is_cancelled() {
                ends.hang_up.cancel();
            }
            if entry.transport.is_cancelled() {
                transport.cancel();
            }
            let (hang_up, transport) = (ends.hang_up.clone(), transport.clone());
            *entry = Entry { hang_up, peer, face: Some(ends.moments.clone()), transport };
        }
        self.tasks.spawn(attend(self.clone(), seat.id.clone(), ends.presence.clone()));
        metrics::counter!("visavis_calls_total", "transport" => kind).increment(1);
        let Wishes { language, renderers } = wishes;
        let shown = renderers::Shown { call: &seat.id, moments: &ends.moments, claims: &self.claims };
        renderers::attach(&self.config, &renderers, &shown, &self.tasks, &self.stop);
        let calls = self.clone();
        self.tasks.spawn(async move {
            let (call, began) = (seat.id.clone(), Instant::now());
            tracing::info!(%call, transport = kind, "call began");
            let scope = Scope { drain: calls.drain.clone(), token: calls.stop.clone() };
            let run =
                pipeline::run(call.clone(), ends, calls.engines.clone(), &calls.config, language, scope);
            let reason = Box::pin(run).await;
            metrics::histogram!("visavis_call_seconds").record(began.elapsed().as_secs_f64());
            metrics::counter!("visavis_calls_ended_total", "reason" => reason.name()).increment(1);
            tracing::info!(%call, reason = reason.name(), seconds = began.elapsed().as_secs(), "call ended");
            seat.ended = Some(reason);
            drop(seat);
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
        if let Some(entry) = table.active.get(id) {
            entry.hang_up.cancel();
            // What the call still says needs no place.
            table.admission.leave(id);
            table.report();
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

    /// Calls in progress.
    #[must_use]
    pub fn active(&self) -> usize {
        self.table.lock().admission.taken()
    }

    /// Of these, calls that nobody has joined yet.
    #[must_use]
    pub fn awaited(&self) -> usize {
        self.table.lock().admission.with(Presence::Awaited)
    }

    /// True once the server takes no more calls.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.table.lock().stopping
    }

    /// Takes no more calls, lets each finish its answer for a while, says goodbye, and returns when all are gone: within
    /// `server.drain_seconds`.
    pub async fn drain(&self) {
        self.table.lock().stopping = true;
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
        let mut table = calls.table.lock();
        table.admission.note(&id, now, Instant::now());
        table.report();
    }
}

#[cfg(test)]
mod tests;
