//! A voice for work without a call, which leaves most of the cores to calls while there are any.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

type Calls = Box<dyn Fn() -> bool + Send + Sync>;

/// Marks the requests that are made while there are calls as [`TtsRequest::gentle`].
pub struct GentleTts {
    inner: Arc<dyn Tts>,
    calls: Calls,
}

impl GentleTts {
    /// `calls`: whether there are calls now.
    #[must_use]
    pub fn new(inner: Arc<dyn Tts>, calls: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { inner, calls: Box::new(calls) }
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
        self.inner.synthesize(TtsRequest { gentle: (self.calls)(), ..request }).await
    }

    async fn prepare(&self, request: TtsRequest) {
        self.inner.prepare(request).await;
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        self.inner.voices().await
    }
}
