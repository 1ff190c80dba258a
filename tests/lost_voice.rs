//! A voice that vanishes during a call, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;

use visavis::config::Config;
use visavis::engine::router::{RoutedTts, Voices};
use visavis::engine::{EngineError, Engines};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{CallEvent, ClientCommand, ResponseEnd};
use visavis_core::route::EngineKind;
use visavis_core::voice::ChosenVoice;
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedTts, boards};

/// Begins a call with the voice `clone`, where `usual` is the configured one.
fn begin(engines: Engines) -> TransportPorts {
    let (client, ports) = call_ports();
    let voice = Some(ChosenVoice { name: "clone".into(), language: String::new() });
    let options = CallOptions { voice, ..CallOptions::default() };
    tokio::spawn(async move {
        let mut config = Config::default();
        config.tts.voice = "usual".into();
        Box::pin(pipeline::run("call".into(), ports, engines, &config, options, Scope::default())).await
    });
    client
}

fn answering() -> ScriptedLlm {
    ScriptedLlm::responding(|_| ScriptedResponse::words("It is four."))
}

/// The voices that were asked for.
fn asked(tts: &ScriptedTts) -> Vec<String> {
    tts.asked().into_iter().map(|request| request.voice).collect()
}

/// Types a question, and waits for the end of its response; returns the notices of refused voices.
async fn turn(client: &mut TransportPorts) -> Vec<String> {
    client.commands.send(ClientCommand::Say("What time is it?".into())).await.unwrap();
    let mut notices = Vec::new();
    loop {
        match client.events.recv().await.unwrap() {
            CallEvent::Notice { code: "voice-refused", message } => notices.push(message),
            CallEvent::Turn { end, .. } => {
                assert_eq!(end, ResponseEnd::Finished);
                return notices;
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_that_vanishes_is_asked_for_once_and_the_call_goes_on_with_the_usual_one() {
    let scripted = Scripted::with(answering()).speaking(ScriptedTts::default().without_voice("clone"));
    let mut client = begin(scripted.engines());
    let told = turn(&mut client).await;
    assert!(matches!(told.as_slice(), [told] if told.contains("\"clone\"")), "{told:?}");
    assert_eq!(turn(&mut client).await, Vec::<String>::new());
    assert_eq!(asked(&scripted.tts), ["clone", "", "usual"]);
}

#[tokio::test(start_paused = true)]
async fn behind_routes_the_call_is_told_as_well_and_asks_again_for_a_voice_whose_own_engine_is_down() {
    let lacks = || ScriptedTts::default().without_voice("clone");
    let down = ScriptedTts::default().failing("", 0, EngineError::Unavailable("it loads".into()));
    for (cloud, asks) in [(lacks(), ["clone", "usual"]), (down, ["clone", "clone"])] {
        let (board, _statuses) = boards::board(&boards::route(EngineKind::Tts), &["cloud", "main"]);
        let (cloud, main) = (Arc::new(cloud), Arc::new(lacks()));
        let voices = Voices { usual: "usual".into(), own: vec!["usual".into(); 2] };
        let tts = RoutedTts::new(board, vec![cloud.clone(), main.clone()], voices);
        let engines = Engines { tts: Arc::new(tts), ..Scripted::with(answering()).engines() };
        let mut client = begin(engines);
        let told = turn(&mut client).await;
        assert!(matches!(told.as_slice(), [told] if told.contains("\"clone\"")), "{told:?}");
        assert_eq!(turn(&mut client).await, Vec::<String>::new(), "it is told once");
        assert_eq!(asked(&cloud), asks);
        assert_eq!(asked(&main)[..2], ["clone", "usual"]);
    }
}
