//! The types that flow from stage to stage, with their ids and clocks. No logic.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::avatar::cue::{Cue, PlacedCue};

/// Sample rate of what the person says, after the transport.
pub const MIC_RATE: u32 = 16_000;
/// Samples in one 20 ms frame of the microphone.
pub const MIC_FRAME: usize = 320;
/// Sample rate of what the person hears, before the transport.
pub const OUT_RATE: u32 = 24_000;
/// Samples in one 20 ms frame of the response.
pub const OUT_FRAME: usize = 480;
/// Ticks per second of media timestamps, as in RTP for Opus.
pub const MEDIA_CLOCK: u32 = 48_000;
/// Media clock ticks in one 20 ms frame.
pub const FRAME_TICKS: u32 = 960;

/// A response of the agent, counted from 1 within its call. Everything that belongs to a response carries its id, and stages
/// drop what is not current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct ResponseId(pub u32);

/// An utterance of the person, counted from 1 within its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct UtteranceId(pub u32);

/// 20 ms of the person's microphone: [`MIC_FRAME`] samples at [`MIC_RATE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFrame {
    /// The samples.
    pub samples: Vec<i16>,
    /// False when the transport made it up: a gap, comfort silence, or a lost packet that could not be recovered.
    pub received: bool,
}

/// Events of voice activity detection; times in samples of [`MIC_RATE`] since the call began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VadEvent {
    /// Speech began; the utterance includes a little audio from before.
    Started {
        /// The utterance that begins.
        utterance: UtteranceId,
        /// Where the voice began.
        at: u64,
    },
    /// A short pause: perhaps the end of the turn.
    Paused {
        /// The utterance that pauses.
        utterance: UtteranceId,
        /// Number of this pause within the utterance, from 1.
        pause: u32,
        /// Where the voice stopped.
        at: u64,
    },
    /// The person goes on after a short pause.
    Resumed {
        /// The utterance that goes on.
        utterance: UtteranceId,
    },
    /// The utterance has become too long and is cut; the person may go on in the next one.
    Cut {
        /// The utterance that is cut.
        utterance: UtteranceId,
        /// Where the voice was last heard.
        at: u64,
    },
}

/// Whether the text has the form of an ISO 639-1 code: two lower-case letters.
#[must_use]
pub fn is_language(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// A language, and how likely it is relative to others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LanguageWeight {
    /// ISO 639-1.
    pub language: String,
    /// 0 or more.
    pub weight: f32,
}

/// The words of an utterance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// The words; empty when nothing was said.
    pub text: String,
    /// Bytes of `text` that will no longer change; in a final transcript all of them.
    pub stable: usize,
    /// ISO 639-1.
    pub language: String,
    /// 0 when the language was set, not identified.
    pub language_probability: f32,
    /// The likeliest languages by sound alone, with their probabilities; empty if the engine reports none.
    #[serde(skip)]
    pub languages: Vec<LanguageWeight>,
    /// Probability that there was no speech at all.
    pub no_speech_probability: f32,
    /// Mean log probability of the tokens.
    pub average_log_probability: f32,
    /// Milliseconds that the engine took.
    pub decode_ms: u32,
}

/// Who said a message of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The instructions.
    System,
    /// The person.
    User,
    /// The agent.
    Assistant,
    /// A tool that the agent called: JSON with its `name` and `arguments`.
    Call,
    /// The tool's result.
    Tool,
}

/// One message of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said; for the agent, only what was heard.
    pub content: String,
}

/// A request for one response, with everything it depends on; it does not change once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseRequest {
    /// The response's id.
    pub id: ResponseId,
    /// Begun before the turn has ended; it may be discarded.
    pub speculative: bool,
    /// Text to speak verbatim, without the model.
    pub script: Option<String>,
    /// A canned phrase, such as an apology: later requests omit it, because models imitate what they read.
    pub canned: bool,
    /// Instructions and history, ending with the person's last words.
    pub messages: Vec<Message>,
    /// The language to speak, ISO 639-1.
    pub language: String,
    /// Spoken before the model's own words.
    pub preface: Option<String>,
    /// The voice; empty: the first voice of the language.
    pub voice: String,
    /// The tools that the model may call.
    pub tools: crate::tool::Tools,
    /// False: it is shown as text and not spoken.
    pub aloud: bool,
}

/// A piece of a response's text that is synthesised at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The response it belongs to.
    pub response: ResponseId,
    /// Its index within the response, from 0.
    pub index: u32,
    /// The text as the model wrote it, for captions and history.
    pub text: String,
    /// The text as it is spoken: no markup, no emoji, no raw addresses.
    pub speakable: String,
    /// The written words that are spoken, in order.
    pub words: Vec<WrittenWord>,
    /// Cues for the face in order, placed in `text`.
    pub cues: Vec<PlacedCue>,
}

impl Segment {
    /// A segment without text.
    #[must_use]
    pub fn silent(response: ResponseId, index: u32) -> Self {
        let (text, speakable) = (String::new(), String::new());
        Self { response, index, text, speakable, words: Vec::new(), cues: Vec::new() }
    }
}

/// A word as written, and the bytes of the spoken text that say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenWord {
    /// The word, with the punctuation attached to it.
    pub word: String,
    /// Its bytes in [`Segment::speakable`].
    pub spoken: std::ops::Range<usize>,
}

/// A word, or a speech sound, and when it sounds, in samples from the start of its chunk: of [`OUT_RATE`], but in what an engine
/// sends, which has a rate of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordTime {
    /// The word; of a sound, its symbol.
    pub text: String,
    /// Where it starts.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

/// A cue and when it is shown, in samples of [`OUT_RATE`] from the start of its chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CueTime {
    /// When it is shown.
    pub at: u64,
    /// The cue.
    pub cue: Cue,
}

/// The speech sounds of a chunk, as far as its engine reports them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sounds {
    /// Each sound in espeak-ng's IPA, in samples of [`OUT_RATE`] from the start of its chunk.
    pub times: Vec<WordTime>,
    /// The times are the voice's own durations, not estimates.
    pub measured: bool,
}

/// Synthesised speech of a segment, or of a piece of one, at [`OUT_RATE`].
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechChunk {
    /// The response it belongs to.
    pub response: ResponseId,
    /// Index of the segment that it speaks.
    pub segment: u32,
    /// The segment's text, in the first chunk of each segment.
    pub text: Option<String>,
    /// The audio.
    pub samples: Vec<i16>,
    /// Its words.
    pub words: Vec<WordTime>,
    /// Its speech sounds.
    pub sounds: Sounds,
    /// What the face shows during it, in order.
    pub cues: Vec<CueTime>,
    /// True in the segment's last chunk.
    pub last: bool,
}

/// What a response's stages send to playout, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum PlayoutItem {
    /// Speech to play.
    Speech(SpeechChunk),
    /// A filler, played in a silence of the response and not part of it.
    Filler(SpeechChunk),
    /// No more speech comes for this response.
    End(ResponseId),
}

/// How a response's sound is played to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Play {
    /// Not yet, and perhaps never: speech is synthesised and waits.
    Speculative,
    /// At full volume.
    Full,
    /// Softly, while the person makes a sound that may be an interruption.
    Ducked,
    /// Stopped on a sample, to resume from there or to be cancelled.
    Paused,
}

/// 20 ms of sound for the person, [`OUT_FRAME`] samples at [`OUT_RATE`]. Silence between responses is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaOut {
    /// The response it belongs to.
    pub response: ResponseId,
    /// When it sounds, on the call's [`MEDIA_CLOCK`]; gaps between frames are silence.
    pub timestamp: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// How far a response has been played; the only data that flows upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlaybackPosition {
    /// The response.
    pub response: ResponseId,
    /// Samples of [`OUT_RATE`] sent to the person, without fillers.
    pub samples: u64,
    /// True when all of it has been played.
    pub finished: bool,
}

/// What playout reports to the conductor, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayoutEvent {
    /// The response's first sample was sent.
    Started(ResponseId),
    /// A segment begins to sound.
    Segment {
        /// The response.
        response: ResponseId,
        /// The segment as written.
        text: String,
        /// False: it is shown and not spoken.
        #[serde(default = "yes")]
        aloud: bool,
    },
    /// Words that sound from now on.
    Words {
        /// The response.
        response: ResponseId,
        /// The words, timed in the response's own samples.
        words: Vec<WordTime>,
    },
    /// The face shows this from now on, or once.
    Cue {
        /// The response.
        response: ResponseId,
        /// The cue.
        cue: Cue,
    },
    /// Silence of this length inside the response, because speech was late.
    Hole(ResponseId, Duration),
    /// All that has come of the response has sounded for a while, and more is awaited.
    Dry(ResponseId),
    /// The response, which was dry, sounds again.
    GoesOn(ResponseId),
    /// The response's last sample was sent.
    Finished(ResponseId),
}

/// The default for recordings made before the field existed.
fn yes() -> bool {
    true
}

impl PlayoutEvent {
    /// The response the event is about.
    #[must_use]
    pub fn response(&self) -> ResponseId {
        match self {
            Self::Started(response) | Self::Finished(response) | Self::Hole(response, _) => *response,
            Self::Dry(response) | Self::GoesOn(response) => *response,
            Self::Segment { response, .. } | Self::Words { response, .. } | Self::Cue { response, .. } => {
                *response
            }
        }
    }
}
