//! Pieces that arrive one after another, and the ending after them.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use visavis_engine::EngineError;

/// What follows the last piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing: the stream ends.
    #[default]
    Done,
    /// This error, this long after the last piece.
    Fails { after: Duration, error: EngineError },
    /// Neither another piece nor an end.
    Never,
}

impl Ending {
    pub(crate) fn fails(error: EngineError) -> Self {
        Self::Fails { after: Duration::ZERO, error }
    }

    fn stream<T: Send + 'static>(self) -> BoxStream<'static, Result<T, EngineError>> {
        match self {
            Self::Done => stream::empty().boxed(),
            Self::Never => stream::pending().boxed(),
            Self::Fails { after, error } => {
                let failed = async move {
                    pass(after).await;
                    Err(error)
                };
                stream::once(failed).boxed()
            }
        }
    }
}

/// Yields the pieces, each after this pause, and then the ending.
pub(crate) fn timed<T: Send + 'static>(
    pieces: Vec<T>,
    pause: Duration,
    ending: Ending,
) -> BoxStream<'static, Result<T, EngineError>> {
    let pieces = stream::iter(pieces).then(move |piece| async move {
        pass(pause).await;
        Ok(piece)
    });
    pieces.chain(ending.stream()).boxed()
}

/// Waits this long; zero makes no timer, since a timer's step is a millisecond.
pub(crate) async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
