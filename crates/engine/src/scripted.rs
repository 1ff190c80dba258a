//! Scripted engines, for tests of turn-taking only: they say what they are told to, when they are told to.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{
    Counts, EndOfTurn, EngineError, Llm, LlmCapabilities, LlmPiece, LlmRequest, Stt, SttCapabilities,
    SttInput, SttRequest, SttStream, Tts, TtsCapabilities, TtsPart, TtsRequest, Vad, WordTimes,
};
use crate::frame::{Message, Transcript};
use crate::tool::Tools;

/// Hears each utterance as the next line of its script.
#[derive(Debug, Default)]
pub struct ScriptedStt {
    /// What is heard, utterance by utterance; an error fails the utterance once.
    pub lines: Mutex<VecDeque<Result<String, EngineError>>>,
}

#[async_trait]
impl Stt for ScriptedStt {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities::ALL
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        let line = self.lines.lock().pop_front().unwrap_or_else(|| Ok(String::new()));
        let (input, receiver) = mpsc::channel(256);
        let language = if request.language.is_empty() { "en".into() } else { request.language };
        let output = stream::unfold(receiver, move |mut receiver| {
            let (line, language) = (line.clone(), language.clone());
            async move {
                loop {
                    if let SttInput::Decode { number, .. } = receiver.recv().await? {
                        let words =
                            line.map(|text| (number, Transcript { text, language, ..Default::default() }));
                        return Some((words, receiver));
                    }
                }
            }
        });
        Ok(SttStream { input, output: output.boxed() })
    }
}

/// An answer's pieces, each after its delay.
pub type Script = Vec<(Duration, Result<LlmPiece, EngineError>)>;

/// Answers each request with the next script of timed pieces.
#[derive(Debug)]
pub struct ScriptedLlm {
    /// Pieces of each answer, each after its delay.
    pub answers: Mutex<VecDeque<Script>>,
    /// What was asked.
    pub asked: Mutex<Vec<LlmRequest>>,
    /// Tokens that a prompt may have, by [`tokens`]; a longer one is refused, and takes no script. None: any.
    pub limit: Option<u32>,
    /// What it can do; by default everything.
    pub capabilities: LlmCapabilities,
    /// What was asked of it that it cannot do.
    pub beyond: Mutex<Vec<&'static str>>,
}

impl Default for ScriptedLlm {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            asked: Mutex::default(),
            limit: None,
            capabilities: LlmCapabilities::ALL,
            beyond: Mutex::default(),
        }
    }
}

/// What [`ScriptedLlm`] takes for a text's tokens: one for each four bytes.
#[must_use]
pub fn tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)
}

/// Tokens that [`ScriptedLlm`] counts around a message.
const FRAME: u32 = 4;

impl ScriptedLlm {
    fn counts(&self, messages: &[Message], tools: &Tools) -> Counts {
        let messages: Vec<_> = messages.iter().map(|message| FRAME + tokens(&message.content)).collect();
        let tool = |tool: &crate::tool::Tool| {
            FRAME + tokens(&tool.name) + tokens(&tool.description) + tokens(&tool.parameters.to_string())
        };
        let tools = tools.iter().map(tool).sum();
        let total = messages.iter().sum::<u32>() + tools;
        Counts { messages, tools, total, limit: self.limit.unwrap_or(u32::MAX) }
    }

    /// Notes what was asked if it cannot be done.
    fn notice(&self, able: bool, asked: &'static str) {
        if !able {
            self.beyond.lock().push(asked);
        }
    }
}

#[async_trait]
impl Llm for ScriptedLlm {
    fn capabilities(&self) -> LlmCapabilities {
        self.capabilities
    }

    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        self.notice(self.capabilities.tools || request.tools.is_empty(), "tools");
        let Counts { total, limit, .. } = self.counts(&request.messages, &request.tools);
        self.asked.lock().push(request);
        if total > limit {
            return Err(EngineError::TooLong { limit, got: total });
        }
        let script = self
            .answers
            .lock()
            .pop_front()
            .ok_or_else(|| EngineError::Failed("the script has ended".into()))?;
        let pieces = stream::iter(script).then(|(delay, piece)| async move {
            tokio::time::sleep(delay).await;
            piece
        });
        Ok(pieces.boxed())
    }

    async fn prefill(&self, _request: LlmRequest, _open: bool) {
        self.notice(self.capabilities.prefill, "prefill");
    }

    async fn count(&self, messages: &[Message], tools: &Tools) -> Result<Counts, EngineError> {
        self.notice(self.capabilities.counts_tokens, "count");
        Ok(self.counts(messages, tools))
    }
}

/// Speaks every word as 300 ms of a tone.
#[derive(Debug, Default)]
pub struct ScriptedTts;

/// Samples per second of [`ScriptedTts`].
const RATE: u32 = 24_000;

#[async_trait]
impl Tts for ScriptedTts {
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities { word_times: WordTimes::Estimated, phonemes: false }
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let length = u64::from(RATE) * 3 / 10;
        let words: Vec<_> = request
            .text
            .split_whitespace()
            .zip(0u64..)
            .map(|(word, index)| (word.to_string(), index * length, (index + 1) * length))
            .collect();
        let total = usize::try_from(length).unwrap_or(0) * words.len();
        let samples = (0..total).map(|at| if at / 60 % 2 == 0 { 8000 } else { -8000 }).collect();
        Ok(stream::iter([Ok(TtsPart { rate: RATE, samples, words, sounds: Vec::new(), measured: false })])
            .boxed())
    }
}

/// Takes what is loud for speech.
#[derive(Debug, Default)]
pub struct LoudnessVad;

impl Vad for LoudnessVad {
    fn probability(&mut self, window: &[i16]) -> f32 {
        let loud = window.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
        if loud * 4 > window.len() { 0.95 } else { 0.02 }
    }
}

/// Judges each pause by the next line of its script; after the last one every turn has ended.
#[derive(Debug, Default)]
pub struct ScriptedEndOfTurn {
    /// What is answered, pause by pause.
    pub answers: Mutex<VecDeque<Result<f32, EngineError>>>,
    /// How many samples were judged, pause by pause.
    pub asked: Mutex<Vec<usize>>,
}

impl EndOfTurn for ScriptedEndOfTurn {
    fn probability(&self, audio: &[i16]) -> Result<f32, EngineError> {
        self.asked.lock().push(audio.len());
        self.answers.lock().pop_front().unwrap_or(Ok(1.0))
    }
}
