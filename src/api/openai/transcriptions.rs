//! `POST /v1/audio/transcriptions` and `POST /v1/audio/translations`.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use visavis_listening::ListenError;
use visavis_listening::listen::{Event, listen};

use super::error::ApiError;
use super::transcript::{Asked, Task, check_model, delta, done, failed, page};
use crate::admission::Permit;
use crate::api::hearing::{Admitted, Desk, Fault, Recording, heard, read};
use crate::api::problem::Problem;
use crate::api::sending::patiently;

/// A recording as text, in its language.
///
/// # Errors
/// In OpenAI's form.
pub(in crate::api) async fn transcriptions(
    State(desk): State<Desk>,
    admitted: Result<Admitted, Problem>,
) -> Result<Response, ApiError> {
    let Admitted { request, permit } = admitted?;
    answered(desk, permit, Task::Transcribe, request).await
}

/// A recording as English text.
///
/// # Errors
/// In OpenAI's form.
pub(in crate::api) async fn translations(
    State(desk): State<Desk>,
    admitted: Result<Admitted, Problem>,
) -> Result<Response, ApiError> {
    let Admitted { request, permit } = admitted?;
    answered(desk, permit, Task::Translate, request).await
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Problem::from(fault).into()
    }
}

async fn answered(desk: Desk, permit: Permit, task: Task, request: Request) -> Result<Response, ApiError> {
    let mut upload = read(&desk, request).await?;
    if task == Task::Translate {
        desk.check_translates()?;
    }
    check_model(&upload.fields)?;
    let asked = Asked::of(&upload.fields, task)?;
    let order = asked.order(desk.language(&upload.fields)?);
    let Recording { file, .. } = upload.one()?;
    if asked.stream {
        let events = listen(file, order, desk.engines);
        return Ok(Streaming { events, permit, text: String::new() }.response().await?);
    }
    // Dropped when the client leaves, and the work with it.
    let heard = heard(file, order, desk.engines).await?;
    let page = page(&heard, &asked);
    Ok(([(header::CONTENT_TYPE, page.kind), (header::CACHE_CONTROL, "no-store")], page.body).into_response())
}

/// A transcript that is sent as it is heard.
struct Streaming {
    events: mpsc::Receiver<Result<Event, ListenError>>,
    permit: Permit,
    /// What was sent.
    text: String,
}

impl Streaming {
    /// Waits for the first event, so that errors in the request have their status.
    async fn response(mut self) -> Result<Response, Fault> {
        let first = self.events.recv().await.ok_or_else(Fault::broken)??;
        let (first, more) = self.told(Ok(first));
        let rest = stream::unfold(more.then_some(self), |streaming| async move {
            let mut streaming = streaming?;
            let event = streaming.events.recv().await?;
            let (told, more) = streaming.told(event);
            Some((told, more.then_some(streaming)))
        });
        let lines = stream::iter([first]).chain(rest).map(Bytes::from);
        let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
        Ok((head, Body::from_stream(patiently(lines))).into_response())
    }

    /// The event as clients know it, and whether more come.
    fn told(&mut self, event: Result<Event, ListenError>) -> (String, bool) {
        // The permit is held until the last event is sent.
        _ = &self.permit;
        match event {
            Ok(Event::Segment(segment)) => {
                let glued = segment.words.first().is_some_and(|word| word.glued);
                let space = if self.text.is_empty() || glued { "" } else { " " };
                let more = format!("{space}{}", segment.text());
                self.text.push_str(&more);
                (delta(&more), true)
            }
            Ok(Event::End(end)) => (done(&self.text, end.seconds), false),
            Err(error) => (failed(&ApiError::from(Fault::from(error)).body()), false),
        }
    }
}

#[cfg(test)]
mod tests;
