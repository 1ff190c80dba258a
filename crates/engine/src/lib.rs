//! The interfaces of the engines that the pipeline uses, and their implementations.
//!
//! - this file: the traits [`Stt`], [`Llm`], [`Tts`], [`Vad`] and [`EndOfTurn`]
//! - [`sampling`]: how one response is to be written, and how it has ended
//! - [`capabilities`]: what an engine can do, and its limits; [`status`]: whether it is ready; [`voice`]: a voice in lists
//! - [`backends`]: the adapters that make engines, selected by the configuration
//! - [`fleet`]: all engines of a server; [`model_files`]: their model files
//! - [`router`]: several engines of one kind as one, by routes: which one serves a request, and which one takes over
//! - [`health`]: decides whether an engine is wedged (pure); [`watchdog`]: ends requests to it; [`retry`]: how long a request waits for one
//! - [`speech_cache`]: keeps the speech of short segments; [`speed`]: how fast a request is spoken (pure)
//! - [`silero`], [`smart_turn`]: voice activity and turn prediction by prosody, in the server itself, through [`onnx`], with a
//!   `pool` of sessions each

#![forbid(unsafe_code)]

pub(crate) use visavis_config as config;
pub(crate) use visavis_core::{frame, route, tool};
pub(crate) use visavis_media::audio;

pub mod backends;
pub mod capabilities;
pub mod fleet;
pub mod gentle;
pub mod health;
pub mod model_files;
mod onnx;
mod pool;
pub mod retry;
pub mod router;
pub mod sampling;
pub mod silero;
pub mod smart_turn;
pub mod speech_cache;
pub mod speed;
pub mod status;
pub mod voice;
pub mod watchdog;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, watch};

use crate::frame::{LanguageWeight, Message, Transcript, WordTime};
use crate::route::Routed;
use crate::tool::{Tools, WrittenCall};
pub use capabilities::{LlmCapabilities, SttCapabilities, TtsCapabilities, WordTimes};
pub use sampling::{Ended, Sampling};
pub use speed::Speed;
use status::Life;
pub use voice::Voice;

/// Why a request to an engine failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EngineError {
    /// It is not running or still loading; a later attempt may succeed.
    #[error("the engine is not ready: {0}")]
    Unavailable(String),
    /// It has too much to do.
    #[error("the engine is busy: {0}")]
    Busy(String),
    /// The request cannot be served, now or later.
    #[error("the engine refused: {0}")]
    Invalid(String),
    /// The prompt has more tokens than fit together with the response; a shorter one can be served.
    #[error("the prompt has {got} tokens, and {limit} fit")]
    TooLong {
        /// Tokens that a prompt may have.
        limit: u32,
        /// Tokens that it has; an estimate if the text is too long even to be tokenised.
        got: u32,
    },
    /// It took too long.
    #[error("the engine took too long")]
    Deadline,
    /// It failed.
    #[error("the engine failed: {0}")]
    Failed(String),
}

impl EngineError {
    /// Whether a later attempt may succeed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }

    /// What happened, without its kind.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Unavailable(reason) | Self::Busy(reason) | Self::Invalid(reason) | Self::Failed(reason) => {
                reason
            }
            Self::TooLong { .. } | Self::Deadline => self.to_string(),
        }
    }
}

/// The user served, for routes: a stable name for sticky shares, and the tier. Both may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Caller {
    /// The same name in each of the user's calls, on each server.
    pub user: Arc<str>,
    /// The user's plan or similar, as routes name it.
    pub tier: Arc<str>,
}

/// What the pipeline sends to recognition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SttInput {
    /// More of the utterance at [`crate::frame::MIC_RATE`].
    Audio(Vec<i16>),
    /// A request for the words so far.
    Decode {
        /// Number of the request, returned with the transcript.
        number: u32,
        /// False: a partial, which a newer decode may replace.
        last: bool,
        /// The stable beginning of an earlier transcript; only the rest needs to be decoded.
        stable: String,
        /// Short phrases, one of which may be all that was said; empty: no expectation.
        phrases: Vec<String>,
    },
}

/// One utterance in recognition. Dropping it stops the work.
pub struct SttStream {
    /// Bounded; sending waits when the engine is late.
    pub input: mpsc::Sender<SttInput>,
    /// What was decoded, in the order of the requests; ends after an error.
    pub output: BoxStream<'static, Result<Decoded, EngineError>>,
}

/// The transcript for an [`SttInput::Decode`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded {
    /// The number of its request.
    pub number: u32,
    /// The words so far.
    pub words: Transcript,
    /// From the router: the engine that serves from now on; with an engine's first transcript.
    pub routed: Option<Routed>,
}

/// An utterance to be recognised.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SttRequest {
    /// ISO 639-1; empty: identify it.
    pub language: String,
    /// Relative weights of the languages to expect when identifying it; empty: any language.
    pub expected: Vec<LanguageWeight>,
    /// No call waits for it: everything else has priority.
    pub ahead: bool,
    /// Somebody waits for it although no call does: it goes before what nobody waits for.
    pub waited: bool,
    /// Words likely to occur, at most [`LONGEST_PROMPT`] bytes; a recogniser may ignore them.
    pub prompt: String,
    /// The words are to be English, whatever is spoken.
    pub translate: bool,
    /// The user served.
    pub caller: Caller,
}

/// Longest [`SttRequest::prompt`] in bytes.
pub const LONGEST_PROMPT: usize = 1000;

/// Speech to text.
#[async_trait]
pub trait Stt: Send + Sync {
    /// What it can do, as far as that is known now.
    fn capabilities(&self) -> SttCapabilities;

    /// Begins an utterance.
    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError>;
}

/// A response to be generated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlmRequest {
    /// The conversation, whose KV cache is kept from response to response.
    pub conversation: String,
    /// Instructions and history.
    pub messages: Vec<Message>,
    /// Begun before the turn has ended: live responses go first, and the engine makes a turn prediction.
    pub speculative: bool,
    /// What the model may call.
    pub tools: Tools,
    /// How it is to be written, where that differs from the configuration.
    pub sampling: Sampling,
    /// No call waits for it: everything else has priority, and no call gives up its cache for it.
    pub ahead: bool,
    /// How the response has ended is wanted as well.
    pub detailed: bool,
    /// Thoughts are wanted as well.
    pub thoughts: bool,
    /// The language of the response, ISO 639-1, for routes; empty: not known.
    pub language: String,
    /// The user served.
    pub caller: Caller,
}

/// A piece of a response.
#[derive(Debug, Clone, PartialEq)]
pub enum LlmPiece {
    /// From the router: the engine that serves from now on.
    Routed(Routed),
    /// How likely the person's last message is complete; before any text, from engines that know.
    TurnEnd(f32),
    /// Text.
    Text(String),
    /// A tool is called; the last piece but [`LlmPiece::Ended`].
    Call(WrittenCall),
    /// After the text, from engines that know: how many tokens had to be read before the first word.
    Read(u32),
    /// A thought, from engines that tell thoughts from text; only where they are wanted.
    Thought(String),
    /// How it has ended; the last piece, only where it is wanted.
    Ended(Ended),
}

/// Token counts of a prompt's parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Each message, including the model's template around it.
    pub messages: Vec<u32>,
    /// The description of the tools.
    pub tools: u32,
    /// The whole prompt; nearly the sum of its parts.
    pub total: u32,
    /// The tokens that a prompt may have, leaving room for the response.
    pub limit: u32,
}

/// Language model.
#[async_trait]
pub trait Llm: Send + Sync {
    /// What it can do, as far as that is known now.
    fn capabilities(&self) -> LlmCapabilities;
    /// Streams the response's text. Dropping the stream stops the work.
    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError>;
    /// Prefills the messages, before a response to them is wanted; `open`: the last one goes on. Dropping the future stops it.
    async fn prefill(&self, _request: LlmRequest, _open: bool) {}
    /// Counts the tokens of a prompt, even if it does not fit. Without messages only the tools are counted.
    ///
    /// # Errors
    /// When the engine fails, or the text is too long even to be counted ([`EngineError::TooLong`]).
    async fn count(&self, _messages: &[Message], _tools: &Tools) -> Result<Counts, EngineError> {
        Err(EngineError::Invalid("it does not count tokens".into()))
    }
    /// Frees what is kept for a conversation.
    async fn release(&self, _conversation: &str) {}
    /// The lives of the engine's process, if known: a new process has lost everything that was prefilled.
    fn lives(&self) -> Option<watch::Receiver<Life>> {
        None
    }
}

/// A segment to be spoken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TtsRequest {
    /// Plain text.
    pub text: String,
    /// Empty: the language's first.
    pub voice: String,
    /// ISO 639-1.
    pub language: String,
    /// Relative to the configured speed.
    pub speed: Speed,
    /// No call waits for it: calls have priority.
    pub ahead: bool,
    /// If it is `ahead`: somebody else waits for it, or a call will soon, so that it goes before what nobody waits for.
    pub waited: bool,
    /// If it is `ahead`: it is also to leave most of the cores to calls.
    pub gentle: bool,
    /// The user served.
    pub caller: Caller,
}

/// The speech of a part of the text, at the voice's own rate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TtsPart {
    /// Samples per second.
    pub rate: u32,
    /// The audio.
    pub samples: Vec<i16>,
    /// Words, in samples of this part; none if the engine reports none.
    pub words: Vec<WordTime>,
    /// Speech sounds in espeak-ng's IPA, in samples of this part; none if the engine reports none.
    pub sounds: Vec<WordTime>,
    /// The times are the voice's own durations, not estimates.
    pub measured: bool,
    /// From the router: the engine that serves from now on; with an engine's first part.
    pub routed: Option<Routed>,
    /// From the router: the engine that serves from now on has refused the voice that was asked for, and speaks with another one; with its
    /// first part.
    pub refused: Option<VoiceRefusal>,
}

/// Why an engine does not speak with the voice that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceRefusal {
    /// The engine's own words.
    pub reason: String,
    /// All engines of the route have refused it, and not only one that stands in for another.
    pub everywhere: bool,
}

impl TtsPart {
    /// How long it sounds.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(self.rate.max(1)))
    }
}

/// Text to speech.
#[async_trait]
pub trait Tts: Send + Sync {
    /// What it can do, as far as that is known now.
    fn capabilities(&self) -> TtsCapabilities;

    /// Streams the segment's audio. Dropping the stream stops the work.
    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError>;

    /// Synthesises speech that may be needed soon, if there is a cache. Dropping the future stops it.
    async fn prepare(&self, _request: TtsRequest) {}

    /// The voices, as far as the engine lists them.
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

/// Turn prediction by prosody: whether a person has finished, by the sound of their speech.
pub trait EndOfTurn: Send + Sync {
    /// The probability that the turn ends where `audio` ends: the person's speech so far at [`crate::frame::MIC_RATE`], of any
    /// length, including the beginning of the pause after it.
    ///
    /// Takes tens of milliseconds: call it where blocking is allowed.
    ///
    /// # Errors
    /// When the model fails.
    fn probability(&self, audio: &[i16]) -> Result<f32, EngineError>;
}

/// All engines that a call uses.
#[derive(Clone)]
pub struct Engines {
    /// Speech to text.
    pub stt: Arc<dyn Stt>,
    /// Language model.
    pub llm: Arc<dyn Llm>,
    /// Text to speech.
    pub tts: Arc<dyn Tts>,
    /// Makes a call's voice activity detector.
    pub vad: Arc<dyn Fn() -> Box<dyn Vad> + Send + Sync>,
    /// Turn prediction by prosody; none: only pauses and words predict the end of a turn.
    pub end_of_turn: Option<Arc<dyn EndOfTurn>>,
}
