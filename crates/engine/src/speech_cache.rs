//! Caches the speech of short segments for all calls: greetings, canned phrases and "Yes." are said again and again.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use quick_cache::{OptionsBuilder, Weighter, sync::Cache};

use super::{EngineError, Speed, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

/// Longest segment to cache, in characters: longer ones are hardly ever said twice.
const LONGEST: usize = 60;
/// Size of a typical entry of a few seconds, for sizing the cache.
const TYPICAL_BYTES: u64 = 64 << 10;

/// What determines how a segment sounds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    voice: String,
    /// When the voice was added, if it is a cloned one: its name may later belong to another.
    since: Option<SystemTime>,
    language: String,
    speed: Speed,
    text: String,
}

type Speech = Arc<Vec<TtsPart>>;
type Since = Box<dyn Fn(&str) -> Option<SystemTime> + Send + Sync>;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Speech> for Bytes {
    fn weight(&self, key: &Key, speech: &Speech) -> u64 {
        let part = |part: &TtsPart| 2 * part.samples.len() + (part.words.len() + part.sounds.len()) * 48 + 64;
        (speech.iter().map(part).sum::<usize>() + 2 * key.text.len() + 128) as u64
    }
}

/// Text to speech with a cache.
pub struct CachedTts {
    inner: Arc<dyn Tts>,
    cache: Arc<Cache<Key, Speech, Bytes>>,
    since: Since,
}

impl CachedTts {
    /// Caches up to this many bytes of `inner`'s speech.
    ///
    /// # Panics
    /// Never: all options are set.
    #[must_use]
    pub fn new(inner: Arc<dyn Tts>, bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        let options = OptionsBuilder::new()
            // One shard, so that the bound applies to all entries; it is enough for a few look-ups per second.
            .shards(1)
            .estimated_items_capacity(items)
            .weight_capacity(bytes)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, Bytes, Default::default(), Default::default());
        Self { inner, cache: Arc::new(cache), since: Box::new(|_| None) }
    }

    /// The same, but speech of a voice is no longer used once `since` returns another time for its name, or none. `since` is
    /// called for each short segment, and must be fast.
    #[must_use]
    pub fn with_since(self, since: impl Fn(&str) -> Option<SystemTime> + Send + Sync + 'static) -> Self {
        Self { since: Box::new(since), ..self }
    }

    /// Bytes that are kept now, by an estimate that counts samples, words and overhead.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.cache.weight()
    }
}

#[async_trait]
impl Tts for CachedTts {
    fn capabilities(&self) -> TtsCapabilities {
        self.inner.capabilities()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        if request.text.chars().count() > LONGEST {
            return self.inner.synthesize(request).await;
        }
        let TtsRequest { text, voice, language, speed, .. } = request.clone();
        let key = Key { since: (self.since)(&voice), voice, language, speed, text };
        if let Some(speech) = self.cache.get(&key) {
            if !request.ahead {
                metrics::counter!("visavis_speech_cache_hits_total").increment(1);
            }
            let parts: Vec<_> = speech.iter().cloned().map(Ok).collect();
            return Ok(stream::iter(parts).boxed());
        }
        if !request.ahead {
            metrics::counter!("visavis_speech_cache_misses_total").increment(1);
        }
        let parts = self.inner.synthesize(request).await?;
        Ok(caching(parts, key, self.cache.clone()))
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        self.inner.voices().await
    }

    async fn prepare(&self, request: TtsRequest) {
        let request = TtsRequest { ahead: true, ..request };
        if let Ok(mut parts) = self.synthesize(request).await {
            while let Some(Ok(_)) = parts.next().await {}
        }
    }
}

/// Passes the stream through and caches it once it has ended without error; one that was dropped or failed is not cached.
fn caching(
    parts: BoxStream<'static, Result<TtsPart, EngineError>>,
    key: Key,
    cache: Arc<Cache<Key, Speech, Bytes>>,
) -> BoxStream<'static, Result<TtsPart, EngineError>> {
    let state = (parts, Some(Vec::new()), key, cache);
    let next = |(mut parts, mut kept, key, cache): (
        BoxStream<'static, _>,
        Option<Vec<_>>,
        _,
        Arc<Cache<_, _, _>>,
    )| async move {
        match parts.next().await {
            Some(Ok(part)) => {
                let part: TtsPart = part;
                if let Some(kept) = &mut kept {
                    kept.push(part.clone());
                }
                Some((Ok(part), (parts, kept, key, cache)))
            }
            Some(Err(error)) => Some((Err(error), (parts, None, key, cache))),
            None => {
                if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
                    cache.insert(key, Arc::new(kept));
                    metrics::gauge!("visavis_speech_cache_bytes").set(cache.weight() as f64);
                }
                None
            }
        }
    };
    stream::unfold(state, next).boxed()
}
