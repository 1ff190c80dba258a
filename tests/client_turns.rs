//! The client against a scripted protocol server: it must measure what the script did, over both transports.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use visavis_client::barge_in::{BargeInReport, barge_in};
use visavis_client::turn::{Question, TurnReport, ask};
use visavis_client::{Call, CallOptions, Clip, Mode, Server};
use visavis_core::frame::ResponseId;

mod scripted;
use scripted::{RESPONSE, RESPONSE_AFTER, RESPONSE_FRAMES, Script, serve};

/// Far longer than a response takes; only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a response is waited for that never comes.
const IN_VAIN: Duration = Duration::from_secs(3);

fn word() -> Arc<Clip> {
    let samples = (0..16_000).map(|n| (f64::from(n) * 0.3).sin() * if n < 12_000 { 12_000.0 } else { 0.0 });
    Arc::new(Clip::new("word", samples.map(|sample| sample as i16).collect()))
}

async fn turn(mode: Mode, script: Script, question: Question) -> TurnReport {
    let patience = if script.mute { IN_VAIN } else { PATIENCE };
    let server = Server::new(&serve(script).await).unwrap();
    let mut call = Call::start(&server, mode, CallOptions::default()).await.unwrap();
    let report = ask(&mut call, &question, patience).await.unwrap();
    assert!(call.hang_up().await, "the server's goodbye is heard");
    report
}

/// Measures up to three times, until the time is right: one is wrong if the machine halts in it, and a fault of the measurement makes
/// all three wrong.
async fn at_best(mut measured: impl AsyncFnMut() -> Option<f64>, right: Range<f64>) {
    let mut found = Vec::new();
    for _ in 0..3 {
        let ms = measured().await;
        if ms.is_some_and(|ms| right.contains(&ms)) {
            return;
        }
        found.push(ms);
    }
    panic!("{found:?} ms are not within {right:?}");
}

async fn a_spoken_question_is_measured(mode: Mode) {
    // 20 ms frames and codec delay can shorten the scripted time; a busy machine can lengthen it.
    let least = RESPONSE_AFTER.as_secs_f64() * 1_000.0 - 45.0;
    let delay = async || Box::pin(a_spoken_question(mode)).await.voice_to_voice_ms;
    Box::pin(at_best(delay, least..least + 1_500.0)).await;
    // To the last of its frames; the first one comes late, and the sound seems shorter, if the machine halts before it.
    let length = RESPONSE_FRAMES as f64 * 20.0;
    let sounds = async || Some(Box::pin(a_spoken_question(mode)).await.response_ms);
    Box::pin(at_best(sounds, length - 100.0..f64::INFINITY)).await;
}

async fn a_spoken_question(mode: Mode) -> TurnReport {
    let script = Script { transcript: "word".to_owned(), ..Script::default() };
    let report = turn(mode, script, Question::Spoken(word())).await;
    assert_eq!((report.transcript.as_str(), report.response_text.as_str()), ("word", RESPONSE));
    assert_eq!(report.response, Some(ResponseId(1)));
    assert_eq!(report.marks.unwrap().first_sent, Some(600));
    report
}

#[tokio::test]
async fn a_spoken_question_is_measured_from_its_last_sample_over_websocket() {
    a_spoken_question_is_measured(Mode::WebSocket).await;
}

#[tokio::test]
async fn a_spoken_question_is_measured_from_its_last_sample_over_webrtc() {
    a_spoken_question_is_measured(Mode::WebRtc).await;
}

#[tokio::test]
async fn an_interrupted_response_is_counted_and_the_next_one_is_measured() {
    for mode in [Mode::WebSocket, Mode::WebRtc] {
        let script = Script { interrupt_after: Some(10), ..Script::default() };
        let report = turn(mode, script, Question::Typed("hello".to_owned())).await;
        assert_eq!((report.interruptions, report.response), (1, Some(ResponseId(2))), "{mode:?}");
        let delay = report.voice_to_voice_ms.unwrap();
        assert!(delay >= 480.0, "{mode:?}: {delay} ms is within the first response");
    }
}

#[tokio::test]
async fn a_barge_in_is_measured_to_the_last_sound_of_the_response() {
    for mode in [Mode::WebSocket, Mode::WebRtc] {
        // Ten frames follow the first loud one: 200 ms.
        let silent = async || Box::pin(a_barge_in(mode)).await.silent_after_ms;
        Box::pin(at_best(silent, 170.0..1_000.0)).await;
    }
}

async fn a_barge_in(mode: Mode) -> BargeInReport {
    let script = Script { yields_after: Some(10), ..Script::default() };
    let server = Server::new(&serve(script).await).unwrap();
    let mut call = Call::start(&server, mode, CallOptions::default()).await.unwrap();
    let question = Question::Typed("hello".to_owned());
    let after = Duration::from_millis(400);
    let report = barge_in(&mut call, &question, &word(), after, PATIENCE).await.unwrap();
    assert_eq!((report.turn.interruptions, report.turn.response), (1, Some(ResponseId(2))), "{mode:?}");
    assert!(report.turn.voice_to_voice_ms.unwrap() > 0.0);
    call.hang_up().await;
    report
}

#[tokio::test]
async fn silence_in_place_of_a_response_is_reported_as_missing() {
    let report = turn(
        Mode::WebSocket,
        Script { mute: true, ..Script::default() },
        Question::Typed("hello".to_owned()),
    )
    .await;
    assert_eq!(report.voice_to_voice_ms, None);
    assert_eq!(report.response, None);
}

#[tokio::test]
async fn an_unreachable_server_is_named_in_one_sentence() {
    let server = Server::new("http://127.0.0.1:9").unwrap();
    for mode in [Mode::WebSocket, Mode::WebRtc] {
        let Err(error) = Call::start(&server, mode, CallOptions::default()).await else {
            panic!("nobody listens on port 9")
        };
        let text = error.to_string();
        assert!(text.starts_with("cannot reach http://127.0.0.1:9"), "{text}");
    }
}
