//! Calls whose engines are chosen by routes, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::watch;
use visavis::config::{Config, Route};
use visavis::engine::router::{Board, Member, RoutedLlm, RoutedTts, Voices};
use visavis::engine::status::EngineStatus;
use visavis::engine::{EngineError, Engines, Tts};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::call_ports;
use visavis_core::event::{CallEvent, ClientCommand, ResponseEnd};
use visavis_core::route::{EngineKind, Reason, Routed, Served};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedTts, TONE_RATE, one_part, tone};

/// A route to `cloud` and then `main`, both ready.
fn board(kind: EngineKind) -> Arc<Board> {
    let route = Route {
        kind,
        languages: Vec::new(),
        voices: Vec::new(),
        tiers: Vec::new(),
        engines: vec!["cloud".into(), "main".into()],
        first_ms: 600,
        shadow: Vec::new(),
        share: BTreeMap::new(),
    };
    let ready = watch::channel(EngineStatus { ready: true, ..EngineStatus::default() }).1;
    let member = |name: &str| Member { name: name.into(), status: ready.clone() };
    Board::new(kind, vec![member("cloud"), member("main")], &[route])
}

/// A turn of a call: the segments that sounded, how the response ended, and who served it.
#[derive(Debug)]
struct Turn {
    said: String,
    end: ResponseEnd,
    served: Served,
}

async fn turn(engines: Engines) -> Turn {
    let (mut client, ports) = call_ports();
    let (options, scope) = (CallOptions::default(), Scope::default());
    tokio::spawn(async move {
        let config = Config::default();
        Box::pin(pipeline::run("call".into(), ports, engines, &config, options, scope)).await
    });
    client.commands.send(ClientCommand::Say("What time is it?".into())).await.unwrap();
    let mut said = String::new();
    loop {
        match client.events.recv().await.unwrap() {
            CallEvent::SegmentSpoken { text, .. } => said += &text,
            CallEvent::Turn { end, served, .. } => return Turn { said, end, served },
            _ => {}
        }
    }
}

fn died() -> EngineError {
    EngineError::Unavailable("the connection is lost".into())
}

/// Speaks each word as a part of its own.
fn word_by_word() -> ScriptedTts {
    ScriptedTts::speaking(|text| text.split(' ').map(|word| one_part(word, TONE_RATE, tone)).collect())
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_first_engines_die_is_answered_by_the_second_and_says_who_served() {
    let dies = ScriptedLlm::responding(|_| {
        ScriptedResponse::default().then_fails(Duration::from_millis(200), died())
    });
    let answers = ScriptedLlm::responding(|_| ScriptedResponse::words("It is four o'clock now."));
    let llm = RoutedLlm::new(board(EngineKind::Llm), vec![Arc::new(dies), Arc::new(answers)]);
    let spare = Arc::new(word_by_word());
    let voices: Vec<Arc<dyn Tts>> = vec![Arc::new(word_by_word().failing("", 2, died())), spare.clone()];
    let tts = RoutedTts::new(board(EngineKind::Tts), voices, Voices::default());
    let engines = Engines { llm: Arc::new(llm), tts: Arc::new(tts), ..Scripted::default().engines() };
    let Turn { said, end, served } = turn(engines).await;
    assert_eq!((said.as_str(), end), ("It is four o'clock now.", ResponseEnd::Finished));
    assert_eq!(spare.asked()[0].text, "four o'clock now.");
    let by = |routed: Option<Routed>| routed.map(|by| (by.engine.to_string(), by.reason));
    let expected = Some(("main".to_owned(), Reason::Unhealthy));
    assert_eq!((by(served.llm), by(served.tts), by(served.stt)), (expected.clone(), expected, None));
}

/// The requests that were served by this engine of this kind for this reason, as `/metrics` tells them; none: it tells nothing of them.
fn served(metrics: &str, kind: &str, engine: &str, reason: &str) -> Option<u64> {
    let labels = [format!("kind={kind:?}"), format!("engine={engine:?}"), format!("reason={reason:?}")];
    let told = |line: &&str| labels.iter().all(|label| line.contains(label.as_str()));
    let line = metrics.lines().filter(|line| line.starts_with("visavis_route_total{")).find(told)?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(start_paused = true)]
async fn metrics_count_every_engine_that_served_and_why() {
    let recorder = PrometheusBuilder::new().build_recorder();
    // The call's tasks run on this thread as well.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let dies = ScriptedLlm::responding(|_| ScriptedResponse::refused(died()));
    let answers = ScriptedLlm::responding(|_| ScriptedResponse::words("It is four o'clock now."));
    let llm = RoutedLlm::new(board(EngineKind::Llm), vec![Arc::new(dies), Arc::new(answers)]);
    let voices: Vec<Arc<dyn Tts>> =
        vec![Arc::new(word_by_word().failing("", 2, died())), Arc::new(word_by_word())];
    let tts = RoutedTts::new(board(EngineKind::Tts), voices, Voices::default());
    turn(Engines { llm: Arc::new(llm), tts: Arc::new(tts), ..Scripted::default().engines() }).await;
    let told = recorder.handle().render();
    for (kind, engine, reason, count) in [
        ("llm", "cloud", "route", None),
        ("llm", "main", "unhealthy", Some(1)),
        ("tts", "cloud", "route", Some(1)),
        ("tts", "main", "unhealthy", Some(1)),
    ] {
        assert_eq!(served(&told, kind, engine, reason), count, "{kind}, {engine}, {reason}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_routes_nothing_is_said_of_engines() {
    let answers = ScriptedLlm::responding(|_| ScriptedResponse::words("It is four."));
    let turn = turn(Scripted::with(answers).engines()).await;
    assert!(turn.served.is_empty(), "{turn:?}");
}
