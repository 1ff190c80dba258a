//! Who is loud enough to be the person of this call: a television far below them begins no utterance, interrupts nothing
//! and holds no turn open. Pure; levels in dB of full scale, each the mean power of a third of a second.
//!
//! Until the person has spoken anybody may be them, however softly.

use std::collections::VecDeque;

/// Windows of 32 ms in a mean: 320 ms.
const MEAN: usize = 10;
/// Speech this far below the person's level begins no utterance. A person who gets quieter by 12 dB is heard; a television
/// 18 dB below is not.
const START_BELOW: f32 = 15.0;
/// Speech this far below the loudest of its own utterance does not hold it open: the loud voice has ended.
const HOLD_BELOW: f32 = 16.0;
/// Where people talk all the time, the loud voice has ended as well when nothing within this many windows (1.2 s) came
/// nearer to it than this.
const ENDED: usize = 38;
const ENDED_BELOW: f32 = 7.0;
/// Talk all the time: no pause of this many windows (96 ms) in that many (5 s).
const PAUSE: u32 = 3;
const UNBROKEN: u32 = 156;
/// How quickly the loudest of an utterance is forgotten, in dB a window: 0.5 dB a second.
const FORGET: f32 = 0.016;
/// An utterance with less speech than this (0.5 s) teaches nothing: it may be a cough.
const TEACHES: u32 = 16;
/// How much of the way the level goes to that of the utterance, when it was louder and when it was softer.
const LOUDER: f32 = 0.7;
const SOFTER: f32 = 0.5;
/// What is too soft lowers the level, in dB a window: 1 dB in 15 s. So nobody is shut out for ever.
const RELEASE: f32 = 1.0 / 470.0;
/// Windows of which the background is known at most, and at least: 4 s and 0.5 s.
const BACKGROUND: usize = 125;
const KNOWN: usize = 16;
/// Where the background is speech for this share of the time, as in a crowd, a person must be louder than the background's median
/// by this much: six people at once have been 4 dB above it at most.
const CROWDED: f32 = 0.5;
const ABOVE_CROWD: f32 = 5.0;
/// Nothing is softer.
const SILENCE: f32 = -100.0;

/// What was heard of one call.
#[derive(Debug, Default)]
pub struct NearVoice {
    recent: VecDeque<f32>,
    /// Means, the newest first, and whether each ended in speech.
    means: VecDeque<(f32, bool)>,
    /// Means outside utterances, and whether each ended in speech.
    background: VecDeque<(f32, bool)>,
    person: Option<f32>,
    utterance: Option<Utterance>,
}

#[derive(Debug, Clone, Copy)]
struct Utterance {
    loudest: f32,
    speech: u32,
    /// It began where people talked already.
    crowded: bool,
    /// Windows without speech in a row, and windows since the last pause.
    silent: u32,
    unbroken: u32,
    /// The loud voice has ended, and a crowd goes on.
    ended: bool,
}

impl NearVoice {
    /// Hears a window of this mean power (full scale is 1), which is speech or not; `open`: an utterance goes on. Returns
    /// whether speech in it counts as the person's.
    pub fn hear(&mut self, power: f32, speech: bool, open: bool) -> bool {
        self.recent.truncate(MEAN - 1);
        self.recent.push_front(power);
        let mean = 10.0 * (self.recent.iter().sum::<f32>() / self.recent.len() as f32).max(1e-10).log10();
        self.means.truncate(ENDED - 1);
        self.means.push_front((mean, speech));
        if open {
            return self.hold(mean, speech);
        }
        self.learn();
        let near = self.person.is_none_or(|person| mean >= person - START_BELOW) && mean >= self.crowd();
        self.note_background(mean, speech);
        if let Some(person) = self.person.as_mut().filter(|_| speech && !near) {
            *person -= RELEASE;
        }
        near
    }

    /// Whether speech of this level is still the voice of the open utterance.
    fn hold(&mut self, mean: f32, speech: bool) -> bool {
        let crowded = self.is_crowded();
        let fresh = Utterance { loudest: SILENCE, speech: 0, crowded, silent: 0, unbroken: 0, ended: false };
        let utterance = self.utterance.get_or_insert(fresh);
        utterance.loudest = (utterance.loudest - FORGET).max(if speech { mean } else { SILENCE });
        utterance.speech += u32::from(speech);
        utterance.silent = if speech { 0 } else { utterance.silent + 1 };
        utterance.unbroken = if utterance.silent < PAUSE { utterance.unbroken + 1 } else { 0 };
        let crowded = utterance.crowded || utterance.unbroken >= UNBROKEN;
        let lately = self.means.iter().map(|(mean, _)| *mean).fold(SILENCE, f32::max);
        let ended = crowded && self.means.len() == ENDED && lately < utterance.loudest - ENDED_BELOW;
        let below = mean < utterance.loudest - HOLD_BELOW;
        let just_ended = ended && !utterance.ended;
        utterance.ended = ended;
        if just_ended {
            // What was heard since the loud voice is background, which the next utterance must stand out from at once.
            self.means.iter().rev().for_each(|known| self.background.push_front(*known));
            self.background.truncate(BACKGROUND);
        } else if ended {
            self.note_background(mean, speech);
        }
        !ended && !below
    }

    fn note_background(&mut self, mean: f32, speech: bool) {
        self.background.truncate(BACKGROUND - 1);
        self.background.push_front((mean, speech));
    }

    fn is_crowded(&self) -> bool {
        let speech = self.background.iter().filter(|(_, speech)| *speech).count();
        self.background.len() >= KNOWN && speech as f32 >= CROWDED * self.background.len() as f32
    }

    /// An utterance is over: its level is the person's.
    fn learn(&mut self) {
        let Some(Utterance { loudest, .. }) = self.utterance.take().filter(|one| one.speech >= TEACHES)
        else {
            return;
        };
        let person = self.person.get_or_insert(loudest);
        *person += (loudest - *person) * if loudest > *person { LOUDER } else { SOFTER };
    }

    /// The level that a voice must have to stand out from people who talk all the time.
    fn crowd(&self) -> f32 {
        if !self.is_crowded() {
            return SILENCE;
        }
        let voices = self.background.iter().filter(|(_, speech)| *speech);
        let mut levels: Vec<f32> = voices.map(|(mean, _)| *mean).collect();
        let middle = levels.len() / 2;
        *levels.select_nth_unstable_by(middle, f32::total_cmp).1 + ABOVE_CROWD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Syllables: loud and soft windows in turn, about this level (dB), for so many windows; how many counted.
    fn hear(near: &mut NearVoice, level: f32, windows: usize, open: bool) -> usize {
        let count = |n: usize| {
            let swing = [3.0, 2.0, 0.0, -6.0, -12.0, 0.0, 2.0][n % 7];
            near.hear(10.0_f32.powf((level + swing) / 10.0), true, open)
        };
        (0..windows).map(count).filter(|counts| *counts).count()
    }

    fn silence(near: &mut NearVoice, windows: usize) {
        (0..windows).for_each(|_| _ = near.hear(1e-7, false, false));
    }

    /// A call in which somebody has said something at this level.
    fn after_a_turn(level: f32) -> NearVoice {
        let mut near = NearVoice::default();
        silence(&mut near, 60);
        hear(&mut near, level, 60, true);
        silence(&mut near, 40);
        near
    }

    #[test]
    fn the_first_words_count_however_soft_they_are() {
        for level in [-20.0, -45.0, -52.0] {
            let mut near = NearVoice::default();
            silence(&mut near, 60);
            assert_eq!(hear(&mut near, level, 3, false), 3, "{level}");
        }
    }

    #[test]
    fn a_person_may_get_softer_or_louder_and_a_television_may_not_join_in() {
        for (level, counts) in
            [(8.0, true), (0.0, true), (-6.0, true), (-12.0, true), (-18.0, false), (-25.0, false)]
        {
            let mut near = after_a_turn(-20.0);
            let heard = hear(&mut near, -20.0 + level, 20, false);
            assert_eq!(heard >= 2, counts, "{level} dB: {heard} windows");
        }
    }

    #[test]
    fn a_person_who_gets_softer_turn_by_turn_is_followed() {
        let mut near = after_a_turn(-20.0);
        for level in [-30.0, -38.0, -44.0, -48.0] {
            assert!(hear(&mut near, level, 20, false) >= 2, "{level}");
            hear(&mut near, level, 60, true);
            silence(&mut near, 40);
        }
    }

    #[test]
    fn the_loud_voice_ends_a_turn_though_a_softer_one_goes_on() {
        let mut near = NearVoice::default();
        silence(&mut near, 60);
        assert!(hear(&mut near, -38.0, 30, true) > 25, "a television alone holds what it began");
        assert_eq!(hear(&mut near, -20.0, 60, true), 60);
        hear(&mut near, -38.0, MEAN, true);
        assert_eq!(hear(&mut near, -38.0, 60, true), 0);
    }

    #[test]
    fn a_crowd_that_never_pauses_begins_nothing_and_a_voice_above_it_does() {
        let mut near = after_a_turn(-20.0);
        let babble = |near: &mut NearVoice, windows: usize| -> usize {
            let level = |n: usize| -30.0 + [1.0, -1.0, 2.0, 0.0, -2.0][n % 5];
            (0..windows).filter(|n| near.hear(10.0_f32.powf(level(*n) / 10.0), true, false)).count()
        };
        babble(&mut near, BACKGROUND + MEAN);
        assert_eq!(babble(&mut near, 100), 0);
        assert!(hear(&mut near, -20.0, 14, false) >= 4);
    }

    #[test]
    fn a_turn_ends_though_a_crowd_10_db_below_never_pauses() {
        let mut near = NearVoice::default();
        hear(&mut near, -30.0, 200, true);
        assert_eq!(hear(&mut near, -20.0, 60, true), 60);
        hear(&mut near, -31.0, ENDED + MEAN, true);
        assert_eq!(hear(&mut near, -31.0, 30, true), 0);
    }

    #[test]
    fn a_crowd_that_talked_from_the_first_begins_nothing_behind_the_first_turn() {
        let mut near = NearVoice::default();
        let mut count = 0;
        // As loud as six people at once were: from 5 dB below their median to 4 dB above it.
        let mut babble = |near: &mut NearVoice, windows: usize, open: bool| -> usize {
            let one = |_| {
                count += 1;
                let level = -30.5 + 4.5 * (count as f32 * 0.13).sin();
                near.hear(10.0_f32.powf(level / 10.0), true, open)
            };
            (0..windows).map(one).filter(|counts| *counts).count()
        };
        babble(&mut near, 60, true);
        assert_eq!(hear(&mut near, -20.0, 100, true), 100);
        babble(&mut near, ENDED + MEAN + PAUSE as usize, true);
        assert_eq!(babble(&mut near, 400, false), 0);
        assert!(hear(&mut near, -22.0, 14, false) >= 4, "the person is heard");
    }

    #[test]
    fn nobody_is_shut_out_for_ever() {
        let mut near = after_a_turn(-20.0);
        hear(&mut near, -40.0, 3_500, false);
        silence(&mut near, BACKGROUND);
        assert!(hear(&mut near, -40.0, 20, false) >= 2);
    }
}
