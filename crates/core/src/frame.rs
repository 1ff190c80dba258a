//! The vocabulary between rooms: what flows from stage to stage, with its ids and clocks. No logic.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::avatar::cue::Cue;

/// Samples per second of everything that the person says, after the transport.
pub const MIC_RATE: u32 = 16_000;
/// Samples in one 20 ms frame of the microphone.
pub const MIC_FRAME: usize = 320;
/// Samples per second of everything that the person hears, before the transport.
pub const OUT_RATE: u32 = 24_000;
/// Samples in one 20 ms frame of the answer.
pub const OUT_FRAME: usize = 480;
/// Ticks per second of media timestamps, as in RTP for Opus.
pub const MEDIA_CLOCK: u32 = 48_000;
/// Media clock ticks in one 20 ms frame.
pub const FRAME_TICKS: u32 = 960;

/// One answer of the agent, counted from 1 within its call. What belongs to an answer carries its id, and a stage drops
/// what is not current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct ResponseId(pub u32);

/// One utterance of the person, counted from 1 within its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct UtteranceId(pub u32);

/// 20 ms of the person's microphone: [`MIC_FRAME`] samples at [`MIC_RATE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFrame {
    /// The samples.
    pub samples: Vec<i16>,
    /// False when the transport made it up: a gap, comfort silence, or a lost packet that nothing could mend.
    pub received: bool,
}

/// What voice activity detection says; times in samples of [`MIC_RATE`] since the call began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VadEvent {
    /// Speech began; the audio from a little before is in the utterance.
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
        /// The how manieth pause of the utterance, from 1.
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

/// Whether it can be a language of ISO 639-1: two lower-case letters.
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
    /// Bytes of `text` that will not change any more: of a final transcript all.
    pub stable: usize,
    /// ISO 639-1.
    pub language: String,
    /// 0 when the language was given.
    pub language_probability: f32,
    /// The likeliest languages by the sound alone, with their probabilities; empty from engines that tell none.
    #[serde(skip)]
    pub languages: Vec<LanguageWeight>,
    /// How likely there was no speech at all.
    pub no_speech_probability: f32,
    /// Mean log probability of the tokens.
    pub average_log_probability: f32,
    /// Time the engine took.
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
    /// What the tool answered.
    Tool,
}

/// One message of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said; of the agent only what was heard.
    pub content: String,
}

/// One answer to be made, with everything it depends on: nothing changes under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseRequest {
    /// The answer's id.
    pub id: ResponseId,
    /// Begun before the turn has ended: it may be thrown away.
    pub speculative: bool,
    /// Words to say as they are, without the model.
    pub script: Option<String>,
    /// The words are the server's own, such as an apology: no later request holds them, for models imitate them.
    pub canned: bool,
    /// Instructions and history, the person's last words at the end.
    pub messages: Vec<Message>,
    /// The language to speak, ISO 639-1.
    pub language: String,
    /// What is said before the model's own words.
    pub preface: Option<String>,
    /// The voice; empty: the language's first.
    pub voice: String,
    /// What the model may call.
    pub tools: crate::tool::Tools,
    /// False: it is shown as text, and does not sound.
    pub aloud: bool,
}

/// A phrase to be spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The answer that it belongs to.
    pub response: ResponseId,
    /// Its place in the answer, from 0.
    pub index: u32,
    /// As the model wrote it: for captions and history.
    pub text: String,
    /// As it is to be spoken: no markup, no emoji, no raw addresses.
    pub speakable: String,
    /// The written words that are spoken, in order.
    pub words: Vec<WrittenWord>,
    /// What the face shows, and the byte of `text` that it stands before, in order.
    pub cues: Vec<(usize, Cue)>,
}

impl Sentence {
    /// One that says nothing.
    #[must_use]
    pub fn silent(response: ResponseId, index: u32) -> Self {
        let (text, speakable) = (String::new(), String::new());
        Self { response, index, text, speakable, words: Vec::new(), cues: Vec::new() }
    }
}

/// A word as it was written, and the bytes of the spoken text that say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenWord {
    /// The word, with the punctuation attached to it.
    pub word: String,
    /// Bytes of [`Sentence::speakable`].
    pub spoken: std::ops::Range<usize>,
}

/// A word and when it sounds, in samples of [`OUT_RATE`] from the start of its chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordTime {
    /// The word.
    pub text: String,
    /// Where it starts.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
}

/// What the face shows, and when, in samples of [`OUT_RATE`] from the start of its chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CueTime {
    /// When.
    pub at: u64,
    /// What.
    pub cue: Cue,
}

/// The speech sounds of a chunk, as far as its engine tells them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sounds {
    /// Each sound in espeak-ng's IPA, in samples of [`OUT_RATE`] from the start of its chunk.
    pub times: Vec<WordTime>,
    /// The times are the voice's own durations, no estimates.
    pub measured: bool,
}

/// Synthesised speech of a phrase, or of a part of one, at [`OUT_RATE`].
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechChunk {
    /// The answer that it belongs to.
    pub response: ResponseId,
    /// The phrase that it speaks.
    pub sentence: u32,
    /// The phrase's text, in the first chunk of each phrase.
    pub text: Option<String>,
    /// The audio.
    pub samples: Vec<i16>,
    /// Its words.
    pub words: Vec<WordTime>,
    /// Its speech sounds.
    pub sounds: Sounds,
    /// What the face shows during it, in order.
    pub cues: Vec<CueTime>,
    /// True in the phrase's last chunk.
    pub last: bool,
}

/// What goes from the stages of an answer to playout, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum PlayoutItem {
    /// Speech to play.
    Speech(SpeechChunk),
    /// A holding phrase in front of the answer, and no part of it.
    Hold(SpeechChunk),
    /// No more speech comes for this answer.
    End(ResponseId),
}

/// Whether an answer's sound goes to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Play {
    /// Not yet, and perhaps never: speech is made and waits.
    Hidden,
    /// As it is.
    Full,
    /// Softly, while the person makes a sound that may be an interruption.
    Ducked,
    /// Stopped on the sample, to go on from there or to be cancelled.
    Held,
}

/// 20 ms of sound for the person, [`OUT_FRAME`] samples at [`OUT_RATE`]. Silence between answers is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaOut {
    /// The answer it belongs to.
    pub response: ResponseId,
    /// When it sounds, on the call's [`MEDIA_CLOCK`]; gaps between frames are silence.
    pub timestamp: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// How far an answer has been played; the only thing that flows back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlaybackPosition {
    /// The answer.
    pub response: ResponseId,
    /// Samples of [`OUT_RATE`] that left for the person.
    pub samples: u64,
    /// True when all of it has been played.
    pub finished: bool,
}

/// What playout tells the conductor, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayoutEvent {
    /// The answer's first sample left.
    Started(ResponseId),
    /// A phrase begins to sound.
    Phrase {
        /// The answer.
        response: ResponseId,
        /// The phrase as written.
        text: String,
        /// False: it is shown and does not sound.
        #[serde(default = "yes")]
        aloud: bool,
    },
    /// Words that sound from now on.
    Words {
        /// The answer.
        response: ResponseId,
        /// Their times in the answer's own samples.
        words: Vec<WordTime>,
    },
    /// The face shows this from now on, or once.
    Cue {
        /// The answer.
        response: ResponseId,
        /// What.
        cue: Cue,
    },
    /// Speech came so long after what was before it had been played.
    Hole(ResponseId, Duration),
    /// The answer's last sample left.
    Finished(ResponseId),
}

/// Of recordings from before there was a choice.
fn yes() -> bool {
    true
}

impl PlayoutEvent {
    /// The answer that it is about.
    #[must_use]
    pub fn response(&self) -> ResponseId {
        match self {
            Self::Started(response) | Self::Finished(response) | Self::Hole(response, _) => *response,
            Self::Phrase { response, .. } | Self::Words { response, .. } | Self::Cue { response, .. } => {
                *response
            }
        }
    }
}
