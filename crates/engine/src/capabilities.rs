//! Capabilities and limits of engines: the pipeline queries them, and copes with what an engine lacks.
//!
//! `Default` is an engine with nothing beyond its trait's one required method, so that a backend names what it adds; `ALL` is
//! what our own engine programs can do.

/// What a recogniser can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SttCapabilities {
    /// Partial transcripts. Without them an utterance is transcribed only at its pauses.
    pub partials: bool,
    /// A decode prefers one of the given short phrases where the audio allows it. Without this no phrases are given.
    pub phrases: bool,
    /// It translates what is said into English. Without this a request to translate is refused.
    pub translates: bool,
    /// ISO 639-1 codes of the languages that it recognises; empty: not restricted, or not known (yet).
    pub languages: Vec<String>,
}

impl SttCapabilities {
    /// Everything, in any language.
    pub const ALL: Self = Self { partials: true, phrases: true, translates: true, languages: Vec::new() };
}

/// What a language model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LlmCapabilities {
    /// Most tokens of a prompt and its response together; none: not known (yet), so `llm.context` is used instead.
    pub context: Option<u32>,
    /// It can prefill prompts. Without this a prompt is evaluated when its response is requested.
    pub prefill: bool,
    /// It reports how likely the person's last message is complete. Without this turn prediction does without meaning.
    pub turn_end: bool,
    /// It can call tools. Without this no tools are offered to it, and clients that declare some are refused.
    pub tools: bool,
    /// It can keep a response to JSON, and to a schema. Without this requests for either are refused.
    pub schemas: bool,
    /// It can count a prompt's tokens. Without this they are estimated from bytes.
    pub counts_tokens: bool,
}

impl LlmCapabilities {
    /// Everything, in a context of unknown length.
    pub const ALL: Self = Self {
        context: None,
        prefill: true,
        turn_end: true,
        tools: true,
        schemas: true,
        counts_tokens: true,
    };
}

/// Where the times of a voice's words and phonemes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WordTimes {
    /// It reports no times: words are assumed to come at the pace of speech.
    #[default]
    None,
    /// Shares of the whole length.
    Estimated,
    /// Durations computed by the voice.
    Measured,
}

/// What a voice engine can do; [`Tts::voices`](super::Tts::voices) lists its languages and voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TtsCapabilities {
    /// The best times that its voices report; each [`TtsPart`](super::TtsPart) says whether its own are measured.
    pub word_times: WordTimes,
    /// It reports phonemes. Without them, or without measured times, it cannot be used for forced alignment, and lips follow
    /// the sound.
    pub phonemes: bool,
}

impl TtsCapabilities {
    /// Everything.
    pub const ALL: Self = Self { word_times: WordTimes::Measured, phonemes: true };

    /// Whether it reports which phoneme sounds when.
    #[must_use]
    pub fn times_phonemes(&self) -> bool {
        self.phonemes && self.word_times == WordTimes::Measured
    }
}
