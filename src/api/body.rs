//! A deadline on the bodies of requests, and what becomes of one that is refused.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Longest time for a body to arrive.
pub(crate) const UPLOAD: Duration = Duration::from_secs(60);
/// Least bytes a second of an upload, which may fall behind by [`UPLOAD`]: recordings are larger than all else.
const PACE: u64 = 64 * 1024;
/// How long the rest of a body that is refused is received and discarded: a client that only sends does not read the response
/// until everything is sent, and never does if its connection is cut before.
const LINGER: Duration = Duration::from_secs(10);

/// The addresses that take uploads.
#[derive(Debug, Clone)]
pub(crate) struct Uploads(Arc<[&'static str]>);

impl Uploads {
    /// These addresses, each without parts that vary.
    pub(crate) fn at(paths: impl IntoIterator<Item = &'static str>) -> Self {
        Self(paths.into_iter().collect())
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains(&path)
    }
}

/// The body did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive within {} seconds", UPLOAD.as_secs())]
pub(crate) struct TooSlow;

/// Puts a deadline on the request's body.
pub(crate) async fn in_time(State(uploads): State<Uploads>, request: Request, next: Next) -> Response {
    let is_upload = uploads.has(request.uri().path());
    let timed = |body: Body| {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Timed { body, due: Box::pin(tokio::time::sleep(UPLOAD)), is_upload })
    };
    next.run(request.map(timed)).await
}

/// Whether an error is, or comes from, a body that was too slow.
pub(crate) fn was_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<TooSlow>())
}

/// Receives the rest of a refused body for a while, piece by piece, and discards it.
pub(super) fn discard(mut pieces: BodyDataStream) {
    linger(async move { while let Some(Ok(_)) = pieces.next().await {} });
}

/// Lets the rest of a refused body be received for a while.
pub(super) fn linger(rest: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(tokio::time::timeout(LINGER, rest));
}

struct Timed {
    body: Body,
    due: Pin<Box<Sleep>>,
    /// Each byte that arrives puts the deadline off, though never further than [`UPLOAD`] from now.
    is_upload: bool,
}

impl Timed {
    /// Puts the deadline off for what has arrived: who was fast at first may not keep a permit for hours by silence.
    fn arrived(&mut self, bytes: usize) {
        let earned = Duration::from_micros(bytes as u64 * 1_000_000 / PACE);
        let due = (self.due.deadline() + earned).min(Instant::now() + UPLOAD);
        self.due.as_mut().reset(due);
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_pending() && self.due.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new(TooSlow))));
        }
        if self.is_upload
            && let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.arrived(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_an_address_of_uploads_has_more_time_for_a_body_that_keeps_its_pace() {
        let length = |body: Body| async move {
            let read = to_bytes(body, usize::MAX).await;
            read.map_or(StatusCode::REQUEST_TIMEOUT, |_| StatusCode::OK)
        };
        let routes = Router::new()
            .route("/batch", post(length))
            .route("/other", post(length))
            .layer(from_fn_with_state(Uploads::at(["/batch"]), in_time));
        for (path, expected) in [("/batch", StatusCode::OK), ("/other", StatusCode::REQUEST_TIMEOUT)] {
            let drip = futures_util::stream::unfold(0, |sent| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                (sent < 100).then(|| (Ok::<_, axum::Error>(Bytes::from(vec![0; 64 * 1024])), sent + 1))
            });
            let request = Request::post(path).body(Body::from_stream(drip)).unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), expected, "{path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_body_fails_at_the_deadline_and_a_complete_one_is_read() {
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(UPLOAD / 7).await;
            Some((Ok::<_, axum::Error>(Bytes::from_static(b"x")), ()))
        });
        let timed =
            |body| Body::new(Timed { body, due: Box::pin(tokio::time::sleep(UPLOAD)), is_upload: false });
        let error = to_bytes(timed(Body::from_stream(drip)), 100).await.unwrap_err();
        assert!(was_too_slow(&error), "{error:?}");
        let whole = to_bytes(timed(Body::from("hello")), 100).await.unwrap();
        assert_eq!(whole, "hello");
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_take_as_long_as_it_keeps_its_pace() {
        // A second's worth of bytes in so many seconds, a hundred times.
        let drip = |seconds: u64| {
            futures_util::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                (sent < 100).then(|| (Ok::<_, axum::Error>(Bytes::from(vec![0; 64 * 1024])), sent + 1))
            })
        };
        let timed =
            |body| Body::new(Timed { body, due: Box::pin(tokio::time::sleep(UPLOAD)), is_upload: true });
        let whole = to_bytes(timed(Body::from_stream(drip(1))), usize::MAX).await.unwrap();
        assert_eq!(whole.len(), 100 * 64 * 1024);
        let error = to_bytes(timed(Body::from_stream(drip(3))), usize::MAX).await.unwrap_err();
        assert!(was_too_slow(&error), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_was_fast_and_falls_silent_fails_as_soon_as_another() {
        let first = futures_util::stream::iter([Ok::<_, axum::Error>(Bytes::from(vec![0; 64 << 20]))]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        let due = Box::pin(tokio::time::sleep(UPLOAD));
        let began = Instant::now();
        let timed = Body::new(Timed { body, due, is_upload: true });
        let error = to_bytes(timed, usize::MAX).await.unwrap_err();
        assert!(was_too_slow(&error), "{error:?}");
        assert!(began.elapsed() < UPLOAD + Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
