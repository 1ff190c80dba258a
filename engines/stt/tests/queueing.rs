//! The order of service: cancellation, replacement, priorities, limits.

mod common;

use common::{Engine, JFK, Utterance, fast_model, jfk, words};
use futures_util::FutureExt;
use tonic::Code;
use visavis_proto::v1::{Priority, SttDecode, stt_input::Input};

/// An utterance whose decode is running and takes far longer than anything else here.
async fn long_work(engine: &Engine, priority: Priority) -> Utterance {
    let utterance = engine.speak(priority).await;
    utterance.hear(&jfk().repeat(40)).await;
    utterance.decode(1, true).await;
    engine.until(|stats| stats.active == 1).await;
    utterance
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_stops_its_decode_and_the_next_is_served() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let working = long_work(&engine, Priority::Live).await;
    let waiting = engine.speak(Priority::Speculative).await;
    waiting.hear(&jfk()).await;
    waiting.decode(1, true).await;
    engine.until(|stats| stats.queued == 1).await;
    drop(waiting);
    engine.until(|stats| stats.queued == 0).await;
    let before = engine.stats().await;
    assert_eq!((before.active, before.cancelled), (1, 1));
    drop(working);
    let after = engine.until(|stats| stats.active == 0).await;
    assert_eq!((after.queued, after.cancelled, after.failed), (0, 2, 0));
    assert_eq!(words(&engine.transcribe(&jfk()).await.text), words(JFK));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let engine = Engine::ready(&fast_model(), &["--queue", "1"]).await;
    let _working = long_work(&engine, Priority::Live).await;
    let waiting = engine.speak(Priority::Speculative).await;
    waiting.hear(&jfk()).await;
    waiting.decode(1, true).await;
    engine.until(|stats| stats.queued == 1).await;
    let mut refused = engine.speak(Priority::Live).await;
    refused.hear(&jfk()).await;
    refused.decode(1, true).await;
    assert_eq!(refused.next().await.unwrap_err().code(), Code::ResourceExhausted);
    let stats = engine.stats().await;
    assert_eq!((stats.active, stats.queued, stats.rejected), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_decode_replaces_a_waiting_partial_and_never_a_final() {
    let engine = Engine::ready(&fast_model(), &["--queue", "2"]).await;
    let _working = long_work(&engine, Priority::Live).await;
    let utterance = engine.speak(Priority::Live).await;
    utterance.hear(&jfk()).await;
    for (number, is_final) in [(1, false), (2, false), (3, true), (4, true)] {
        utterance.decode(number, is_final).await;
    }
    let answered: Vec<u32> = utterance.end().await.iter().map(|heard| heard.number).collect();
    assert_eq!(answered, [3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_turns_go_before_speculative_ones() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let working = long_work(&engine, Priority::Live).await;
    let (done, mut order) = tokio::sync::mpsc::channel(2);
    for (waiting, priority) in [Priority::Speculative, Priority::Live].into_iter().enumerate() {
        let mut utterance = engine.speak(priority).await;
        utterance.hear(&jfk()).await;
        utterance.decode(1, true).await;
        if priority != Priority::Live {
            engine.until(|stats| stats.queued as usize == waiting + 1).await;
        }
        let done = done.clone();
        tokio::spawn(async move {
            utterance.next().await.unwrap();
            done.send(priority).await.unwrap();
        });
    }
    assert_eq!(order.recv().await, Some(Priority::Live));
    drop(working);
    assert_eq!(order.recv().await, Some(Priority::Speculative));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_turn_does_not_wait_for_a_long_recording_nor_end_it() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let mut batch = long_work(&engine, Priority::Batch).await;
    assert_eq!(words(&engine.transcribe(&jfk()).await.text), words(JFK));
    assert!(batch.next().now_or_never().is_none(), "seven minutes of speech were decoded first");
    let stats = engine.stats().await;
    assert_eq!((stats.active, stats.cancelled, stats.failed), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_heard_as_well_as_a_call_and_ends_when_its_client_leaves() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let mut recording = engine.speak(Priority::Batch).await;
    recording.hear(&jfk()).await;
    recording.decode(1, true).await;
    assert_eq!(words(&recording.next().await.unwrap().text), words(JFK));
    drop(recording);
    let long = long_work(&engine, Priority::Batch).await;
    drop(long);
    let after = engine.until(|stats| stats.active == 0).await;
    assert_eq!((after.queued, after.cancelled, after.failed), (0, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_deadline_is_reported_while_another_decode_runs() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let _working = long_work(&engine, Priority::Live).await;
    let mut late = engine.speak(Priority::Speculative).await;
    late.hear(&jfk()).await;
    let decode = SttDecode { number: 7, r#final: true, deadline_ms: 50, ..SttDecode::default() };
    late.send(Input::Decode(decode)).await;
    let status = late.next().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let stats = engine.until(|stats| stats.queued == 0).await;
    assert_eq!((stats.active, stats.cancelled), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_utterance_is_refused_with_the_limit() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let mut utterance = engine.speak(Priority::Live).await;
    utterance.hear(&vec![0; 10 * 60 * common::RATE * 2]).await;
    utterance.decode(1, true).await;
    assert_eq!(utterance.next().await.unwrap().text, "");
    utterance.hear(&[0; 2]).await;
    let refused = utterance.next().await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert!(refused.message().contains("10 minutes"), "{refused}");
}
