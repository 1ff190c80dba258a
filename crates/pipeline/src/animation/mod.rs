//! A text or a recording as sound and faces, without a call: for films, games and trying out.
//!
//! - [`animator`]: faces of sound that comes bit by bit; pure
//! - [`recording`]: WAV in and out, and where a recording is cut; pure
//! - [`recited`]: what is said in a recording, and when
//! - this file: a text's phrases, spoken behind everything that a call needs

pub mod animator;
pub mod recited;
pub mod recording;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::avatar::sound::Sound;
use crate::avatar::source::Source;
use crate::avatar::tags::{Filtered, Tags};
use crate::avatar::text_cues::suggested;
use crate::engine::{EngineError, Tts, TtsRequest};
use crate::frame::{PlayoutItem, ResponseId, Sentence, SpeechChunk};
use crate::phrases::Splitter;
use crate::speakable::{Speakable, speakable};
use crate::tts;

/// Parts of speech that wait for their faces.
const AHEAD: usize = 2;

/// Who speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speaker {
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1; empty: the voice's.
    pub language: String,
}

/// A part of the speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The speech, with what it says and shows.
    pub chunk: SpeechChunk,
    /// Its sounds in seconds, where somebody knows them better than the engine.
    pub laid: Option<(Vec<Sound>, Source)>,
}

impl From<SpeechChunk> for Spoken {
    fn from(chunk: SpeechChunk) -> Self {
        Self { chunk, laid: None }
    }
}

type Parts = mpsc::Sender<Result<Spoken, EngineError>>;

/// Speaks a text phrase by phrase; tags in it are shown and not spoken. The last item is an error, or the channel just ends.
/// Dropping the receiver stops the work.
pub fn speak(text: &str, speaker: Speaker, tts: Arc<dyn Tts>) -> mpsc::Receiver<Result<Spoken, EngineError>> {
    let (out, parts) = mpsc::channel(AHEAD);
    let phrases = phrases(text, &speaker.language);
    tokio::spawn(async move {
        for phrase in phrases {
            let Err(error) = say(phrase, &speaker, tts.as_ref(), &out).await else { continue };
            _ = out.send(Err(error)).await;
            return;
        }
    });
    parts
}

async fn say(
    sentence: Sentence,
    Speaker { voice, language }: &Speaker,
    tts: &dyn Tts,
    out: &Parts,
) -> Result<(), EngineError> {
    let request = TtsRequest {
        text: sentence.speakable.clone(),
        voice: voice.clone(),
        language: language.clone(),
        ahead: true,
    };
    let (speech, mut spoken) = mpsc::channel(1);
    let made = async {
        let result = tts::speak(&sentence, request, tts, &speech).await;
        drop(speech);
        result
    };
    let handed = async {
        while let Some(item) = spoken.recv().await {
            let PlayoutItem::Speech(chunk) = item else { continue };
            if out.send(Ok(chunk.into())).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        // First, so that no phrase is begun for nobody.
        biased;
        () = out.closed() => Ok(()),
        (result, ()) = async { tokio::join!(made, handed) } => result,
    }
}

fn phrases(text: &str, language: &str) -> Vec<Sentence> {
    let mut tags = Tags::new(true);
    let Filtered { mut text, mut cues } = tags.push(text);
    let rest = tags.finish();
    cues.extend(rest.cues.into_iter().map(|(at, cue)| (text.len() + at, cue)));
    text.push_str(&rest.text);
    let tagged = !cues.is_empty();
    let mut splitter = Splitter::new(language);
    let mut written = splitter.push(&text, false);
    written.extend(splitter.finish());
    let count = written.len();
    let mut phrases = Vec::with_capacity(count);
    for (phrase, index) in written.into_iter().zip(0..) {
        let end = phrase.at + phrase.text.len();
        // What stands behind the last word of a phrase is shown with the next one, if there is one.
        let own = cues.iter().take_while(|(at, _)| *at < end || phrases.len() + 1 == count).count();
        let cues = match tagged {
            true => cues.drain(..own).map(|(at, cue)| (at.saturating_sub(phrase.at), cue)).collect(),
            false => suggested(&phrase.text, language),
        };
        let Speakable { text: speakable, words } = speakable(&phrase.text, language);
        phrases.push(Sentence { response: ResponseId(1), index, text: phrase.text, speakable, words, cues });
    }
    phrases
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use futures_util::stream::BoxStream;

    use super::*;
    use crate::avatar::cue::{Cue, Gesture, Mood};
    use crate::engine::scripted::ScriptedTts;
    use crate::engine::{TtsCapabilities, TtsPart};
    use crate::frame::CueTime;

    async fn spoken(text: &str) -> Vec<Spoken> {
        let mut parts = speak(text, Speaker::default(), Arc::new(ScriptedTts));
        let mut all = Vec::new();
        while let Some(part) = parts.recv().await {
            all.push(part.unwrap());
        }
        all
    }

    fn at_words(parts: &[Spoken]) -> Vec<(String, Cue)> {
        let each = |part: &Spoken| {
            let word = |due: &CueTime| {
                let word = part.chunk.words.iter().find(|word| word.start == due.at);
                (word.map(|word| word.text.clone()).unwrap_or_default(), due.cue)
            };
            part.chunk.cues.iter().map(word).collect::<Vec<_>>()
        };
        parts.iter().flat_map(each).collect()
    }

    #[tokio::test]
    async fn tags_are_shown_at_their_word_and_never_spoken() {
        let parts = spoken("[happy] Hello there. It costs 12 [nod] euros. *smiles* Bye [sad]").await;
        let words: Vec<_> =
            parts.iter().flat_map(|part| part.chunk.words.iter().map(|word| word.text.as_str())).collect();
        assert_eq!(words, ["Hello", "there.", "It", "costs", "12", "euros.", "Bye"]);
        let (mood, gesture) = (Cue::Mood, Cue::Gesture);
        let cue = |word: &str, cue| (word.to_string(), cue);
        let expected = [
            cue("Hello", mood(Mood::Happy)),
            cue("euros.", gesture(Gesture::Nod)),
            cue("Bye", mood(Mood::Happy)),
            cue("", mood(Mood::Sad)),
        ];
        assert_eq!(at_words(&parts), expected);
    }

    #[tokio::test]
    async fn a_text_without_tags_shows_what_its_words_suggest() {
        let parts = spoken("Yes, that is right. I am sorry.").await;
        assert!(at_words(&parts).contains(&("Yes,".to_string(), Cue::Gesture(Gesture::Nod))));
    }

    #[tokio::test]
    async fn symbols_and_tags_alone_say_nothing() {
        for text in ["🎉 *** — …", "[happy]", "[nod] 🎉"] {
            let silent = |part: &Spoken| part.chunk.samples.is_empty() && part.chunk.words.is_empty();
            assert!(spoken(text).await.iter().all(silent), "{text}");
        }
    }

    /// Counts what it is asked for.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    #[async_trait]
    impl Tts for Counted {
        fn capabilities(&self) -> TtsCapabilities {
            ScriptedTts.capabilities()
        }

        async fn synthesize(
            &self,
            request: TtsRequest,
        ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            ScriptedTts.synthesize(request).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_phrase_is_begun_for_a_reader_who_has_gone() {
        let tts = Arc::new(Counted::default());
        let text = "This is one more sentence of a long text. ".repeat(50);
        let mut parts = speak(&text, Speaker::default(), tts.clone());
        parts.recv().await.unwrap().unwrap();
        let asked = tts.0.load(Ordering::Relaxed);
        assert!((1..10).contains(&asked), "{asked} phrases ahead of the reader");
        drop(parts);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(tts.0.load(Ordering::Relaxed), asked);
    }
}
