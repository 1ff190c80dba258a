//! When the words so far are worth asking for: soon, seldom enough to leave the cores to the answer, and preferably in a
//! dip between words, where no word is cut and where a pause, should it become one, finds the decode already under way.
//! Pure: its clock is the count of samples.

use crate::frame::MIC_RATE;

/// Speech before the first partial transcript.
const FIRST: u64 = samples(600);
/// Over an answer, which a word may stop or not, a dip is as good as a pause from here on.
const FIRST_OVER_ANSWER: u64 = samples(250);
/// From one answer to the next question.
const REST: u64 = samples(300);
/// An engine that needs long gets rest in proportion, and so no more than a third of the cores' time.
const REST_PER_WORK: u64 = 2;
/// Rest that doubles with every answer without words, up to this: endless noise is no reason to decode without end. A
/// pause is decoded on trial whatever the rest.
const LONGEST_REST: u64 = samples(9_600);
/// The same over an answer, which goes on while no words are heard: the first of them must stop it.
const LONGEST_REST_OVER_ANSWER: u64 = samples(1_200);
/// A sound this much louder (6 dB) than what had no words is new, and is worth a look at once.
const LOUDER: f64 = 4.0;
/// A dip is waited for so long.
const DIP_PATIENCE: u64 = samples(200);
/// How long a dip must be, so that it is none inside a word's closed consonant.
const DIP: u64 = samples(60);
/// Power under the loudest at which a moment is a dip: 20 dB.
const DIP_RANGE: f64 = 1e-2;
/// Power is taken of so many samples at a time.
const GRAIN: usize = 160;

const fn samples(ms: u64) -> u64 {
    ms * MIC_RATE as u64 / 1000
}

/// The cadence of one utterance.
#[derive(Debug)]
pub struct Cadence {
    heard: u64,
    /// What had been heard when the words were asked for last.
    asked: u64,
    longest_rest: u64,
    /// No partial is due before this, and without a dip none before the other.
    from: u64,
    from_without_dip: u64,
    waiting: bool,
    /// Answers in a row without words.
    wordless: u32,
    /// Power of the loudest moment when the last of them was asked for.
    wordless_power: f64,
    loudest: f64,
    quiet: u64,
}

impl Cadence {
    /// For an utterance whose voice has begun `already` samples before what will be heard next.
    #[must_use]
    pub fn new(already: u64) -> Self {
        let from = FIRST.saturating_sub(already);
        Self {
            heard: 0,
            asked: 0,
            longest_rest: LONGEST_REST,
            from,
            from_without_dip: from + DIP_PATIENCE,
            waiting: false,
            wordless: 0,
            wordless_power: 0.0,
            loudest: 0.0,
            quiet: 0,
        }
    }

    /// As [`new`](Self::new), for an utterance into an answer.
    #[must_use]
    pub fn over_answer(already: u64) -> Self {
        let from = FIRST_OVER_ANSWER.saturating_sub(already);
        Self { from, longest_rest: LONGEST_REST_OVER_ANSWER, ..Self::new(already) }
    }

    /// More of the utterance.
    pub fn hear(&mut self, audio: &[i16]) {
        for grain in audio.chunks(GRAIN) {
            let power =
                grain.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / grain.len() as f64;
            self.loudest = self.loudest.max(power);
            self.quiet = if power < self.loudest * DIP_RANGE { self.quiet + grain.len() as u64 } else { 0 };
        }
        self.heard += audio.len() as u64;
        if self.wordless > 0 && self.loudest > self.wordless_power * LOUDER {
            self.wordless = 0;
            self.rest_until(self.from.min(self.heard));
        }
    }

    /// Whether to ask now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let dip = self.quiet >= DIP;
        !self.waiting && self.heard >= self.from && (dip || self.heard >= self.from_without_dip)
    }

    /// The words were asked for.
    pub fn ask(&mut self) {
        (self.waiting, self.asked) = (true, self.heard);
    }

    /// They have come, after so much work.
    pub fn answer(&mut self, decode_ms: u32) {
        self.waiting = false;
        let rest = REST.max(samples(u64::from(decode_ms)) * REST_PER_WORK);
        // The doubling is for those who have no words; what takes long rests in proportion anyway.
        let longest = (REST << self.wordless.min(5)).min(self.longest_rest);
        self.rest_until(self.heard + rest.max(longest));
    }

    fn rest_until(&mut self, from: u64) {
        (self.from, self.from_without_dip) = (from, from + DIP_PATIENCE);
    }

    /// Whether the last answer had words, before [`answer`](Self::answer) is told of it.
    pub fn understood(&mut self, words: bool) {
        // No words in the first moments say nothing of what follows.
        let early = self.asked < FIRST_OVER_ANSWER * 2;
        self.wordless = if words { 0 } else { self.wordless.saturating_add((!early).into()) };
        self.wordless_power = self.loudest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: usize = 512;

    /// Feeds so many milliseconds and tells when the cadence was first due.
    fn feed(cadence: &mut Cadence, ms: u64, amplitude: i16) -> Option<u64> {
        let from = cadence.heard;
        let mut due = None;
        while cadence.heard < from + samples(ms) {
            cadence.hear(&[amplitude; WINDOW]);
            if due.is_none() && cadence.is_due() {
                due = Some((cadence.heard - from) * 1000 / u64::from(MIC_RATE));
            }
        }
        due
    }

    #[test]
    fn the_first_words_are_asked_for_in_the_first_dip_after_600_ms() {
        let mut cadence = Cadence::new(samples(64));
        assert_eq!(feed(&mut cadence, 640, 8000), None);
        assert!(feed(&mut cadence, 96, 10).is_some_and(|ms| ms <= 64));
    }

    #[test]
    fn speech_without_dips_is_asked_for_after_a_little_patience() {
        let mut cadence = Cadence::new(0);
        assert!(feed(&mut cadence, 1500, 8000).is_some_and(|ms| (800..=832).contains(&ms)));
    }

    #[test]
    fn over_an_answer_a_short_word_is_asked_for_in_the_dip_behind_it_and_a_long_one_no_sooner_than_ever() {
        let mut cadence = Cadence::over_answer(samples(64));
        assert_eq!(feed(&mut cadence, 288, 8000), None);
        assert!(feed(&mut cadence, 96, 10).is_some_and(|ms| ms <= 64));
        let mut cadence = Cadence::over_answer(samples(64));
        assert!(feed(&mut cadence, 1500, 8000).is_some_and(|ms| (736..=768).contains(&ms)));
    }

    #[test]
    fn over_an_answer_a_sound_without_words_is_asked_about_at_least_every_two_seconds() {
        let mut cadence = Cadence::over_answer(0);
        let mut last = 0;
        for _ in 0..60_000 / 32 {
            cadence.hear(&[2000; WINDOW]);
            if cadence.is_due() {
                cadence.ask();
                cadence.understood(false);
                cadence.answer(100);
                assert!(cadence.heard - last < samples(2_000));
                last = cadence.heard;
            }
        }
        assert!(last > samples(58_000));
    }

    #[test]
    fn nothing_is_asked_while_an_answer_is_awaited_and_for_300_ms_after_it() {
        let mut cadence = Cadence::new(0);
        feed(&mut cadence, 1000, 8000);
        cadence.ask();
        assert_eq!(feed(&mut cadence, 2000, 8000), None);
        cadence.answer(100);
        assert!(feed(&mut cadence, 1000, 8000).is_some_and(|ms| (500..=544).contains(&ms)));
        cadence.ask();
        cadence.answer(400);
        assert!(feed(&mut cadence, 2000, 8000).is_some_and(|ms| (1000..=1044).contains(&ms)));
    }

    #[test]
    fn noise_without_words_is_asked_about_ever_less_until_something_louder_comes() {
        let mut cadence = Cadence::new(0);
        let (mut asked, mut last) = (0, 0);
        for _ in 0..150_000 / 32 {
            cadence.hear(&[2000; WINDOW]);
            if cadence.is_due() {
                cadence.ask();
                cadence.understood(false);
                cadence.answer(100);
                (asked, last) = (asked + 1, cadence.heard);
            }
        }
        assert!((15..=22).contains(&asked), "asked {asked} times in 150 s");
        assert!(cadence.heard - last < samples(10_000));
        assert!(feed(&mut cadence, 1_000, 8000).is_some_and(|ms| ms <= 300), "a louder voice is heard soon");
        cadence.ask();
        cadence.understood(true);
        cadence.answer(100);
        assert!(
            feed(&mut cadence, 1_000, 8000).is_some_and(|ms| ms <= 544),
            "words are asked for as often as ever"
        );
    }
}
