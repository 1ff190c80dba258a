//! Calls whose engines are chosen by routes, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::time::Instant;
use visavis::config::Config;
use visavis::engine::router::{Board, RoutedLlm, RoutedTts, Voices};
use visavis::engine::watchdog::Watchdog;
use visavis::engine::{
    EngineError, Engines, Llm, LlmCapabilities, LlmPiece, LlmRequest, Tts, TtsCapabilities, TtsPart,
    TtsRequest,
};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::call_ports;
use visavis_core::event::{CallEvent, ClientCommand, ResponseEnd};
use visavis_core::route::{EngineKind, Reason, Routed, Served};
use visavis_scripted::{
    Scripted, ScriptedLlm, ScriptedResponse, ScriptedTts, TONE_RATE, boards, one_part, tone,
};

/// A route to `cloud` and then `main`, both ready.
fn board(kind: EngineKind) -> Arc<Board> {
    boards::board(&boards::route(kind), &["cloud", "main"]).0
}

/// An engine whose adapter ends a request after 3 s of silence within a response, as adapters of HTTP APIs do.
struct Watched<E>(Arc<E>);

fn watchdog() -> Watchdog {
    Watchdog::of_silence(Duration::from_secs(30)).of_stalls(Duration::from_secs(3))
}

#[async_trait]
impl Llm for Watched<ScriptedLlm> {
    fn capabilities(&self) -> LlmCapabilities {
        self.0.capabilities()
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        Ok(watchdog().pieces(self.0.generate(request).await?, || true))
    }
}

#[async_trait]
impl Tts for Watched<ScriptedTts> {
    fn capabilities(&self) -> TtsCapabilities {
        self.0.capabilities()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        Ok(watchdog().heard_pieces(self.0.synthesize(request).await?, TtsPart::lasts))
    }
}

/// A turn of a call: the segments that sounded, how the response ended, which engine served it, and the longest silence before
/// a sound.
#[derive(Debug)]
struct Turn {
    said: String,
    end: ResponseEnd,
    served: Served,
    silence: Duration,
}

async fn turn(engines: Engines) -> Turn {
    turns(engines, 1).await.remove(0)
}

/// The first turns of a call; the person begins one of them.
async fn turns(engines: Engines, count: usize) -> Vec<Turn> {
    let (mut client, ports) = call_ports();
    let (options, scope) = (CallOptions::default(), Scope::default());
    tokio::spawn(async move {
        let config = Config::default();
        Box::pin(pipeline::run("call".into(), ports, engines, &config, options, scope)).await
    });
    client.commands.send(ClientCommand::Say("What time is it?".into())).await.unwrap();
    let (mut turns, mut said, mut silence, mut sounded) =
        (Vec::new(), String::new(), Duration::ZERO, Instant::now());
    while turns.len() < count {
        tokio::select! {
            biased;
            frame = client.media.recv() => {
                frame.unwrap();
                silence = silence.max(sounded.elapsed());
                sounded = Instant::now();
            }
            event = client.events.recv() => match event.unwrap() {
                CallEvent::SegmentSpoken { text, .. } => said += &text,
                CallEvent::Turn { end, served, .. } => {
                    turns.push(Turn { said: std::mem::take(&mut said), end, served, silence });
                    silence = Duration::ZERO;
                }
                _ => {}
            }
        }
    }
    turns
}

/// How each turn ended.
fn ends(turns: &[Turn]) -> Vec<ResponseEnd> {
    turns.iter().map(|turn| turn.end).collect()
}

/// The longest silence before people think that the call is dead.
const BORNE: Duration = Duration::from_secs(4);

fn died() -> EngineError {
    EngineError::Unavailable("the connection is lost".into())
}

/// Speaks each word as its own part.
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
    let Turn { said, end, served, .. } = turn(engines).await;
    assert_eq!((said.as_str(), end), ("It is four o'clock now.", ResponseEnd::Finished));
    assert_eq!(spare.asked()[0].text, "four o'clock now.");
    let by = |routed: Option<Routed>| routed.map(|by| (by.engine.to_string(), by.reason));
    let expected = Some(("main".to_owned(), Reason::Unhealthy));
    assert_eq!((by(served.llm), by(served.tts), by(served.stt)), (expected.clone(), expected, None));
}

/// The number of requests that this engine of this kind served for this reason, according to `/metrics`; none: not listed.
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
async fn a_response_whose_first_voice_stalls_is_finished_by_the_second() {
    let answers = ScriptedLlm::responding(|_| ScriptedResponse::words("It is four o'clock now."));
    let spare = Arc::new(word_by_word());
    let voices: Vec<Arc<dyn Tts>> = vec![Arc::new(word_by_word().hanging("", 2)), spare.clone()];
    let tts = RoutedTts::new(board(EngineKind::Tts), voices, Voices::default());
    let engines = Engines { tts: Arc::new(tts), ..Scripted::with(answers).engines() };
    let Turn { said, end, served, silence } = turn(engines).await;
    assert_eq!((said.as_str(), end), ("It is four o'clock now.", ResponseEnd::Finished));
    assert_eq!(spare.asked()[0].text, "four o'clock now.");
    assert_eq!(
        served.tts.map(|by| (by.engine.to_string(), by.reason)),
        Some(("main".into(), Reason::Failed))
    );
    assert!(silence <= BORNE, "{silence:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_only_model_stalls_in_its_words_apologises_tries_again_and_says_that_it_cannot() {
    let stalls = ScriptedLlm::responding(|_| {
        let begins = ScriptedResponse::words("The capital of France, as everybody knows, is the city of ");
        begins.every(Duration::from_millis(50)).then_never()
    });
    let model = Arc::new(stalls.only_answering());
    let engines = Engines { llm: Arc::new(Watched(model.clone())), ..Scripted::default().engines() };
    let turns = turns(engines, 3).await;
    assert_eq!(ends(&turns), [ResponseEnd::Failed, ResponseEnd::Failed, ResponseEnd::Finished], "{turns:?}");
    assert!(turns[2].said.contains("Shall I try again?"), "{turns:?}");
    assert!(turns.iter().all(|turn| turn.silence <= BORNE), "{turns:?}");
    assert_eq!(model.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_only_voice_stalls_apologises_instead_of_waiting_for_it_once_more() {
    let answers = ScriptedLlm::responding(|_| {
        ScriptedResponse::words("The capital of France, as everybody knows, is Paris.")
    });
    let voice = Arc::new(word_by_word().hanging("knows", 1));
    let engines = Engines { tts: Arc::new(Watched(voice.clone())), ..Scripted::with(answers).engines() };
    let turns = turns(engines, 3).await;
    assert_eq!(ends(&turns), [ResponseEnd::Failed, ResponseEnd::Failed, ResponseEnd::Finished], "{turns:?}");
    assert!(turns[2].said.contains("Shall I try again?"), "{turns:?}");
    assert!(turns.iter().all(|turn| turn.silence <= BORNE), "{turns:?}");
    let asked = voice.asked().into_iter().filter(|asked| asked.text.contains("knows")).count();
    assert_eq!(asked, 2, "once in each response");
}

#[tokio::test(start_paused = true)]
async fn without_routes_nothing_is_said_of_engines() {
    let answers = ScriptedLlm::responding(|_| ScriptedResponse::words("It is four."));
    let turn = turn(Scripted::with(answers).engines()).await;
    assert!(turn.served.is_empty(), "{turn:?}");
}
