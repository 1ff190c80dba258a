//! Has the language model write one response for a program. Calls go before it: it waits for their turns, and takes none of their slots.
//!
//! A client that leaves ends the work: the engine notices that its reader is gone, and the permit is given back.

use std::future::ready;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;
use uuid::Uuid;

use super::error::ApiError;
use super::reply::{Chunks, Head, Shape, Streamed, Whole, fault};
use crate::admission::{Kind, Permit, Principal};
use crate::api::App;
use crate::api::admit::admit;
use crate::api::sending::patiently;
use crate::engine::{Caller, EngineError, Llm, LlmPiece, LlmRequest};

/// Longest wait for the first piece of a response: until then calls may have all of the engine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a proxy and a browser must not do with events.
const EVENTS: [(&str, &str); 3] =
    [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")];

type Pieces = BoxStream<'static, Result<LlmPiece, EngineError>>;

/// A response that is wanted, and how it is sent.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) request: LlmRequest,
    /// None: whole.
    pub(super) streamed: Option<Streamed>,
    pub(super) head: Head,
}

/// What is told of a response that begins now.
pub(super) fn head(shape: Shape, model: String) -> Head {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Head { shape, id: Uuid::new_v4().simple().to_string(), created: now.as_secs(), model }
}

/// Writes a response with the server's language model, if there is room for the request.
///
/// # Errors
/// If there is no room for it, the engine fails, or the model writes nothing.
pub(super) async fn serve(app: &App, principal: Principal, order: Order) -> Result<Response, ApiError> {
    check_ready(app)?;
    let caller = Caller { user: principal.user().into(), ..Caller::default() };
    let permit = admit(app, principal, Kind::Request)?;
    let order = Order { request: LlmRequest { caller, ..order.request }, ..order };
    write(app.fleet.llm.engine.as_ref(), order, permit).await
}

fn check_ready(app: &App) -> Result<(), ApiError> {
    let status = app.fleet.llm.status.borrow();
    if status.ready {
        return Ok(());
    }
    let message = format!("The language model {}. Try again in a moment.", status.message);
    Err(ApiError::busy(message).code("not_ready").retry_after(2))
}

/// Writes a response. The permit is given back when the last of it is sent or its reader has gone.
async fn write(llm: &dyn Llm, order: Order, permit: Permit) -> Result<Response, ApiError> {
    let Order { request, streamed, head } = order;
    let pieces = begun(llm, request).await?;
    match streamed {
        Some(streamed) => Ok(events(pieces, Chunks::new(head, streamed), permit)),
        None => whole(pieces, Whole::new(head)).await,
    }
}

/// Waits for the first piece, so that what is wrong has a status of its own.
async fn begun(llm: &dyn Llm, request: LlmRequest) -> Result<Pieces, EngineError> {
    let first = async {
        let mut pieces = llm.generate(request).await?;
        let first = pieces.next().await.transpose()?;
        Ok::<Pieces, EngineError>(stream::iter(first.map(Ok)).chain(pieces).boxed())
    };
    timeout(PATIENCE, first.boxed()).await.unwrap_or(Err(EngineError::Deadline))
}

async fn whole(mut pieces: Pieces, mut whole: Whole) -> Result<Response, ApiError> {
    while let Some(piece) = pieces.next().await {
        whole.take(piece?);
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(whole.body())).into_response())
}

/// A response that is being sent.
struct Sending {
    pieces: Pieces,
    chunks: Chunks,
    /// Held until it is sent.
    _permit: Permit,
}

fn events(pieces: Pieces, chunks: Chunks, permit: Permit) -> Response {
    let begin = chunks.begin();
    let sending = Sending { pieces, chunks, _permit: permit };
    let events = stream::unfold(Some(sending), |sending| async move {
        let mut sending = sending?;
        Some(match sending.pieces.next().await {
            Some(Ok(piece)) => (sending.chunks.take(piece), Some(sending)),
            Some(Err(error)) => (fault(&error.into()), None),
            None => (sending.chunks.end(), None),
        })
    });
    let events = stream::iter([begin]).chain(events);
    let events = events.filter(|event| ready(!event.is_empty())).map(Bytes::from);
    (EVENTS, Body::from_stream(patiently(events))).into_response()
}

#[cfg(test)]
mod tests;
