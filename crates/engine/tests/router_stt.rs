//! Routing of recognisers, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use visavis_config::Route;
use visavis_core::frame::LanguageWeight;
use visavis_core::route::{EngineKind, Reason};
use visavis_engine::retry::patiently;
use visavis_engine::router::RoutedStt;
use visavis_engine::{Decoded, EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};
use visavis_scripted::boards::{board, route};
use visavis_scripted::{Hearing, ScriptedStt};

const AUDIO: usize = 1600;

struct Routed {
    stt: RoutedStt,
    cloud: Arc<ScriptedStt>,
    main: Arc<ScriptedStt>,
}

fn routed_by(route: &Route, cloud: ScriptedStt) -> Routed {
    let (board, statuses) = board(route, &["cloud", "main"]);
    // A status is kept after its sender is dropped.
    drop(statuses);
    let (cloud, main) = (Arc::new(cloud), Arc::new(ScriptedStt::new(["hello there", "again"])));
    Routed { stt: RoutedStt::new(board, vec![cloud.clone(), main.clone()]), cloud, main }
}

fn routed(cloud: ScriptedStt) -> Routed {
    routed_by(&route(EngineKind::Stt), cloud)
}

fn decode(number: u32, last: bool) -> SttInput {
    SttInput::Decode { number, last, stable: String::new(), phrases: Vec::new() }
}

/// Says something, and asks for its words.
async fn say(stream: &mut SttStream, number: u32) -> Result<Decoded, EngineError> {
    for _ in 0..3 {
        stream.input.send(SttInput::Audio(vec![7; AUDIO])).await.unwrap();
    }
    stream.input.send(decode(number, true)).await.unwrap();
    stream.output.next().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_second_engine_hears_all_of_an_utterance_at_which_the_first_has_failed() {
    let routed = routed(ScriptedStt::new([Hearing::Fails(EngineError::Failed("no memory".into()))]));
    let mut stream = routed.stt.open(SttRequest::default()).await.unwrap();
    let decoded = say(&mut stream, 1).await.unwrap();
    let by = decoded.routed.unwrap();
    assert_eq!(
        (decoded.words.text.as_str(), &*by.engine, by.reason),
        ("hello there", "main", Reason::Failed)
    );
    assert_eq!(routed.main.utterances()[0].audio.len(), 3 * AUDIO);
    let again = say(&mut stream, 2).await.unwrap();
    assert_eq!((again.number, again.routed), (2, None), "it keeps the utterance");
    assert_eq!(routed.main.utterances()[0].audio.len(), 6 * AUDIO);
}

#[tokio::test(start_paused = true)]
async fn a_transcript_that_is_late_is_made_by_the_next_engine_as_well() {
    let routed = routed(ScriptedStt::new([Hearing::Never, Hearing::Never]));
    for number in 1..3 {
        let mut stream = routed.stt.open(SttRequest::default()).await.unwrap();
        let began = Instant::now();
        let decoded = say(&mut stream, number).await.unwrap();
        assert_eq!(decoded.routed.unwrap().reason, Reason::Late);
        let took = began.elapsed().as_millis();
        assert!((600..700).contains(&took), "{took} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_had_no_time_for_work_beside_calls_goes_on_to_serve_calls() {
    let late = || Hearing::Fails(EngineError::Deadline);
    let routed = routed(ScriptedStt::new([late(), late(), late(), "fine".into()]));
    for number in 1..4 {
        let beside = SttRequest { ahead: true, ..SttRequest::default() };
        let mut stream = routed.stt.open(beside).await.unwrap();
        say(&mut stream, number).await.unwrap();
    }
    assert_eq!(routed.cloud.utterances().len(), 3);
    let mut stream = routed.stt.open(SttRequest::default()).await.unwrap();
    assert_eq!(say(&mut stream, 4).await.unwrap().words.text, "fine");
}

/// An endpoint that is down: it is contacted only when words are wanted, and then with retries.
struct Down;

#[async_trait]
impl Stt for Down {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities::default()
    }

    async fn open(&self, _request: SttRequest) -> Result<SttStream, EngineError> {
        let (input, mut inputs) = mpsc::channel(8);
        let output = stream::once(async move {
            while let Some(SttInput::Audio(_)) = inputs.recv().await {}
            let ask = || async { Err::<Decoded, _>(EngineError::Unavailable("it is refused".into())) };
            patiently(ask, EngineError::is_passing).await
        });
        Ok(SttStream { input, output: output.boxed() })
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_is_not_asked_patiently_where_another_engine_can_hear() {
    let (board, _statuses) = board(&route(EngineKind::Stt), &["cloud", "main"]);
    let stt = RoutedStt::new(board, vec![Arc::new(Down), Arc::new(ScriptedStt::new(["hello"]))]);
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    let began = Instant::now();
    let decoded = say(&mut stream, 1).await.unwrap();
    assert_eq!((decoded.words.text.as_str(), decoded.routed.unwrap().reason), ("hello", Reason::Unhealthy));
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
}

/// Dies after its first transcript.
struct Once;

#[async_trait]
impl Stt for Once {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities::default()
    }

    async fn open(&self, _request: SttRequest) -> Result<SttStream, EngineError> {
        let (input, mut inputs) = mpsc::channel(8);
        let output = stream::once(async move {
            loop {
                if let SttInput::Decode { number, .. } = inputs.recv().await.unwrap() {
                    return Ok::<_, EngineError>(Decoded { number, ..Decoded::default() });
                }
            }
        });
        Ok(SttStream { input, output: output.boxed() })
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_only_late_hears_all_when_the_one_that_took_over_is_killed() {
    let (board, _statuses) = board(&route(EngineKind::Stt), &["cloud", "main"]);
    let cloud = Arc::new(ScriptedStt::new([Hearing::Never, "hello again".into()]));
    let stt = RoutedStt::new(board, vec![cloud.clone(), Arc::new(Once)]);
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    assert_eq!(say(&mut stream, 1).await.unwrap().routed.unwrap().reason, Reason::Late);
    let decoded = say(&mut stream, 2).await.unwrap();
    let by = decoded.routed.unwrap();
    assert_eq!(
        (decoded.words.text.as_str(), &*by.engine, by.reason),
        ("hello again", "cloud", Reason::Unhealthy)
    );
    assert_eq!(cloud.utterances()[1].audio.len(), 6 * AUDIO);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_not_waited_for_long_when_the_one_that_took_over_is_killed() {
    let (board, _statuses) = board(&route(EngineKind::Stt), &["cloud", "main"]);
    let cloud = Arc::new(ScriptedStt::new([Hearing::Never, Hearing::Never]));
    let stt = RoutedStt::new(board, vec![cloud.clone(), Arc::new(Once)]);
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    _ = say(&mut stream, 1).await.unwrap();
    let began = Instant::now();
    let ended = timeout(Duration::from_secs(60), say(&mut stream, 2)).await.expect("it ends");
    assert_eq!(ended, Err(EngineError::Unavailable("recognition ended".into())));
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(cloud.utterances().len(), 2, "it is asked once more");
}

/// Is down at the first attempt.
struct Restarting {
    down: AtomicBool,
    inner: ScriptedStt,
}

#[async_trait]
impl Stt for Restarting {
    fn capabilities(&self) -> SttCapabilities {
        self.inner.capabilities()
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        if self.down.swap(false, Ordering::Relaxed) {
            return Err(EngineError::Unavailable("it starts".into()));
        }
        self.inner.open(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_killed_is_asked_again_once_the_last_one_is_late() {
    let (board, _statuses) = board(&route(EngineKind::Stt), &["cloud", "main"]);
    let cloud = Restarting { down: AtomicBool::new(true), inner: ScriptedStt::new(["hello"]) };
    let stt = RoutedStt::new(board, vec![Arc::new(cloud), Arc::new(ScriptedStt::new([Hearing::Never]))]);
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    let began = Instant::now();
    let decoded = say(&mut stream, 1).await.unwrap();
    let by = decoded.routed.unwrap();
    assert_eq!((decoded.words.text.as_str(), &*by.engine, by.reason), ("hello", "cloud", Reason::LastResort));
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_killed_and_restarted_hears_all_when_the_one_that_took_over_is_killed() {
    let (board, _statuses) = board(&route(EngineKind::Stt), &["cloud", "main"]);
    let cloud = Restarting { down: AtomicBool::new(true), inner: ScriptedStt::new(["hello again"]) };
    let cloud = Arc::new(cloud);
    let stt = RoutedStt::new(board, vec![cloud.clone(), Arc::new(Once)]);
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    assert_eq!(&*say(&mut stream, 1).await.unwrap().routed.unwrap().engine, "main");
    let decoded = say(&mut stream, 2).await.unwrap();
    let by = decoded.routed.unwrap();
    assert_eq!(
        (decoded.words.text.as_str(), &*by.engine, by.reason),
        ("hello again", "cloud", Reason::Unhealthy)
    );
    let heard: Vec<_> = cloud.inner.utterances().iter().map(|one| one.audio.len()).collect();
    assert_eq!(heard, [6 * AUDIO], "it is asked once more");
}

#[tokio::test(start_paused = true)]
async fn with_no_engine_left_the_fault_is_told_and_the_stream_ends() {
    let fails =
        || Arc::new(ScriptedStt::new([Hearing::Fails(EngineError::Failed("no".into()))])) as Arc<dyn Stt>;
    let (board, _statuses) = board(&route(EngineKind::Stt), &["cloud", "main"]);
    let stt = RoutedStt::new(board, vec![fails(), fails()]);
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    assert_eq!(say(&mut stream, 1).await, Err(EngineError::Failed("no".into())));
    assert!(stream.output.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_route_is_that_of_the_language_that_was_set_or_is_surely_expected() {
    let mut german = route(EngineKind::Stt);
    german.languages = vec!["de".into()];
    let routed = routed_by(&german, ScriptedStt::default());
    let weight = |language: &str, weight| LanguageWeight { language: language.into(), weight };
    for (language, expected, cloud) in [
        ("de", vec![], 1),
        ("en", vec![weight("de", 4.0)], 1),
        ("", vec![weight("de", 4.0), weight("en", 1.0)], 2),
        ("", vec![weight("de", 1.0), weight("en", 1.0)], 2),
    ] {
        let request = SttRequest { language: language.into(), expected, ..SttRequest::default() };
        let mut stream = routed.stt.open(request).await.unwrap();
        _ = say(&mut stream, 1).await.unwrap();
        assert_eq!(routed.cloud.utterances().len(), cloud, "{language:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_without_partial_transcripts_is_asked_for_none() {
    let routed = routed(ScriptedStt::new(["hello"]).only_transcribing("en"));
    assert!(routed.stt.capabilities().partials, "the other one makes them");
    let mut stream = routed.stt.open(SttRequest::default()).await.unwrap();
    stream.input.send(decode(1, false)).await.unwrap();
    let partial = timeout(Duration::from_millis(50), stream.output.next()).await;
    assert!(partial.is_err(), "nothing is asked, so that nothing comes");
    assert_eq!(say(&mut stream, 2).await.unwrap().number, 2);
    assert_eq!(routed.cloud.decodes().iter().map(|decode| decode.last).collect::<Vec<_>>(), [true]);
}

#[tokio::test(start_paused = true)]
async fn a_shadow_hears_the_utterance_and_its_words_are_not_told() {
    let mut shadowed = route(EngineKind::Stt);
    (shadowed.engines, shadowed.shadow) = (vec!["main".into()], vec!["cloud".into()]);
    let routed = routed_by(&shadowed, ScriptedStt::new(["something else"]).only_transcribing("en"));
    let mut stream = routed.stt.open(SttRequest::default()).await.unwrap();
    stream.input.send(decode(1, false)).await.unwrap();
    _ = stream.output.next().await.unwrap();
    assert_eq!(say(&mut stream, 2).await.unwrap().words.text, "hello there");
    drop(stream);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(routed.cloud.utterances()[0].audio.len(), 3 * AUDIO);
    assert_eq!(routed.cloud.decodes().len(), 1, "one that makes no partial transcripts is asked for none");
}
