//! A second look at what a first one is known to mishear: one word alone gives the decoder no context to go by, so that it
//! makes half a sentence of it ("want to." of "What?"); and what is spelled ends in words ("J, O, H, and...").

use crate::grammar::{Grammar, Span};
use crate::native;
use crate::pass::Pass;
use crate::recogniser::{Fault, Hints, Recogniser};
use crate::text;

/// Sound up to this long is looked at, in seconds; soft speech in a noisy room seems longer than it is.
const LONGEST: f32 = 2.5;
/// The phrases that are looked at to their end: those whose first token is the likeliest.
const CANDIDATES: usize = 6;
/// What was heard is not looked at when it has more tokens.
const MOST_TOKENS: usize = 10;
/// How much likelier a phrase is beforehand than other words, as a difference of log probabilities: "Right." has been
/// heard as "writer" by 2.3, "Wait." as "waiter" by 1.1. No other word has come within 5.
const ALLOWANCE: f32 = 2.5;
/// A phrase under this does not explain the sound: "uh-huh" is no "What?" (-6.4), nor "Okay" (-4.7).
const WORST: f32 = -4.2;
/// What of the allowance is counted when the sureness of a phrase is told.
const COUNTED: f32 = 1.5;

/// What stands before a text that is spelled, in any language.
const SPELLED: &str = "B, R, O, W, N.";

/// The same for a phrase whose beginning was heard, with another end: only that is in doubt, where the agent's own voice lay over
/// the person's: "Stop." has been heard as "Stomper." and "Starb.".
const ALLOWANCE_OF_ONSET: f32 = 3.0;
const WORST_OF_ONSET: f32 = -6.0;
const COUNTED_OF_ONSET: f32 = 3.0;
/// Under this the end of what was heard may be wrong: "Stomper." has scored -3.1, with "Stop." at -4.9.
const UNSURE: f32 = -2.5;

/// The log probability under which a phrase does not take the place of what was heard with this one.
fn worst(heard: f32, has_onset: bool) -> f32 {
    if has_onset { WORST_OF_ONSET.max(heard - ALLOWANCE_OF_ONSET) } else { WORST.max(heard - ALLOWANCE) }
}

/// A text in tokens with its log probability, its end included.
struct Hypothesis {
    tokens: Vec<i32>,
    score: f32,
}

impl Recogniser {
    /// Takes a likely phrase for the words where it explains the sound nearly as well.
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
        // One of them already.
        if hints.phrases.iter().any(|phrase| text::same_words(phrase, &words)) {
            return Ok(());
        }
        let first = self.first_logits(&pass.opening)?;
        let grammar = Grammar::new(&self.vocabulary, Span { length: 0, over: 0 });
        let mut phrases = Vec::new();
        for phrase in hints.phrases {
            let tokens = self.tokens_of(phrase)?;
            if let Some(token) = tokens.first() {
                phrases.push(Hypothesis { score: grammar.log_probability(&first, *token), tokens });
            }
        }
        phrases.sort_by(|a, b| b.score.total_cmp(&a.score));
        phrases.truncate(CANDIDATES);
        let heard = self.score(&pass.opening, &first, &pass.tokens)?;
        let (mut best, mut counted): (Option<Hypothesis>, f32) = (None, COUNTED);
        for phrase in phrases {
            let has_onset = heard < UNSURE && text::same_onset(&words, &self.text_of(&phrase.tokens));
            let worst = worst(heard, has_onset);
            // All of it is no likelier than its first token.
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
            tracing::debug!(heard, phrase = best.score, "a likely phrase takes the place of what was heard");
            pass.said.clear();
            pass.log_probability = (best.score + counted).min(0.0);
            pass.tokens = best.tokens;
        }
        Ok(())
    }

    /// Hears what is spelled once more, now that it is known to be, and takes what fits better: by the sound alone the last
    /// letter is often a word to the decoder, even where all of it is there. `samples` is the window's length.
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
                "letters are heard again"
            );
            *pass = again;
        }
        Ok(())
    }

    /// What may come first, behind the opening.
    fn first_logits(&mut self, opening: &[i32]) -> Result<Vec<f32>, Fault> {
        let last = opening.len() - 1;
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
            self.state.decode(&[token], opening.len() + index, self.threads)?;
        }
        Ok(score + grammar.end_probability(native::last_logits(&self.state, 1)?))
    }
}
