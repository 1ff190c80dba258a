//! Limits how slowly a response may be read, since it holds memory and a permit until it is sent.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::Instant;

/// Longest total time that a response's parts wait for their reader.
const PATIENCE: Duration = Duration::from_secs(120);

/// Passes the parts on, and breaks off once the reader has kept them waiting for too long.
pub(super) fn patiently(
    parts: impl Stream<Item = Bytes> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    while_it_plays(parts.map(|bytes| Ok(Played { bytes, lasts: Duration::ZERO })))
}

/// A part of a sound.
pub(super) struct Played {
    /// The part.
    pub(super) bytes: Bytes,
    /// How long it is heard.
    pub(super) lasts: Duration,
}

/// What is sent to a reader, and how slow it was so far.
struct Sending<S> {
    parts: Pin<Box<S>>,
    waited: Duration,
    /// How long it may have waited.
    patience: Duration,
    /// When it got the last part.
    sent: Option<Instant>,
}

/// The same for a sound that grows, and may break off by itself: a player reads no faster than it plays, and has as much more time.
pub(super) fn while_it_plays(
    parts: impl Stream<Item = io::Result<Played>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = Sending { parts: Box::pin(parts), waited: Duration::ZERO, patience: PATIENCE, sent: None };
    stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        state.waited += state.sent.map_or(Duration::ZERO, |sent| sent.elapsed());
        if state.waited > state.patience {
            return Some((Err(io::Error::new(io::ErrorKind::TimedOut, "the reader is too slow")), None));
        }
        match state.parts.next().await? {
            Ok(Played { bytes, lasts }) => {
                state.patience += lasts;
                state.sent = Some(Instant::now());
                Some((Ok(bytes), Some(state)))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_response_to_a_slow_reader_is_broken_off() {
        let parts = || stream::repeat(Bytes::from_static(b"x")).take(10);
        for (pause, whole) in [(Duration::from_secs(10), true), (Duration::from_secs(30), false)] {
            let mut sent = std::pin::pin!(patiently(parts()));
            let mut read = 0;
            let mut broken = false;
            while let Some(part) = sent.next().await {
                read += usize::from(part.is_ok());
                broken |= part.is_err();
                tokio::time::sleep(pause).await;
            }
            assert_eq!((read == 10, broken), (whole, !whole), "{pause:?}: {read}");
        }
        // A player that has had 1,000 s of sound has not waited for too long after 300 s.
        let sound = || parts().map(|bytes| Ok(Played { bytes, lasts: Duration::from_secs(100) }));
        let mut sent = std::pin::pin!(while_it_plays(sound()));
        let mut read = 0;
        while let Some(part) = sent.next().await {
            read += part.unwrap().len();
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        assert_eq!(read, 10);
        // Time that the server takes does not count against the reader.
        let slow = parts().then(|part| async {
            tokio::time::sleep(PATIENCE).await;
            part
        });
        assert_eq!(patiently(slow).filter(|part| std::future::ready(part.is_ok())).count().await, 10);
    }
}
