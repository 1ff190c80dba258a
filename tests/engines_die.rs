//! Engines are killed in the middle of their work: the call goes on and answers the next question.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use visavis::client::turn::{Question, ask, settle};
use visavis::client::{Call, CallOptions, ClientMessage, Clip, Event, Mode, ServerMessage};

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(60);

fn typed() -> Question {
    Question::Typed("Tell me something about the sea.".into())
}

async fn wait_for(call: &mut Call, wanted: fn(&ServerMessage) -> bool) {
    let arrives = async {
        while let Some(arrived) = call.next().await {
            if matches!(&arrived.event, Event::Message(message) if wanted(message)) {
                return;
            }
        }
        panic!("the call ended");
    };
    tokio::time::timeout(PATIENCE, arrives).await.expect("it comes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_the_death_of_each_engine_and_no_engine_survives_the_server() {
    let live = Live::start(&["--set", "llm.max_tokens=24"]).await;
    let mut call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
    let report = ask(&mut call, &typed(), PATIENCE).await.unwrap();
    assert!(report.voice_to_voice_ms.is_some(), "it answers before anything dies");

    let writes = |message: &ServerMessage| matches!(message, ServerMessage::BotLlmText { .. });
    let speaks = |message: &ServerMessage| matches!(message, ServerMessage::BotStartedSpeaking { .. });
    for (engine, at_work) in [("llm", writes as fn(&ServerMessage) -> bool), ("tts", speaks)] {
        call.send(ClientMessage::SendText("Tell me a long story.".into())).await.unwrap();
        wait_for(&mut call, at_work).await;
        live.signal("-KILL", live.engine(engine).expect("it runs"));
        settle(&mut call, Duration::from_secs(2), PATIENCE).await.unwrap();
        let report = ask(&mut call, &typed(), PATIENCE).await.unwrap();
        assert!(report.voice_to_voice_ms.is_some(), "after the death of {engine}: {report:?}");
        assert!(!report.answer.is_empty());
    }

    let jfk = Arc::new(Clip::from_wav(&live::speech("jfk.wav")).unwrap());
    let spoken = call.speak(jfk).await.unwrap();
    wait_for(&mut call, |message| matches!(message, ServerMessage::UserStartedSpeaking)).await;
    live.signal("-KILL", live.engine("stt").expect("it runs"));
    wait_for(&mut call, |message| matches!(message, ServerMessage::UserTranscription { last: true, text, .. } if text.to_lowercase().contains("country"))).await;
    drop(spoken);
    assert!(live.metric("visavis_engine_restarts_total").await >= 3.0);

    let engines: Vec<_> = live::children(live.process.id());
    assert_eq!(engines.len(), 3, "{engines:?}");
    live.signal("-KILL", live.process.id());
    let gone = async {
        while engines.iter().any(|(pid, program)| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.starts_with(program.as_bytes()))
        }) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("no engine outlives a killed server");
}
