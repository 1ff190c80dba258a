//! A file that grows while it is sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use visavis_speech::flights::Reader;
use visavis_speech::{Coded, Origin, Slot, Times, Whole};

use super::events::{AT_ONCE, Told, done, failed, piece};
use super::fault::Fault;
use super::{Order, Ready};
use crate::api::sending::{Played, while_it_plays};
use crate::engine::EngineError;
use crate::frame::OUT_RATE;

/// A file with its first bytes available. Dropping it stops the work, unless another request wants it.
pub(in crate::api) struct Growing {
    first: Arc<Coded>,
    reader: Reader<Slot, Coded>,
    /// It was begun for somebody else.
    shared: bool,
}

impl Growing {
    /// Waits for the first piece.
    ///
    /// # Errors
    /// If the voice fails or refuses before.
    pub(super) async fn begun(mut reader: Reader<Slot, Coded>, shared: bool) -> Result<Self, Fault> {
        match reader.next().await {
            Some(first) => Ok(Self { first: first?, reader, shared }),
            None => Err(Fault::Failed),
        }
    }

    pub(super) fn origin(&self) -> Origin {
        match self.first.origin {
            Origin::Engine if self.shared => Origin::Shared,
            origin => origin,
        }
    }

    /// The whole file, if its first piece is its last.
    pub(super) fn whole(&self) -> Option<Arc<Whole>> {
        self.first.whole.clone()
    }

    pub(super) fn into_reader(self) -> Reader<Slot, Coded> {
        self.reader
    }

    /// All pieces.
    fn pieces(self) -> impl Stream<Item = Result<Arc<Coded>, EngineError>> + Send {
        let Self { first, reader, .. } = self;
        let rest = stream::unfold(reader, |mut reader| async move {
            let next = reader.next().await?;
            Some((next, reader))
        });
        stream::once(std::future::ready(Ok(first))).chain(rest)
    }

    /// The file as a body. If the voice fails, the connection is aborted, so that no client takes the part for the whole.
    pub(super) fn body(self) -> Body {
        body(self.pieces().map(|coded| match coded {
            Ok(coded) => Ok(Played { bytes: coded.bytes.clone(), lasts: lasts(coded.samples) }),
            Err(error) => Err(broken_off(error)),
        }))
    }
}

fn broken_off(error: EngineError) -> io::Error {
    // Logs the error, where that is due.
    _ = Fault::from(error);
    io::Error::other("the voice failed")
}

/// The response as server-sent events.
pub(in crate::api) fn as_events(ready: Ready, order: &Order, told: Told) -> Response {
    let characters = order.characters;
    let body = match ready {
        Ready::Whole(whole, _) => {
            let first = Played { bytes: piece(&[], &whole.times, told), lasts: lasts(whole.samples) };
            let last = done(characters, whole.samples);
            let length = whole.bytes.len();
            // One by one: a long file in base64 would be in memory twice.
            let sound = stream::iter((0..length).step_by(AT_ONCE))
                .map(move |at| piece(&whole.bytes[at..length.min(at + AT_ONCE)], &Times::default(), told));
            body(one(first).chain(sound.map(at_once)).chain(one(at_once(last))).map(Ok))
        }
        Ready::Growing(growing) => {
            let state = Some((Box::pin(growing.pieces()), 0_u64));
            let parts = stream::unfold(state, move |state| async move {
                let (mut pieces, samples) = state?;
                let part: (Played, _) = match pieces.next().await {
                    Some(Ok(coded)) => {
                        let bytes = piece(&coded.bytes, &coded.times, told);
                        let part = Played { bytes, lasts: lasts(coded.samples) };
                        (part, Some((pieces, samples + coded.samples)))
                    }
                    Some(Err(error)) => {
                        _ = broken_off(error);
                        (at_once(failed()), None)
                    }
                    None => (at_once(done(characters, samples)), None),
                };
                Some(part)
            });
            body(parts.map(Ok))
        }
    };
    let heads = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (heads, body).into_response()
}

fn one(part: Played) -> impl Stream<Item = Played> + Send {
    stream::once(std::future::ready(part))
}

/// A part whose reader is gone.
fn at_once(bytes: Bytes) -> Played {
    Played { bytes, lasts: Duration::ZERO }
}

fn lasts(samples: u64) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(OUT_RATE))
}

/// Parts as a body. Some have no bytes yet: an encoder keeps them, or there is nothing to tell.
fn body(parts: impl Stream<Item = io::Result<Played>> + Send + 'static) -> Body {
    let sent = |part: &io::Result<Bytes>| std::future::ready(!part.as_ref().is_ok_and(Bytes::is_empty));
    Body::from_stream(while_it_plays(parts).filter(sent))
}
