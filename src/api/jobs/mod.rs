//! Texts and recordings that are worked on behind everything else: `/api/jobs` and `/generate_batch`.
//!
//! - `texts`: what a request with texts asks for (pure); `upload`: requests on their way to the disk
//! - `worker`: does the items, by the rooms that serve requests
//! - `shares` (pure): how many jobs each address has; `deleted` (pure): jobs that are there no more; `books`: both
//! - `shown`: a job as clients see it, with links (pure); `events`: as it goes on
//! - `results`: results in one file, or as JSON
//! - `refused`: why something is not done, as problems
//! - this file: the handlers

mod books;
mod deleted;
mod events;
mod refused;
mod results;
mod shares;
mod shown;
pub(super) mod texts;
mod upload;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use visavis_jobs::actor::now;
use visavis_jobs::link::Link;
use visavis_jobs::queue::Bounds;
use visavis_jobs::{Form, JobId, Jobs, LinkFault, Progress, Runner, Settings, StoreError};

use super::App;
use super::admit::admit;
use super::caller::Caller;
use super::hearing;
use super::part::Part;
use super::problem::{Problem, broken};
use super::speech;
use crate::admission::{Kind, Permit, Principal};
use crate::config::{self, Config};
pub use books::Books;
use books::Place;
use refused::{of_store, unsigned};
use shown::Shown;
use worker::Hands;

/// Recordings that are transcribed at once: the recogniser takes all cores for each.
const RECORDINGS: usize = 1;
const DAY: u64 = 24 * 3600;
const MEBIBYTE: u64 = 1 << 20;

/// The parts of the server that take jobs.
#[derive(Clone)]
pub(super) struct Office {
    /// None: the folder of jobs cannot be used, or there is to be none.
    jobs: Option<Arc<Jobs>>,
    books: Arc<Books>,
    speech: Arc<speech::Desk>,
    hearing: hearing::Desk,
    settings: config::Jobs,
}

impl FromRef<App> for Office {
    fn from_ref(app: &App) -> Self {
        Self {
            jobs: app.jobs.clone(),
            books: app.job_books.clone(),
            speech: app.speech.clone(),
            hearing: hearing::Desk::from_ref(app),
            settings: app.config.jobs.clone(),
        }
    }
}

/// Opens the folder of jobs; none, with the reason in the log, if it cannot be used.
#[must_use]
pub fn open(config: &Config) -> Option<(Arc<Jobs>, Runner)> {
    let own = &config.jobs;
    if own.disk_mb == 0 {
        return None;
    }
    let bounds = Bounds {
        speech: own.at_once as usize,
        transcription: RECORDINGS,
        keep: u64::from(own.keep_days) * DAY,
    };
    let folder = config.jobs_dir();
    let settings = Settings { folder, most: u64::from(own.disk_mb) * MEBIBYTE, bounds };
    Jobs::open(&settings)
        .inspect_err(|error| {
            let folder = settings.folder.display();
            tracing::warn!(%folder, %error, "no jobs are taken");
        })
        .ok()
}

/// Does jobs; never completes.
pub async fn keep(app: App, runner: Option<Runner>) {
    match runner {
        Some(runner) => runner.run(Arc::new(Hands::of(&app))).await,
        None => std::future::pending().await,
    }
}

/// Takes a job of texts or recordings.
pub(super) async fn submit(
    State(app): State<App>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let _permit = admit(&app, principal.clone(), Kind::Request)?;
    Office::from_ref(&app).submit(request, principal).await
}

/// Takes a job of texts, and waits for it a little.
pub(super) async fn generate(
    State(app): State<App>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let permit = admit(&app, principal.clone(), Kind::Request)?;
    Office::from_ref(&app).generate(request, principal, permit).await
}

/// The results of a job.
pub(super) async fn result(
    State(app): State<App>,
    Caller(principal): Caller,
    Part(id): Part,
    signed: Result<Query<Signed>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(signed) = signed.map_err(|rejection| unsigned(&rejection))?;
    let permit = admit(&app, principal, Kind::Request)?;
    Office::from_ref(&app).result(&id, &signed, permit).await
}

/// How far a job is.
pub(super) async fn progress(State(office): State<Office>, Part(id): Part) -> Result<Response, Problem> {
    let (jobs, id) = office.named(&id)?;
    let progress = jobs.progress(id).ok_or_else(|| office.unknown())?;
    Ok(office.answer(StatusCode::OK, id, &progress))
}

/// Cancels a job; what is done of it stays.
pub(super) async fn cancel(State(office): State<Office>, Part(id): Part) -> Result<Response, Problem> {
    let (jobs, id) = office.named(&id)?;
    let progress = jobs.cancel(id).await.map_err(|refusal| office.refused(refusal))?;
    Ok(office.answer(StatusCode::OK, id, &progress))
}

/// Has the failed items of a job tried again.
pub(super) async fn retry(
    State(app): State<App>,
    Caller(principal): Caller,
    Part(id): Part,
) -> Result<Response, Problem> {
    Office::from_ref(&app).retry(&id, principal).await
}

/// Deletes a job with all that it has; one that goes on is cancelled first.
pub(super) async fn delete(State(office): State<Office>, Part(id): Part) -> Result<StatusCode, Problem> {
    office.delete(&id).await
}

/// A job as it goes on.
pub(super) async fn follow(
    State(app): State<App>,
    Caller(principal): Caller,
    Part(id): Part,
) -> Result<Response, Problem> {
    let permit = admit(&app, principal, Kind::Following)?;
    Office::from_ref(&app).follow(&id, permit)
}

/// A request that may bring a job.
struct Seated {
    request: Request,
    place: Option<Place>,
}

/// The fields of a signed link.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Signed {
    format: Option<String>,
    expires: Option<u64>,
    signature: Option<String>,
}

impl Office {
    /// Takes a job of texts or recordings.
    async fn submit(&self, request: Request, whose: Principal) -> Result<Response, Problem> {
        let jobs = self.jobs()?;
        let Seated { request, place } = self.seated(jobs, request, whose)?;
        let id = if is_json(&request) {
            upload::texts(self, jobs, request, texts::Form::Job).await?
        } else {
            upload::recordings(self, jobs, request).await?
        };
        fill(place, id);
        let progress = jobs.progress(id).ok_or_else(|| self.unknown())?;
        Ok(self.answer(StatusCode::ACCEPTED, id, &progress))
    }

    /// Takes a job of texts, and responds with its results if they are soon there.
    async fn generate(
        &self,
        request: Request,
        whose: Principal,
        permit: Permit,
    ) -> Result<Response, Problem> {
        let jobs = self.jobs()?;
        let Seated { request, place } = self.seated(jobs, request, whose)?;
        let id = upload::texts(self, jobs, request, texts::Form::Batch).await?;
        fill(place, id);
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
    async fn retry(&self, id: &str, whose: Principal) -> Result<Response, Problem> {
        let (jobs, id) = self.named(id)?;
        let is_over = jobs.progress(id).is_some_and(|progress| progress.status.is_over());
        let place = if is_over { self.place(jobs, whose)? } else { None };
        let progress = jobs.retry(id).await.map_err(|refusal| self.refused(refusal))?;
        fill(place, id);
        Ok(self.answer(StatusCode::ACCEPTED, id, &progress))
    }

    /// Deletes a job. The queue has its number of items until its time is over; nothing else of it stays.
    async fn delete(&self, id: &str) -> Result<StatusCode, Problem> {
        let (jobs, id) = self.named(id)?;
        let progress = jobs.cancel(id).await.map_err(|refusal| self.refused(refusal))?;
        if !self.books.delete(jobs, id, progress.spec.items) {
            return Err(self.too_many_deleted());
        }
        let store = jobs.store().clone();
        let removed = tokio::task::spawn_blocking(move || store.remove(id)).await.map_err(|_| broken())?;
        match removed {
            // Another request was faster.
            Err(StoreError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                self.books.keep(id);
                return Err(of_store(&error));
            }
            Ok(()) => {}
        }
        Ok(StatusCode::NO_CONTENT)
    }

    /// A job as it goes on.
    fn follow(&self, id: &str, permit: Permit) -> Result<Response, Problem> {
        let (jobs, id) = self.named(id)?;
        let progress = jobs.watch(id).ok_or_else(|| self.unknown())?;
        let office = self.clone();
        Ok(events::sent(progress, permit, move |progress| office.shown(id, progress)))
    }

    /// The results of a job, for who has a link to them.
    async fn result(&self, id: &str, signed: &Signed, permit: Permit) -> Result<Response, Problem> {
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

    fn jobs(&self) -> Result<&Arc<Jobs>, Problem> {
        self.jobs.as_ref().ok_or_else(refused::no_jobs)
    }

    /// A place for one more job of this client; none: it has no share.
    fn place(&self, jobs: &Jobs, whose: Principal) -> Result<Option<Place>, Problem> {
        let most = self.settings.per_address;
        if most == 0 || whose == Principal::Anonymous {
            return Ok(None);
        }
        let place = self.books.place(jobs, whose, most as usize);
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

    fn named(&self, id: &str) -> Result<(&Arc<Jobs>, JobId), Problem> {
        let jobs = self.jobs()?;
        let id = JobId::parse(id).filter(|id| !self.books.is_deleted(*id));
        Ok((jobs, id.ok_or_else(|| self.unknown())?))
    }

    fn shown(&self, id: JobId, progress: &Progress) -> serde_json::Value {
        let keep = u64::from(self.settings.keep_days) * DAY;
        let expires = now() + u64::from(self.settings.link_hours) * 3600;
        let signature = |form| Some(self.jobs.as_ref()?.signer().sign(Link { job: id, form, expires }));
        shown::job(&Shown { id, progress, keep, expires }, signature)
    }

    fn answer(&self, status: StatusCode, id: JobId, progress: &Progress) -> Response {
        let heads = [(header::LOCATION, shown::address(id)), (header::CACHE_CONTROL, "no-store".to_owned())];
        (status, heads, Json(self.shown(id, progress))).into_response()
    }
}

/// Notes whose job has come.
fn fill(place: Option<Place>, job: JobId) {
    if let Some(place) = place {
        place.fill(job);
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

#[cfg(test)]
mod tests;
