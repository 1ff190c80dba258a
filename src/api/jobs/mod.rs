//! Texts and recordings that are worked on behind everything else: `/api/jobs` and `/generate_batch`.
//!
//! - `texts`: what a request with texts asks for (pure); `upload`: requests on their way to the disk
//! - `worker`: does the items, by the rooms that serve requests
//! - `shares`: how many jobs each address has (pure); `places`: those of jobs on their way
//! - `shown`: a job as clients see it, with links (pure); `events`: as it goes on
//! - `results`: results in one file, or as JSON
//! - `office`: the parts of the server that take jobs, and what becomes of each request
//! - `refused`: why something is not done, as problems
//! - this file: the handlers

mod events;
mod office;
mod places;
mod refused;
mod results;
mod shares;
mod shown;
pub(super) mod texts;
mod upload;
mod worker;

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use visavis_jobs::queue::Bounds;
use visavis_jobs::{Jobs, Runner, Settings};

use super::App;
use super::admit::admit;
use super::caller::Caller;
use super::part::Part;
use super::problem::Problem;
use crate::admission::Kind;
use crate::config::Config;
use office::{Office, Signed};
pub use places::Places;
use refused::unsigned;
use worker::Hands;

/// Recordings that are transcribed at once: the recogniser takes all cores for each.
const RECORDINGS: usize = 1;
const DAY: u64 = 24 * 3600;
const MEBIBYTE: u64 = 1 << 20;

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

#[cfg(test)]
mod tests;
