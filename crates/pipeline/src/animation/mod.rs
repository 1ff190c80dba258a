//! A text or a recording as sound and faces, without a call: for films, games and experiments.
//!
//! - [`animator`]: faces for sound that arrives in chunks; pure
//! - [`recording`]: WAV in and out, and where a recording is cut; pure
//! - [`recited`]: what is said in a recording, and when
//! - this file: speaks a text segment by segment, at lower priority than calls

pub mod animator;
pub mod recited;
pub mod recording;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use crate::avatar::cue::PlacedCue;
use crate::avatar::sound::Sound;
use crate::avatar::source::Source;
use crate::avatar::tags::{Filtered, Tags};
use crate::avatar::text_cues::suggested;
use crate::engine::{EngineError, Speed, Tts, TtsRequest};
use crate::frame::{PlayoutItem, ResponseId, Segment, SpeechChunk};
use crate::segments::Splitter;
use crate::speakable::{Speakable, speakable};
use crate::tts;

/// Chunks of speech that may wait for their faces.
const AHEAD: usize = 2;

/// The voice and language to speak with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speaker {
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1; empty: the voice's.
    pub language: String,
}

/// How a text is spoken beside calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manner {
    /// Relative to the configured speed.
    pub speed: Speed,
    /// Somebody waits for it: it goes before what nobody waits for.
    pub waited: bool,
}

/// A chunk of the speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The speech, its words and its cues.
    pub chunk: SpeechChunk,
    /// Its sounds, where they are known better than from the engine.
    pub laid: Option<Laid>,
}

/// The sounds of a piece of speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Laid {
    /// Each with its time in seconds of the piece.
    pub sounds: Vec<Sound>,
    /// How they are known.
    pub source: Source,
}

impl From<SpeechChunk> for Spoken {
    fn from(chunk: SpeechChunk) -> Self {
        Self { chunk, laid: None }
    }
}

type SpokenSender = mpsc::Sender<Result<Spoken, EngineError>>;

/// Speaks a text segment by segment for somebody who waits for it; tags in it are shown, not spoken. On failure the last item is an
/// error. Dropping the receiver stops the work.
pub fn speak(text: &str, speaker: Speaker, tts: Arc<dyn Tts>) -> mpsc::Receiver<Result<Spoken, EngineError>> {
    speak_as(text, speaker, Manner { waited: true, ..Manner::default() }, tts)
}

/// The same in this manner.
pub fn speak_as(
    text: &str,
    speaker: Speaker,
    manner: Manner,
    tts: Arc<dyn Tts>,
) -> mpsc::Receiver<Result<Spoken, EngineError>> {
    let (out, parts) = mpsc::channel(AHEAD);
    let segments = segments(text, &speaker.language);
    tokio::spawn(async move {
        let all = async {
            for segment in segments {
                say(segment, &speaker, &manner, tts.as_ref(), &out).await?;
            }
            Ok::<(), EngineError>(())
        };
        // Without an error its reader would take the beginning for the whole.
        let broken = |_| Err(EngineError::Failed("speaking broke down; the log says where".into()));
        let spoken = AssertUnwindSafe(all).catch_unwind().await.unwrap_or_else(broken);
        if let Err(error) = spoken {
            _ = out.send(Err(error)).await;
        }
    });
    parts
}

async fn say(
    segment: Segment,
    Speaker { voice, language }: &Speaker,
    manner: &Manner,
    tts: &dyn Tts,
    out: &SpokenSender,
) -> Result<(), EngineError> {
    let request = TtsRequest {
        text: segment.speakable.clone(),
        voice: voice.clone(),
        language: language.clone(),
        speed: manner.speed,
        ahead: true,
        waited: manner.waited,
        ..TtsRequest::default()
    };
    let (speech, mut spoken) = mpsc::channel(1);
    let made = async {
        let result = tts::speak(&segment, request, tts, &speech).await;
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
        // First, so that no segment is begun after the reader has gone.
        biased;
        () = out.closed() => Ok(()),
        (result, ()) = async { tokio::join!(made, handed) } => result,
    }
}

fn segments(text: &str, language: &str) -> Vec<Segment> {
    let mut tags = Tags::new(true);
    let Filtered { mut text, mut cues } = tags.push(text);
    let rest = tags.finish();
    cues.extend(rest.cues.into_iter().map(|place| PlacedCue { at: text.len() + place.at, ..place }));
    text.push_str(&rest.text);
    let tagged = !cues.is_empty();
    let mut splitter = Splitter::new(language);
    let mut written = splitter.push(&text, false);
    written.extend(splitter.finish());
    let count = written.len();
    let mut segments = Vec::with_capacity(count);
    for (segment, index) in written.into_iter().zip(0..) {
        let end = segment.at + segment.text.len();
        // A cue after the last word of a segment is shown with the next segment, if there is one.
        let own = cues.iter().take_while(|place| place.at < end || segments.len() + 1 == count).count();
        let within = |place: PlacedCue| PlacedCue { at: place.at.saturating_sub(segment.at), ..place };
        let cues = match tagged {
            true => cues.drain(..own).map(within).collect(),
            false => suggested(&segment.text, language),
        };
        let Speakable { text: speakable, words } = speakable(&segment.text, language);
        segments.push(Segment { response: ResponseId(1), index, text: segment.text, speakable, words, cues });
    }
    segments
}

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use visavis_scripted::ScriptedTts;

    use super::*;
    use crate::avatar::cue::{Cue, Gesture, Mood};
    use crate::frame::CueTime;

    async fn spoken(text: &str) -> Vec<Spoken> {
        let mut parts = speak(text, Speaker::default(), Arc::new(ScriptedTts::default()));
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

    #[tokio::test(start_paused = true)]
    async fn no_segment_is_begun_after_the_reader_has_gone() {
        let tts = Arc::new(ScriptedTts::default());
        let text = "This is one more sentence of a long text. ".repeat(50);
        let mut parts = speak(&text, Speaker::default(), tts.clone());
        parts.recv().await.unwrap().unwrap();
        let asked = tts.asked().len();
        assert!((1..10).contains(&asked), "{asked} segments ahead of the reader");
        drop(parts);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(tts.asked().len(), asked);
    }
}
