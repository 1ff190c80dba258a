//! The calls in progress: ids, hang-up from outside, faces, and draining when the server stops; `table`: what is known of each;
//! `running`: each from its start to its end; `ended`: calls that have ended recently; `kept`: their contexts, for the store;
//! `tokens`: how their clients come back; [`resume`]: going on with them, for whoever shows a `ticket`, one after another through a
//! `turnstile`. [`crate::admission`] limits their number.

mod ended;
mod kept;
pub mod resume;
mod running;
mod table;
mod ticket;
mod tokens;
mod turnstile;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::resume::Resumption;
use self::table::Table;
use self::turnstile::Turnstile;
use crate::admission::{Admission, Kind, Permit};
use crate::config::Config;
use crate::engine::Engines;
use crate::event::EndReason;
use crate::pipeline::options::{TurnTime, TurnTimes};
use crate::ports::{FaceMoment, Moments};
use crate::renderers::target::{Claims, Wanted};
use crate::transport::webrtc::PeerHandle;
use crate::voice::ChosenVoice;
use visavis_store::Saver;

/// This long before the end of `server.drain_seconds`, calls still in progress are ended, and say why.
const FAREWELL: Duration = Duration::from_secs(2);
/// This long before the end of `server.drain_seconds`, transports whose clients do not read are cut off.
const CUT_OFF: Duration = Duration::from_millis(500);
/// Least time for a farewell, even if `server.drain_seconds` leaves none.
const SHORTEST_FAREWELL: Duration = Duration::from_secs(1);

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

    /// The connection of a WebRTC call.
    #[must_use]
    pub fn peer(&self, id: &str) -> Option<PeerHandle> {
        self.table.lock().active.get(id).and_then(|entry| entry.peer.clone())
    }

    /// The face of a call, from now on.
    #[must_use]
    pub fn watch_face(&self, id: &str) -> Option<broadcast::Receiver<FaceMoment>> {
        self.table.lock().active.get(id).and_then(|entry| entry.face.as_ref().map(Moments::subscribe))
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

#[cfg(test)]
mod tests;
