//! The bytes of a form. Its reader looks for the ends of headers and for boundaries in all that has come: what it cannot pass on is
//! bounded here, since a form whose headers never end would otherwise be held in memory, and searched again with each piece.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;

use crate::api::body::linger;

/// Most bytes that the reader may hold back.
const MOST: u64 = 256 * 1024;

/// The reader holds back too much.
#[derive(Debug, thiserror::Error)]
#[error("a part's headers, or what stands before the first part, have more than {} KiB", MOST / 1024)]
pub(super) struct Endless;

/// A form's bytes; its clones are the same.
#[derive(Clone)]
pub(super) struct Source(Arc<Mutex<Inner>>);

struct Inner {
    pieces: BodyDataStream,
    /// Bytes since the reader has passed something on.
    held: u64,
    /// The reader, which reads for as long as there is something, was made to pass on what it has.
    paused: bool,
}

impl Source {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Inner { pieces: body.into_data_stream(), held: 0, paused: false })))
    }

    /// The reader has passed something on.
    pub(super) fn passed(&self) {
        let mut inner = self.0.lock();
        (inner.held, inner.paused) = (0, false);
    }

    /// Receives the rest for a while, and discards it.
    pub(super) fn discard(mut self) {
        linger(async move {
            self.passed();
            while let Some(Ok(_)) = self.next().await {
                self.passed();
            }
        });
    }
}

impl Stream for Source {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.0.lock();
        let full = inner.held > MOST;
        if full && !inner.paused {
            inner.paused = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        inner.pieces.poll_next_unpin(context).map(|piece| match piece? {
            Ok(_) if full => Some(Err(Endless.into())),
            Ok(piece) => {
                inner.held += piece.len() as u64;
                Some(Ok(piece))
            }
            Err(error) => Some(Err(error.into())),
        })
    }
}
