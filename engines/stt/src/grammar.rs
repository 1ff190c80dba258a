//! Which token may follow: each sentence is enclosed by two timestamps, and times never decrease. Whisper was trained on this
//! form, but its decoder does not keep to it unaided.

use crate::utterance::Said;
use crate::vocabulary::Vocabulary;

/// What precedes the next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The time at which a sentence begins.
    Opening,
    Text,
    /// The time at which a sentence ended.
    Closing,
}

/// The choice of the next token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice {
    pub(crate) token: i32,
    /// Relative to all tokens that may follow.
    pub(crate) log_probability: f32,
    /// The same for the second choice.
    pub(crate) runner_up: f32,
}

/// Sums of exponentials of logits, relative to the highest.
struct Mass {
    top: f32,
    times: f32,
    texts: f32,
}

/// The audio of a pass, in steps of 20 ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) length: usize,
    /// Where its sound ends.
    pub(crate) over: usize,
}

/// The state of one decoder pass, beginning after the timestamp 0.
#[derive(Debug)]
pub(crate) struct Grammar<'a> {
    vocabulary: &'a Vocabulary,
    before: Before,
    /// Whether no text has been decoded yet.
    silent: bool,
    last_time: usize,
    latest_time: usize,
    /// A sentence that ends from here on is the last, since the sound is over.
    over: usize,
}

impl<'a> Grammar<'a> {
    /// The state before the first token.
    pub(crate) fn new(vocabulary: &'a Vocabulary, Span { length, over }: Span) -> Self {
        let zero = index(vocabulary.time_zero);
        Self {
            vocabulary,
            before: Before::Opening,
            silent: true,
            last_time: zero,
            latest_time: zero.saturating_add(length),
            over: zero.saturating_add(over),
        }
    }

    /// The state after these tokens.
    pub(crate) fn behind(vocabulary: &'a Vocabulary, span: Span, said: &[Said]) -> Self {
        let mut grammar = Self::new(vocabulary, span);
        said.iter().for_each(|said| grammar.note(said.token));
        grammar
    }

    /// Whether a sentence has ended where the sound ends. What followed would be a repetition: in a short context the
    /// decoder tends to write a short utterance twice.
    pub(crate) fn is_over(&self) -> bool {
        self.before == Before::Closing && self.last_time >= self.over
    }

    /// Whether the token is a timestamp.
    pub(crate) fn is_time(&self, token: i32) -> bool {
        token >= self.vocabulary.time_zero
    }

    /// Advances the state by a timestamp or a text token.
    pub(crate) fn note(&mut self, token: i32) {
        if self.is_time(token) {
            self.last_time = index(token);
            self.before = if self.before == Before::Text { Before::Closing } else { Before::Opening };
        } else {
            self.silent = false;
            self.before = Before::Text;
        }
    }

    /// The likeliest token that may follow, except `barred`. A timestamp wins if all timestamps together are likelier than
    /// any single text token.
    pub(crate) fn likeliest(&self, logits: &[f32], barred: Option<i32>) -> Choice {
        let mass = self.mass(logits);
        let all = mass.top + (mass.times + mass.texts).ln();
        let time = best(self.times(logits));
        let without = |other: Option<i32>| {
            let texts = self.texts(logits);
            let text = best(texts.filter(|(token, _)| Some(*token) != barred && Some(*token) != other));
            if mass.times > (text.1 - mass.top).exp() { time } else { text }
        };
        let (token, logit) = without(None);
        let (_, second) = without(Some(token));
        Choice { token, log_probability: logit - all, runner_up: second - all }
    }

    /// The log probability of a text token among all that may follow.
    pub(crate) fn log_probability(&self, logits: &[f32], token: i32) -> f32 {
        let mass = self.mass(logits);
        let logit = logits.get(index(token)).copied().unwrap_or(f32::NEG_INFINITY);
        logit - mass.top - (mass.times + mass.texts).ln()
    }

    /// The log probability that no more text follows: of the end token and all timestamps.
    pub(crate) fn end_probability(&self, logits: &[f32]) -> f32 {
        let mass = self.mass(logits);
        let end = logits.get(index(self.vocabulary.end)).map_or(0.0, |logit| (logit - mass.top).exp());
        (mass.times + end).ln() - (mass.times + mass.texts).ln()
    }

    /// The probability mass of all tokens that may follow.
    fn mass(&self, logits: &[f32]) -> Mass {
        let top = best(self.texts(logits).chain(self.times(logits))).1;
        let add = |sum: f32, (_, logit): (i32, f32)| sum + (logit - top).exp();
        let (times, texts) = (self.times(logits).fold(0.0, add), self.texts(logits).fold(0.0, add));
        Mass { top, times, texts }
    }

    /// The text tokens and the end token that may follow.
    fn texts<'b>(&'b self, logits: &'b [f32]) -> impl Iterator<Item = (i32, f32)> + 'b {
        let end = self.vocabulary.end;
        let may = move |token: i32| {
            if token == end {
                !self.silent
            } else {
                self.before != Before::Closing
                    && self.vocabulary.is_text(index(token))
                    && !(self.silent && Some(token) == self.vocabulary.blank)
            }
        };
        (0..=end).zip(logits).map(|(token, logit)| (token, *logit)).filter(move |(token, _)| may(*token))
    }

    fn times<'b>(&'b self, logits: &'b [f32]) -> impl Iterator<Item = (i32, f32)> + 'b {
        let (from, to) = match self.before {
            Before::Opening => (0, 0),
            Before::Text => (self.last_time + 1, self.latest_time + 1),
            Before::Closing => (self.last_time, self.latest_time + 1),
        };
        let to = to.min(logits.len());
        let tokens =
            (self.vocabulary.time_zero..).skip(from.saturating_sub(index(self.vocabulary.time_zero)));
        tokens.zip(logits[from.min(to)..to].iter().copied())
    }
}

fn best(tokens: impl Iterator<Item = (i32, f32)>) -> (i32, f32) {
    tokens.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::NEG_INFINITY))
}

fn index(token: i32) -> usize {
    usize::try_from(token).expect("tokens are not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 blank, 1 and 2 text, 3 suppressed, 4 the end, 5 to 9 times.
    fn vocabulary() -> Vocabulary {
        Vocabulary {
            suppressed: vec![false, false, false, true, true, true, true, true, true, true],
            end: 4,
            start: 0,
            transcribe: 0,
            translate: 0,
            no_speech: 0,
            time_zero: 5,
            previous: 0,
            blank: Some(0),
            languages: Vec::new(),
        }
    }

    #[test]
    fn speech_begins_with_text_not_with_the_end() {
        let vocabulary = vocabulary();
        let grammar = Grammar::new(&vocabulary, Span { length: 4, over: 4 });
        assert_eq!(grammar.likeliest(&[9.0, 1.0, 2.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0], None).token, 2);
    }

    #[test]
    fn timestamps_never_decrease_and_stay_within_the_audio() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, Span { length: 3, over: 3 });
        grammar.note(1);
        assert_eq!(grammar.likeliest(&[0.0, 0.0, 0.0, 9.0, 0.0, 9.0, 1.0, 8.0, 1.0, 9.0], None).token, 7);
        grammar.note(7);
        // After a sentence its timestamp, repeated, opens the next one; text does not.
        assert_eq!(grammar.likeliest(&[0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 9.0, 8.0, 1.0, 9.0], None).token, 7);
        grammar.note(7);
        assert_eq!(grammar.likeliest(&[0.0, 1.0, 0.0, 9.0, 0.0, 9.0, 9.0, 9.0, 9.0, 9.0], None).token, 1);
    }

    #[test]
    fn a_sentence_that_ends_with_the_sound_is_the_last() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, Span { length: 4, over: 2 });
        for (token, over) in [(1, false), (6, false), (6, false), (1, false), (7, true)] {
            grammar.note(token);
            assert_eq!(grammar.is_over(), over, "after {token}");
        }
    }

    #[test]
    fn many_unlikely_timestamps_outweigh_one_text_token() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, Span { length: 4, over: 4 });
        grammar.note(1);
        let Choice { token, log_probability, .. } =
            grammar.likeliest(&[0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.5, 1.6, 1.5, 1.5], None);
        assert_eq!(token, 7);
        assert!(log_probability < -1.0);
        assert_eq!(grammar.likeliest(&[0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1], None).token, 1);
    }

    #[test]
    fn a_barred_token_yields_to_the_next_and_probabilities_sum_to_one() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, Span { length: 4, over: 4 });
        let logits = [0.0, 5.0, 4.0, 9.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(grammar.likeliest(&logits, None).token, 1);
        assert_eq!(grammar.likeliest(&logits, Some(1)).token, 2);
        grammar.note(1);
        let sum = [0, 1, 2].map(|text| grammar.log_probability(&logits, text).exp()).iter().sum::<f32>()
            + grammar.end_probability(&logits).exp();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
}
