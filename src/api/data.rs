//! Deletes what is kept of a call, when a caller asks for it.

use axum::extract::State;
use axum::http::StatusCode;
use visavis_store::{CallId, StoreError};

use super::App;
use super::part::Part;
use super::problem::Problem;

/// Deletes all that is kept of a call, and keeps nothing of it from now on, even if it goes on.
///
/// # Errors
/// If no call can have this id, or the store cannot be reached.
pub async fn forget(State(app): State<App>, Part(id): Part) -> Result<StatusCode, Problem> {
    let Some(call) = CallId::new(&id) else {
        let detail =
            format!("There is no call {id:?}: an id is 1 to {} letters and digits.", CallId::LONGEST);
        return Err(Problem::new(StatusCode::NOT_FOUND, detail).field("id"));
    };
    // Without a store nothing is kept.
    if let Some(saver) = &app.saver {
        saver.forget(&call).await.map_err(|error| not_now(&error))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn not_now(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the data of a call cannot be deleted now");
    let detail = "The store of calls cannot be reached, so the data of this call may be there still. Try again in a moment.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5).reason("store-unreachable")
}
