//! Whether the voice is about to run out of words: what was played against an estimate of what it was given. Pure.

use std::time::Duration;

/// Letters that voices say per second, about.
const LETTERS_PER_SECOND: f64 = 15.0;
/// The same where a character is a syllable, a word or a number.
const SYLLABLES_PER_SECOND: f64 = 4.0;
/// From the last word of a long phrase to its sound on a slow machine, and the time until a place to cut at is written.
const LEAD: Duration = Duration::from_millis(500);
/// Phrases behind the first one that may be cut early. Later on a model is far ahead or will never be, and the estimate has
/// added up its errors.
const EARLY: u32 = 2;

/// The pace of one response.
#[derive(Debug, Default)]
pub(super) struct Pace {
    phrases: u32,
    /// How long the voice will take for all of them.
    spoken: Duration,
}

impl Pace {
    /// A phrase goes to the voice.
    pub(super) fn give(&mut self, text: &str) {
        if !text.is_empty() {
            let seconds: f64 = text.chars().map(|char| 1.0 / per_second(char)).sum();
            self.spoken += Duration::from_secs_f64(seconds);
            self.phrases += 1;
        }
    }

    /// What comes now comes behind a wait.
    pub(super) fn begins_again(&mut self) {
        self.phrases = 0;
    }

    /// Whether a phrase that ends now would sound only after a gap, when so much of the response has been played.
    pub(super) fn is_late(&self, played: Duration) -> bool {
        (1..=EARLY).contains(&self.phrases) && self.spoken.saturating_sub(played) <= LEAD
    }
}

fn per_second(char: char) -> f64 {
    match char {
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => SYLLABLES_PER_SECOND,
        char if char.is_numeric() => SYLLABLES_PER_SECOND,
        _ => LETTERS_PER_SECOND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_late_half_a_second_before_it_falls_silent() {
        let mut pace = Pace::default();
        let played = Duration::from_millis;
        assert!(!pace.is_late(played(0)), "nothing was said yet");
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(490)) && pace.is_late(played(500)));
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(1490)) && pace.is_late(played(1500)), "one phrase behind the other");
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(9000)), "only at the beginning");
        pace.begins_again();
        assert!(!pace.is_late(played(9000)), "nothing was said behind the wait");
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(3490)) && pace.is_late(played(3500)));
    }

    #[test]
    fn numbers_and_syllables_take_longer_and_what_is_only_shown_takes_no_time() {
        for text in ["你好吗朋友", "2,345"] {
            let mut pace = Pace::default();
            pace.give("");
            assert!(!pace.is_late(Duration::ZERO), "nothing is spoken");
            pace.give(text);
            assert!(!pace.is_late(Duration::from_millis(400)), "{text}");
        }
    }
}
