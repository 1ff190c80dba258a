//! Limits how slowly a response may be read, since it holds memory and a permit until it is sent.

use std::io;
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
    unless_too_slow(parts.map(Ok))
}

/// The same for parts that may break off by themselves.
pub(super) fn unless_too_slow(
    parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let state = (Box::pin(parts), Duration::ZERO, None::<Instant>);
    stream::unfold(Some(state), |state| async move {
        let (mut parts, mut waited, sent) = state?;
        waited += sent.map_or(Duration::ZERO, |sent| sent.elapsed());
        if waited > PATIENCE {
            return Some((Err(io::Error::new(io::ErrorKind::TimedOut, "the reader is too slow")), None));
        }
        let part = parts.next().await?;
        let goes_on = part.is_ok();
        Some((part, goes_on.then(|| (parts, waited, Some(Instant::now())))))
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
        // Time that the server takes does not count against the reader.
        let slow = parts().then(|part| async {
            tokio::time::sleep(PATIENCE).await;
            part
        });
        assert_eq!(patiently(slow).filter(|part| std::future::ready(part.is_ok())).count().await, 10);
    }
}
