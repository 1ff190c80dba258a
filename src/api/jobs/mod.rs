//! Texts and recordings that are worked on behind everything else: `/api/jobs` and `/generate_batch`.
//!
//! - `texts`: what a request with texts asks for (pure); `upload`: requests on their way to the disk
//! - `worker`: does the items, by the rooms that serve requests
//! - `shown`: a job as clients see it, with links (pure); `events`: as it goes on
//! - `results`: results in one file, or as JSON
//! - this file: the handlers

mod events;
mod results;
mod shown;
pub(super) mod texts;
mod upload;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use visavis_jobs::actor::now;
use visavis_jobs::link::Link;
use visavis_jobs::queue::Bounds;
use visavis_jobs::{Form, JobId, Jobs, LinkFault, Progress, Refusal, Runner, Settings, StoreError};

use super::App;
use super::admit::admit;
use super::caller::Caller;
use super::hearing;
use super::problem::Problem;
use crate::admission::{Kind, Permit};
use crate::config::{self, Config};
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
    hearing: hearing::Desk,
    settings: config::Jobs,
}

impl FromRef<App> for Office {
    fn from_ref(app: &App) -> Self {
        let hearing = hearing::Desk::from_ref(app);
        Self { jobs: app.jobs.clone(), hearing, settings: app.config.jobs.clone() }
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
    let _permit = admit(&app, principal, Kind::Request)?;
    Office::from_ref(&app).submit(request).await
}

/// Takes a job of texts, and waits for it a little.
pub(super) async fn generate(
    State(app): State<App>,
    Caller(principal): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let permit = admit(&app, principal, Kind::Request)?;
    Office::from_ref(&app).generate(request, permit).await
}

/// The results of a job.
pub(super) async fn result(
    State(app): State<App>,
    Caller(principal): Caller,
    Path(id): Path<String>,
    signed: Result<Query<Signed>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(signed) = signed.map_err(|rejection| unsigned(&rejection))?;
    let permit = admit(&app, principal, Kind::Request)?;
    Office::from_ref(&app).result(&id, &signed, permit).await
}

/// How far a job is.
pub(super) async fn progress(
    State(office): State<Office>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (jobs, id) = office.named(&id)?;
    let progress = jobs.progress(id).ok_or_else(|| office.unknown())?;
    Ok(office.answer(StatusCode::OK, id, &progress))
}

/// Cancels a job.
pub(super) async fn cancel(
    State(office): State<Office>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (jobs, id) = office.named(&id)?;
    let progress = jobs.cancel(id).await.map_err(|refusal| office.refused(refusal))?;
    Ok(office.answer(StatusCode::OK, id, &progress))
}

/// Has the failed items of a job tried again.
pub(super) async fn retry(State(office): State<Office>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (jobs, id) = office.named(&id)?;
    let progress = jobs.retry(id).await.map_err(|refusal| office.refused(refusal))?;
    Ok(office.answer(StatusCode::ACCEPTED, id, &progress))
}

/// A job as it goes on.
pub(super) async fn follow(
    State(office): State<Office>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (jobs, id) = office.named(&id)?;
    let progress = jobs.watch(id).ok_or_else(|| office.unknown())?;
    let office = office.clone();
    Ok(events::sent(progress, move |progress| office.shown(id, progress)))
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
    async fn submit(&self, request: Request) -> Result<Response, Problem> {
        let jobs = self.jobs()?;
        let id = if is_json(&request) {
            upload::texts(self, jobs, request, texts::Form::Job).await?
        } else {
            upload::recordings(self, jobs, request).await?
        };
        let progress = jobs.progress(id).ok_or_else(|| self.unknown())?;
        Ok(self.answer(StatusCode::ACCEPTED, id, &progress))
    }

    /// Takes a job of texts, and responds with its results if they are soon there.
    async fn generate(&self, request: Request, permit: Permit) -> Result<Response, Problem> {
        let jobs = self.jobs()?;
        let id = upload::texts(self, jobs, request, texts::Form::Batch).await?;
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
        self.jobs.as_ref().ok_or_else(|| {
            let detail = "This server takes no jobs: its folder of jobs cannot be used, or jobs.disk_mb is 0. Its log says \
                          more.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).reason("no-jobs")
        })
    }

    fn named(&self, id: &str) -> Result<(&Arc<Jobs>, JobId), Problem> {
        Ok((self.jobs()?, JobId::parse(id).ok_or_else(|| self.unknown())?))
    }

    fn unknown(&self) -> Problem {
        let days = self.settings.keep_days;
        let detail = format!(
            "There is no job of this id; jobs are deleted {days} days after their end (jobs.keep_days)."
        );
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    fn refused(&self, refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Unknown => self.unknown(),
            Refusal::Cancelled => {
                let detail = "The job was cancelled; send its items as a new one.";
                Problem::new(StatusCode::CONFLICT, detail).reason("cancelled")
            }
            Refusal::NothingFailed => {
                let detail = "None of the job's items has failed, so there is nothing to retry.";
                Problem::new(StatusCode::CONFLICT, detail).reason("nothing-failed")
            }
            Refusal::Retries(_) => {
                Problem::new(StatusCode::CONFLICT, format!("{refusal}.")).reason("retries")
            }
            Refusal::Store(error) => of_store(&error),
            Refusal::Stopping => {
                let detail = "The server stops. Try again in a moment.";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
            }
        }
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

fn unsigned(rejection: &QueryRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("The link is not whole: {}.", rejection.body_text()))
}

/// The problem of a disk that does not take, or give, what it should.
fn of_store(error: &StoreError) -> Problem {
    if error.is_too_large() {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The job is too large: {error}."));
    }
    if error.lacks_room() {
        let detail = format!("The job cannot be kept: {error}. Try again when there is room.");
        return Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail).reason("no-room");
    }
    tracing::error!(%error, "the folder of jobs fails (jobs.dir)");
    let detail = "The server's folder of jobs (jobs.dir) fails; see its log.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

#[cfg(test)]
mod tests;
