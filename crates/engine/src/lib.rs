//! What the pipeline needs of engines, and the ways to get it.
//!
//! - this file: the traits [`Stt`], [`Llm`], [`Tts`], [`Vad`] and [`EndOfTurn`]
//! - [`capabilities`]: what an engine can do, and its limits; [`status`]: whether it answers
//! - [`backends`]: what makes engines, an adapter each, and which of them the configuration means
//! - [`fleet`]: all engines of a server; [`model_files`]: what they read
//! - [`health`]: when an engine is wedged (pure); [`watchdog`]: ends requests to it
//! - [`speech_cache`]: remembers how short phrases sound
//! - [`silero`], [`smart_turn`]: voice activity and the end of a turn, in the server itself, through [`onnx`], a `pool` of sessions each
//! - [`scripted`]: engines for tests of turn-taking

#![forbid(unsafe_code)]

pub(crate) use visavis_config as config;
pub(crate) use visavis_core::{frame, tool};
pub(crate) use visavis_media::audio;

pub mod backends;
pub mod capabilities;
pub mod fleet;
pub mod health;
pub mod model_files;
mod onnx;
mod pool;
pub mod scripted;
pub mod silero;
pub mod smart_turn;
pub mod speech_cache;
pub mod status;
pub mod watchdog;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, watch};

use crate::frame::{LanguageWeight, Message, Transcript};
use crate::tool::Tools;
pub use capabilities::{LlmCapabilities, SttCapabilities, TtsCapabilities, WordTimes};
use status::Life;

/// Why an engine did not answer.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// It is not there, or still loads; a later try may succeed.
    #[error("the engine is not ready: {0}")]
    Unavailable(String),
    /// It has too much to do.
    #[error("the engine is busy: {0}")]
    Busy(String),
    /// The request cannot be served, now or later.
    #[error("the engine refused: {0}")]
    Invalid(String),
    /// The prompt has more tokens than fit beside the answer; a shorter one can be served.
    #[error("the prompt has {got} tokens, and {limit} fit")]
    TooLong {
        /// Tokens that a prompt may have.
        limit: u32,
        /// Tokens that it has; an estimate where the text is too long even to be read.
        got: u32,
    },
    /// It took too long.
    #[error("the engine took too long")]
    Deadline,
    /// It failed at it.
    #[error("the engine failed: {0}")]
    Failed(String),
}

impl EngineError {
    /// A later try may succeed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }
}

/// From the pipeline to recognition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SttInput {
    /// More of the utterance at [`crate::frame::MIC_RATE`].
    Audio(Vec<i16>),
    /// The words so far are wanted, under this number.
    Decode {
        /// Comes back with the transcript.
        number: u32,
        /// False: a partial, which a newer decode may replace.
        last: bool,
        /// How an earlier transcript began that is to stay; the rest alone need be sought.
        stable: String,
        /// Short phrases of which one may be all that was said; empty: any words are as likely.
        phrases: Vec<String>,
    },
}

/// One utterance in recognition. Dropping it stops the work.
pub struct SttStream {
    /// Bounded; waits when the engine is late.
    pub input: mpsc::Sender<SttInput>,
    /// Transcripts with their numbers; ends after an error.
    pub output: BoxStream<'static, Result<(u32, Transcript), EngineError>>,
}

/// An utterance to be recognised.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SttRequest {
    /// ISO 639-1; empty: identify it.
    pub language: String,
    /// What to expect then, relative to each other; empty: any language.
    pub expected: Vec<LanguageWeight>,
    /// Nobody waits for it in a call: everything else goes first.
    pub ahead: bool,
}

/// Speech to text.
#[async_trait]
pub trait Stt: Send + Sync {
    /// What it can do, as far as that is known now.
    fn capabilities(&self) -> SttCapabilities;

    /// Begins an utterance.
    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError>;
}

/// An answer to be generated.
#[derive(Debug, Clone, PartialEq)]
pub struct LlmRequest {
    /// Keeps its KV cache from answer to answer.
    pub conversation: String,
    /// Instructions and history.
    pub messages: Vec<Message>,
    /// Begun before the turn has ended: live answers go first, and the engine says whether it thinks that it has.
    pub speculative: bool,
    /// What the model may call.
    pub tools: Tools,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum LlmPiece {
    /// How likely the person's last message is complete; before any text, from engines that know.
    TurnEnd(f32),
    /// Text.
    Text(String),
    /// A tool is called, by its name, with its arguments as JSON; the last piece.
    Call(String, String),
    /// After the text, from engines that know: how many tokens had to be read before the first word.
    Read(u32),
}

/// How many tokens the parts of a prompt take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Each message, with what the model's template puts around it.
    pub messages: Vec<u32>,
    /// What is said of the tools.
    pub tools: u32,
    /// The whole prompt; the parts' sum but for a few tokens.
    pub total: u32,
    /// The tokens that a prompt may have beside the answer.
    pub limit: u32,
}

/// Language model.
#[async_trait]
pub trait Llm: Send + Sync {
    /// What it can do, as far as that is known now.
    fn capabilities(&self) -> LlmCapabilities;
    /// Streams the answer's text. Dropping the stream stops the work.
    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError>;
    /// Reads the messages ahead of the answer to them; `open`: the last one goes on. Dropping the future stops it.
    async fn prefill(&self, _request: LlmRequest, _open: bool) {}
    /// Counts the tokens of a prompt, also of one that does not fit. Without messages only the tools are counted.
    ///
    /// # Errors
    /// When the engine does not answer, or the text is too long even to be counted ([`EngineError::TooLong`]).
    async fn count(&self, _messages: &[Message], _tools: &Tools) -> Result<Counts, EngineError> {
        Err(EngineError::Invalid("it does not count tokens".into()))
    }
    /// Frees what is kept for a conversation.
    async fn release(&self, _conversation: &str) {}
    /// The lives of the engine's process, where they are known: with a new one all that was read is lost.
    fn lives(&self) -> Option<watch::Receiver<Life>> {
        None
    }
}

/// A phrase to be spoken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TtsRequest {
    /// Plain text.
    pub text: String,
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1.
    pub language: String,
    /// Nobody waits for it: everything else goes first.
    pub ahead: bool,
}

/// Speech of a part of the text, at the voice's own rate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TtsPart {
    /// Samples per second.
    pub rate: u32,
    /// The audio.
    pub samples: Vec<i16>,
    /// Words with start and end in samples of this part; none from engines that tell none.
    pub words: Vec<(String, u64, u64)>,
    /// Speech sounds in espeak-ng's IPA, with start and end in samples of this part; none from engines that tell none.
    pub sounds: Vec<(String, u64, u64)>,
    /// The times are the voice's own durations, no estimates.
    pub measured: bool,
}

/// Who can speak.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Voice {
    /// As a request names it.
    pub name: String,
    /// ISO 639-1.
    pub language: String,
    /// Such as `en_US`.
    pub locale: String,
}

/// Text to speech.
#[async_trait]
pub trait Tts: Send + Sync {
    /// What it can do, as far as that is known now.
    fn capabilities(&self) -> TtsCapabilities;

    /// Streams the phrase's audio. Dropping the stream stops the work.
    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError>;

    /// Makes ready what may be said soon, where speech is kept. Dropping the future stops it.
    async fn prepare(&self, _request: TtsRequest) {}

    /// Who can speak, as far as the engine tells.
    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        Ok(Vec::new())
    }
}

/// Voice activity of one call.
pub trait Vad: Send {
    /// The probability of speech in the next [`VAD_WINDOW`] samples.
    fn probability(&mut self, window: &[i16]) -> f32;
}

/// Samples that [`Vad`] judges at a time: 32 ms.
pub const VAD_WINDOW: usize = 512;

/// Judges by the sound of a person's speech whether they have finished.
pub trait EndOfTurn: Send + Sync {
    /// The probability that the turn ends where `audio` ends, which is the person's speech so far at
    /// [`crate::frame::MIC_RATE`], of any length, with the beginning of the pause after it.
    ///
    /// It computes for tens of milliseconds: call it where blocking is allowed.
    ///
    /// # Errors
    /// When the model fails.
    fn probability(&self, audio: &[i16]) -> Result<f32, EngineError>;
}

/// All engines that a call uses.
#[derive(Clone)]
pub struct Engines {
    /// Speech to text.
    pub stt: std::sync::Arc<dyn Stt>,
    /// Language model.
    pub llm: std::sync::Arc<dyn Llm>,
    /// Text to speech.
    pub tts: std::sync::Arc<dyn Tts>,
    /// Makes a call's voice activity detector.
    pub vad: std::sync::Arc<dyn Fn() -> Box<dyn Vad> + Send + Sync>,
    /// The end of a turn by its sound; none: only pauses and words tell it.
    pub end_of_turn: Option<std::sync::Arc<dyn EndOfTurn>>,
}
