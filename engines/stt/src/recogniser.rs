//! One window of audio through Whisper: encoder, language, greedy decoder.
//!
//! whisper.cpp's own `whisper_full` only computes the spectrogram. Its loop would run the encoder twice to identify the
//! language, and rarely check whether the caller has left; here one encoder run serves both, and decoding can stop after
//! any token. The decoder writes timestamps between sentences although nobody uses them: without them it skips sentences
//! after a pause, the more so the less of its 30 s the encoder sees.

mod pass;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use visavis_proto::v1::LanguageWeight;
use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperError, WhisperState};

use crate::audio::RATE;
use crate::native::{self, Gpu};
use crate::text;
use crate::utterance::{Piece, Said};
use crate::vocabulary::{Language, Vocabulary};
pub(crate) use pass::Pass;

/// Why a window has no words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Nobody waits for the words any more.
    #[error("stopped")]
    Stopped,
    /// whisper.cpp failed.
    #[error("whisper.cpp: {0}")]
    Engine(#[from] WhisperError),
}

/// What to listen for in a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hints<'a> {
    /// `None`: identify it.
    pub(crate) language: Option<&'a Language>,
    /// The prior weight of each language, if none is given.
    pub(crate) expected: &'a [LanguageWeight],
    /// Phrases that may be the whole utterance.
    pub(crate) phrases: &'a [String],
    /// The sample at which the speech ends in the window.
    pub(crate) end: usize,
    /// Seconds of speech in the window.
    pub(crate) seconds: f32,
    pub(crate) prompt: &'a str,
    /// Write English, whatever is spoken.
    pub(crate) translate: bool,
    /// What to keep of an earlier decode, so that only the rest is decoded.
    pub(crate) kept: Option<Kept<'a>>,
}

/// The part of an earlier decode that is to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) said: &'a [Said],
    /// The whole result of that decode.
    pub(crate) of: &'a Piece,
}

/// Samples per position of the encoder (20 ms).
pub(crate) const SAMPLES_PER_POSITION: usize = RATE / 50;
/// With fewer positions the decoder falls into loops.
const LEAST_CONTEXT: usize = 320;
/// Least silence after the speech that the encoder sees, in positions.
const CONTEXT_MARGIN: usize = 64;
/// Context sizes are multiples of this, so that a growing utterance mostly reuses a size used before.
const CONTEXT_STEP: usize = 64;
/// Probability of no speech from which words need a high probability to be kept.
const NOISE: f32 = 0.6;

/// A loaded model.
#[derive(Debug)]
pub(crate) struct Model {
    context: Arc<WhisperContext>,
    path: PathBuf,
    threads: usize,
}

/// What the last window has cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effort {
    /// Positions that the encoder has computed.
    pub(crate) positions: usize,
    /// Steps of the decoder.
    pub(crate) steps: usize,
}

/// A loaded model with its working memory.
#[derive(Debug)]
pub(crate) struct Recogniser {
    // The state must be dropped before the context that it points into.
    pub(crate) state: WhisperState,
    pub(crate) context: Arc<WhisperContext>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) threads: usize,
    pub(crate) effort: Effort,
}

impl Model {
    /// Loads a model whose file has been checked.
    pub(crate) fn load(path: &Path, threads: usize, gpu: Gpu) -> anyhow::Result<Self> {
        let mut parameters = WhisperContextParameters::default();
        parameters.use_gpu(native::BACKEND != "cpu" && gpu != Gpu::Off);
        if let Gpu::Index(index) = gpu {
            parameters.gpu_device(index.into());
        }
        let context = WhisperContext::new_with_params(path, parameters).with_context(|| refused(path))?;
        Ok(Self { context: Arc::new(context), path: path.to_owned(), threads })
    }

    /// Working memory for one thread; some hundred megabytes, of which short windows touch little.
    pub(crate) fn recogniser(&self) -> anyhow::Result<Recogniser> {
        let Self { context, path, threads } = self;
        let state = context.create_state().with_context(|| refused(path))?;
        let vocabulary = Vocabulary::new(context);
        let effort = Effort::default();
        Ok(Recogniser { state, context: context.clone(), vocabulary, threads: *threads, effort })
    }
}

fn refused(path: &Path) -> String {
    let reason = native::last_error().unwrap_or_else(|| "no reason given".into());
    format!("whisper.cpp cannot load the model {}: {reason}", path.display())
}

impl Recogniser {
    /// The languages that the model identifies; none for an English-only model.
    pub(crate) fn languages(&self) -> impl Iterator<Item = &Language> {
        self.vocabulary.languages.iter().map(|known| &known.language)
    }

    /// Recognises a window of at most 30 s.
    pub(crate) fn hear(
        &mut self,
        audio: &[f32],
        hints: Hints<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Piece, Fault> {
        self.effort = Effort::default();
        let full = usize::try_from(self.context.n_audio_ctx()).unwrap_or(1500);
        let positions = audio.len().div_ceil(SAMPLES_PER_POSITION) + CONTEXT_MARGIN;
        let positions = positions.next_multiple_of(CONTEXT_STEP).clamp(LEAST_CONTEXT, full);
        self.encode(audio, positions, stop)?;
        let mut pass = self.pass(audio.len(), hints, stop)?;
        if pass.loops > 0 && pass.no_speech >= NOISE {
            // Hallucinated from noise.
            pass.tokens.clear();
        }
        self.look_again(&mut pass, hints, stop)?;
        self.spell(&mut pass, audio.len(), hints, stop)?;
        if let Some(period) = text::echo_period(&pass.tokens, hints.seconds) {
            text::cut_loop(&mut pass.tokens, period);
            pass.said.clear();
        }
        Ok(self.judge(&pass, hints.seconds))
    }

    /// The shortest prefix of the tokens that makes this text; empty if there is none.
    pub(crate) fn said_for<'a>(&self, said: &'a [Said], text: &str) -> &'a [Said] {
        let mut bytes = Vec::new();
        for (index, piece) in said.iter().enumerate() {
            if piece.token >= self.vocabulary.end {
                continue;
            }
            bytes.extend_from_slice(self.context.token_to_bytes(piece.token).unwrap_or_default());
            if text::clean(&String::from_utf8_lossy(&bytes)) == text {
                return &said[..=index];
            }
        }
        &[]
    }

    /// The text of tokens.
    pub(crate) fn text_of(&self, tokens: &[i32]) -> String {
        let mut bytes = Vec::new();
        for &token in tokens {
            bytes.extend_from_slice(self.context.token_to_bytes(token).unwrap_or_default());
        }
        text::clean(&String::from_utf8_lossy(&bytes))
    }

    /// The pass's result, without text if it was not speech.
    fn judge(&self, pass: &Pass, seconds: f32) -> Piece {
        let tokens = pass.tokens.len() + 1;
        let average = pass.log_probability / tokens as f32;
        let heard = self.text_of(&pass.tokens);
        let text = text::once(&heard, seconds).to_owned();
        let speech = is_speech(pass.no_speech, average);
        let Effort { positions, steps } = self.effort;
        let characters = text.len();
        tracing::debug!(
            pass.no_speech,
            average,
            tokens,
            speech,
            characters,
            positions,
            steps,
            "window heard"
        );
        Piece {
            said: if speech && text == heard { pass.said.clone() } else { Vec::new() },
            text: if speech { text } else { String::new() },
            language: pass.language.clone(),
            languages: pass.languages.clone(),
            tokens,
            log_probability: pass.log_probability,
            no_speech: pass.no_speech,
        }
    }
}

/// Whether the words were spoken rather than hallucinated from noise. White and brown noise, hum, tones, clicks and breath
/// have scored 0.61 to 0.97 for no speech, and words hallucinated from them -0.5 at best; speech in equally loud noise has
/// scored 0.6 at most.
fn is_speech(no_speech: f32, average_log_probability: f32) -> bool {
    no_speech < NOISE || average_log_probability > -0.4
}
