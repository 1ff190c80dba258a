//! One pass of the decoder over a window: the language, then token after token, to the end of the window.

use visavis_proto::v1::LanguageWeight;
use whisper_rs::{FullParams, SamplingStrategy};

use super::{Fault, Hints, Kept, Recogniser, SAMPLES_PER_POSITION};
use crate::audio::RATE;
use crate::grammar::{Choice, Grammar, Span};
use crate::language;
use crate::native;
use crate::text;
use crate::utterance::{Identified, Said};
use crate::vocabulary::Language;

/// A sentence that ends within this time of the sound's end (200 ms) is the last.
const LAST_SENTENCE: usize = 10;
/// Loops after which the pass ends: a decoder that falls from one into the next has no words left.
const MOST_LOOPS: usize = 3;
/// How many tokens of the prompt are used, from its end.
const PROMPT_TOKENS: usize = 120;
/// How many of the likeliest languages are reported.
const TOLD_LANGUAGES: usize = 5;

/// What one pass heard.
#[derive(Default)]
pub(crate) struct Pass {
    /// Including timestamps.
    pub(crate) said: Vec<Said>,
    /// The text tokens only.
    pub(crate) tokens: Vec<i32>,
    pub(crate) language: Option<Identified>,
    /// The likeliest languages by the audio alone.
    pub(crate) languages: Vec<LanguageWeight>,
    pub(crate) log_probability: f32,
    pub(crate) no_speech: f32,
    /// How often the decoder had to be led out of a loop.
    pub(crate) loops: usize,
    /// The tokens before the first word.
    pub(crate) opening: Vec<i32>,
}

/// The decoder's position.
struct Position {
    /// Tokens before the next one.
    past: usize,
    /// How many of them the last decode evaluated.
    rows: usize,
}

impl Recogniser {
    /// Runs the encoder over the first `positions` positions of a window.
    pub(crate) fn encode(
        &mut self,
        audio: &[f32],
        positions: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let check = || if stop() { Err(Fault::Stopped) } else { Ok(()) };
        check()?;
        self.spectrogram(audio, positions)?;
        self.effort.positions += positions;
        self.state.encode(0, self.threads)?;
        check()
    }

    /// Decodes the words of the last encoded window, which has `samples` samples.
    pub(crate) fn pass(
        &mut self,
        samples: usize,
        hints: Hints<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Pass, Fault> {
        let seconds = samples as f32 / RATE as f32;
        let (mut pass, mut place) = match hints.kept {
            Some(kept) => self.resume(kept, hints)?,
            None => self.begin(hints)?,
        };
        let over = (hints.end / SAMPLES_PER_POSITION).saturating_sub(LAST_SENTENCE);
        let span = Span { length: samples / SAMPLES_PER_POSITION, over };
        let mut grammar = Grammar::behind(&self.vocabulary, span, &pass.said);
        let most = most_tokens(seconds).min(usize::try_from(self.context.n_text_ctx()).unwrap_or(448));
        let mut barred = None;
        while place.past < most {
            let logits = native::last_logits(&self.state, place.rows)?;
            let Choice { token, log_probability, runner_up } = grammar.likeliest(logits, barred.take());
            if !grammar.is_time(token) {
                pass.log_probability += log_probability;
                if token == self.vocabulary.end {
                    break;
                }
                pass.tokens.push(token);
            }
            grammar.note(token);
            pass.said.push(Said { token, log_probability, runner_up });
            if grammar.is_over() {
                break;
            }
            if stop() {
                return Err(Fault::Stopped);
            }
            if let Some(looping) = text::loop_length(&pass.tokens, hints.seconds) {
                barred = self.leave_loop(&mut pass, looping);
                if pass.loops > MOST_LOOPS {
                    break;
                }
                grammar = Grammar::behind(&self.vocabulary, span, &pass.said);
            }
            place = Position { past: pass.opening.len() + pass.said.len(), rows: 1 };
            let last = pass.said.last().map(|said| said.token).or(pass.opening.last().copied());
            self.effort.steps += 1;
            self.state.decode(last.as_slice(), place.past - 1, self.threads)?;
        }
        Ok(pass)
    }

    /// Goes back to the point where the repetition most likely ended, and returns the token to bar there, so that the words
    /// after it are found.
    fn leave_loop(&self, pass: &mut Pass, length: usize) -> Option<i32> {
        pass.loops += 1;
        let text = |said: &Said| said.token < self.vocabulary.end;
        let first = pass.tokens.len() - length + text::KEPT_OF_LOOP.min(length - 1);
        let places = pass.said.iter().enumerate().filter(|(_, said)| text(said)).skip(first);
        let (index, said) = places.max_by(|a, b| a.1.runner_up.total_cmp(&b.1.runner_up))?;
        let barred = said.token;
        pass.said.truncate(index);
        let left = pass.said.iter().filter(|said| text(said));
        pass.tokens = left.clone().map(|said| said.token).collect();
        pass.log_probability = left.map(|said| said.log_probability).sum();
        Some(barred)
    }

    /// Finds whether there is speech and in which language, and opens the first sentence.
    fn begin(&mut self, hints: Hints<'_>) -> Result<(Pass, Position), Fault> {
        self.effort.steps += 1;
        self.state.decode(&[self.vocabulary.start], 0, self.threads)?;
        let logits = native::last_logits(&self.state, 1)?;
        let no_speech = softmax_of(logits, self.vocabulary.no_speech);
        let mut languages = if hints.language.is_none() { self.languages_heard(logits) } else { Vec::new() };
        let language = language::choose(&languages, hints.expected, hints.seconds);
        let language = language.and_then(|guess| {
            let mut known = self.vocabulary.languages.iter().map(|known| &known.language);
            let language = known.find(|it| it.code == guess.language)?.clone();
            Some(Identified { language, probability: guess.probability })
        });
        languages.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let expected = |it: &LanguageWeight| hints.expected.iter().any(|one| one.language == it.language);
        let told = languages.iter().enumerate().filter(|(rank, it)| *rank < TOLD_LANGUAGES || expected(it));
        let languages = told.map(|(_, it)| it.clone()).collect();
        let spoken = hints.language.or(language.as_ref().map(|it| &it.language));
        let opening = self.opening(spoken, hints)?;
        // Without a prompt the start token is already in the decoder's memory.
        let known = usize::from(hints.prompt.is_empty());
        self.effort.steps += 1;
        self.state.decode(&opening[known..], known, self.threads)?;
        let place = Position { past: opening.len(), rows: opening.len() - known };
        Ok((Pass { language, languages, no_speech, opening, ..Pass::default() }, place))
    }

    /// Continues after the tokens to be kept.
    fn resume(&mut self, kept: Kept<'_>, hints: Hints<'_>) -> Result<(Pass, Position), Fault> {
        let Kept { said, of: piece } = kept;
        let language = piece.language.clone();
        let spoken = hints.language.or(language.as_ref().map(|it| &it.language));
        let opening = self.opening(spoken, hints)?;
        let tokens: Vec<i32> = opening.iter().copied().chain(said.iter().map(|said| said.token)).collect();
        self.effort.steps += 1;
        self.state.decode(&tokens, 0, self.threads)?;
        let text = said.iter().filter(|said| said.token < self.vocabulary.end);
        let pass = Pass {
            said: said.to_vec(),
            tokens: text.clone().map(|said| said.token).collect(),
            language,
            languages: piece.languages.clone(),
            log_probability: text.map(|said| said.log_probability).sum(),
            no_speech: piece.no_speech,
            loops: 0,
            opening,
        };
        Ok((pass, Position { past: tokens.len(), rows: tokens.len() }))
    }

    /// Computes the spectrogram and sets how much of it the encoder sees.
    fn spectrogram(&mut self, audio: &[f32], positions: usize) -> Result<(), Fault> {
        let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        parameters.set_n_threads(count(self.threads));
        parameters.set_audio_ctx(count(positions));
        parameters.set_print_progress(false);
        parameters.set_no_context(true);
        // whisper.cpp leaves its decoding loop at once for 100 ms or less.
        parameters.set_duration_ms(100);
        Ok(self.state.full(parameters, audio)?)
    }

    /// The tokens before the first word.
    fn opening(&self, language: Option<&Language>, hints: Hints<'_>) -> Result<Vec<i32>, Fault> {
        let Hints { prompt, translate, .. } = hints;
        let mut tokens = Vec::new();
        if !prompt.is_empty() {
            tokens.push(self.vocabulary.previous);
            let words = self.tokens_of(prompt)?;
            tokens.extend_from_slice(&words[words.len().saturating_sub(PROMPT_TOKENS)..]);
        }
        tokens.push(self.vocabulary.start);
        // An English-only model has no tokens for these.
        if let Some(language) = language.filter(|_| self.context.is_multilingual()) {
            let task = if translate { self.vocabulary.translate } else { self.vocabulary.transcribe };
            tokens.extend([self.context.token_lang(language.id), task]);
        }
        tokens.push(self.vocabulary.time_zero);
        Ok(tokens)
    }

    /// The tokens of a text's first words.
    pub(crate) fn tokens_of(&self, text: &str) -> Result<Vec<i32>, Fault> {
        // A token is at least a byte; with less room whisper-rs would read past its buffer.
        Ok(self.context.tokenize(&format!(" {text}"), text.len() + 2)?)
    }

    /// The probability of each language that the model knows.
    fn languages_heard(&self, logits: &[f32]) -> Vec<LanguageWeight> {
        let logit = |token: i32| usize::try_from(token).ok().and_then(|token| logits.get(token)).copied();
        let scored: Vec<(&Language, f32)> = (self.vocabulary.languages.iter())
            .filter_map(|known| logit(known.token).map(|logit| (&known.language, logit)))
            .collect();
        let best = scored.iter().map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = scored.iter().map(|(_, logit)| (logit - best).exp()).sum();
        let weight = |logit: f32| (logit - best).exp() / sum;
        (scored.into_iter())
            .map(|(language, logit)| LanguageWeight { language: language.code.into(), weight: weight(logit) })
            .collect()
    }
}

/// The most tokens of a window of this many seconds: twice the fastest speech. A loop is noticed long before.
pub(super) fn most_tokens(seconds: f32) -> usize {
    (32.0 + 24.0 * seconds) as usize
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
