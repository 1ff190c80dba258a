//! The speech cache: what is synthesised once, what again, and how much is kept.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use visavis_engine::speech_cache::CachedTts;
use visavis_engine::{EngineError, Tts, TtsPart, TtsRequest};
use visavis_scripted::ScriptedTts;

/// A voice that fails after the first chunk of a text that contains "fail".
fn voice() -> Arc<ScriptedTts> {
    Arc::new(ScriptedTts::default().failing("fail", 1, EngineError::Failed("it died".into())))
}

fn request(text: &str, language: &str) -> TtsRequest {
    TtsRequest { text: text.into(), language: language.into(), ..Default::default() }
}

async fn spoken(tts: &CachedTts, text: &str, language: &str) -> Vec<Result<TtsPart, EngineError>> {
    tts.synthesize(request(text, language)).await.unwrap().collect().await
}

#[tokio::test]
async fn a_short_segment_is_synthesised_once_and_sounds_the_same_with_the_same_words() {
    let inner = voice();
    let tts = CachedTts::new(inner.clone(), 8 << 20);
    let first = spoken(&tts, "One moment.", "en").await;
    assert_eq!(first, spoken(&tts, "One moment.", "en").await);
    assert_eq!(first[0].as_ref().unwrap().words.len(), 2);
    assert_eq!(inner.asked().len(), 1);
    _ = spoken(&tts, "One moment.", "de").await;
    let long = "word ".repeat(20);
    _ = (spoken(&tts, &long, "en").await, spoken(&tts, &long, "en").await);
    assert_eq!(inner.asked().len(), 4, "another language, and a long phrase twice");
}

#[tokio::test]
async fn what_a_voice_said_is_not_heard_of_another_that_got_its_name() {
    let inner = voice();
    let added = Arc::new(AtomicU64::new(1));
    let seconds = added.clone();
    let since =
        move |_: &str| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed)));
    let tts = CachedTts::new(inner.clone(), 8 << 20).with_since(since);
    _ = (spoken(&tts, "One moment.", "en").await, spoken(&tts, "One moment.", "en").await);
    assert_eq!(inner.asked().len(), 1);
    added.store(2, Ordering::Relaxed);
    _ = spoken(&tts, "One moment.", "en").await;
    assert_eq!(inner.asked().len(), 2);
}

#[tokio::test]
async fn a_segment_that_failed_or_was_cut_off_is_not_cached() {
    let inner = voice();
    let tts = CachedTts::new(inner.clone(), 8 << 20);
    _ = (spoken(&tts, "I fail.", "en").await, spoken(&tts, "I fail.", "en").await);
    let mut half = tts.synthesize(request("Hello.", "en")).await.unwrap();
    _ = half.next().await;
    drop(half);
    _ = spoken(&tts, "Hello.", "en").await;
    assert_eq!(inner.asked().len(), 4);
}

#[tokio::test]
async fn prepared_speech_is_cached_when_it_is_spoken() {
    let inner = voice();
    let tts = CachedTts::new(inner.clone(), 8 << 20);
    tts.prepare(request("One moment.", "en")).await;
    _ = spoken(&tts, "One moment.", "en").await;
    let asked = inner.asked();
    assert_eq!((asked.len(), asked[0].ahead), (1, true));
}

#[tokio::test]
async fn the_bytes_kept_stay_below_the_bound() {
    let inner = voice();
    // The scripted voice makes 14,400 bytes per word.
    let tts = CachedTts::new(inner.clone(), 100_000);
    for number in 0..50 {
        _ = spoken(&tts, &format!("Number {number}."), "en").await;
    }
    // A segment of two words takes 29,000.
    assert!((58_000..=100_000).contains(&tts.bytes()), "{}", tts.bytes());
}
