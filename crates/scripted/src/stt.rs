//! A recogniser that follows a script.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use visavis_core::frame::Transcript;
use visavis_engine::{Decoded, EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};

use crate::ending::pass;

/// Inputs that wait for the recogniser; a full queue makes the sender wait.
const INPUTS: usize = 256;

/// What is heard in one utterance, whenever its words are requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// These words, in the language that the request names, otherwise in English; empty: none.
    Words(String),
    /// The recogniser fails.
    Fails(EngineError),
    /// It never returns a transcript.
    Never,
}

impl From<&str> for Hearing {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<String> for Hearing {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

/// What a recogniser was given for one utterance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Utterance {
    /// The request that began it.
    pub request: SttRequest,
    /// Its sound, at [`visavis_core::frame::MIC_RATE`].
    pub audio: Vec<i16>,
    /// When its words were requested.
    pub decodes: Vec<Decode>,
}

/// A request for an utterance's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decode {
    /// Samples of the utterance before it.
    pub samples: usize,
    /// False: a partial.
    pub last: bool,
    /// The stable beginning of an earlier transcript.
    pub stable: String,
    /// Short phrases, one of which may be all that was said.
    pub phrases: Vec<String>,
}

type Ear = Arc<dyn Fn(&[i16]) -> Transcript + Send + Sync>;

/// Where words come from.
enum Source {
    /// One for each utterance, in order.
    Script(Mutex<VecDeque<Hearing>>),
    /// Computed from the utterance's sound so far.
    Heard(Ear),
}

/// A recogniser that follows a script. By default it has all capabilities, returns at once, and hears nothing.
pub struct ScriptedStt {
    source: Source,
    delay: Duration,
    capabilities: SttCapabilities,
    utterances: Arc<Mutex<Vec<Utterance>>>,
}

impl Default for ScriptedStt {
    fn default() -> Self {
        Self::of(Source::Script(Mutex::default()))
    }
}

impl std::fmt::Debug for ScriptedStt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedStt").field("delay", &self.delay).finish_non_exhaustive()
    }
}

impl ScriptedStt {
    /// Hears each utterance as the next of these; after the last one utterances have no words.
    #[must_use]
    pub fn new<T: Into<Hearing>>(hearings: impl IntoIterator<Item = T>) -> Self {
        Self::of(Source::Script(Mutex::new(hearings.into_iter().map(Into::into).collect())))
    }

    /// Hears what `ear` makes of an utterance's sound so far, at [`visavis_core::frame::MIC_RATE`].
    #[must_use]
    pub fn by_ear(ear: impl Fn(&[i16]) -> Transcript + Send + Sync + 'static) -> Self {
        Self::of(Source::Heard(Arc::new(ear)))
    }

    fn of(source: Source) -> Self {
        Self { source, delay: Duration::ZERO, capabilities: SttCapabilities::ALL, utterances: Arc::default() }
    }

    /// The same, but every transcript takes this long.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same, but with only these capabilities. [`ScriptedStt::utterances`] records what else is requested.
    #[must_use]
    pub fn with_capabilities(self, capabilities: SttCapabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// The same, but it only transcribes complete utterances, in this language (ISO 639-1).
    #[must_use]
    pub fn only_transcribing(self, language: &str) -> Self {
        let languages = vec![language.to_owned()];
        self.with_capabilities(SttCapabilities { languages, ..SttCapabilities::default() })
    }

    /// The utterances so far, with their sound.
    #[must_use]
    pub fn utterances(&self) -> Vec<Utterance> {
        self.utterances.lock().clone()
    }

    /// Number of requests for words so far, over all utterances.
    #[must_use]
    pub fn decodes(&self) -> Vec<Decode> {
        self.utterances.lock().iter().flat_map(|utterance| utterance.decodes.clone()).collect()
    }
}

#[async_trait]
impl Stt for ScriptedStt {
    fn capabilities(&self) -> SttCapabilities {
        self.capabilities.clone()
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        let language = if request.language.is_empty() { "en".into() } else { request.language.clone() };
        let said = match &self.source {
            Source::Script(hearings) => {
                let hearing = hearings.lock().pop_front().unwrap_or(Hearing::Words(String::new()));
                Said::Line { hearing, language }
            }
            Source::Heard(ear) => Said::Sound(ear.clone()),
        };
        let (input, inputs) = mpsc::channel(INPUTS);
        let (index, utterances) = {
            let mut utterances = self.utterances.lock();
            utterances.push(Utterance { request, ..Utterance::default() });
            (utterances.len() - 1, self.utterances.clone())
        };
        let open = Open { inputs, said, delay: self.delay, utterances, index };
        Ok(SttStream { input, output: stream::unfold(open, Open::next).boxed() })
    }
}

/// What is heard in an utterance.
enum Said {
    Line { hearing: Hearing, language: String },
    Sound(Ear),
}

/// An utterance in progress.
struct Open {
    inputs: mpsc::Receiver<SttInput>,
    said: Said,
    delay: Duration,
    utterances: Arc<Mutex<Vec<Utterance>>>,
    /// Its index.
    index: usize,
}

impl Open {
    /// The next transcript; `None` once no more can be requested.
    async fn next(mut self) -> Option<(Result<Decoded, EngineError>, Self)> {
        loop {
            match self.inputs.recv().await? {
                SttInput::Audio(more) => self.utterances.lock()[self.index].audio.extend(more),
                SttInput::Decode { number, last, stable, phrases } => {
                    self.note(last, stable, phrases);
                    pass(self.delay).await;
                    let words = self.words().await;
                    return Some((words.map(|words| Decoded { number, words, routed: None }), self));
                }
            }
        }
    }

    /// Records a request for the words.
    fn note(&self, last: bool, stable: String, phrases: Vec<String>) {
        let utterance = &mut self.utterances.lock()[self.index];
        utterance.decodes.push(Decode { samples: utterance.audio.len(), last, stable, phrases });
    }

    async fn words(&self) -> Result<Transcript, EngineError> {
        match &self.said {
            Said::Sound(ear) => Ok(self.by(ear)),
            Said::Line { hearing: Hearing::Words(text), language } => {
                let (text, language) = (text.clone(), language.clone());
                Ok(Transcript { text, language, ..Transcript::default() })
            }
            Said::Line { hearing: Hearing::Fails(error), .. } => Err(error.clone()),
            Said::Line { hearing: Hearing::Never, .. } => std::future::pending().await,
        }
    }

    /// What this ear hears in the sound so far.
    fn by(&self, ear: &Ear) -> Transcript {
        ear(&self.utterances.lock()[self.index].audio)
    }
}
