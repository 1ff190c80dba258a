//! The configuration of the voice: its shape and its checks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::{Remote, has_endpoint};
use super::secret::Secret;

mod api;
mod check;

pub use api::TtsApi;
pub(super) use check::check;

/// The format of requested sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TtsFormat {
    /// A WAV file.
    #[default]
    Wav,
    /// Samples of 16 bits at `tts.rate`, little-endian, one channel, without a header.
    Pcm,
}

impl TtsFormat {
    /// Its name in the configuration and in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }
}

/// How a server receives the clip of a cloned voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TtsCloning {
    /// Not at all.
    #[default]
    None,
    /// `openai`: as a file with each request, by `/audio/speech/upload`.
    Upload,
    /// `openai`: as a file once, by `/voices`; requests then name it.
    Library,
    /// `openai`, `runpod`: in base64 in a field of each request.
    Inline,
}

/// A voice that a server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TtsSpeaker {
    /// Its name in `tts.voice` and for clients.
    pub name: String,
    /// ISO 639-1.
    pub language: String,
    /// For example `en_US`; empty: unknown.
    #[serde(default)]
    pub locale: String,
    /// Its name at the server; empty: `name`.
    #[serde(default)]
    pub id: String,
}

/// Text to speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TtsEngine {
    /// `engine`: our own program; `openai`, `xtts`, `piper`, `cloudflare`, `runpod`: a server with that API.
    pub api: TtsApi,
    /// See [`Remote`]. With another `api` the address of that API.
    pub url: Remote,
    /// Voice files; empty: the profile's.
    pub voices: Vec<PathBuf>,
    /// Folder of further Piper voices, `NAME.onnx` with `NAME.onnx.json`; empty: `voices` in the models directory. A file there
    /// that cannot be used is left out.
    pub voices_dir: PathBuf,
    /// Folder of cloned voices; empty: `clones` in the models directory.
    pub clones_dir: PathBuf,
    /// The voice to speak with, a speaker of it such as `libritts#12`, or of Kokoro a mix such as `af_heart(2)+am_michael(1)`;
    /// empty: the first of the language.
    pub voice: String,
    /// Threads.
    pub threads: u32,
    /// Most requests that may wait.
    pub queue: u32,
    /// 0.5 to 2.
    pub speed: f32,
    /// Megabytes of short segments' speech to cache, for all calls together; 0: none.
    pub cache_mb: u32,
    /// `openai`, `cloudflare`: the model's name; with `openai` it may be empty where the server has one model.
    pub model: String,
    /// Servers: the key, sent as `Authorization: Bearer`; empty: none is sent. `VISAVIS_TTS_KEY` keeps it out of the file.
    pub key: Secret,
    /// Servers: a file that holds the key, instead of `key`.
    pub key_file: PathBuf,
    /// Servers: further headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// Servers: seconds within which a connection must be made.
    pub connect_seconds: u32,
    /// Servers: seconds until a request ends that has not returned its first piece of sound.
    pub silence_seconds: u32,
    /// Servers: the same after the first piece, once what was sent has sounded, but no longer than `silence_seconds`. It is for speech
    /// that somebody waits for.
    pub stall_seconds: u32,
    /// Servers: further fields of every request for speech; they replace the server's own of the same name.
    pub body: BTreeMap<String, Value>,
    /// `openai`, `runpod`: the server's names of the fields `text`, `voice`, `language`, `speed`, `format`, `clip` and
    /// `clip_words`; empty: the field is not sent.
    pub fields: BTreeMap<String, String>,
    /// Servers: the voices that the server has, in addition to those that it lists; the first of a language is its default.
    pub speakers: Vec<TtsSpeaker>,
    /// Servers: languages of voices whose language neither the server nor `speakers` states; empty: those that the server
    /// lists, or else English.
    pub languages: Vec<String>,
    /// Servers: the format of requested sound.
    pub format: TtsFormat,
    /// Servers: samples a second of sound in the format `pcm`.
    pub rate: u32,
    /// `xtts`, `runpod`: stream sound while it is being made.
    pub stream: bool,
    /// `openai`, `runpod`: how the server receives the clips of cloned voices. `xtts` has its own way.
    pub cloning: TtsCloning,
}

impl Default for TtsEngine {
    fn default() -> Self {
        Self {
            api: TtsApi::Engine,
            url: String::new(),
            voices: Vec::new(),
            voices_dir: PathBuf::new(),
            clones_dir: PathBuf::new(),
            voice: String::new(),
            threads: 2,
            queue: 16,
            speed: 1.0,
            cache_mb: 16,
            model: String::new(),
            key: Secret::default(),
            key_file: PathBuf::new(),
            headers: BTreeMap::new(),
            connect_seconds: 5,
            silence_seconds: 30,
            stall_seconds: 3,
            body: BTreeMap::new(),
            fields: BTreeMap::new(),
            speakers: Vec::new(),
            languages: Vec::new(),
            format: TtsFormat::Wav,
            rate: 24_000,
            stream: true,
            cloning: TtsCloning::None,
        }
    }
}

impl TtsEngine {
    /// Whether the server starts our own engine program.
    #[must_use]
    pub fn starts_own(&self) -> bool {
        self.api == TtsApi::Engine && self.url.is_empty()
    }
}

has_endpoint!(TtsEngine, |tts| Some(tts.stall_seconds));

#[cfg(test)]
mod tests;
