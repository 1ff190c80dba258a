//! A second look at what a pass is known to mishear: a single word gives the decoder no context, so that it makes part of a
//! sentence of it ("want to." of "What?"); and spelled letters end in words ("J, O, H, and...").

use crate::grammar::{Grammar, Span};
use crate::native;
use crate::recogniser::{Fault, Hints, Pass, Recogniser};
use crate::text;

/// Longest sound that gets a second look, in seconds; soft speech in a noisy room seems longer than it is.
const LONGEST: f32 = 2.5;
/// How many phrases are scored completely: those with the likeliest first tokens.
const CANDIDATES: usize = 6;
/// Words of more tokens get no second look.
const MOST_TOKENS: usize = 10;
/// How much likelier a phrase is a priori than other words, as a difference of log probabilities: "Right." has been
/// heard as "writer" by 2.3, "Wait." as "waiter" by 1.1. No other word has come within 5.
const ALLOWANCE: f32 = 2.5;
/// A phrase with a lower log probability does not explain the sound: "uh-huh" is not "What?" (-6.4) or "Okay" (-4.7).
const WORST: f32 = -4.2;
/// The part of the allowance that is added to a phrase's reported log probability.
const COUNTED: f32 = 1.5;

/// A prompt that makes the decoder expect spelled letters, in any language.
const SPELLED: &str = "B, R, O, W, N.";

/// Allowance, worst and counted part for a phrase whose beginning was heard with another end. Only the end is in doubt,
/// where the agent's own voice overlapped the person's: "Stop." has been heard as "Stomper." and "Starb.".
const ALLOWANCE_OF_ONSET: f32 = 3.0;
const WORST_OF_ONSET: f32 = -6.0;
const COUNTED_OF_ONSET: f32 = 3.0;
/// Below this log probability the end of the heard words may be wrong: "Stomper." has scored -3.1, with "Stop." at -4.9.
const UNSURE: f32 = -2.5;

/// The least log probability with which a phrase replaces words of log probability `heard`.
fn worst(heard: f32, has_onset: bool) -> f32 {
    if has_onset { WORST_OF_ONSET.max(heard - ALLOWANCE_OF_ONSET) } else { WORST.max(heard - ALLOWANCE) }
}

/// A text in tokens with its log probability, its end included.
struct Hypothesis {
    tokens: Vec<i32>,
    score: f32,
}

impl Recogniser {
    /// Replaces the words by a likely phrase if it explains the sound nearly as well.
    pub(crate) fn look_again(
        &mut self,
        pass: &mut Pass,
        hints: Hints<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let length = pass.tokens.len();
        if hints.phrases.is_empty() || hints.seconds > LONGEST || length == 0 || length > MOST_TOKENS {
            return Ok(());
        }
        let words = self.text_of(&pass.tokens);
        // The words are one of the phrases already.
        if hints.phrases.iter().any(|phrase| text::same_words(phrase, &words)) {
            return Ok(());
        }
        let first = self.first_logits(&pass.opening)?;
        let phrases = self.candidates(hints.phrases, &first)?;
        let heard = self.score(&pass.opening, &first, &pass.tokens)?;
        let (mut best, mut counted): (Option<Hypothesis>, f32) = (None, COUNTED);
        for phrase in phrases {
            let has_onset = heard < UNSURE && text::same_onset(&words, &self.text_of(&phrase.tokens));
            let worst = worst(heard, has_onset);
            // A phrase is at most as likely as its first token.
            if phrase.score < best.as_ref().map_or(worst, |best| best.score.max(worst)) {
                continue;
            }
            if stop() {
                return Err(Fault::Stopped);
            }
            let score = self.score(&pass.opening, &first, &phrase.tokens)?;
            tracing::trace!(
                words,
                heard,
                score,
                worst,
                text = self.text_of(&phrase.tokens),
                "a likely phrase"
            );
            if score >= best.as_ref().map_or(worst, |best| best.score.max(worst)) {
                counted = if has_onset { COUNTED_OF_ONSET } else { COUNTED };
                best = Some(Hypothesis { score, ..phrase });
            }
        }
        let Some(best) = best else { return Ok(()) };
        if !text::same_words(&self.text_of(&best.tokens), &words) {
            tracing::debug!(heard, phrase = best.score, "a likely phrase replaces the words heard");
            pass.said.clear();
            pass.log_probability = (best.score + counted).min(0.0);
            pass.tokens = best.tokens;
        }
        Ok(())
    }

    /// The phrases with the likeliest first tokens, which is their score so far.
    fn candidates(&self, phrases: &[String], first: &[f32]) -> Result<Vec<Hypothesis>, Fault> {
        let grammar = Grammar::new(&self.vocabulary, Span { length: 0, over: 0 });
        let mut candidates = Vec::new();
        for phrase in phrases {
            let tokens = self.tokens_of(phrase)?;
            if let Some(token) = tokens.first() {
                candidates.push(Hypothesis { score: grammar.log_probability(first, *token), tokens });
            }
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        candidates.truncate(CANDIDATES);
        Ok(candidates)
    }

    /// Decodes spelled letters again with a prompt of letters, and keeps the better result: without it the decoder often
    /// takes the last letter for a word, even if all of its sound is there. `samples` is the window's length.
    pub(crate) fn spell(
        &mut self,
        pass: &mut Pass,
        samples: usize,
        hints: Hints<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Fault> {
        let letters = text::letters(&self.text_of(&pass.tokens));
        if letters == 0 {
            return Ok(());
        }
        let again = self.pass(samples, Hints { prompt: SPELLED, ..hints }, stop)?;
        let average = |pass: &Pass| pass.log_probability / (pass.tokens.len() + 1) as f32;
        if again.loops == 0
            && average(&again) > average(pass)
            && text::letters(&self.text_of(&again.tokens)) >= letters
        {
            tracing::debug!(
                letters,
                before = average(pass),
                after = average(&again),
                "letters are decoded again"
            );
            *pass = again;
        }
        Ok(())
    }

    /// The logits of the first token after the opening.
    fn first_logits(&mut self, opening: &[i32]) -> Result<Vec<f32>, Fault> {
        let last = opening.len() - 1;
        self.effort.steps += 1;
        self.state.decode(&opening[last..], last, self.threads)?;
        Ok(native::last_logits(&self.state, 1)?.to_vec())
    }

    /// The log probability of the whole text, its end included.
    fn score(&mut self, opening: &[i32], first: &[f32], tokens: &[i32]) -> Result<f32, Fault> {
        let endless = Span { length: usize::MAX >> 8, over: usize::MAX >> 8 };
        let mut grammar = Grammar::new(&self.vocabulary, endless);
        let mut score = 0.0;
        for (index, &token) in tokens.iter().enumerate() {
            let before = (index > 0).then(|| native::last_logits(&self.state, 1)).transpose()?;
            score += grammar.log_probability(before.unwrap_or(first), token);
            grammar.note(token);
            self.effort.steps += 1;
            self.state.decode(&[token], opening.len() + index, self.threads)?;
        }
        Ok(score + grammar.end_probability(native::last_logits(&self.state, 1)?))
    }
}
