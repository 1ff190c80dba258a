//! Going on with a call over another connection: by a token, once, from what is in memory here or in the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use visavis_core::context::CallContext;
use visavis_store::{CallId, End, Lease, RedeemError, ResumeToken, Retry, Saver, StoreError, TokenRefusal};

use super::{Call, Calls};
use crate::admission::{Kind, Permit, Principal, Refusal};
use crate::event::EndReason;

/// Longest wait for the connection from which a call is taken over.
const HANDED_OVER: Duration = Duration::from_secs(2);

/// What a client shows to go on with a call.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The call.
    pub call: CallId,
    /// The token that it got.
    pub token: ResumeToken,
    /// Whose call it must be.
    pub owner: String,
}

/// Why a call cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResumeRefusal {
    /// There is no such token, or nothing is kept of its call.
    Unknown,
    /// The token was used.
    Used,
    /// It is too old.
    Expired,
    /// It is another call's.
    NotYours,
    /// The store cannot be reached now. The token may be good still.
    Unreachable,
    /// The server takes no call now. The token is good still.
    NotAdmitted(Refusal),
}

impl ResumeRefusal {
    /// Its name in metrics; with `resume-` before it, in problems that are final.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::NotYours => "not-yours",
            Self::Unreachable => "unreachable",
            Self::NotAdmitted(_) => "not-admitted",
        }
    }
}

impl From<RedeemError> for ResumeRefusal {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::Refused(TokenRefusal::Used) => Self::Used,
            RedeemError::Refused(TokenRefusal::Expired) => Self::Expired,
            RedeemError::Refused(TokenRefusal::OtherCall) => Self::NotYours,
            // Whoever is somebody else learns no more than who guesses.
            RedeemError::Refused(TokenRefusal::Unknown | TokenRefusal::OtherUser) => Self::Unknown,
            RedeemError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ResumeRefusal {
    fn from(error: StoreError) -> Self {
        match error.retry() {
            Retry::Soon | Retry::Later => Self::Unreachable,
            // What is stored cannot be read, and never will be.
            Retry::Never => Self::Unknown,
        }
    }
}

/// What a call goes on from.
pub(super) struct Resumption {
    pub(super) context: Arc<CallContext>,
    /// None: the store was not to be reached, and the call was in memory.
    pub(super) lease: Option<Lease>,
}

impl Resumption {
    /// Nobody goes on with it after all: it is kept for the next one who does.
    pub(super) fn put_back(self, saver: &Saver, call: &CallId) {
        saver.begin(call, self.lease);
        saver.save(call, self.context);
        saver.end(call, End::Keep);
    }
}

/// How a call in progress is taken from its connection.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) moved: CancellationToken,
    /// Cancelled when its pipeline has ended.
    pub(super) over: CancellationToken,
    pub(super) remembered: watch::Receiver<Option<Arc<CallContext>>>,
}

/// A call that was taken from its connection here.
struct TakenHere {
    permit: Option<Permit>,
    context: Option<Arc<CallContext>>,
}

impl Calls {
    /// Goes on with a call, for whoever shows its token: its connection here, if it has one, ends, and so does that at another
    /// server.
    ///
    /// # Errors
    /// When the token is not good for it, nothing is kept of it, or the server or the store cannot take it now.
    pub async fn resume(
        self: &Arc<Self>,
        ticket: &Ticket,
        principal: Principal,
    ) -> Result<Call, ResumeRefusal> {
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

    /// Whether a call could be gone on with by this token, which is not used up.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub async fn check(&self, ticket: &Ticket) -> Result<(), ResumeRefusal> {
        let Some(saver) = &self.saver else { return Err(ResumeRefusal::Unknown) };
        Ok(saver.check(&ticket.token, &ticket.call, &ticket.owner).await?)
    }

    async fn try_resume(
        self: &Arc<Self>,
        ticket: &Ticket,
        principal: Principal,
        is_here: bool,
    ) -> Result<Call, ResumeRefusal> {
        let Some(saver) = self.saver.clone() else { return Err(ResumeRefusal::Unknown) };
        let id = ticket.call.as_str();
        if self.over(id).is_some_and(|reason| reason != EndReason::Moved) {
            return Err(ResumeRefusal::Unknown);
        }
        // Before the token is used up.
        let permit = self.permit(principal, is_here)?;
        saver.redeem(&ticket.token, &ticket.call, &ticket.owner).await?;
        let here = self.take_from_here(id).await;
        let resumption = match self.resumption(&saver, ticket, here.context).await {
            Ok(resumption) => resumption,
            Err(refusal) => {
                // Nobody has it here any more.
                saver.end(&ticket.call, End::Keep);
                return Err(refusal);
            }
        };
        match permit.or(here.permit) {
            Some(permit) => Ok(self.enter(id.to_owned(), permit, Some(resumption))),
            None => {
                resumption.put_back(&saver, &ticket.call);
                Err(ResumeRefusal::NotAdmitted(Refusal::Full(Kind::Call)))
            }
        }
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

    /// Ends the call's connection here, if it has one, and waits for what is to be gone on from.
    async fn take_from_here(&self, id: &str) -> TakenHere {
        let (line, permit) = {
            let mut table = self.table.lock();
            let entry = table.active.get_mut(id);
            entry.map(|entry| (entry.line.clone(), entry.permit.take())).unwrap_or_default()
        };
        let Some(Line { moved, over, remembered }) = line else { return TakenHere { permit, context: None } };
        moved.cancel();
        if tokio::time::timeout(HANDED_OVER, over.cancelled()).await.is_err() {
            tracing::warn!(call = id, "the call's last connection has not ended in time");
        }
        let context = remembered.borrow().clone();
        TakenHere { permit, context }
    }

    /// What the call goes on from: what was in memory here, or else what is stored. From now on only this node may write of it.
    async fn resumption(
        &self,
        saver: &Saver,
        ticket: &Ticket,
        here: Option<Arc<CallContext>>,
    ) -> Result<Resumption, ResumeRefusal> {
        // Before it is read: what others have written until then counts, and nothing after that.
        let lease = saver.take_over(&ticket.call).await;
        if let Some(context) = here {
            return Ok(Resumption { context, lease: lease.ok() });
        }
        let stored = match &lease {
            Ok(_) => saver.load(&ticket.call).await,
            Err(error) => Err(error.clone()),
        };
        match stored {
            Ok(Some(context)) => Ok(Resumption { context, lease: lease.ok() }),
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

    /// The token was used up for nothing: it is good again, if the store can be reached.
    async fn give_token_back(&self, saver: &Saver, Ticket { call, token, owner }: &Ticket) {
        let keep = Duration::from_secs(self.config.store.resume_seconds.into());
        _ = saver.put_token(&token.hash(), call, owner, keep).await;
    }
}
