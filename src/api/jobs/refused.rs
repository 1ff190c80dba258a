//! Why something is not done with a job, as problems.

use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use visavis_jobs::{Refusal, StoreError};

use super::Office;
use crate::api::problem::Problem;

/// Seconds after which an address with all of its jobs asks again: they last for minutes or hours.
const SHARE_AGAIN: u32 = 60;

impl Office {
    pub(super) fn unknown(&self) -> Problem {
        let days = self.settings.keep_days;
        let detail = format!(
            "There is no job of this id; jobs are deleted {days} days after their end (jobs.keep_days), or when a client asks for it."
        );
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn refused(&self, refusal: Refusal) -> Problem {
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
}

/// The problem of a server that takes no jobs.
pub(super) fn no_jobs() -> Problem {
    let detail = "This server takes no jobs: its folder of jobs cannot be used, or jobs.disk_mb is 0. Its log says more.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).reason("no-jobs")
}

/// The problem of an address that has as many jobs as it may.
pub(super) fn share(most: u32) -> Problem {
    let detail = format!(
        "Your address has {most} jobs that are not over (jobs.per_address). Try again when one is over, cancel one, or send more \
         items in one job."
    );
    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).reason("address-full").retry_after(SHARE_AGAIN)
}

/// The problem of a link with fields that cannot be read.
pub(super) fn unsigned(rejection: &QueryRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("The link is not whole: {}.", rejection.body_text()))
}

/// The problem of a disk that does not take, or give, what it should.
pub(super) fn of_store(error: &StoreError) -> Problem {
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
