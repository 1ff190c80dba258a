//! A voice that follows a script.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use visavis_core::frame::WordTime;
use visavis_engine::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice, WordTimes};

use crate::ending::{Ending, timed};

/// Samples per second of [`tone`].
pub const TONE_RATE: u32 = 24_000;
/// Samples of a [`tone`]: 300 ms.
const TONE: usize = 7_200;
/// Samples of half a period: 200 Hz.
const HALF: usize = 60;

/// 300 ms of a square wave of 200 Hz and amplitude 8,000, at [`TONE_RATE`]: the default sound of each word of [`ScriptedTts`].
#[must_use]
pub fn tone(_word: &str) -> Vec<i16> {
    (0..TONE).map(|at| if (at / HALF).is_multiple_of(2) { 8000 } else { -8000 }).collect()
}

/// A text as one chunk at `rate` samples per second, each word with its times and the sound that `sound` makes of it.
#[must_use]
pub fn one_part(text: &str, rate: u32, sound: impl Fn(&str) -> Vec<i16>) -> TtsPart {
    let mut part = TtsPart { rate, ..TtsPart::default() };
    for word in text.split_whitespace() {
        let start = part.samples.len() as u64;
        part.samples.extend(sound(word));
        part.words.push(WordTime { text: word.to_owned(), start, end: part.samples.len() as u64 });
    }
    part
}

/// Texts that are not spoken to their end.
#[derive(Debug, Clone)]
struct Fault {
    /// Text that they contain.
    holding: String,
    /// Number of chunks before the ending.
    parts: usize,
    ending: Ending,
}

type Mouth = Box<dyn Fn(&str) -> Vec<TtsPart> + Send + Sync>;

/// Speaks each text by its script. By default it speaks every word as a [`tone`], at once, reports the words' times as
/// estimates, and lists no voices.
pub struct ScriptedTts {
    mouth: Mouth,
    pause: Duration,
    fault: Option<Fault>,
    capabilities: TtsCapabilities,
    voices: Vec<Voice>,
    /// A voice that is not there.
    lacks: Option<String>,
    asked: Mutex<Vec<TtsRequest>>,
}

impl Default for ScriptedTts {
    fn default() -> Self {
        Self::sounding(TONE_RATE, tone)
    }
}

impl std::fmt::Debug for ScriptedTts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedTts").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl ScriptedTts {
    /// Speaks every text as the chunks that `mouth` makes of it.
    #[must_use]
    pub fn speaking(mouth: impl Fn(&str) -> Vec<TtsPart> + Send + Sync + 'static) -> Self {
        Self {
            mouth: Box::new(mouth),
            pause: Duration::ZERO,
            fault: None,
            capabilities: TtsCapabilities { word_times: WordTimes::Estimated, phonemes: false },
            voices: Vec::new(),
            lacks: None,
            asked: Mutex::default(),
        }
    }

    /// Speaks every text as [`one_part`], with each word's sound made by `sound`, at `rate` samples per second.
    #[must_use]
    pub fn sounding(rate: u32, sound: impl Fn(&str) -> Vec<i16> + Send + Sync + 'static) -> Self {
        Self::speaking(move |text| vec![one_part(text, rate, &sound)])
    }

    /// The same with this pause before each chunk.
    #[must_use]
    pub fn every(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The same, but it reports these capabilities. Its chunks do not change.
    #[must_use]
    pub fn with_capabilities(self, capabilities: TtsCapabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// The same with these voices.
    #[must_use]
    pub fn with_voices(self, voices: impl IntoIterator<Item = Voice>) -> Self {
        Self { voices: voices.into_iter().collect(), ..self }
    }

    /// The same, but it refuses this voice, as one that was removed.
    #[must_use]
    pub fn without_voice(self, voice: &str) -> Self {
        Self { lacks: Some(voice.to_owned()), ..self }
    }

    /// The same, but a text that contains `holding` (an empty one is in every text) fails after this many chunks.
    #[must_use]
    pub fn failing(self, holding: &str, parts: usize, error: EngineError) -> Self {
        self.faulty(holding, parts, Ending::fails(error))
    }

    /// The same, but a text that contains `holding` yields nothing after this many chunks, not even an end.
    #[must_use]
    pub fn hanging(self, holding: &str, parts: usize) -> Self {
        self.faulty(holding, parts, Ending::Never)
    }

    fn faulty(self, holding: &str, parts: usize, ending: Ending) -> Self {
        Self { fault: Some(Fault { holding: holding.to_owned(), parts, ending }), ..self }
    }

    /// The requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<TtsRequest> {
        self.asked.lock().clone()
    }
}

#[async_trait]
impl Tts for ScriptedTts {
    fn capabilities(&self) -> TtsCapabilities {
        self.capabilities
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        if self.lacks.as_ref() == Some(&request.voice) {
            let refusal = format!("voice: {:?} is not installed", request.voice);
            self.asked.lock().push(request);
            return Err(EngineError::Invalid(refusal));
        }
        let mut parts = (self.mouth)(&request.text);
        let fault = self.fault.as_ref().filter(|fault| request.text.contains(&fault.holding));
        let ending = fault.map_or(Ending::Done, |fault| {
            parts.truncate(fault.parts);
            fault.ending.clone()
        });
        self.asked.lock().push(request);
        Ok(timed(parts, self.pause, ending))
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        Ok(self.voices.clone())
    }
}
