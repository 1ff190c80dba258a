//! A voice that vanishes during a call, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use visavis::config::Config;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{CallEvent, ClientCommand, ResponseEnd};
use visavis_core::voice::ChosenVoice;
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedTts};

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
    let llm = ScriptedLlm::responding(|_| ScriptedResponse::words("It is four."));
    let scripted = Scripted::with(llm).speaking(ScriptedTts::default().without_voice("clone"));
    let (engines, (mut client, ports)) = (scripted.engines(), call_ports());
    let voice = Some(ChosenVoice { name: "clone".into(), language: String::new() });
    let options = CallOptions { voice, ..CallOptions::default() };
    tokio::spawn(async move {
        let mut config = Config::default();
        config.tts.voice = "usual".into();
        Box::pin(pipeline::run("call".into(), ports, engines, &config, options, Scope::default())).await
    });
    let told = turn(&mut client).await;
    assert!(matches!(told.as_slice(), [told] if told.contains("\"clone\"")), "{told:?}");
    assert_eq!(turn(&mut client).await, Vec::<String>::new());
    let voices: Vec<String> = scripted.tts.asked().into_iter().map(|request| request.voice).collect();
    assert_eq!(voices, ["clone", "", "usual"]);
}
