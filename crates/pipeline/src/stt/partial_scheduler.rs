//! The partial scheduler decides when to ask for a partial transcript: soon, but rarely enough to leave the cores to the
//! response, and preferably in a dip between words, where no word is cut and a decode is already under way if the dip becomes a
//! pause. Pure: its clock is the count of samples.

use crate::frame::MIC_RATE;

/// Speech before the first partial transcript.
const FIRST: u64 = samples(600);
/// The same for a partial in a dip while a response sounds, which a word may have to stop.
const FIRST_OVER_RESPONSE: u64 = samples(250);
/// Rest between a transcript and the next request.
const REST: u64 = samples(300);
/// Rest in proportion to decoding time, so that a slow engine takes no more than a third of the cores' time.
const REST_PER_WORK: u64 = 2;
/// Rest doubles with every transcript without words, up to this, so that endless noise is not decoded endlessly. A trial
/// transcript at a pause ignores it.
const LONGEST_REST: u64 = samples(9_600);
/// The same while a response sounds, which the first words must stop.
const LONGEST_REST_OVER_RESPONSE: u64 = samples(1_200);
/// A sound louder by this factor (6 dB) than one without words is new, and is decoded at once.
const LOUDER: f64 = 4.0;
/// How long to wait for a dip.
const DIP_PATIENCE: u64 = samples(200);
/// Shortest dip: longer than the closure of a consonant within a word.
const DIP: u64 = samples(60);
/// Power relative to the loudest below which a moment is a dip: -20 dB.
const DIP_RANGE: f64 = 1e-2;
/// Samples per power measurement.
const GRAIN: usize = 160;

const fn samples(ms: u64) -> u64 {
    ms * MIC_RATE as u64 / 1000
}

/// The partial scheduler of one utterance.
#[derive(Debug)]
pub struct PartialScheduler {
    heard: u64,
    /// Samples heard when a transcript was last asked for.
    asked: u64,
    longest_rest: u64,
    /// Position from which a partial is due in a dip, and from which it is due anyway.
    from: u64,
    from_without_dip: u64,
    waiting: bool,
    /// Transcripts in a row without words.
    wordless: u32,
    /// Power of the loudest moment at the last of them.
    wordless_power: f64,
    loudest: f64,
    quiet: u64,
}

impl PartialScheduler {
    /// For an utterance whose voice began `already` samples before the next audio.
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

    /// As [`new`](Self::new), for an utterance over a response.
    #[must_use]
    pub fn over_response(already: u64) -> Self {
        let from = FIRST_OVER_RESPONSE.saturating_sub(already);
        Self { from, longest_rest: LONGEST_REST_OVER_RESPONSE, ..Self::new(already) }
    }

    /// Takes more of the utterance.
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

    /// Whether to ask for a partial now.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let dip = self.quiet >= DIP;
        !self.waiting && self.heard >= self.from && (dip || self.heard >= self.from_without_dip)
    }

    /// A transcript was asked for.
    pub fn ask(&mut self) {
        (self.waiting, self.asked) = (true, self.heard);
    }

    /// The transcript has arrived, after this much decoding.
    pub fn answered(&mut self, decode_ms: u32) {
        self.waiting = false;
        let rest = REST.max(samples(u64::from(decode_ms)) * REST_PER_WORK);
        // Only transcripts without words double the rest; slow decoding already rests in proportion.
        let longest = (REST << self.wordless.min(5)).min(self.longest_rest);
        self.rest_until(self.heard + rest.max(longest));
    }

    fn rest_until(&mut self, from: u64) {
        (self.from, self.from_without_dip) = (from, from + DIP_PATIENCE);
    }

    /// Whether the last transcript had words; to be called before [`answered`](Self::answered).
    pub fn understood(&mut self, words: bool) {
        // No words in the first moments say nothing about what follows.
        let early = self.asked < FIRST_OVER_RESPONSE * 2;
        self.wordless = if words { 0 } else { self.wordless.saturating_add((!early).into()) };
        self.wordless_power = self.loudest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: usize = 512;

    /// Feeds this many milliseconds; returns when a partial was first due.
    fn feed(scheduler: &mut PartialScheduler, ms: u64, amplitude: i16) -> Option<u64> {
        let from = scheduler.heard;
        let mut due = None;
        while scheduler.heard < from + samples(ms) {
            scheduler.hear(&[amplitude; WINDOW]);
            if due.is_none() && scheduler.is_due() {
                due = Some((scheduler.heard - from) * 1000 / u64::from(MIC_RATE));
            }
        }
        due
    }

    #[test]
    fn the_first_words_are_asked_for_in_the_first_dip_after_600_ms() {
        let mut scheduler = PartialScheduler::new(samples(64));
        assert_eq!(feed(&mut scheduler, 640, 8000), None);
        assert!(feed(&mut scheduler, 96, 10).is_some_and(|ms| ms <= 64));
    }

    #[test]
    fn speech_without_dips_is_asked_for_after_a_short_wait() {
        let mut scheduler = PartialScheduler::new(0);
        assert!(feed(&mut scheduler, 1500, 8000).is_some_and(|ms| (800..=832).contains(&ms)));
    }

    #[test]
    fn over_a_response_a_short_word_is_asked_for_in_the_dip_after_it_and_long_speech_no_sooner() {
        let mut scheduler = PartialScheduler::over_response(samples(64));
        assert_eq!(feed(&mut scheduler, 288, 8000), None);
        assert!(feed(&mut scheduler, 96, 10).is_some_and(|ms| ms <= 64));
        let mut scheduler = PartialScheduler::over_response(samples(64));
        assert!(feed(&mut scheduler, 1500, 8000).is_some_and(|ms| (736..=768).contains(&ms)));
    }

    #[test]
    fn over_a_response_a_sound_without_words_is_asked_about_at_least_every_two_seconds() {
        let mut scheduler = PartialScheduler::over_response(0);
        let mut last = 0;
        for _ in 0..60_000 / 32 {
            scheduler.hear(&[2000; WINDOW]);
            if scheduler.is_due() {
                scheduler.ask();
                scheduler.understood(false);
                scheduler.answered(100);
                assert!(scheduler.heard - last < samples(2_000));
                last = scheduler.heard;
            }
        }
        assert!(last > samples(58_000));
    }

    #[test]
    fn nothing_is_asked_while_a_transcript_is_awaited_and_for_300_ms_after_it() {
        let mut scheduler = PartialScheduler::new(0);
        feed(&mut scheduler, 1000, 8000);
        scheduler.ask();
        assert_eq!(feed(&mut scheduler, 2000, 8000), None);
        scheduler.answered(100);
        assert!(feed(&mut scheduler, 1000, 8000).is_some_and(|ms| (500..=544).contains(&ms)));
        scheduler.ask();
        scheduler.answered(400);
        assert!(feed(&mut scheduler, 2000, 8000).is_some_and(|ms| (1000..=1044).contains(&ms)));
    }

    #[test]
    fn noise_without_words_is_asked_about_less_and_less_until_something_louder_comes() {
        let mut scheduler = PartialScheduler::new(0);
        let (mut asked, mut last) = (0, 0);
        for _ in 0..150_000 / 32 {
            scheduler.hear(&[2000; WINDOW]);
            if scheduler.is_due() {
                scheduler.ask();
                scheduler.understood(false);
                scheduler.answered(100);
                (asked, last) = (asked + 1, scheduler.heard);
            }
        }
        assert!((15..=22).contains(&asked), "asked {asked} times in 150 s");
        assert!(scheduler.heard - last < samples(10_000));
        assert!(
            feed(&mut scheduler, 1_000, 8000).is_some_and(|ms| ms <= 300),
            "a louder voice is heard soon"
        );
        scheduler.ask();
        scheduler.understood(true);
        scheduler.answered(100);
        assert!(
            feed(&mut scheduler, 1_000, 8000).is_some_and(|ms| ms <= 544),
            "words are asked for as often as ever"
        );
    }
}
