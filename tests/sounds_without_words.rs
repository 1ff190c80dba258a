//! Sounds of a mouth that are no words, through the real recogniser and the recognition stage of a call, each first in its call:
//! they have no words, and the speech after them is heard in its language.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::config::Config;
use visavis::engine::backends::{Backend, Backends};
use visavis::engine::model_files::ModelFiles;
use visavis::engine::{Caller, Stt, Voice};
use visavis::oneshot::read_wav;
use visavis::pipeline::stt::{self, Context, SttEvent, SttFeed};
use visavis_bench::conversation::exclamations::{held_vowel, laughter, murmur, phew, sneeze, throat, ugh};
use visavis_core::frame::{MIC_RATE, PlaybackPosition, Transcript, UtteranceId};
use visavis_scripted::ScriptedTts;

mod live;

/// Far longer than a model takes to load, or for eleven seconds of speech.
const PATIENCE: Duration = Duration::from_secs(120);
const WINDOW: usize = 512;

/// The most accurate recogniser that is here; the one of the `tiny` profile knows English only.
fn model() -> PathBuf {
    let tiny = live::model("whisper-tiny.en.bin");
    let base = tiny.with_file_name("whisper-base.bin");
    if base.is_file() { base } else { tiny }
}

/// The recognition of one call with an English voice.
struct Ear {
    feed: mpsc::Sender<SttFeed>,
    out: mpsc::Receiver<SttEvent>,
    _inputs: (watch::Sender<Option<String>>, watch::Sender<PlaybackPosition>),
    utterance: UtteranceId,
}

impl Ear {
    fn new(stt: Arc<dyn Stt>) -> Self {
        let (feed, items) = mpsc::channel(64);
        let (events, out) = mpsc::channel(64);
        let (given, language) = watch::channel(None);
        let (sounding, position) = watch::channel(PlaybackPosition::default());
        let english = Voice { name: "one".into(), language: "en".into(), ..Voice::default() };
        let tts = Arc::new(ScriptedTts::default().with_voices([english]));
        let context = Context { stt, tts, language, position, caller: Caller::default() };
        tokio::spawn(stt::run(items, context, events, TaskTracker::new(), CancellationToken::new()));
        Self { feed, out, _inputs: (given, sounding), utterance: UtteranceId(0) }
    }

    /// The words of an utterance that ends in a pause, as the conversation is given them.
    async fn hears(&mut self, sound: &[i16]) -> Transcript {
        self.utterance.0 += 1;
        let utterance = self.utterance;
        let before = vec![0; MIC_RATE as usize * 4 / 10];
        self.feed.send(SttFeed::Started { utterance, audio: before }).await.unwrap();
        let pause = vec![0; MIC_RATE as usize / 10];
        for window in sound.chunks(WINDOW).chain(pause.chunks(WINDOW)) {
            self.feed.send(SttFeed::Audio(window.to_vec())).await.unwrap();
        }
        self.feed.send(SttFeed::Paused { pause: 1 }).await.unwrap();
        loop {
            match timeout(PATIENCE, self.out.recv()).await.expect("words come").unwrap() {
                SttEvent::Trial(_, 1, words) => {
                    self.feed.send(SttFeed::Closed).await.unwrap();
                    return words;
                }
                SttEvent::Failed(_, why) => panic!("{why}"),
                _ => {}
            }
        }
    }
}

/// How such sounds are written, a letter that is repeated once.
const WORDLESS: &str = "ah ahem hm m mhm phew ugh uh um whew";

/// Whether a text is empty, or says no more than a spelling of a sound, such as "Mmm." for "m".
fn is_only(text: &str, spellings: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty());
    words.all(|word| {
        let mut letters: Vec<char> = word.to_lowercase().chars().collect();
        letters.dedup();
        let letters: String = letters.into_iter().collect();
        spellings.split(' ').any(|spelling| spelling == letters)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn sounds_of_a_mouth_have_no_words_and_choose_no_language() {
    let models = ModelFiles { stt: model(), ..ModelFiles::default() };
    let backends = Backends::new(false).unwrap();
    let Backend { engine, mut status } = backends.stt(&Config::default(), &models).unwrap();
    timeout(PATIENCE, status.wait_for(|status| status.ready)).await.expect("it loads").unwrap();
    let kennedy = read_wav(&live::speech("jfk.wav")).unwrap();
    let mut wrong = Vec::new();
    for (name, sound, spellings) in [
        ("high laughter", laughter(190.0), ""),
        ("low laughter", laughter(110.0), ""),
        ("a high vowel", held_vowel(200.0), ""),
        ("a low vowel", held_vowel(115.0), ""),
        ("a sneeze", sneeze(150.0), ""),
        ("a murmur", murmur(120.0), WORDLESS),
        ("a cleared throat", throat(115.0), WORDLESS),
        ("phew", phew(200.0), WORDLESS),
        ("ugh", ugh(115.0), WORDLESS),
    ] {
        let mut ear = Ear::new(engine.clone());
        let noise = ear.hears(&sound).await;
        let speech = ear.hears(&kennedy).await;
        // Empty: a model of one language identifies none, and a sound without words chooses none.
        let is_foreign = |words: &Transcript| !["", "en"].contains(&words.language.as_str());
        if is_foreign(&noise) || !is_only(&noise.text, spellings) {
            wrong.push(format!("{name}: {noise:?}"));
        }
        let said = "what you can do for your country";
        if is_foreign(&speech) || !speech.text.to_lowercase().contains(said) {
            wrong.push(format!("the speech after {name}: {speech:?}"));
        }
    }
    backends.stop().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}
