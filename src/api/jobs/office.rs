//! The parts of the server that take jobs, and what becomes of each request.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRef, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use visavis_jobs::actor::now;
use visavis_jobs::link::Link;
use visavis_jobs::{Form, JobId, Jobs, LinkFault, Progress, Refusal};

use super::places::{Place, Places, Seated, fill};
use super::refused::{self, of_store};
use super::shown::{self, Shown};
use super::{DAY, events, results, texts, upload};
use crate::admission::{Permit, Principal};
use crate::api::problem::{Problem, broken};
use crate::api::{App, hearing, speech};
use crate::config;

/// The parts of the server that take jobs.
#[derive(Clone)]
pub(in crate::api) struct Office {
    /// None: the folder of jobs cannot be used, or there is to be none.
    pub(super) jobs: Option<Arc<Jobs>>,
    pub(super) places: Arc<Places>,
    pub(super) speech: Arc<speech::Desk>,
    pub(super) hearing: hearing::Desk,
    pub(super) settings: config::Jobs,
}

impl FromRef<App> for Office {
    fn from_ref(app: &App) -> Self {
        Self {
            jobs: app.jobs.clone(),
            places: app.job_places.clone(),
            speech: app.speech.clone(),
            hearing: hearing::Desk::from_ref(app),
            settings: app.config.jobs.clone(),
        }
    }
}

/// The fields of a signed link.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::api) struct Signed {
    format: Option<String>,
    expires: Option<u64>,
    signature: Option<String>,
}

impl Office {
    /// Takes a job of texts or recordings.
    pub(super) async fn submit(&self, request: Request, whose: Principal) -> Result<Response, Problem> {
        let jobs = self.jobs()?;
        let seated = self.seated(jobs, request, whose)?;
        let id = if is_json(&seated.request) {
            upload::texts(self, jobs, seated, texts::Form::Job).await?
        } else {
            upload::recordings(self, jobs, seated).await?
        };
        let progress = jobs.progress(id).ok_or_else(|| self.unknown())?;
        Ok(self.answer(StatusCode::ACCEPTED, id, &progress))
    }

    /// Takes a job of texts, and responds with its results if they are soon there.
    pub(super) async fn generate(
        &self,
        request: Request,
        whose: Principal,
        permit: Permit,
    ) -> Result<Response, Problem> {
        let jobs = self.jobs()?;
        let seated = self.seated(jobs, request, whose)?;
        let id = upload::texts(self, jobs, seated, texts::Form::Batch).await?;
        let mut progress = jobs.watch(id).ok_or_else(|| self.unknown())?;
        let wait = Duration::from_secs(u64::from(self.settings.wait_seconds));
        let over = tokio::time::timeout(wait, progress.wait_for(|progress| progress.status.is_over())).await;
        let over = over.is_ok_and(|over| over.is_ok());
        let progress = progress.borrow().clone();
        if !over {
            return Ok(self.answer(StatusCode::ACCEPTED, id, &progress));
        }
        let body = results::json(jobs.store().clone(), id, progress, permit);
        Ok(([(header::LOCATION, shown::address(id))], body).into_response())
    }

    /// Has the failed items of a job tried again; one that was over counts for who asks, as a new one does.
    pub(super) async fn retry(&self, id: &str, whose: Principal) -> Result<Response, Problem> {
        let (jobs, id) = self.named(id)?;
        let is_over = jobs.progress(id).is_some_and(|progress| progress.status.is_over());
        let place = if is_over { self.place(jobs, whose)? } else { None };
        let jobs = jobs.clone();
        // It is tried again, and has its place, also if its client leaves.
        let retrying = tokio::spawn(async move {
            let progress = jobs.retry(id).await?;
            fill(place, id);
            Ok::<_, Refusal>(progress)
        });
        let retried = retrying.await.map_err(|_| broken())?;
        let progress = retried.map_err(|refusal| self.refused(refusal))?;
        Ok(self.answer(StatusCode::ACCEPTED, id, &progress))
    }

    /// Deletes a job with all that it has.
    pub(super) async fn delete(&self, id: &str) -> Result<StatusCode, Problem> {
        let (jobs, id) = self.named(id)?;
        jobs.delete(id).await.map_err(|refusal| self.refused(refusal))?;
        Ok(StatusCode::NO_CONTENT)
    }

    /// A job as it goes on.
    pub(super) fn follow(&self, id: &str, permit: Permit) -> Result<Response, Problem> {
        let (jobs, id) = self.named(id)?;
        let progress = jobs.watch(id).ok_or_else(|| self.unknown())?;
        let office = self.clone();
        Ok(events::sent(progress, permit, move |progress| office.shown(id, progress)))
    }

    /// The results of a job, for who has a link to them.
    pub(super) async fn result(
        &self,
        id: &str,
        signed: &Signed,
        permit: Permit,
    ) -> Result<Response, Problem> {
        let (jobs, id) = self.named(id)?;
        let form = self.check(jobs, id, signed)?;
        let progress = jobs.progress(id).ok_or_else(|| self.unknown())?;
        if !progress.status.is_over() {
            let detail = "The job is not over; GET /api/jobs/{id}/events tells when it is.";
            return Err(Problem::new(StatusCode::CONFLICT, detail).reason("not-over"));
        }
        let store = jobs.store().clone();
        match form {
            Form::Json => Ok(results::json(store, id, progress, permit)),
            Form::Zip => results::zip(store, id, progress, permit).await.map_err(|error| of_store(&error)),
        }
    }

    fn check(&self, jobs: &Jobs, id: JobId, signed: &Signed) -> Result<Form, Problem> {
        let fresh = "take a fresh link from GET /api/jobs/{id}";
        let wrong = || Problem::new(StatusCode::FORBIDDEN, format!("The link is not signed; {fresh}."));
        let form = match signed.format.as_deref() {
            None => Form::Zip,
            Some(name) => Form::named(name).ok_or_else(|| {
                Problem::new(StatusCode::BAD_REQUEST, "format must be zip or json").field("format")
            })?,
        };
        let (Some(expires), Some(signature)) = (signed.expires, signed.signature.as_deref()) else {
            return Err(wrong());
        };
        let checked = jobs.signer().check(Link { job: id, form, expires }, signature, now());
        checked.map(|()| form).map_err(|fault| match fault {
            LinkFault::Wrong => wrong(),
            LinkFault::Expired => {
                let hours = self.settings.link_hours;
                let detail = format!("The link was valid for {hours} hours (jobs.link_hours); {fresh}.");
                Problem::new(StatusCode::GONE, detail).reason("expired")
            }
        })
    }

    pub(super) fn jobs(&self) -> Result<&Arc<Jobs>, Problem> {
        self.jobs.as_ref().ok_or_else(refused::no_jobs)
    }

    /// A place for one more job of this client; none: it has no share.
    fn place(&self, jobs: &Jobs, whose: Principal) -> Result<Option<Place>, Problem> {
        let most = self.settings.per_address;
        if most == 0 || whose == Principal::Anonymous {
            return Ok(None);
        }
        let place = self.places.take(jobs, whose, most as usize);
        place.map(Some).ok_or_else(|| refused::share(most))
    }

    /// A place for the job of a request, or a refusal that also a client reads which only sends.
    fn seated(&self, jobs: &Jobs, request: Request, whose: Principal) -> Result<Seated, Problem> {
        match self.place(jobs, whose) {
            Ok(place) => Ok(Seated { request, place }),
            Err(problem) => {
                hearing::leave(request);
                Err(problem)
            }
        }
    }

    pub(super) fn named(&self, id: &str) -> Result<(&Arc<Jobs>, JobId), Problem> {
        Ok((self.jobs()?, JobId::parse(id).ok_or_else(|| self.unknown())?))
    }

    pub(super) fn shown(&self, id: JobId, progress: &Progress) -> serde_json::Value {
        let keep = u64::from(self.settings.keep_days) * DAY;
        let expires = now() + u64::from(self.settings.link_hours) * 3600;
        let signature = |form| Some(self.jobs.as_ref()?.signer().sign(Link { job: id, form, expires }));
        shown::job(&Shown { id, progress, keep, expires }, signature)
    }

    pub(super) fn answer(&self, status: StatusCode, id: JobId, progress: &Progress) -> Response {
        let heads = [(header::LOCATION, shown::address(id)), (header::CACHE_CONTROL, "no-store".to_owned())];
        (status, heads, Json(self.shown(id, progress))).into_response()
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
}
