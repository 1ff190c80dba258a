//! The face of a call as a stream of JSON, for clients that are neither a page nor a renderer.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;

use super::App;
use super::part::Part;
use super::problem::Problem;
use crate::ports::FaceMoment;
use crate::renderers::azure::Rows;
use crate::renderers::due::Due;
use crate::renderers::lines::Line;

/// The query of `GET /api/calls/{id}/face`.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    #[serde(default)]
    format: Format,
}

/// The format of a line.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Weights and head of a face.
    #[default]
    Weights,
    /// Rows in the format of Azure's speech service.
    Azure,
}

/// Streams the face from now until the call ends, each moment when its sound leaves the server. A slow reader misses
/// moments.
///
/// # Errors
/// If there is no such call, or it has no face.
pub async fn face(
    State(app): State<App>,
    Part(id): Part,
    headers: HeaderMap,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "format must be \"weights\" or \"azure\"").field("format")
    })?;
    if !app.config.avatar.enabled {
        let detail = "This server computes no faces (avatar.enabled is false).";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    let moments = app.calls.watch_face(&id).ok_or_else(|| {
        let detail = format!("There is no call {id:?}; it may have ended.");
        Problem::new(StatusCode::NOT_FOUND, detail).field("id")
    })?;
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    let events = accepted.contains("text/event-stream");
    let reader = Reader { moments, due: Due::default(), format: query.format, rows: Rows::default(), events };
    let lines = stream::unfold(reader, |mut reader| async move {
        let line = reader.line().await?;
        Some((Ok::<_, std::convert::Infallible>(line), reader))
    });
    let kind = if events { "text/event-stream" } else { "application/x-ndjson" };
    let heads = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    Ok((heads, Body::from_stream(lines)).into_response())
}

struct Reader {
    moments: Receiver<FaceMoment>,
    due: Due,
    format: Format,
    rows: Rows,
    events: bool,
}

impl Reader {
    /// The next line; none when the call has ended.
    async fn line(&mut self) -> Option<Bytes> {
        loop {
            let next = self.due.next();
            let next = next.map_or_else(|| Instant::now() + Duration::from_secs(3600), Instant::from_std);
            tokio::select! {
                received = self.moments.recv() => match received {
                    Ok(moment) => self.due.push(moment),
                    Err(RecvError::Lagged(missed)) => {
                        metrics::counter!("visavis_face_moments_missed_total").increment(missed);
                    }
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep_until(next) => {
                    if let Some(line) = self.due.take(Instant::now().into_std()).and_then(|it| self.line_of(&it)) {
                        return Some(line);
                    }
                }
            }
        }
    }

    fn line_of(&mut self, moment: &FaceMoment) -> Option<Bytes> {
        let FaceMoment { response, timestamp, ref face, .. } = *moment;
        match self.format {
            Format::Weights => self.encode(&Line { response, timestamp, frame: face.into() }),
            Format::Azure => {
                let rows = self.rows.push(response, timestamp, face)?;
                self.encode(&rows)
            }
        }
    }

    fn encode(&self, line: &impl Serialize) -> Option<Bytes> {
        let json = serde_json::to_string(line).ok()?;
        Some(if self.events { format!("data: {json}\n\n") } else { json + "\n" }.into())
    }
}
