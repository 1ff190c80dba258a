//! How a request gets its call: a new one, or one that it goes on with.

use axum::http::StatusCode;
use serde::Deserialize;
use visavis_store::{CallId, ResumeToken};

use super::App;
use super::admit::{admit, check_engines};
use super::problem::Problem;
use crate::admission::{Kind, Permit, Principal};
use crate::session::Call;
use crate::session::resume::{ResumeRefusal, Ticket};

/// Which call a request goes on with, and its token; no log may show it.
#[derive(Deserialize)]
pub struct Asked {
    /// The call's id.
    #[serde(default)]
    pub call: String,
    /// The token.
    #[serde(default)]
    pub token: String,
}

/// The call that a request will get.
pub(super) enum Access {
    New(Permit),
    Resumed(Ticket, Principal),
}

/// A request's names for the fields of [`Asked`].
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldNames {
    pub(super) call: &'static str,
    pub(super) token: &'static str,
}

impl Access {
    /// Admits a new call, or reads what a client shows that goes on with one. Nothing is used up yet.
    pub(super) fn of(
        app: &App,
        principal: Principal,
        asked: Option<Asked>,
        names: FieldNames,
    ) -> Result<Self, Problem> {
        let Some(asked) = asked else { return Ok(Self::New(admit(app, principal, Kind::Call)?)) };
        for (value, field) in [(&asked.call, names.call), (&asked.token, names.token)] {
            if value.is_empty() {
                let detail = format!("{field} is missing: the last message \"resume\" of the call has it.");
                return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field(field));
            }
        }
        check_engines(app)?;
        let (Some(call), Some(token)) = (CallId::new(&asked.call), ResumeToken::parse(&asked.token)) else {
            return Err(ResumeRefusal::Unknown.into());
        };
        Ok(Self::Resumed(Ticket { call, token, owner: principal.owner() }, principal))
    }

    /// Whether its client comes back to a call.
    pub(super) fn is_resumed(&self) -> bool {
        matches!(self, Self::Resumed(..))
    }

    /// Whether there is a call to be had; nothing is used up.
    pub(super) async fn check(&self, app: &App) -> Result<(), Problem> {
        match self {
            Self::New(_) => Ok(()),
            Self::Resumed(ticket, principal) => Ok(app.calls.check(ticket, principal.clone()).await?),
        }
    }

    /// Opens the call. A token is used up here.
    pub(super) async fn take(self, app: &App) -> Result<Call, Problem> {
        match self {
            Self::New(permit) => Ok(app.calls.open(permit)),
            Self::Resumed(ticket, principal) => Ok(app.calls.resume(&ticket, principal).await?),
        }
    }
}

impl From<ResumeRefusal> for Problem {
    fn from(refusal: ResumeRefusal) -> Self {
        let (reason, detail) = match refusal {
            ResumeRefusal::NotAdmitted(refusal) => return refusal.into(),
            ResumeRefusal::Unreachable => {
                let detail = "The store of calls cannot be reached, so this call cannot go on yet. Try again in a moment.";
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
                return problem.retry_after(2).reason("store-unreachable");
            }
            ResumeRefusal::Unknown => {
                ("resume-unknown", "There is no call to go on with by this token. Begin a new one.")
            }
            ResumeRefusal::Used => {
                ("resume-used", "This token was used already: the call goes on elsewhere. Begin a new one.")
            }
            ResumeRefusal::Expired => {
                ("resume-expired", "This token is too old (store.resume_seconds). Begin a new call.")
            }
            ResumeRefusal::NotYours => {
                ("resume-not-yours", "This token is another call's. Begin a new call.")
            }
        };
        Self::new(StatusCode::GONE, detail).reason(reason)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;
    use serde_json::json;

    use super::*;
    use crate::admission::Refusal;

    #[test]
    fn what_will_never_be_is_gone_and_what_may_be_soon_says_when() {
        for (refusal, status, reason, seconds) in [
            (ResumeRefusal::Unknown, 410, "resume-unknown", None),
            (ResumeRefusal::Used, 410, "resume-used", None),
            (ResumeRefusal::Expired, 410, "resume-expired", None),
            (ResumeRefusal::NotYours, 410, "resume-not-yours", None),
            (ResumeRefusal::Unreachable, 503, "store-unreachable", Some("2")),
            (ResumeRefusal::NotAdmitted(Refusal::Stopping), 503, "server-stopping", Some("5")),
        ] {
            let problem = Problem::from(refusal.clone());
            assert_eq!(
                (&problem.body()["status"], &problem.body()["reason"]),
                (&json!(status), &json!(reason))
            );
            let headers = problem.into_response().headers().clone();
            let told = headers.get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok());
            assert_eq!(told, seconds, "{refusal:?}");
        }
    }
}
