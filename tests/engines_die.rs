//! Engines killed or stopped in the middle of their work: the call goes on and gets responses, and they restart.
//! `bench failures --repeat 10` does the same in every phase of a turn, and measures it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use visavis_bench::Settings;
use visavis_bench::failures::{self, Blow, Options, Phase, Victim};
use visavis_client::turn::{Question, ask, settle};
use visavis_client::{Call, CallOptions, ClientMessage, Clip, Event, Mode, ServerMessage};

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(60);
/// Part of the canned phrase for a response that failed.
const GIVEN_UP: &str = "Shall I try again?";

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
    tokio::time::timeout(PATIENCE, arrives).await.expect("the message arrives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_the_death_of_each_engine_and_no_engine_survives_the_server() {
    let live = Live::start(&["--set", "llm.max_tokens=24"]).await;
    let mut call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
    let report = ask(&mut call, &typed(), PATIENCE).await.unwrap();
    assert!(report.voice_to_voice_ms.is_some(), "it responds before anything dies");

    let writes = |message: &ServerMessage| matches!(message, ServerMessage::BotLlmText { .. });
    let speaks = |message: &ServerMessage| matches!(message, ServerMessage::BotStartedSpeaking { .. });
    for (engine, at_work) in [("llm", writes as fn(&ServerMessage) -> bool), ("tts", speaks)] {
        call.send(ClientMessage::SendText("Tell me a long story.".into())).await.unwrap();
        wait_for(&mut call, at_work).await;
        live.signal("-KILL", live.engine(engine).expect("it runs"));
        settle(&mut call, Duration::from_secs(2), PATIENCE).await.unwrap();
        let report = ask(&mut call, &typed(), PATIENCE).await.unwrap();
        assert!(report.voice_to_voice_ms.is_some(), "after the death of {engine}: {report:?}");
        assert!(!report.response_text.is_empty());
    }

    let jfk = Arc::new(Clip::from_wav(&live::speech("jfk.wav")).unwrap());
    let spoken = call.speak(jfk).await.unwrap();
    wait_for(&mut call, |message| matches!(message, ServerMessage::UserStartedSpeaking)).await;
    live.signal("-KILL", live.engine("stt").expect("it runs"));
    wait_for(&mut call, |message| matches!(message, ServerMessage::UserTranscription { last: true, text, .. } if text.to_lowercase().contains("country"))).await;
    drop(spoken);
    live.metric_when("visavis_engine_restarts_total", |restarts| restarts >= 3.0).await;

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
    tokio::time::timeout(PATIENCE, gone).await.expect("no engine outlives a killed server");
}

/// Strikes an engine in a phase of a turn, and checks that the question is answered and the engine comes back.
async fn strike(live: &Live, blow: Blow, victim: Victim, phase: Phase) {
    let settings = Settings {
        server: live.server.clone(),
        mode: Mode::WebSocket,
        calls: 1,
        stagger: Duration::ZERO,
        background: Clip::room_noise(),
        dtx: false,
        language: None,
        pid: Some(live.process.id()),
    };
    let jfk = Arc::new(Clip::from_wav(&live::speech("jfk.wav")).unwrap());
    let options = Options {
        blows: vec![blow],
        victims: vec![victim],
        phases: vec![phase],
        repeat: 1,
        spoken: Question::Spoken(jfk),
        patience: PATIENCE,
    };
    let report = Box::pin(failures::run(&settings, &options, |_| {})).await.unwrap();
    let [trial] = &report.trials[..] else { panic!("the call ended: {:?}", report.ended) };
    assert!(trial.struck, "the phase was not reached, or the model called no tool: {trial:?}");
    assert!(
        !trial.response_text.is_empty() && !trial.response_text.contains(GIVEN_UP),
        "the question is answered: {trial:?}"
    );
    assert!(trial.ready_ms.is_some(), "the engine comes back by itself: {trial:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_engine_is_restarted_and_the_question_is_answered() {
    let live = Live::start(&["--set", "llm.max_tokens=48"]).await;
    let each = [
        (Victim::Stt, Phase::Listening),
        (Victim::Stt, Phase::Transcript),
        (Victim::Llm, Phase::Transcript),
        (Victim::Llm, Phase::FirstToken),
        (Victim::Tts, Phase::FirstToken),
        (Victim::Llm, Phase::Speaking),
    ];
    for (victim, phase) in each {
        strike(&live, Blow::Stop, victim, phase).await;
    }
    live.metric_when("visavis_engine_restarts_total", |restarts| restarts >= 6.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_even_if_an_engine_dies_or_hangs_while_a_tool_runs() {
    let model = live::model("qwen2.5-coder-0.5b-instruct-iq4_nl.gguf");
    let model = format!("llm.model={}", model.display());
    let live = Live::start(&["--set", "llm.max_tokens=48", "--set", &model]).await;
    for blow in [Blow::Kill, Blow::Stop] {
        for victim in [Victim::Llm, Victim::Tts] {
            strike(&live, blow, victim, Phase::Tool).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_restarts_after_its_socket_folder_was_removed_and_the_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let live = Live::start(&[]).await;
    let engine = live.engine("tts").expect("it runs");
    let line = std::fs::read(format!("/proc/{engine}/cmdline")).unwrap();
    let line = String::from_utf8(line).unwrap();
    let socket = line.split('\0').find_map(|argument| argument.strip_prefix("unix:")).unwrap();
    let folder = std::path::Path::new(socket).parent().unwrap();
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::remove_dir_all(folder).unwrap();
    live.signal("-KILL", engine);
    let back = async {
        while live.engine("tts").is_none_or(|now| now == engine) || !live.ready().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("it comes back");
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}
