//! Whether the voice is about to run out of words, estimated from the length of what it was given. Pure: time, since the
//! response began, is passed in.

use std::time::Duration;

/// Letters that voices say per second, about.
const LETTERS_PER_SECOND: f64 = 15.0;
/// The same where a character is a syllable or a word.
const SYLLABLES_PER_SECOND: f64 = 5.0;
/// From a short phrase's last word to its sound.
const START: Duration = Duration::from_millis(100);
/// The same for a long one on a slow machine, and the time until a place to cut at is written.
const LEAD: Duration = Duration::from_millis(500);

/// The pace of one response.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the sound of all phrases so far will have been played.
    until: Option<Duration>,
}

impl Pace {
    /// A phrase goes to the voice.
    pub(super) fn spoken(&mut self, text: &str, now: Duration) {
        if text.is_empty() {
            return;
        }
        let seconds: f64 = text.chars().map(|char| 1.0 / per_second(char)).sum();
        let starts = self.until.map_or(now + START, |until| until.max(now + START));
        self.until = Some(starts + Duration::from_secs_f64(seconds));
    }

    /// Whether a phrase that ends now would sound only after a gap. Never before the first phrase.
    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now + LEAD >= until)
    }
}

fn per_second(char: char) -> f64 {
    match char {
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => SYLLABLES_PER_SECOND,
        _ => LETTERS_PER_SECOND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_late_half_a_second_before_it_falls_silent() {
        let mut pace = Pace::default();
        let after = Duration::from_millis;
        assert!(!pace.is_late(after(9000)), "nothing was said yet");
        pace.spoken("fifteen letters", Duration::ZERO);
        assert!(!pace.is_late(after(590)) && pace.is_late(after(600)));
        pace.spoken("fifteen letters", after(500));
        assert!(!pace.is_late(after(1590)) && pace.is_late(after(1600)), "one phrase behind the other");
        pace.spoken("fifteen letters", after(9000));
        assert!(!pace.is_late(after(9590)) && pace.is_late(after(9600)), "a gap is not counted");
    }

    #[test]
    fn a_script_of_syllables_takes_longer_and_what_is_only_shown_takes_no_time() {
        let mut pace = Pace::default();
        pace.spoken("", Duration::ZERO);
        assert!(!pace.is_late(Duration::from_secs(9)));
        pace.spoken("你好吗朋友", Duration::ZERO);
        assert!(!pace.is_late(Duration::from_millis(590)));
    }
}
