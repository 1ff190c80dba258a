//! Routing of voices, with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};
use visavis_config::Route;
use visavis_core::route::{EngineKind, Reason};
use visavis_engine::router::{Board, RoutedTts, Voices};
use visavis_engine::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice, WordTimes};
use visavis_scripted::boards::{self, Statuses, board, route};
use visavis_scripted::{ScriptedTts, TONE_RATE, one_part, tone};

const TEXT: &str = "One two three four five.";

fn request(text: &str) -> TtsRequest {
    TtsRequest { text: text.into(), ..TtsRequest::default() }
}

/// Speaks each word as its own part, with its times.
fn word_by_word() -> ScriptedTts {
    ScriptedTts::speaking(|text| text.split(' ').map(|word| one_part(word, TONE_RATE, tone)).collect())
        .every(Duration::from_millis(50))
}

/// The same without times.
fn untimed() -> ScriptedTts {
    let part = |word: &str| TtsPart { rate: TONE_RATE, samples: tone(word), ..TtsPart::default() };
    ScriptedTts::speaking(move |text| text.split(' ').map(part).collect())
}

fn died() -> EngineError {
    EngineError::Unavailable("the connection is lost".into())
}

struct Routed {
    tts: RoutedTts,
    main: Arc<ScriptedTts>,
    statuses: Statuses,
}

fn routed(cloud: ScriptedTts) -> Routed {
    let (board, statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    routed_by(board, statuses, cloud)
}

fn routed_by(board: Arc<Board>, statuses: Statuses, cloud: ScriptedTts) -> Routed {
    let main = Arc::new(word_by_word());
    let tts = RoutedTts::new(board, vec![Arc::new(cloud), main.clone()], Voices::default());
    Routed { tts, main, statuses }
}

/// What was spoken: the words with times, and the engines that spoke.
#[derive(Debug, PartialEq)]
struct Spoken {
    words: Vec<String>,
    engines: Vec<(String, Reason)>,
}

async fn speak(tts: &dyn Tts, request: TtsRequest) -> Result<Spoken, EngineError> {
    let mut parts = tts.synthesize(request).await?;
    let mut spoken = Spoken { words: Vec::new(), engines: Vec::new() };
    while let Some(part) = parts.next().await {
        let part = part?;
        spoken.words.extend(part.words.into_iter().map(|word| word.text));
        spoken.engines.extend(part.routed.map(|routed| (routed.engine.to_string(), routed.reason)));
    }
    Ok(spoken)
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn with_the_first_engine_killed_before_its_first_sound_20_of_20_segments_come_from_the_second_in_a_second()
 {
    let routed = routed(word_by_word().failing("", 0, died()));
    for _ in 0..20 {
        let began = Instant::now();
        let mut parts = routed.tts.synthesize(request(TEXT)).await.unwrap();
        let first = parts.next().await.unwrap().unwrap();
        assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(&*first.routed.unwrap().engine, "main");
        assert_eq!(1 + parts.count().await, 5, "all of it is spoken");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_before_its_first_sound_is_not_waited_for() {
    let routed = routed(word_by_word().hanging("", 0));
    let began = Instant::now();
    let mut parts = routed.tts.synthesize(request(TEXT)).await.unwrap();
    let first = parts.next().await.unwrap().unwrap();
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(first.routed.unwrap().reason, Reason::Late);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_within_a_segment_is_replaced_within_4_s_and_after_three_times_not_asked() {
    let routed = routed(word_by_word().hanging("", 2));
    for _ in 0..3 {
        let mut parts = routed.tts.synthesize(request(TEXT)).await.unwrap();
        let (mut spoken, mut longest, mut at) = (Vec::new(), Duration::ZERO, Instant::now());
        while let Some(part) = parts.next().await {
            let part = part.unwrap();
            longest = longest.max(at.elapsed());
            at = Instant::now();
            spoken.extend(part.words.into_iter().map(|word| word.text));
        }
        assert_eq!(spoken, words(TEXT));
        assert!(longest <= Duration::from_secs(4), "{longest:?}");
    }
    let spoken = speak(&routed.tts, request(TEXT)).await.unwrap();
    assert_eq!(spoken.engines, [("main".to_owned(), Reason::BreakerOpen)]);
    assert!(routed.main.asked()[..3].iter().all(|asked| asked.text == "three four five."));
}

/// The same, but the first engine may take a minute for its first sound.
fn patiently_routed(cloud: ScriptedTts) -> Routed {
    let (board, statuses) = board(&Route { first_ms: 60_000, ..route(EngineKind::Tts) }, &["cloud", "main"]);
    routed_by(board, statuses, cloud)
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_nobody_reads_has_not_stalled() {
    let routed = routed(word_by_word());
    let mut parts = routed.tts.synthesize(request(TEXT)).await.unwrap();
    while parts.next().await.is_some() {
        // Playout holds the segment back.
        sleep(Duration::from_secs(60)).await;
    }
    assert!(routed.main.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_sound_is_still_to_be_heard_has_not_stalled() {
    let half_a_minute = |word: &str| TtsPart {
        samples: vec![9000; 30 * TONE_RATE as usize],
        ..one_part(word, TONE_RATE, tone)
    };
    let ahead = ScriptedTts::speaking(move |text| text.split(' ').map(half_a_minute).collect());
    let routed = patiently_routed(ahead.every(Duration::from_secs(20)));
    let spoken = speak(&routed.tts, request(TEXT)).await.unwrap();
    assert_eq!((spoken.words, spoken.engines), (words(TEXT), vec![("cloud".to_owned(), Reason::Route)]));
    assert!(routed.main.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_is_waited_for_while_no_other_is_fit() {
    let routed = patiently_routed(word_by_word().every(Duration::from_secs(20)));
    routed.statuses.set(1, false);
    let spoken = speak(&routed.tts, request(TEXT)).await.unwrap();
    assert_eq!((spoken.words, spoken.engines), (words(TEXT), vec![("cloud".to_owned(), Reason::Route)]));
    assert!(routed.main.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_has_stalled_is_replaced_as_soon_as_another_is_fit() {
    let routed = routed(word_by_word().hanging("", 2));
    routed.statuses.set(1, false);
    let began = Instant::now();
    let becomes_ready = async {
        sleep(Duration::from_secs(20)).await;
        routed.statuses.set(1, true);
    };
    let speaks = timeout(Duration::from_secs(60), speak(&routed.tts, request(TEXT)));
    let (spoken, ()) = tokio::join!(speaks, becomes_ready);
    assert_eq!(spoken.expect("it ends").unwrap().words, words(TEXT));
    assert!(began.elapsed() <= Duration::from_secs(22), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn killed_in_the_middle_the_segment_is_finished_by_the_other_engine_from_the_next_word_on() {
    let routed = routed(word_by_word().failing("", 2, died()));
    let spoken = speak(&routed.tts, request(TEXT)).await.unwrap();
    assert_eq!(spoken.words, words(TEXT));
    assert_eq!(spoken.engines, [("cloud".into(), Reason::Route), ("main".to_owned(), Reason::Unhealthy)]);
    assert_eq!(routed.main.asked()[0].text, "three four five.");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_only_late_speaks_the_rest_when_the_one_that_took_over_is_killed() {
    let (board, _statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let slow = Arc::new(word_by_word().every(Duration::from_secs(1)));
    let dies = Arc::new(word_by_word().failing("", 2, died()));
    let tts = RoutedTts::new(board, vec![slow.clone(), dies], Voices::default());
    let spoken = speak(&tts, request(TEXT)).await.unwrap();
    assert_eq!(spoken.words, words(TEXT));
    assert_eq!(spoken.engines, [("main".to_owned(), Reason::Late), ("cloud".to_owned(), Reason::Unhealthy)]);
    assert_eq!(slow.asked()[1].text, "three four five.");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_failed_before_its_first_sound_speaks_the_rest_when_the_one_that_took_over_is_killed()
{
    for ready in [true, false] {
        let (board, statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
        // It is killed at the whole segment, and restarted by the time of the rest.
        let restarts = Arc::new(word_by_word().failing("One", 0, died()));
        let dies = Arc::new(word_by_word().failing("", 2, died()));
        let tts = RoutedTts::new(board, vec![restarts.clone(), dies], Voices::default());
        let mut parts = tts.synthesize(request(TEXT)).await.unwrap();
        assert_eq!(&*parts.next().await.unwrap().unwrap().routed.unwrap().engine, "main");
        statuses.set(0, ready);
        let rest: Vec<_> = parts.collect().await;
        if ready {
            assert_eq!((rest.len(), restarts.asked().len()), (4, 2));
            let by = rest[1].clone().unwrap().routed.unwrap();
            assert_eq!((&*by.engine, by.reason), ("cloud", Reason::Unhealthy));
            assert_eq!(restarts.asked()[1].text, "three four five.");
        } else {
            // Nobody waits in the middle of a segment for an engine that is still loading.
            assert_eq!((rest.len(), rest[1].clone(), restarts.asked().len()), (2, Err(died()), 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_is_replaced_by_one_that_had_failed_and_is_fit_again() {
    let (board, _statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let restarts = Arc::new(word_by_word().failing("One", 0, died()));
    let stalls = Arc::new(word_by_word().hanging("", 2));
    let tts = RoutedTts::new(board, vec![restarts, stalls], Voices::default());
    let spoken =
        timeout(Duration::from_secs(60), speak(&tts, request(TEXT))).await.expect("it ends").unwrap();
    assert_eq!(spoken.words, words(TEXT));
    assert_eq!(
        spoken.engines,
        [("main".to_owned(), Reason::Unhealthy), ("cloud".to_owned(), Reason::Failed)]
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_not_waited_for_long_when_the_one_that_took_over_is_killed() {
    let (board, _statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let hangs = Arc::new(word_by_word().hanging("", 0));
    let dies = Arc::new(word_by_word().failing("", 2, died()));
    let tts = RoutedTts::new(board, vec![hangs.clone(), dies], Voices::default());
    let began = Instant::now();
    let ended = timeout(Duration::from_secs(60), speak(&tts, request(TEXT))).await.expect("it ends");
    assert_eq!((ended, hangs.asked().len()), (Err(died()), 2));
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_voice_without_times_is_taken_over_by_the_pace_of_speech() {
    let routed = routed(untimed().failing("", 2, died()));
    let spoken = speak(&routed.tts, request(TEXT)).await.unwrap();
    assert_eq!(spoken.words, words("three four five."), "600 ms are two words");
}

#[tokio::test(start_paused = true)]
async fn a_failure_behind_the_last_word_is_not_heard() {
    let routed = routed(word_by_word().failing("", 5, died()));
    assert_eq!(speak(&routed.tts, request(TEXT)).await.unwrap().words, words(TEXT));
    assert!(routed.main.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_all_engines_down_the_call_learns_of_it() {
    let (board, _statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let dead = || Arc::new(word_by_word().failing("", 1, died())) as Arc<dyn Tts>;
    let tts = RoutedTts::new(board, vec![dead(), dead()], Voices::default());
    assert_eq!(speak(&tts, request(TEXT)).await, Err(died()));
}

#[tokio::test(start_paused = true)]
async fn speech_that_nobody_waits_for_has_no_deadline() {
    let routed = routed(word_by_word().every(Duration::from_secs(5)));
    let spoken = speak(&routed.tts, TtsRequest { ahead: true, ..request(TEXT) }).await.unwrap();
    assert_eq!(spoken.engines, [("cloud".to_owned(), Reason::Route)]);
    assert!(routed.main.asked().is_empty());
}

/// Speaks only with its own voices.
struct Picky {
    voice: &'static str,
    asked: Mutex<Vec<String>>,
}

impl Picky {
    fn new(voice: &'static str) -> Arc<Self> {
        Arc::new(Self { voice, asked: Mutex::default() })
    }
}

#[async_trait]
impl Tts for Picky {
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities { word_times: WordTimes::None, phonemes: true }
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        self.asked.lock().push(request.voice.clone());
        if request.voice != self.voice {
            return Err(EngineError::Invalid(format!("voice: there is no {}", request.voice)));
        }
        Ok(stream::iter([Ok(one_part(&request.text, TONE_RATE, tone))]).boxed())
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        let voice = |name: &str, language: &str| Voice {
            name: name.into(),
            language: language.into(),
            ..Voice::default()
        };
        Ok(vec![voice(self.voice, "en"), voice(self.voice, "de"), voice("both", "en")])
    }
}

#[tokio::test(start_paused = true)]
async fn each_engine_speaks_with_its_own_voice_and_one_that_stands_in_at_least_with_that() {
    let (board, statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let (cloud, main) = (Picky::new("alloy"), Picky::new("joe"));
    let voices = Voices { usual: "joe".into(), own: vec!["alloy".into(), "joe".into()] };
    let tts = RoutedTts::new(board, vec![cloud.clone(), main.clone()], voices);
    let with = |voice: &str| TtsRequest { voice: voice.into(), ..request(TEXT) };
    assert_eq!(speak(&tts, with("joe")).await.unwrap().engines, [("cloud".to_owned(), Reason::Route)]);
    assert_eq!(*cloud.asked.lock(), ["alloy"], "the usual voice is each engine's own");
    let refused = speak(&tts, with("eva")).await;
    assert_eq!(
        refused.unwrap().engines,
        [("main".to_owned(), Reason::Refused)],
        "better another voice than silence"
    );
    assert_eq!(*main.asked.lock(), ["eva", "joe"]);
    statuses.set(0, false);
    assert_eq!(speak(&tts, with("alloy")).await.unwrap().engines, [("main".to_owned(), Reason::Unhealthy)]);
}

#[tokio::test(start_paused = true)]
async fn a_chosen_voice_that_is_not_used_is_told_and_one_that_an_engine_replaces_with_its_own_is_not() {
    let (board, statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let voices = Voices { usual: "joe".into(), own: vec!["alloy".into(), "joe".into()] };
    let tts = RoutedTts::new(board, vec![Picky::new("alloy"), Picky::new("joe")], voices);
    let refused = async |voice: &str| {
        let mut parts = tts.synthesize(TtsRequest { voice: voice.into(), ..request(TEXT) }).await.unwrap();
        let first = parts.next().await.unwrap().unwrap();
        first.refused.map(|refused| (refused.reason, refused.everywhere))
    };
    let no = |voice: &str| format!("voice: there is no {voice}");
    assert_eq!(refused("alloy").await, None);
    assert_eq!(refused("joe").await, None, "the first one speaks with its own");
    assert_eq!(refused("eva").await, Some((no("eva"), true)), "no engine has it");
    statuses.set(0, false);
    assert_eq!(refused("alloy").await, Some((no("alloy"), false)), "the first one will speak with it again");
    assert_eq!(refused("joe").await, None);
}

#[tokio::test(start_paused = true)]
async fn an_engine_whose_own_voice_does_not_speak_a_language_speaks_it_with_another() {
    let (board, _statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    // It speaks only if no voice is named.
    let cloud = Picky::new("");
    let voices = Voices { usual: String::new(), own: vec!["alloy".into(), String::new()] };
    let tts = RoutedTts::new(board, vec![cloud.clone(), Picky::new("")], voices);
    assert_eq!(speak(&tts, request(TEXT)).await.unwrap().engines, [("cloud".to_owned(), Reason::Route)]);
    assert_eq!(*cloud.asked.lock(), ["alloy", ""], "its own voice is preferred");
}

#[tokio::test(start_paused = true)]
async fn voices_are_those_of_all_engines_and_word_times_those_that_each_reports() {
    let (board, _statuses) = board(&route(EngineKind::Tts), &["cloud", "main"]);
    let tts = RoutedTts::new(board, vec![Picky::new("alloy"), Arc::new(word_by_word())], Voices::default());
    assert_eq!(tts.capabilities(), TtsCapabilities { word_times: WordTimes::None, phonemes: false });
    let (board, _statuses) = boards::board(&route(EngineKind::Tts), &["cloud", "main"]);
    let tts = RoutedTts::new(board, vec![Picky::new("alloy"), Picky::new("joe")], Voices::default());
    let expected = ["alloy en", "alloy de", "both en", "joe en", "joe de"];
    assert_eq!(listed(&tts).await, expected, "each once for each of its languages");
    let mut copied = route(EngineKind::Tts);
    (copied.engines, copied.shadow) = (vec!["cloud".into()], vec!["main".into()]);
    let (board, _statuses) = boards::board(&copied, &["cloud", "main"]);
    let tts = RoutedTts::new(board, vec![Picky::new("alloy"), Picky::new("joe")], Voices::default());
    assert_eq!(listed(&tts).await, expected[..3], "nobody can choose those of an engine that gets copies");
}

async fn listed(tts: &RoutedTts) -> Vec<String> {
    let voices = tts.voices().await.unwrap();
    voices.into_iter().map(|voice| format!("{} {}", voice.name, voice.language)).collect()
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_not_ready_is_skipped() {
    let routed = routed(word_by_word());
    routed.statuses.set(0, false);
    let spoken = speak(&routed.tts, request(TEXT)).await.unwrap();
    assert_eq!(spoken.engines, [("main".to_owned(), Reason::Unhealthy)]);
}
