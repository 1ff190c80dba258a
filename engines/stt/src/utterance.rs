//! One utterance: its audio, and what has been recognised in it so far.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use visavis_proto::pcm;
use visavis_proto::v1::LanguageWeight;

use crate::audio::{self, RATE};
use crate::class::Class;
use crate::vocabulary::Language;

/// The longest utterance.
const MAX_MINUTES: usize = 10;
const MAX_SAMPLES: usize = MAX_MINUTES * 60 * RATE;

/// The caller of an utterance: an id unique within the process, and whether it has left.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: u64,
    gone: AtomicBool,
}

impl Caller {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, gone: AtomicBool::new(false) }
    }

    /// Records that the caller has left.
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether the caller has left.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

/// An utterance while its stream is open.
#[derive(Debug)]
pub(crate) struct Utterance {
    pub(crate) caller: Arc<Caller>,
    pub(crate) languages: Languages,
    /// Words likely to occur.
    pub(crate) prompt: String,
    pub(crate) class: Class,
    audio: Mutex<Vec<i16>>,
    understood: Mutex<Understood>,
    _place: OwnedSemaphorePermit,
}

/// What is known in advance about an utterance's language.
#[derive(Debug)]
pub(crate) struct Languages {
    /// `None`: identify it.
    pub(crate) given: Option<Language>,
    /// The prior weight of each language, if none is given.
    pub(crate) expected: Vec<LanguageWeight>,
    /// The words are to be English, whatever is spoken.
    pub(crate) translate: bool,
}

/// What earlier decodes found, so that later ones need not repeat the work.
#[derive(Debug, Default)]
pub(crate) struct Understood {
    /// The windows before the tail.
    pub(crate) windows: Vec<Window>,
    /// The tail that was decoded last.
    pub(crate) tail: Option<Tail>,
    /// The language, once it is certain.
    pub(crate) language: Option<Identified>,
}

/// A section of the utterance that is not decoded again.
#[derive(Debug)]
pub(crate) struct Window {
    /// The sample at which it ends.
    pub(crate) end: usize,
    pub(crate) piece: Piece,
}

/// A language that was heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identified {
    pub(crate) language: Language,
    pub(crate) probability: f32,
}

/// The result for the last section of the utterance.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    /// From the first to the last sound.
    pub(crate) sound: Range<usize>,
    /// All sound before this sample is covered.
    pub(crate) heard_until: usize,
    pub(crate) piece: Piece,
}

/// A decoded token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Said {
    pub(crate) token: i32,
    pub(crate) log_probability: f32,
    /// The log probability of the second choice.
    pub(crate) runner_up: f32,
}

/// The words of one window and how confident the model is of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    /// Empty if nobody spoke.
    pub(crate) text: String,
    /// The decoded tokens, including timestamps; empty after a loop.
    pub(crate) said: Vec<Said>,
    /// As identified.
    pub(crate) language: Option<Identified>,
    /// The likeliest languages by the audio alone.
    pub(crate) languages: Vec<LanguageWeight>,
    /// Number of text tokens plus the end token; 0 if the model did not run.
    pub(crate) tokens: usize,
    /// Sum over the tokens.
    pub(crate) log_probability: f32,
    pub(crate) no_speech: f32,
}

impl Utterance {
    pub(crate) fn new(
        caller: Arc<Caller>,
        languages: Languages,
        prompt: String,
        class: Class,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            caller,
            languages,
            prompt,
            class,
            audio: Mutex::default(),
            understood: Mutex::default(),
            _place: place,
        }
    }

    /// Appends PCM16; returns the number of samples.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<usize, Status> {
        let samples = pcm::decode(bytes).ok_or_else(|| {
            Status::invalid_argument(format!(
                "audio: {} bytes are not a whole number of 16-bit samples; send PCM16 little endian",
                bytes.len()
            ))
        })?;
        let count = samples.len();
        let mut audio = self.audio();
        if audio.len() + count > MAX_SAMPLES {
            return Err(Status::out_of_range(format!(
                "audio: the utterance is longer than {MAX_MINUTES} minutes ({MAX_SAMPLES} samples); end it and start another"
            )));
        }
        audio.extend(samples);
        Ok(count)
    }

    /// The number of samples so far.
    pub(crate) fn len(&self) -> usize {
        self.audio().len()
    }

    /// A copy of a range of the audio.
    pub(crate) fn copy(&self, range: Range<usize>) -> Vec<i16> {
        self.audio()[range].to_vec()
    }

    /// Where the last sound before `samples` ends.
    pub(crate) fn sound_end(&self, samples: usize) -> Option<usize> {
        audio::sound_end(&self.audio()[..samples])
    }

    /// What earlier decodes found; for the model's thread alone.
    pub(crate) fn understood(&self) -> MutexGuard<'_, Understood> {
        self.understood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn audio(&self) -> MutexGuard<'_, Vec<i16>> {
        self.audio.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
