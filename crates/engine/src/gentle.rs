//! A voice for work without a call, which leaves most of the cores to calls while there are any, and most of the engine's queue always.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::Semaphore;

use super::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

type Calls = Box<dyn Fn() -> bool + Send + Sync>;

/// Marks the requests that are made while there are calls as [`TtsRequest::gentle`].
pub struct GentleTts {
    inner: Arc<dyn Tts>,
    calls: Calls,
    /// Limits the requests that are at the engine at once.
    waited: Arc<Semaphore>,
    /// Limits background requests, which take no permit from the requests that somebody waits for.
    unhurried: Arc<Semaphore>,
}

impl GentleTts {
    /// `calls`: whether there are calls now. `at_once`: how many requests may be at the engine at once, beside half as many
    /// background
    /// requests. Further ones wait here, in order.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Tts>,
        calls: impl Fn() -> bool + Send + Sync + 'static,
        at_once: usize,
    ) -> Self {
        let turns = |count: usize| Arc::new(Semaphore::new(count.max(1)));
        Self { inner, calls: Box::new(calls), waited: turns(at_once), unhurried: turns(at_once / 2) }
    }
}

#[async_trait]
impl Tts for GentleTts {
    fn capabilities(&self) -> TtsCapabilities {
        self.inner.capabilities()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let closed = |_| EngineError::Unavailable("no more work beside calls is taken".into());
        let turns = if request.waited { &self.waited } else { &self.unhurried };
        let turn = turns.clone().acquire_owned().await.map_err(closed)?;
        let parts = self.inner.synthesize(TtsRequest { gentle: (self.calls)(), ..request }).await?;
        // The turn ends when the stream is dropped.
        Ok(parts.inspect(move |_| _ = &turn).boxed())
    }

    async fn prepare(&self, request: TtsRequest) {
        self.inner.prepare(request).await;
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        self.inner.voices().await
    }
}
