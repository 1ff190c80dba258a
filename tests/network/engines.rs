//! Engines for [`tones`](super::tones): one that understands what it is given and nothing else, a model that knows the
//! answers, and a voice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use visavis::engine::scripted::LoudnessVad;
use visavis::engine::{
    EngineError, Engines, Llm, LlmCapabilities, LlmPiece, LlmRequest, Stt, SttCapabilities, SttInput,
    SttRequest, SttStream, Tts, TtsCapabilities, TtsPart, TtsRequest, Vad, WordTimes,
};
use visavis_core::frame::{OUT_RATE, Role, Transcript};

use super::tones;

pub const GREETING: &str = "Hello there my friend.";
const ALPHABET: &str = "Alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar \
                        papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu.";
/// What the model knows.
const KNOWN: [(&str, &str); 4] = [
    ("what is the capital of france", "It is the old city of Paris."),
    ("say the whole alphabet", ALPHABET),
    ("once more please", ALPHABET),
    ("stop what about spain", "In Spain stands Madrid."),
];

/// The answer to a question.
pub fn answer(question: &str) -> &'static str {
    KNOWN.iter().find(|(known, _)| *known == question).map_or("Pardon.", |(_, answer)| answer)
}

/// What recognition was given, utterance by utterance.
pub type Recorded = Arc<Mutex<Vec<Vec<i16>>>>;

/// Understands tones, and keeps them.
struct Ear(Recorded);

#[async_trait]
impl Stt for Ear {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities::ALL
    }

    async fn open(&self, _request: SttRequest) -> Result<SttStream, EngineError> {
        let (input, receiver) = mpsc::channel(256);
        let recorded = self.0.clone();
        let index = recorded.lock().len();
        recorded.lock().push(Vec::new());
        let output = stream::unfold(receiver, move |mut receiver| {
            let recorded = recorded.clone();
            async move {
                loop {
                    match receiver.recv().await? {
                        SttInput::Audio(more) => recorded.lock()[index].extend(more),
                        SttInput::Decode { number, .. } => {
                            let heard = tones::hear(&recorded.lock()[index]);
                            let words: Vec<_> = heard.iter().map(|heard| heard.word).collect();
                            let (text, language) = (words.join(" "), "en".into());
                            let words = Transcript { text, language, ..Default::default() };
                            return Some((Ok((number, words)), receiver));
                        }
                    }
                }
            }
        });
        Ok(SttStream { input, output: output.boxed() })
    }
}

/// Answers what it knows, and thinks of all else that it goes on.
struct Model;

#[async_trait]
impl Llm for Model {
    fn capabilities(&self) -> LlmCapabilities {
        LlmCapabilities { counts_tokens: false, prefill: false, ..LlmCapabilities::ALL }
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        let last = request.messages.iter().rfind(|message| message.role == Role::User);
        let question = last.map_or("", |message| message.content.as_str());
        let knows = KNOWN.iter().any(|(known, _)| *known == question);
        let end = LlmPiece::TurnEnd(if knows { 0.4 } else { 0.001 });
        let words = answer(question).split_inclusive(' ').map(|word| LlmPiece::Text(word.into()));
        let pieces: Vec<_> = std::iter::once(end).chain(words).collect();
        let pieces = stream::iter(pieces).then(|piece| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(piece)
        });
        Ok(pieces.boxed())
    }
}

/// Speaks tones.
struct Voice;

#[async_trait]
impl Tts for Voice {
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities { word_times: WordTimes::Estimated, phonemes: false }
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let (mut samples, mut words) = (Vec::new(), Vec::new());
        for word in request.text.split_whitespace() {
            let start = samples.len() as u64;
            samples.extend(tones::word(word, OUT_RATE));
            words.push((word.to_owned(), start, samples.len() as u64));
        }
        let part = TtsPart { rate: OUT_RATE, samples, words, sounds: Vec::new(), measured: false };
        Ok(stream::iter([Ok(part)]).boxed())
    }
}

/// The engines of a call, and what recognition is given.
pub fn engines() -> (Engines, Recorded) {
    let recorded = Recorded::default();
    let stt = Arc::new(Ear(recorded.clone()));
    let vad = Arc::new(|| Box::new(LoudnessVad) as Box<dyn Vad>);
    (Engines { stt, llm: Arc::new(Model), tts: Arc::new(Voice), vad, end_of_turn: None }, recorded)
}
