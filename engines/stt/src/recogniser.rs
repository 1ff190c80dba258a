//! One window of audio through Whisper: encoder, language, greedy decoder.
//!
//! whisper.cpp's own `whisper_full` is used for the spectrogram alone. Its loop would run the encoder twice to identify
//! the language, and look for a caller that has left only where it likes; here one encoder run serves both, and each
//! token is a point to stop at. The decoder says times between the sentences, though nobody asks for them: without them
//! it skips sentences after a pause, the more so the less of its 30 s the encoder sees.

use std::path::Path;

use anyhow::Context;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError, WhisperState,
};

use crate::audio::RATE;
use crate::grammar::Grammar;
use crate::language;
use crate::native::{self, Gpu};
use crate::text;
use crate::utterance::{Piece, Said};
use crate::vocabulary::{Language, Vocabulary};

/// Why a window has no words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Nobody waits for them any more.
    #[error("stopped")]
    Stopped,
    /// whisper.cpp refused.
    #[error("whisper.cpp: {0}")]
    Engine(#[from] WhisperError),
}

/// What to listen for in a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hints<'a> {
    /// `None`: identify it.
    pub(crate) language: Option<&'a Language>,
    /// To be expected when none is given.
    pub(crate) likely: Option<&'a Language>,
    /// Where the speech ends in the window.
    pub(crate) end: usize,
    /// How much speech the window holds.
    pub(crate) seconds: f32,
    pub(crate) prompt: &'a str,
    /// What is to stay of what was heard before, so that only the rest is sought.
    pub(crate) kept: Option<(&'a [Said], &'a Piece)>,
    /// Take the time for a second try.
    pub(crate) is_final: bool,
}

/// Audio seen by one position of the encoder (20 ms).
const SAMPLES_PER_POSITION: usize = RATE / 50;
/// Under this the decoder falls into loops.
const LEAST_CONTEXT: usize = 320;
/// Silence behind the speech that the encoder sees at least, in positions.
const CONTEXT_MARGIN: usize = 64;
/// Contexts come in few sizes, so that a growing utterance is mostly heard in one that has been used before.
const CONTEXT_STEP: usize = 64;
/// A sentence that ends so little before the sound does (200 ms) is the last.
const LAST_SENTENCE: usize = 10;
/// Equal n-grams in a row that make a loop, at first and in the second try: people do say "no, no, no, no".
const LOOP: usize = 4;
const LOOP_IN_FULL_CONTEXT: usize = 8;
/// Probability of no speech from which the words must be very sure.
const NOISE: f32 = 0.6;
/// Tokens of the prompt that are used, from its end.
const PROMPT_TOKENS: usize = 120;

/// A loaded model with its working memory.
#[derive(Debug)]
pub(crate) struct Recogniser {
    // The state is dropped before the context that it points into.
    state: WhisperState,
    context: WhisperContext,
    vocabulary: Vocabulary,
    threads: usize,
}

/// One pass of the decoder.
#[derive(Default)]
struct Pass {
    said: Vec<Said>,
    /// Its text alone.
    tokens: Vec<i32>,
    language: Option<(Language, f32)>,
    log_probability: f32,
    no_speech: f32,
    /// It ended in a loop of this period.
    looping: Option<usize>,
}

impl Recogniser {
    /// Loads a model whose file has been checked.
    pub(crate) fn load(path: &Path, threads: usize, gpu: Gpu) -> anyhow::Result<Self> {
        let mut parameters = WhisperContextParameters::default();
        parameters.use_gpu(native::BACKEND != "cpu" && gpu != Gpu::Off);
        if let Gpu::Index(index) = gpu {
            parameters.gpu_device(index.into());
        }
        let refused = || {
            let reason = native::last_error().unwrap_or_else(|| "no reason given".into());
            format!("whisper.cpp cannot load the model {}: {reason}", path.display())
        };
        let context = WhisperContext::new_with_params(path, parameters).with_context(refused)?;
        let state = context.create_state().with_context(refused)?;
        Ok(Self { vocabulary: Vocabulary::new(&context), state, context, threads })
    }

    /// The languages that the model identifies; none for an English-only model.
    pub(crate) fn languages(&self) -> impl Iterator<Item = &Language> {
        self.vocabulary.languages.iter().map(|(language, _)| language)
    }

    /// The words of a window of at most 30 s.
    pub(crate) fn hear(
        &mut self,
        audio: &[f32],
        hints: Hints<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Piece, Fault> {
        let full = usize::try_from(self.context.n_audio_ctx()).unwrap_or(1500);
        let positions = audio.len().div_ceil(SAMPLES_PER_POSITION) + CONTEXT_MARGIN;
        let positions = positions.next_multiple_of(CONTEXT_STEP).clamp(LEAST_CONTEXT, full);
        let mut pass = self.pass(audio, positions, LOOP, hints, stop)?;
        let mut hasty = pass.looping.is_some();
        if hasty && pass.no_speech >= NOISE {
            // Made up, and not worth a second look.
            return Ok(Piece { text: String::new(), ..self.judge(&pass, false) });
        }
        if hasty && hints.is_final && positions < full {
            let hints = Hints { kept: None, ..hints };
            pass = self.pass(audio, full, LOOP_IN_FULL_CONTEXT, hints, stop)?;
            hasty = false;
        }
        if let Some(period) = pass.looping.or_else(|| text::echo_period(&pass.tokens, hints.seconds)) {
            text::cut_loop(&mut pass.tokens, period);
            pass.said.clear();
        }
        Ok(self.judge(&pass, hasty))
    }

    /// As much of what was said as makes this text.
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

    /// Text, if it was speech.
    fn judge(&self, pass: &Pass, hasty: bool) -> Piece {
        let tokens = pass.tokens.len() + 1;
        let average = pass.log_probability / tokens as f32;
        let mut bytes = Vec::new();
        for &token in &pass.tokens {
            bytes.extend_from_slice(self.context.token_to_bytes(token).unwrap_or_default());
        }
        let text = text::clean(&String::from_utf8_lossy(&bytes));
        let speech = is_speech(pass.no_speech, average);
        tracing::debug!(pass.no_speech, average, tokens, speech, characters = text.len(), "window heard");
        Piece {
            text: if speech { text } else { String::new() },
            said: if speech { pass.said.clone() } else { Vec::new() },
            language: pass.language.clone(),
            tokens,
            log_probability: pass.log_probability,
            no_speech: pass.no_speech,
            hasty,
        }
    }

    fn pass(
        &mut self,
        audio: &[f32],
        positions: usize,
        loop_times: usize,
        hints: Hints<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Pass, Fault> {
        let check = || if stop() { Err(Fault::Stopped) } else { Ok(()) };
        check()?;
        self.spectrogram(audio, positions)?;
        self.state.encode(0, self.threads)?;
        check()?;
        let seconds = audio.len() as f32 / RATE as f32;
        let (mut pass, mut past, mut rows) = match hints.kept {
            Some((kept, piece)) => self.go_on(kept, piece, hints)?,
            None => self.begin(hints)?,
        };
        let over = (hints.end / SAMPLES_PER_POSITION).saturating_sub(LAST_SENTENCE);
        let mut grammar = Grammar::new(&self.vocabulary, audio.len() / SAMPLES_PER_POSITION, over);
        for said in &pass.said {
            grammar.note(said.token);
        }
        // Twice the fastest speech; a loop is seen long before.
        let most = (32.0 + 24.0 * seconds) as usize;
        let most = most.min(usize::try_from(self.context.n_text_ctx()).unwrap_or(448)).saturating_sub(past);
        for _ in 0..most {
            let (token, log_probability) = grammar.likeliest(native::last_logits(&self.state, rows)?);
            if !grammar.is_time(token) {
                pass.log_probability += log_probability;
                if token == self.vocabulary.end {
                    break;
                }
                pass.tokens.push(token);
                pass.looping = text::loop_period(&pass.tokens, loop_times);
                if pass.looping.is_some() {
                    break;
                }
            }
            grammar.note(token);
            pass.said.push(Said { token, log_probability });
            if grammar.is_over() {
                break;
            }
            check()?;
            self.state.decode(&[token], past, self.threads)?;
            (past, rows) = (past + 1, 1);
        }
        Ok(pass)
    }

    /// Asks whether anybody speaks, and in which language, and opens the first sentence. Tells as well how many tokens
    /// stand before the next, and how many of them were decoded last.
    fn begin(&mut self, hints: Hints<'_>) -> Result<(Pass, usize, usize), Fault> {
        self.state.decode(&[self.vocabulary.start], 0, self.threads)?;
        let logits = native::last_logits(&self.state, 1)?;
        let no_speech = softmax_of(logits, self.vocabulary.no_speech);
        let language = hints.language.is_none().then(|| self.identify(logits, hints)).flatten();
        let spoken = hints.language.or(language.as_ref().map(|(language, _)| language));
        let tokens = self.opening(spoken, hints.prompt)?;
        // The start token alone is already in the decoder's memory.
        let known = usize::from(hints.prompt.is_empty());
        self.state.decode(&tokens[known..], known, self.threads)?;
        Ok((Pass { language, no_speech, ..Pass::default() }, tokens.len(), tokens.len() - known))
    }

    /// Takes for said what is to stay.
    fn go_on(
        &mut self,
        kept: &[Said],
        piece: &Piece,
        hints: Hints<'_>,
    ) -> Result<(Pass, usize, usize), Fault> {
        let language = piece.language.clone();
        let spoken = hints.language.or(language.as_ref().map(|(language, _)| language));
        let mut tokens = self.opening(spoken, hints.prompt)?;
        tokens.extend(kept.iter().map(|said| said.token));
        self.state.decode(&tokens, 0, self.threads)?;
        let text = kept.iter().filter(|said| said.token < self.vocabulary.end);
        let pass = Pass {
            said: kept.to_vec(),
            tokens: text.clone().map(|said| said.token).collect(),
            language,
            log_probability: text.map(|said| said.log_probability).sum(),
            no_speech: piece.no_speech,
            looping: None,
        };
        Ok((pass, tokens.len(), tokens.len()))
    }

    /// Computes the spectrogram and sets how much of it the encoder will see.
    fn spectrogram(&mut self, audio: &[f32], positions: usize) -> Result<(), Fault> {
        let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        parameters.set_n_threads(count(self.threads));
        parameters.set_audio_ctx(count(positions));
        parameters.set_print_progress(false);
        parameters.set_no_context(true);
        // whisper.cpp leaves its loop at once when 100 ms or less are to be done.
        parameters.set_duration_ms(100);
        Ok(self.state.full(parameters, audio)?)
    }

    /// What stands before the first word.
    fn opening(&self, language: Option<&Language>, prompt: &str) -> Result<Vec<i32>, Fault> {
        let mut tokens = Vec::new();
        if !prompt.is_empty() {
            tokens.push(self.vocabulary.previous);
            // A byte is at least a token's worth; with less room whisper-rs would read past its buffer.
            let words = self.context.tokenize(&format!(" {prompt}"), prompt.len() + 2)?;
            tokens.extend_from_slice(&words[words.len().saturating_sub(PROMPT_TOKENS)..]);
        }
        tokens.push(self.vocabulary.start);
        // An English-only model has no tokens for these.
        if let Some(language) = language.filter(|_| self.context.is_multilingual()) {
            tokens.extend([self.context.token_lang(language.id), self.vocabulary.transcribe]);
        }
        tokens.push(self.vocabulary.time_zero);
        Ok(tokens)
    }

    /// The language to listen in and its probability among the languages.
    fn identify(&self, logits: &[f32], hints: Hints<'_>) -> Option<(Language, f32)> {
        let logit = |token: i32| usize::try_from(token).ok().and_then(|token| logits.get(token)).copied();
        let scored: Vec<(&Language, f32)> = (self.vocabulary.languages.iter())
            .filter_map(|(language, token)| logit(*token).map(|logit| (language, logit)))
            .collect();
        let (language, best) = scored.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let sum: f32 = scored.iter().map(|(_, logit)| (logit - best).exp()).sum();
        let with_probability =
            |(language, logit): &(&Language, f32)| ((*language).clone(), (logit - best).exp() / sum);
        let expected =
            scored.iter().find(|(language, _)| Some(*language) == hints.likely).map(with_probability);
        let usual =
            scored.iter().find(|(language, _)| language.code == language::USUAL).map(with_probability);
        Some(language::choose((language.clone(), 1.0 / sum), expected, usual, hints.seconds))
    }
}

/// Whether the words were spoken, or made up from noise. White and brown noise, hum, tones, clicks and breath have
/// scored 0.61 to 0.97 for no speech, and words made up from them -0.5 at best; speech under as loud noise, 0.6 at most.
fn is_speech(no_speech: f32, average_log_probability: f32) -> bool {
    no_speech < NOISE || average_log_probability > -0.4
}

fn softmax_of(logits: &[f32], token: i32) -> f32 {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - best).exp()).sum();
    usize::try_from(token)
        .ok()
        .and_then(|token| logits.get(token))
        .map_or(0.0, |logit| (logit - best).exp() / sum)
}

fn count(value: usize) -> i32 {
    i32::try_from(value).expect("lengths and token numbers are far under 2^31")
}
