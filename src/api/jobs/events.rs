//! How far a job is, as server-sent events.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::watch;
use visavis_jobs::Progress;

use crate::admission::Permit;
use crate::api::sending::patiently;

/// Longest silence: proxies cut connections on which nothing moves.
const BEAT: Duration = Duration::from_secs(15);
/// Least time between two events: what changes within it is told at once.
const GAP: Duration = Duration::from_millis(100);

/// Who follows a job.
struct Following<S> {
    progress: watch::Receiver<Progress>,
    show: S,
    /// How long to wait before the next event.
    gap: Duration,
    _permit: Permit,
}

/// An event `progress` for each change, the first one at once, and `end` as the last one. The permit is held until then, or until
/// nobody listens any more.
pub(super) fn sent(
    mut progress: watch::Receiver<Progress>,
    permit: Permit,
    show: impl Fn(&Progress) -> Value + Send + 'static,
) -> Response {
    progress.mark_changed();
    let state = Some(Following { progress, show, gap: Duration::ZERO, _permit: permit });
    let events = stream::unfold(state, |state| async move {
        let mut state: Following<_> = state?;
        tokio::time::sleep(std::mem::replace(&mut state.gap, GAP)).await;
        match tokio::time::timeout(BEAT, state.progress.changed()).await {
            Err(_) => Some((Bytes::from_static(b": the job goes on\n\n"), Some(state))),
            // The job's time is over.
            Ok(Err(_)) => None,
            Ok(Ok(())) => {
                let now = state.progress.borrow_and_update().clone();
                let is_over = now.status.is_over();
                let event = event(if is_over { "end" } else { "progress" }, &(state.show)(&now));
                Some((event, (!is_over).then_some(state)))
            }
        }
    });
    let heads = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (heads, Body::from_stream(patiently(events))).into_response()
}

fn event(name: &str, job: &Value) -> Bytes {
    format!("event: {name}\ndata: {job}\n\n").into()
}
