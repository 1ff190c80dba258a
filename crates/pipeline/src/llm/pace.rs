//! Estimates whether the voice is about to run out of words, from the text it was given and what has been played. Pure.

use std::time::Duration;

/// Letters per second of speech, about.
const LETTERS_PER_SECOND: f64 = 15.0;
/// The same for characters that are a syllable, a word or a digit.
const SYLLABLES_PER_SECOND: f64 = 4.0;
/// Time to synthesise a long segment on a slow machine, and until the model writes a place to cut at.
const LEAD: Duration = Duration::from_millis(500);
/// Segments after the first that may be cut early. Later the model is either far ahead or never will be, and the estimate's
/// errors have accumulated.
const EARLY: u32 = 2;

/// The pace of one response.
#[derive(Debug, Default)]
pub(super) struct Pace {
    segments: u32,
    /// Estimated length of their speech.
    spoken: Duration,
}

impl Pace {
    /// Adds a segment that goes to the voice.
    pub(super) fn give(&mut self, text: &str) {
        if !text.is_empty() {
            let seconds: f64 = text.chars().map(|char| 1.0 / per_second(char)).sum();
            self.spoken += Duration::from_secs_f64(seconds);
            self.segments += 1;
        }
    }

    /// Restarts after a wait for a tool.
    pub(super) fn begins_again(&mut self) {
        self.segments = 0;
    }

    /// Whether a segment that ends now would sound only after a gap, given how much of the response has been played.
    pub(super) fn is_late(&self, played: Duration) -> bool {
        (1..=EARLY).contains(&self.segments) && self.spoken.saturating_sub(played) <= LEAD
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
    fn the_voice_is_late_from_half_a_second_before_it_falls_silent() {
        let mut pace = Pace::default();
        let played = Duration::from_millis;
        assert!(!pace.is_late(played(0)), "nothing was said yet");
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(490)) && pace.is_late(played(500)));
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(1490)) && pace.is_late(played(1500)), "one segment after the other");
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(9000)), "only at the beginning");
        pace.begins_again();
        assert!(!pace.is_late(played(9000)), "nothing was said after the wait");
        pace.give("fifteen letters");
        assert!(!pace.is_late(played(3490)) && pace.is_late(played(3500)));
    }

    #[test]
    fn numbers_and_syllables_take_longer_and_silent_text_takes_no_time() {
        for text in ["你好吗朋友", "2,345"] {
            let mut pace = Pace::default();
            pace.give("");
            assert!(!pace.is_late(Duration::ZERO), "nothing is spoken");
            pace.give(text);
            assert!(!pace.is_late(Duration::from_millis(400)), "{text}");
        }
    }
}
