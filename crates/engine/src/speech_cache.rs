//! Remembers how short phrases sound, for all calls: greetings, lines and "Yes." are said again and again.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use quick_cache::{OptionsBuilder, Weighter, sync::Cache};

use super::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

/// Longer phrases are hardly ever said twice.
const LONGEST: usize = 60;
/// A short phrase of some seconds, for the cache's own book-keeping.
const TYPICAL_BYTES: u64 = 64 << 10;

/// What decides how a phrase sounds; the speed is the same for all of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    voice: String,
    language: String,
    text: String,
}

type Speech = Arc<Vec<TtsPart>>;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Speech> for Bytes {
    fn weight(&self, key: &Key, speech: &Speech) -> u64 {
        let part = |part: &TtsPart| 2 * part.samples.len() + (part.words.len() + part.sounds.len()) * 48 + 64;
        (speech.iter().map(part).sum::<usize>() + 2 * key.text.len() + 128) as u64
    }
}

/// Text to speech that remembers.
pub struct CachedTts {
    inner: Arc<dyn Tts>,
    cache: Arc<Cache<Key, Speech, Bytes>>,
}

impl CachedTts {
    /// Keeps up to this many bytes of what `inner` speaks.
    ///
    /// # Panics
    /// Never: all options are given.
    #[must_use]
    pub fn new(inner: Arc<dyn Tts>, bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        let options = OptionsBuilder::new()
            // One bound for all phrases; a few look-ups a second need no more.
            .shards(1)
            .estimated_items_capacity(items)
            .weight_capacity(bytes)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, Bytes, Default::default(), Default::default());
        Self { inner, cache: Arc::new(cache) }
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
        let TtsRequest { text, voice, language, .. } = request.clone();
        let key = Key { voice, language, text };
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
        Ok(remembered(parts, key, self.cache.clone()))
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

/// The same stream, which is kept once it has ended well; a phrase that was cut off or failed is not.
fn remembered(
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

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::scripted::ScriptedTts;

    /// Counts what it is asked; fails after the first part of what contains "fail".
    #[derive(Default)]
    struct Counting(Mutex<Vec<TtsRequest>>);

    #[async_trait]
    impl Tts for Counting {
        fn capabilities(&self) -> TtsCapabilities {
            ScriptedTts.capabilities()
        }

        async fn synthesize(
            &self,
            request: TtsRequest,
        ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
            self.0.lock().push(request.clone());
            let fails = request.text.contains("fail");
            let parts = ScriptedTts.synthesize(request).await?;
            let error = fails.then(|| Err(EngineError::Failed("it died".into())));
            Ok(parts.chain(stream::iter(error)).boxed())
        }
    }

    fn request(text: &str, language: &str) -> TtsRequest {
        TtsRequest { text: text.into(), language: language.into(), ..Default::default() }
    }

    async fn spoken(tts: &CachedTts, text: &str, language: &str) -> Vec<Result<TtsPart, EngineError>> {
        tts.synthesize(request(text, language)).await.unwrap().collect().await
    }

    #[tokio::test]
    async fn a_short_phrase_is_synthesised_once_and_sounds_the_same_with_its_words() {
        let inner = Arc::new(Counting::default());
        let tts = CachedTts::new(inner.clone(), 8 << 20);
        let first = spoken(&tts, "One moment.", "en").await;
        assert_eq!(first, spoken(&tts, "One moment.", "en").await);
        assert_eq!(first[0].as_ref().unwrap().words.len(), 2);
        assert_eq!(inner.0.lock().len(), 1);
        _ = spoken(&tts, "One moment.", "de").await;
        let long = "word ".repeat(20);
        _ = (spoken(&tts, &long, "en").await, spoken(&tts, &long, "en").await);
        assert_eq!(inner.0.lock().len(), 4, "another language, and a long phrase twice");
    }

    #[tokio::test]
    async fn a_phrase_that_failed_or_was_cut_off_is_not_kept() {
        let inner = Arc::new(Counting::default());
        let tts = CachedTts::new(inner.clone(), 8 << 20);
        _ = (spoken(&tts, "I fail.", "en").await, spoken(&tts, "I fail.", "en").await);
        let mut half = tts.synthesize(request("Hello.", "en")).await.unwrap();
        _ = half.next().await;
        drop(half);
        _ = spoken(&tts, "Hello.", "en").await;
        assert_eq!(inner.0.lock().len(), 4);
    }

    #[tokio::test]
    async fn what_was_prepared_is_there_when_it_is_said() {
        let inner = Arc::new(Counting::default());
        let tts = CachedTts::new(inner.clone(), 8 << 20);
        tts.prepare(request("One moment.", "en")).await;
        _ = spoken(&tts, "One moment.", "en").await;
        let asked = inner.0.lock();
        assert_eq!((asked.len(), asked[0].ahead), (1, true));
    }

    #[tokio::test]
    async fn the_bytes_kept_stay_below_the_bound() {
        let inner = Arc::new(Counting::default());
        // A word of the scripted voice takes 14,400 bytes.
        let tts = CachedTts::new(inner.clone(), 100_000);
        for number in 0..50 {
            _ = spoken(&tts, &format!("Number {number}."), "en").await;
        }
        assert!(tts.cache.weight() <= 100_000 && tts.cache.len() >= 2, "{}", tts.cache.weight());
    }
}
