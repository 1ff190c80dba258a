//! The recognition stage with an engine that hears two words a second, on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::engine::{
    EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream, Tts, TtsCapabilities, TtsPart,
    TtsRequest,
};
use visavis::pipeline::stt::{self, Context, SttEvent, SttFeed};
use visavis_core::frame::{LanguageWeight, MIC_RATE, PlaybackPosition, Transcript, UtteranceId};

const WORDS: &str = "one two three four five six seven eight nine ten eleven twelve";
const WINDOW_MS: u64 = 32;
const WINDOW: usize = 512;

/// What was asked: after so many milliseconds of audio, finally or not, with this to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    ms: u64,
    last: bool,
    stable: String,
    phrases: usize,
}

/// Hears a word of [`WORDS`] in every half second that is loud, or says what it makes up; takes 100 ms for it.
#[derive(Default)]
struct Ear {
    asked: Arc<Mutex<Vec<Asked>>>,
    opened: Mutex<Vec<Vec<LanguageWeight>>>,
    made_up: Option<Transcript>,
    language: Mutex<(String, f32)>,
    /// It does no more than transcribe an utterance to its end, in English.
    plain: bool,
}

#[async_trait]
impl Stt for Ear {
    fn capabilities(&self) -> SttCapabilities {
        match self.plain {
            true => SttCapabilities { languages: vec!["en".into()], ..SttCapabilities::default() },
            false => SttCapabilities::ALL,
        }
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        self.opened.lock().push(request.expected);
        let (input, receiver) = mpsc::channel(256);
        let (asked, made_up, language) =
            (self.asked.clone(), self.made_up.clone(), self.language.lock().clone());
        let output = stream::unfold((receiver, Vec::new()), move |(mut receiver, mut audio)| {
            let (asked, made_up, language) = (asked.clone(), made_up.clone(), language.clone());
            async move {
                loop {
                    match receiver.recv().await? {
                        SttInput::Audio(more) => audio.extend(more),
                        SttInput::Decode { number, last, stable, phrases } => {
                            let ms = audio.len() as u64 * 1000 / u64::from(MIC_RATE);
                            asked.lock().push(Asked { ms, last, stable, phrases: phrases.len() });
                            sleep(Duration::from_millis(100)).await;
                            let words = made_up.unwrap_or_else(|| heard(&audio));
                            let words = Transcript {
                                language: language.0,
                                language_probability: language.1,
                                decode_ms: 100,
                                ..words
                            };
                            return Some((Ok((number, words)), (receiver, audio)));
                        }
                    }
                }
            }
        });
        Ok(SttStream { input, output: output.boxed() })
    }
}

/// Speaks English.
struct Voice;

#[async_trait]
impl Tts for Voice {
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities::default()
    }

    async fn synthesize(
        &self,
        _: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        Err(EngineError::Unavailable("it is never asked to speak".into()))
    }

    async fn voices(&self) -> Result<Vec<visavis::engine::Voice>, EngineError> {
        Ok(vec![visavis::engine::Voice { name: "one".into(), language: "en".into(), locale: "en_US".into() }])
    }
}

fn heard(audio: &[i16]) -> Transcript {
    let loud = audio.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
    let words: Vec<&str> = WORDS.split(' ').take(loud / 8000).collect();
    Transcript { text: words.join(" "), ..Transcript::default() }
}

struct Stage {
    ear: Arc<Ear>,
    feed: mpsc::Sender<SttFeed>,
    out: mpsc::Receiver<SttEvent>,
    _language: watch::Sender<Option<String>>,
    sounding: watch::Sender<PlaybackPosition>,
    events: Vec<(Instant, SttEvent)>,
}

impl Stage {
    fn new(ear: Ear) -> Self {
        let (feed, items) = mpsc::channel(64);
        let (events, out) = mpsc::channel(64);
        let (given, language) = watch::channel(None);
        let (sounding, position) = watch::channel(PlaybackPosition::default());
        let ear = Arc::new(ear);
        let context = Context { stt: ear.clone(), tts: Arc::new(Voice), language, position };
        let tasks = TaskTracker::new();
        tokio::spawn(stt::run(items, context, events, tasks, CancellationToken::new()));
        Self { ear, feed, out, _language: given, sounding, events: Vec::new() }
    }

    async fn start(&mut self) {
        let utterance = UtteranceId(1);
        self.feed(SttFeed::Started { utterance, audio: vec![3; 6400 - 1024] }).await;
        self.feed(SttFeed::Audio(vec![8000; 1024])).await;
    }

    async fn feed(&mut self, item: SttFeed) {
        self.feed.send(item).await.unwrap();
    }

    /// Speaks or is silent for so long, at the pace of speech.
    async fn hear(&mut self, ms: u64, amplitude: i16) {
        for _ in 0..ms / WINDOW_MS {
            self.feed(SttFeed::Audio(vec![amplitude; WINDOW])).await;
            sleep(Duration::from_millis(WINDOW_MS)).await;
            while let Ok(event) = self.out.try_recv() {
                self.events.push((Instant::now(), event));
            }
        }
    }

    async fn next(&mut self) -> SttEvent {
        timeout(Duration::from_secs(20), self.out.recv()).await.expect("an event comes").unwrap()
    }

    async fn final_words(&mut self) -> Transcript {
        loop {
            if let SttEvent::Final(_, words) = self.next().await {
                return words;
            }
        }
    }

    fn asked(&self) -> Vec<Asked> {
        self.ear.asked.lock().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn captions_grow_while_the_person_speaks_and_stable_words_stay() {
    let mut stage = Stage::new(Ear::default());
    stage.start().await;
    stage.hear(4000, 8000).await;
    let partials: Vec<(Instant, Transcript)> = (stage.events.iter())
        .map(|(at, event)| match event {
            SttEvent::Partial(_, words) => (*at, words.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(partials.len() >= 5, "{partials:?}");
    for pair in partials.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= Duration::from_millis(300), "{pair:?}");
        let stable = &pair[0].1.text[..pair[0].1.stable];
        assert!(pair[1].1.text.starts_with(stable) && pair[1].1.stable >= stable.len(), "{pair:?}");
    }
    assert!(partials.last().unwrap().1.stable > 0);
    let asked = stage.asked();
    assert!((1000..=1250).contains(&asked[0].ms), "the first after 600 ms of speech: {asked:?}");
    assert!(asked.last().unwrap().stable.starts_with("one two"), "the engine is told what stays: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_tried_at_once_and_its_words_are_final_when_it_lasts() {
    let mut stage = Stage::new(Ear::default());
    stage.start().await;
    stage.hear(2000, 8000).await;
    stage.hear(128, 0).await;
    stage.feed(SttFeed::Paused { pause: 7 }).await;
    stage.hear(640, 0).await;
    let trial = stage.events.iter().find_map(|(_, event)| match event {
        SttEvent::Trial(_, 7, words) => Some(words.text.clone()),
        _ => None,
    });
    assert_eq!(trial.as_deref(), Some("one two three four"));
    let before = stage.asked().len();
    stage.feed(SttFeed::Cut).await;
    let words = stage.final_words().await;
    assert_eq!((words.text.as_str(), words.stable), ("one two three four", words.text.len()));
    let asked = stage.asked();
    assert_eq!(asked.len(), before, "nothing more was decoded at the end");
    assert!(asked.iter().filter(|asked| asked.last).count() == 1, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_was_too_early_is_taken_back_and_no_word_is_lost() {
    let mut stage = Stage::new(Ear::default());
    stage.start().await;
    stage.hear(1500, 8000).await;
    stage.hear(128, 0).await;
    stage.feed(SttFeed::Paused { pause: 1 }).await;
    stage.hear(320, 0).await;
    stage.feed(SttFeed::Resumed).await;
    stage.hear(1500, 8000).await;
    stage.feed(SttFeed::Cut).await;
    assert_eq!(stage.final_words().await.text, "one two three four five six");
}

#[tokio::test(start_paused = true)]
async fn no_partial_is_asked_for_in_a_pause() {
    let mut stage = Stage::new(Ear::default());
    stage.start().await;
    stage.hear(1000, 8000).await;
    stage.hear(128, 0).await;
    stage.feed(SttFeed::Paused { pause: 1 }).await;
    stage.hear(256, 0).await;
    let before = stage.asked();
    stage.hear(2000, 0).await;
    assert_eq!(stage.asked(), before);
    assert!(before.last().unwrap().last);
}

#[tokio::test(start_paused = true)]
async fn thanks_that_nobody_said_are_no_words() {
    let made_up = Transcript {
        text: "Thank you.".into(),
        no_speech_probability: 0.5,
        average_log_probability: -0.7,
        ..Transcript::default()
    };
    let mut stage = Stage::new(Ear { made_up: Some(made_up), ..Ear::default() });
    stage.start().await;
    stage.hear(1500, 8000).await;
    stage.feed(SttFeed::Cut).await;
    assert_eq!(stage.final_words().await.text, "");
}

#[tokio::test(start_paused = true)]
async fn what_the_call_spoke_and_can_answer_is_expected_of_the_next_utterance() {
    let mut stage = Stage::new(Ear::default());
    *stage.ear.language.lock() = ("de".into(), 0.97);
    for (expected, ms) in [("de", 2000), ("de", 2000), ("de", 500)] {
        stage.start().await;
        stage.hear(ms, 8000).await;
        stage.feed(SttFeed::Cut).await;
        assert_eq!(stage.final_words().await.language, expected);
        *stage.ear.language.lock() = if ms == 500 { ("nl".into(), 0.6) } else { ("de".into(), 0.97) };
    }
    let weight = |expected: &[LanguageWeight], language: &str| {
        expected.iter().find(|it| it.language == language).map_or(0.0, |it| it.weight)
    };
    let opened = stage.ear.opened.lock().clone();
    assert_eq!((weight(&opened[0], "en"), weight(&opened[0], "de")), (1.0, 0.0), "a voice for it");
    assert!(weight(&opened[1], "de") < weight(&opened[2], "de"), "belief grows: {opened:?}");
}

#[tokio::test(start_paused = true)]
async fn over_an_answer_the_engine_is_told_what_is_likely_to_be_said() {
    let mut stage = Stage::new(Ear::default());
    let at = |samples, finished| PlaybackPosition { samples, finished, ..PlaybackPosition::default() };
    for (position, likely) in [(at(0, false), false), (at(24_000, false), true), (at(24_000, true), false)] {
        stage.sounding.send_replace(position);
        stage.start().await;
        stage.hear(1000, 8000).await;
        stage.feed(SttFeed::Cut).await;
        stage.final_words().await;
        assert_eq!(stage.asked().last().unwrap().phrases > 0, likely, "{position:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn endless_noise_is_decoded_seldom_and_its_end_at_once() {
    let nothing = Transcript { no_speech_probability: 0.9, ..Transcript::default() };
    let mut stage = Stage::new(Ear { made_up: Some(nothing), ..Ear::default() });
    stage.start().await;
    stage.hear(150_000, 8000).await;
    let asked = stage.asked().len();
    assert!((10..30).contains(&asked), "{asked} decodes in 150 s");
    stage.feed(SttFeed::Paused { pause: 1 }).await;
    stage.hear(320, 0).await;
    assert!(stage.asked().last().unwrap().last, "a pause is tried without a rest");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_only_transcribes_is_asked_at_pauses_alone_and_for_a_language_that_it_knows() {
    let mut stage = Stage::new(Ear { plain: true, ..Ear::default() });
    *stage.ear.language.lock() = ("de".into(), 0.97);
    stage.sounding.send_replace(PlaybackPosition { samples: 24_000, ..PlaybackPosition::default() });
    for _ in 0..2 {
        stage.start().await;
        stage.hear(4000, 8000).await;
        stage.feed(SttFeed::Cut).await;
        assert_eq!(stage.final_words().await.text, "one two three four five six seven eight");
    }
    let asked = stage.asked();
    assert!(asked.len() == 2 && asked.iter().all(|asked| asked.last && asked.phrases == 0), "{asked:?}");
    let languages = |expected: &Vec<LanguageWeight>| expected.iter().all(|it| it.language == "en");
    assert!(stage.ear.opened.lock().iter().all(languages), "{:?}", stage.ear.opened.lock());
}
