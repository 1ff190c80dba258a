//! The recognition stage with an engine that hears two words a second, on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::engine::{Caller, EngineError, Voice};
use visavis::pipeline::stt::{self, Context, SttEvent, SttFeed};
use visavis_core::frame::{LanguageWeight, MIC_RATE, PlaybackPosition, ResponseId, Transcript, UtteranceId};
use visavis_scripted::{Decode, ScriptedStt, ScriptedTts};

const WORDS: &str = "one two three four five six seven eight nine ten eleven twelve";
const WINDOW_MS: u64 = 32;
const WINDOW: usize = 512;

/// A decode request: milliseconds of audio before it, whether it is the last, the stable text, the number of phrases.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    ms: u64,
    last: bool,
    stable: String,
    phrases: usize,
}

impl From<Decode> for Asked {
    fn from(decode: Decode) -> Self {
        let ms = decode.samples as u64 * 1000 / u64::from(MIC_RATE);
        Self { ms, last: decode.last, stable: decode.stable, phrases: decode.phrases.len() }
    }
}

/// What the engine hears as the language, and how sure it is.
type Language = Arc<Mutex<(String, f32)>>;

/// Returns the words of `words`, in this language; takes 100 ms for it.
fn ear(language: Language, words: impl Fn(&[i16]) -> Transcript + Send + Sync + 'static) -> ScriptedStt {
    let hear = move |audio: &[i16]| {
        let (language, language_probability) = language.lock().clone();
        Transcript { language, language_probability, decode_ms: 100, ..words(audio) }
    };
    ScriptedStt::by_ear(hear).after(Duration::from_millis(100))
}

/// Returns these words, whatever is said.
fn making_up(words: Transcript) -> ScriptedStt {
    ear(Language::default(), move |_| words.clone())
}

/// A voice for English; it fails when it is asked to speak.
fn english() -> ScriptedTts {
    let (name, language) = ("one".into(), "en".into());
    let voice = Voice { name, language, locale: "en_US".into(), ..Voice::default() };
    let fault = EngineError::Failed("never asked to speak".into());
    ScriptedTts::default().with_voices([voice]).failing("", 0, fault)
}

/// A word of [`WORDS`] in every half second that is loud.
fn heard(audio: &[i16]) -> Transcript {
    let loud = audio.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
    let words: Vec<&str> = WORDS.split(' ').take(loud / 8000).collect();
    Transcript { text: words.join(" "), ..Transcript::default() }
}

struct Stage {
    ear: Arc<ScriptedStt>,
    feed: mpsc::Sender<SttFeed>,
    out: mpsc::Receiver<SttEvent>,
    _language: watch::Sender<Option<String>>,
    sounding: watch::Sender<PlaybackPosition>,
    events: Vec<(Instant, SttEvent)>,
}

impl Stage {
    /// With an engine that hears what is said.
    fn listening() -> Self {
        Self::new(ear(Language::default(), heard))
    }

    fn new(ear: ScriptedStt) -> Self {
        let (feed, items) = mpsc::channel(64);
        let (events, out) = mpsc::channel(64);
        let (given, language) = watch::channel(None);
        let (sounding, position) = watch::channel(PlaybackPosition::default());
        let ear = Arc::new(ear);
        let caller = Caller::default();
        let context = Context { stt: ear.clone(), tts: Arc::new(english()), language, position, caller };
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

    /// Speaks or is silent for this long, in real time.
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

    /// The expected languages of each utterance.
    fn opened(&self) -> Vec<Vec<LanguageWeight>> {
        self.ear.utterances().into_iter().map(|utterance| utterance.request.expected).collect()
    }

    fn asked(&self) -> Vec<Asked> {
        self.ear.decodes().into_iter().map(Asked::from).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn captions_grow_while_the_person_speaks_and_stable_words_stay() {
    let mut stage = Stage::listening();
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
async fn a_pause_is_transcribed_at_once_and_its_words_become_final_if_it_lasts() {
    let mut stage = Stage::listening();
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
async fn a_trial_that_was_too_early_is_discarded_and_no_word_is_lost() {
    let mut stage = Stage::listening();
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
async fn no_partial_is_requested_during_a_pause() {
    let mut stage = Stage::listening();
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
async fn a_hallucinated_thank_you_is_dropped() {
    let made_up = Transcript {
        text: "Thank you.".into(),
        no_speech_probability: 0.5,
        average_log_probability: -0.7,
        ..Transcript::default()
    };
    let mut stage = Stage::new(making_up(made_up));
    stage.start().await;
    stage.hear(1500, 8000).await;
    stage.feed(SttFeed::Cut).await;
    assert_eq!(stage.final_words().await.text, "");
}

fn languages(list: &[(&str, f32)]) -> Vec<LanguageWeight> {
    let one = |(code, weight): &(&str, f32)| LanguageWeight { language: (*code).into(), weight: *weight };
    list.iter().map(one).collect()
}

/// Laughter at an amplitude of 4,000, written as Chinese words as the real model does; English words above that.
fn mistaking_laughter() -> ScriptedStt {
    let hear = move |audio: &[i16]| {
        let speaks = audio.iter().any(|sample| sample.unsigned_abs() > 6_000);
        let (text, language, sureness) =
            if speaks { (heard(audio).text, "en", -0.3) } else { ("同說同台".into(), "zh", -1.3) };
        Transcript {
            text,
            language: language.into(),
            language_probability: 0.85,
            average_log_probability: sureness,
            languages: if speaks {
                languages(&[("en", 0.85), ("zh", 0.006)])
            } else {
                languages(&[("zh", 0.85), ("ja", 0.06), ("en", 0.03)])
            },
            ..Transcript::default()
        }
    };
    ScriptedStt::by_ear(hear).after(Duration::from_millis(100))
}

#[tokio::test(start_paused = true)]
async fn laughter_first_in_a_call_has_no_words_and_the_question_after_it_stays_english() {
    let mut stage = Stage::new(mistaking_laughter());
    stage.feed(SttFeed::Started { utterance: UtteranceId(1), audio: vec![3; 6400] }).await;
    stage.hear(1_800, 4_000).await;
    stage.feed(SttFeed::Cut).await;
    let laughter = stage.final_words().await;
    assert_eq!((laughter.text.as_str(), laughter.language.as_str()), ("", ""), "no words of any language");
    stage.start().await;
    stage.hear(2_000, 8_000).await;
    stage.feed(SttFeed::Cut).await;
    let question = stage.final_words().await;
    assert_eq!((question.text.as_str(), question.language.as_str()), ("one two three four", "en"));
    let opened = stage.opened();
    assert!(opened.iter().flatten().all(|expected| expected.language != "zh"), "{opened:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_utterance_is_expected_in_languages_of_the_call_and_its_voices() {
    let language = Language::default();
    let mut stage = Stage::new(ear(language.clone(), heard));
    *language.lock() = ("de".into(), 0.97);
    for (expected, ms) in [("de", 2000), ("de", 2000), ("de", 500)] {
        stage.start().await;
        stage.hear(ms, 8000).await;
        stage.feed(SttFeed::Cut).await;
        assert_eq!(stage.final_words().await.language, expected);
        *language.lock() = if ms == 500 { ("nl".into(), 0.6) } else { ("de".into(), 0.97) };
    }
    let weight = |expected: &[LanguageWeight], language: &str| {
        expected.iter().find(|it| it.language == language).map_or(0.0, |it| it.weight)
    };
    let opened = stage.opened();
    assert_eq!((weight(&opened[0], "en"), weight(&opened[0], "de")), (1.0, 0.0), "English has a voice");
    assert!(weight(&opened[1], "de") < weight(&opened[2], "de"), "belief grows: {opened:?}");
}

#[tokio::test(start_paused = true)]
async fn during_a_response_the_engine_is_told_what_is_likely_to_be_said() {
    let mut stage = Stage::listening();
    let at = |samples, finished| PlaybackPosition { response: ResponseId(1), samples, finished };
    let filler = at(0, false);
    for (position, likely) in [
        (PlaybackPosition::default(), false),
        (filler, true),
        (at(24_000, false), true),
        (at(24_000, true), false),
    ] {
        stage.sounding.send_replace(position);
        stage.start().await;
        stage.hear(1000, 8000).await;
        stage.feed(SttFeed::Cut).await;
        stage.final_words().await;
        assert_eq!(stage.asked().last().unwrap().phrases > 0, likely, "{position:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn endless_noise_is_decoded_rarely_and_its_end_at_once() {
    let nothing = Transcript { no_speech_probability: 0.9, ..Transcript::default() };
    let mut stage = Stage::new(making_up(nothing));
    stage.start().await;
    stage.hear(150_000, 8000).await;
    let asked = stage.asked().len();
    assert!((10..30).contains(&asked), "{asked} decodes in 150 s");
    stage.feed(SttFeed::Paused { pause: 1 }).await;
    stage.hear(320, 0).await;
    assert!(stage.asked().last().unwrap().last, "a pause is transcribed without delay");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_only_transcribes_is_asked_only_at_pauses_and_for_its_own_languages() {
    let german = Language::new(Mutex::new(("de".into(), 0.97)));
    let mut stage = Stage::new(ear(german, heard).only_transcribing("en"));
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
    assert!(stage.opened().iter().all(languages), "{:?}", stage.opened());
}
