//! The voice for work without a call.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use visavis_engine::gentle::GentleTts;
use visavis_engine::{Tts, TtsRequest};
use visavis_scripted::ScriptedTts;

#[tokio::test]
async fn work_beside_calls_takes_turns_at_the_engine() {
    let engine = Arc::new(ScriptedTts::default());
    let tts = GentleTts::new(engine.clone(), || true, 2);
    let request = |waited| TtsRequest { text: "Hello.".into(), ahead: true, waited, ..TtsRequest::default() };
    let asked = || tts.synthesize(request(true));
    let unhurried = tts.synthesize(request(false)).await.unwrap();
    assert!(tts.synthesize(request(false)).now_or_never().is_none(), "half as many that nobody waits for");
    let first = asked().await.unwrap();
    let second = asked().await.unwrap();
    assert!(asked().now_or_never().is_none(), "two are at the engine");
    assert_eq!(engine.asked().len(), 3);
    // Given up, and read to the end.
    drop(first);
    let third = asked().now_or_never().expect("one has gone").unwrap();
    assert_eq!(second.count().await, 1);
    let fourth = asked().now_or_never().expect("another one has gone").unwrap();
    drop((third, fourth, unhurried));
    assert!(engine.asked().iter().all(|asked| asked.gentle));
}
