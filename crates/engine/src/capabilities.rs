//! What engines can do, and their limits: the pipeline asks, and does without what an engine lacks.
//!
//! `Default` is an engine that can do nothing beyond its trait's one required method, so an adapter names what it adds;
//! `ALL` is what our own engine programs can do.

/// What a recogniser can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SttCapabilities {
    /// Transcripts of an utterance that still goes on. Without them it is transcribed at its pauses alone.
    pub partials: bool,
    /// It prefers one of the short phrases of a decode where the sound allows it. Without this it is given none.
    pub phrases: bool,
    /// ISO 639-1 codes of the languages that it recognises; empty: not restricted, or not known (yet).
    pub languages: Vec<String>,
}

impl SttCapabilities {
    /// Everything, in any language.
    pub const ALL: Self = Self { partials: true, phrases: true, languages: Vec::new() };
}

/// What a language model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LlmCapabilities {
    /// Tokens that a prompt and its answer may have together; none: not known (yet), so `llm.context` is taken for it.
    pub context: Option<u32>,
    /// It reads prompts ahead of their answers. Without this everything is read when it is answered.
    pub prefill: bool,
    /// It tells how likely the person's last message is complete. Without this the vote on the end of a turn does without
    /// the meaning.
    pub turn_end: bool,
    /// It calls tools. Without this it is offered none, and clients that bring some are refused.
    pub tools: bool,
    /// It counts the tokens of a prompt that is not answered. Without this they are estimated from their bytes.
    pub counts_tokens: bool,
}

impl LlmCapabilities {
    /// Everything, in a context of unknown length.
    pub const ALL: Self =
        Self { context: None, prefill: true, turn_end: true, tools: true, counts_tokens: true };
}

/// Where the times of a voice's words and phonemes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WordTimes {
    /// It tells no times: words are taken to come at the pace of speech.
    #[default]
    None,
    /// They are shares of the whole length.
    Estimated,
    /// They are the durations that the voice computed.
    Measured,
}

/// What a voice engine can do; in which languages and voices [`Tts::voices`](super::Tts::voices) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TtsCapabilities {
    /// The best times that its voices tell; each [`TtsPart`](super::TtsPart) says of its own whether they are measured.
    pub word_times: WordTimes,
    /// It tells phonemes. Without them, or without their measured times, it is no guide to what a recording says, and
    /// lips follow the sound.
    pub phonemes: bool,
}

impl TtsCapabilities {
    /// Everything.
    pub const ALL: Self = Self { word_times: WordTimes::Measured, phonemes: true };

    /// Whether its speech shows which phoneme sounds when.
    #[must_use]
    pub fn times_phonemes(&self) -> bool {
        self.phonemes && self.word_times == WordTimes::Measured
    }
}
