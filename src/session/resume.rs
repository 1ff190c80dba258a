//! Going on with a call over another connection: by a token, once, from what is in memory here or in the store.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use visavis_core::context::CallContext;
use visavis_store::{Binding, CallId, End, Lease, Redemption, ResumeToken, Saver, StoreError};

pub use super::ticket::{ResumeRefusal, Ticket};

use super::tokens::life;
use super::{Call, Calls};
use crate::admission::{Permit, Principal};
use crate::event::EndReason;

/// Longest wait for the connection from which a call is taken over.
const HANDED_OVER: Duration = Duration::from_secs(2);
/// Longest wait for the store to take the next token, of which the answer tells. One that is late comes over the connection.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Longest wait for what this server has still to store of a call: a little more than between two attempts at a store that fails.
const STORED: Duration = Duration::from_secs(3);

/// What a call goes on from.
pub(super) struct Resumption {
    pub(super) context: Arc<CallContext>,
    /// None: the store was not to be reached, and the call was in memory.
    pub(super) lease: Option<Lease>,
    /// By which it goes on.
    pub(super) ticket: Ticket,
    /// The token for the next time; none: the store has not taken it in time.
    pub(super) next: Option<ResumeToken>,
}

/// How a client comes back the next time, as an answer tells it.
#[derive(Serialize)]
pub struct NextToken {
    call: String,
    token: String,
    seconds: u32,
}

impl Call {
    /// How its client, which has come back, does so the next time; none: it is told over its connection.
    #[must_use]
    pub fn next_token(&self) -> Option<NextToken> {
        let next = self.resumption.as_ref()?.next.as_ref()?;
        let seconds = self.calls.config.store.resume_seconds;
        Some(NextToken { call: self.id.clone(), token: next.expose(), seconds })
    }
}

/// How a call in progress is taken from its connection.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) moved: CancellationToken,
    /// Why its pipeline has ended, once it has.
    pub(super) over: watch::Receiver<Option<EndReason>>,
    pub(super) remembered: watch::Receiver<Option<Arc<CallContext>>>,
}

/// What the connection of a call here has left.
#[derive(Default)]
struct HandedOver {
    context: Option<Arc<CallContext>>,
    /// Why it has ended, if it has.
    ended: Option<EndReason>,
}

impl Line {
    /// Ends the connection, and waits for the context that it leaves.
    async fn hand_over(self, call: &CallId) -> HandedOver {
        let Self { moved, mut over, remembered } = self;
        moved.cancel();
        let ended = timeout(HANDED_OVER, over.wait_for(Option::is_some)).await;
        if ended.is_err() {
            tracing::warn!(%call, "the call's last connection has not ended in time");
        }
        let ended = ended.ok().and_then(Result::ok).and_then(|reason| *reason);
        let context = remembered.borrow().clone();
        HandedOver { context, ended }
    }
}

impl Calls {
    /// Goes on with a call, for whoever shows its token: its connection here, if it has one, ends, and so does that at another
    /// server. Until something has come over the new connection, its client may come again by the same token, here or elsewhere, and
    /// takes the call from it.
    ///
    /// # Errors
    /// When the token is not good for it, nothing is kept of it, or the server or the store cannot take it now.
    pub async fn resume(
        self: &Arc<Self>,
        ticket: &Ticket,
        principal: Principal,
    ) -> Result<Call, ResumeRefusal> {
        let (calls, ticket) = (self.clone(), ticket.clone());
        // In a task of its own: a request that is broken off midway must not leave a call without a connection, or a used-up token.
        let work = self.tasks.spawn(async move { Box::pin(calls.resume_whole(&ticket, principal)).await });
        work.await.unwrap_or(Err(ResumeRefusal::Unreachable))
    }

    /// Whether a call could be gone on with by this token, which is not used up.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub async fn check(&self, ticket: &Ticket, principal: Principal) -> Result<(), ResumeRefusal> {
        let Some(saver) = &self.saver else { return Err(ResumeRefusal::Unknown) };
        let id = ticket.call.as_str();
        saver.check(&ticket.token, &ticket.call, &ticket.owner).await?;
        if self.is_over(id) {
            return Err(ResumeRefusal::Unknown);
        }
        self.permit(principal, self.has_permit(id)).map(drop)
    }

    async fn resume_whole(
        self: &Arc<Self>,
        ticket: &Ticket,
        principal: Principal,
    ) -> Result<Call, ResumeRefusal> {
        let Some(_alone) = self.turnstile.pass(&ticket.call).await else {
            return Err(ResumeRefusal::Unreachable);
        };
        let is_here = self.has_permit(ticket.call.as_str());
        let resumed = self.try_resume(ticket, principal, is_here).await;
        let outcome = match &resumed {
            Ok(_) if is_here => "taken-over",
            Ok(_) => "resumed",
            Err(refusal) => refusal.name(),
        };
        metrics::counter!("visavis_resumes_total", "outcome" => outcome).increment(1);
        tracing::info!(call = %ticket.call, outcome, "a client comes back to its call");
        resumed
    }

    async fn try_resume(
        self: &Arc<Self>,
        ticket: &Ticket,
        principal: Principal,
        is_here: bool,
    ) -> Result<Call, ResumeRefusal> {
        let Some(saver) = self.saver.clone() else { return Err(ResumeRefusal::Unknown) };
        if self.is_over(ticket.call.as_str()) {
            return Err(ResumeRefusal::Unknown);
        }
        // Before the token is used up.
        let permit = self.permit(principal.clone(), is_here)?;
        let redemption = saver.redeem(&ticket.token, &ticket.call, &ticket.owner).await?;
        let (mut call, line) = match self.replace(ticket, permit, principal) {
            Ok(replaced) => replaced,
            Err(refusal) => {
                if let ResumeRefusal::NotAdmitted(_) = refusal {
                    self.give_token_back(&saver, ticket).await;
                }
                return Err(refusal);
            }
        };
        let here = match line {
            Some(line) => line.hand_over(&ticket.call).await,
            None => HandedOver::default(),
        };
        // It has ended by itself before it could be taken.
        if let Some(reason) = here.ended.filter(|reason| is_past(*reason)) {
            call.ended = Some(reason);
            return Err(ResumeRefusal::Unknown);
        }
        match self.resumption(&saver, ticket, redemption, here.context).await {
            Ok(resumption) => {
                let next = self.next_token(&saver, ticket).await;
                call.resumption = Some(Resumption { next, ..resumption });
            }
            Err(refusal) => {
                // Nobody has it here any more.
                saver.end(&ticket.call, End::Keep);
                return Err(refusal);
            }
        }
        Ok(call)
    }

    /// Enters the call anew. If it has a connection here, it goes on with that one's permit, and the connection is returned too. From
    /// then on whoever hangs the call up ends the new connection.
    fn replace(
        self: &Arc<Self>,
        ticket: &Ticket,
        permit: Option<Permit>,
        principal: Principal,
    ) -> Result<(Call, Option<Line>), ResumeRefusal> {
        let id = ticket.call.as_str();
        let mut table = self.table.lock();
        let old = table.active.get_mut(id);
        if old.as_ref().is_some_and(|entry| entry.hang_up.is_cancelled()) {
            return Err(ResumeRefusal::Unknown);
        }
        let (line, own) = old.map(|entry| (entry.line.clone(), entry.permit.take())).unwrap_or_default();
        let permit = match permit.or(own) {
            Some(permit) => permit,
            // It has ended meanwhile, and given its permit back.
            None => self.permit(principal, false)?.ok_or(ResumeRefusal::Unknown)?,
        };
        // Kept until the call begins: whoever takes it over before goes on from the same connection.
        let number = table.enter(id, permit, line.clone());
        drop(table);
        let call = Call { calls: self.clone(), id: id.to_owned(), number, resumption: None, ended: None };
        Ok((call, line))
    }

    /// A permit for a call that has none here.
    fn permit(&self, principal: Principal, is_here: bool) -> Result<Option<Permit>, ResumeRefusal> {
        if is_here && !self.admission.is_stopping() {
            return Ok(None);
        }
        let permit = self.admission.admit_again(principal);
        permit.map(Some).map_err(ResumeRefusal::NotAdmitted)
    }

    fn has_permit(&self, id: &str) -> bool {
        self.table.lock().active.get(id).is_some_and(|entry| entry.permit.is_some())
    }

    /// Whether the call has ended here for good.
    fn is_over(&self, id: &str) -> bool {
        self.over(id).is_some_and(is_past)
    }

    /// What the call goes on from: what was in memory here, or else what is stored. From now on only this node may write of it.
    async fn resumption(
        &self,
        saver: &Saver,
        ticket: &Ticket,
        redemption: Redemption,
        here: Option<Arc<CallContext>>,
    ) -> Result<Resumption, ResumeRefusal> {
        if here.is_none() {
            // Under another lease it could not be stored any more. If another server has the call, it is given up.
            _ = timeout(STORED, saver.written(&ticket.call)).await;
        }
        // Before it is read: what others have written until then counts, and nothing after that.
        let lease = saver.take_over(&ticket.call, redemption).await;
        if lease == Err(StoreError::Stale) {
            // Its client has come by the same token to another server since, and is there.
            return Err(ResumeRefusal::Used);
        }
        let whole = |context, lease| Resumption { context, lease, ticket: ticket.clone(), next: None };
        if let Some(context) = here {
            return Ok(whole(context, lease.ok()));
        }
        let stored = match &lease {
            Ok(_) => saver.load(&ticket.call).await,
            Err(error) => Err(error.clone()),
        };
        match stored {
            Ok(Some(context)) => Ok(whole(context, lease.ok())),
            Ok(None) => {
                saver.begin(&ticket.call, lease.ok());
                Err(ResumeRefusal::Unknown)
            }
            Err(error) => {
                tracing::warn!(call = %ticket.call, %error, "what is kept of a call cannot be read");
                self.give_token_back(saver, ticket).await;
                Err(error.into())
            }
        }
    }

    /// A token for the next time; none: the store has not taken it in time.
    async fn next_token(&self, saver: &Saver, ticket: &Ticket) -> Option<ResumeToken> {
        let Ticket { call, token: before, owner } = ticket;
        let token = ResumeToken::generate().ok()?;
        let (hash, binding) = (token.hash(), Binding::of(call, owner).told_by(&before.hash()));
        let put = saver.put_token(&hash, &binding, life(self.config.store.resume_seconds));
        timeout(AT_ONCE, put).await.ok()?.ok()?;
        Some(token)
    }

    /// Nobody goes on with a call after all: it is kept for the next one who does, and so is its token.
    pub(super) fn put_back(self: &Arc<Self>, Resumption { context, lease, ticket, .. }: Resumption) {
        let Some(saver) = self.saver.clone() else { return };
        saver.begin(&ticket.call, lease);
        saver.save(&ticket.call, context);
        saver.end(&ticket.call, End::Keep);
        // None: the process ends.
        if let Ok(runtime) = Handle::try_current() {
            let calls = self.clone();
            let given = async move { calls.give_token_back(&saver, &ticket).await };
            self.tasks.spawn_on(given, &runtime);
        }
    }

    /// The token was used up for nothing: it is good again, if the store can be reached.
    async fn give_token_back(&self, saver: &Saver, ticket: &Ticket) {
        let keep = Duration::from_secs(self.config.store.resume_seconds.into());
        _ = saver.restore_token(&ticket.token.hash(), keep).await;
    }
}

/// Whether nobody goes on with a call that has ended for this reason.
fn is_past(reason: EndReason) -> bool {
    reason == EndReason::HungUp || (reason.is_final() && reason != EndReason::Moved)
}
