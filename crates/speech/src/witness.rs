//! Notices when an engine or voice other than the requested one speaks. Such speech is better than silence, but is not kept: it
//! would
//! be served long after the requested voice is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use visavis_engine::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

/// A voice, and whether something has stood in for it since it was made.
pub(crate) struct Witness {
    inner: Arc<dyn Tts>,
    stood_in: Arc<AtomicBool>,
}

impl Witness {
    pub(crate) fn new(inner: Arc<dyn Tts>) -> Arc<Self> {
        Arc::new(Self { inner, stood_in: Arc::default() })
    }

    /// Whether something has stood in for the voice so far.
    pub(crate) fn has_seen_another(&self) -> bool {
        self.stood_in.load(Ordering::Relaxed)
    }
}

/// Whether the engine that begins with this part is a substitute, or speaks with another voice.
fn is_another(part: &TtsPart) -> bool {
    part.refused.is_some() || part.routed.as_ref().is_some_and(|routed| !routed.reason.is_planned())
}

#[async_trait]
impl Tts for Witness {
    fn capabilities(&self) -> TtsCapabilities {
        self.inner.capabilities()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let parts = self.inner.synthesize(request).await?;
        let stood_in = self.stood_in.clone();
        let seen = parts.inspect(move |part| {
            if part.as_ref().is_ok_and(is_another) {
                stood_in.store(true, Ordering::Relaxed);
            }
        });
        Ok(seen.boxed())
    }

    async fn prepare(&self, request: TtsRequest) {
        self.inner.prepare(request).await;
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        self.inner.voices().await
    }
}
