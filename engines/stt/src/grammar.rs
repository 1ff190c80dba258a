//! Which token may follow: sentences stand between two times, and times run forward. Whisper was trained to speak so,
//! and its decoder keeps to it only with help.

use crate::vocabulary::Vocabulary;

/// What stands before the next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The time at which a sentence begins.
    Opening,
    Text,
    /// The time at which a sentence ended.
    Closing,
}

/// The state of one decoder pass that begins behind time 0.
#[derive(Debug)]
pub(crate) struct Grammar<'a> {
    vocabulary: &'a Vocabulary,
    before: Before,
    /// Nothing has been said yet.
    silent: bool,
    last_time: usize,
    latest_time: usize,
    /// A sentence that ends from here on is the last: the sound is over.
    over: usize,
}

impl<'a> Grammar<'a> {
    /// For audio of this length whose sound is over at `over`, both in steps of 20 ms.
    pub(crate) fn new(vocabulary: &'a Vocabulary, length: usize, over: usize) -> Self {
        let zero = index(vocabulary.time_zero);
        Self {
            vocabulary,
            before: Before::Opening,
            silent: true,
            last_time: zero,
            latest_time: zero + length,
            over: zero + over,
        }
    }

    /// Whether a sentence has ended where the sound ends. What the decoder would say next it said before: in a short
    /// context it likes to say a short utterance twice.
    pub(crate) fn is_over(&self) -> bool {
        self.before == Before::Closing && self.last_time >= self.over
    }

    /// Whether the token is a time.
    pub(crate) fn is_time(&self, token: i32) -> bool {
        token >= self.vocabulary.time_zero
    }

    /// A time or a piece of text has been said.
    pub(crate) fn note(&mut self, token: i32) {
        if self.is_time(token) {
            self.last_time = index(token);
            self.before = if self.before == Before::Text { Before::Closing } else { Before::Opening };
        } else {
            self.silent = false;
            self.before = Before::Text;
        }
    }

    /// The likeliest token that may follow, and its log probability among all that may. A time wins when all times
    /// together are likelier than any one text.
    pub(crate) fn likeliest(&self, logits: &[f32]) -> (i32, f32) {
        let text = best(self.texts(logits));
        let time = best(self.times(logits));
        let top = text.1.max(time.1);
        let mass = |sum: f32, logit: f32| sum + (logit - top).exp();
        let times = self.times(logits).map(|(_, logit)| logit).fold(0.0, mass);
        let all = self.texts(logits).map(|(_, logit)| logit).fold(times, mass);
        let (token, logit) = if times > (text.1 - top).exp() { time } else { text };
        (token, logit - top - all.ln())
    }

    /// Text and the end.
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
            no_speech: 0,
            time_zero: 5,
            previous: 0,
            blank: Some(0),
            languages: Vec::new(),
        }
    }

    #[test]
    fn speech_begins_with_text_and_not_with_its_end() {
        let vocabulary = vocabulary();
        let grammar = Grammar::new(&vocabulary, 4, 4);
        assert_eq!(grammar.likeliest(&[9.0, 1.0, 2.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]).0, 2);
    }

    #[test]
    fn times_run_forward_and_stay_within_the_audio() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, 3, 3);
        grammar.note(1);
        assert_eq!(grammar.likeliest(&[0.0, 0.0, 0.0, 9.0, 0.0, 9.0, 1.0, 8.0, 1.0, 9.0]).0, 7);
        grammar.note(7);
        // A sentence has ended: its time again opens the next, text does not.
        assert_eq!(grammar.likeliest(&[0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 9.0, 8.0, 1.0, 9.0]).0, 7);
        grammar.note(7);
        assert_eq!(grammar.likeliest(&[0.0, 1.0, 0.0, 9.0, 0.0, 9.0, 9.0, 9.0, 9.0, 9.0]).0, 1);
    }

    #[test]
    fn a_sentence_that_ends_with_the_sound_is_the_last() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, 4, 2);
        for (token, over) in [(1, false), (6, false), (6, false), (1, false), (7, true)] {
            grammar.note(token);
            assert_eq!(grammar.is_over(), over, "after {token}");
        }
    }

    #[test]
    fn many_unlikely_times_outweigh_one_text() {
        let vocabulary = vocabulary();
        let mut grammar = Grammar::new(&vocabulary, 4, 4);
        grammar.note(1);
        let (token, log_probability) = grammar.likeliest(&[0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.5, 1.6, 1.5, 1.5]);
        assert_eq!(token, 7);
        assert!(log_probability < -1.0);
        assert_eq!(grammar.likeliest(&[0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1]).0, 1);
    }
}
