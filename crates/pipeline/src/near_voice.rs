//! Which voices are loud enough to be the person: a much softer television begins no utterance, interrupts nothing and holds
//! no turn open. Pure; levels are in dBFS, each the mean power of a third of a second.
//!
//! Until the person has spoken, any voice may be theirs, however soft. A faint one must then wait in silence for a response, as
//! people do and televisions do not, and gives way to a voice that is much louder.

use std::collections::VecDeque;

/// Windows of 32 ms in a mean: 320 ms.
const MEAN: usize = 10;
/// Speech this far (dB) below the person's level begins no utterance. A person who becomes 12 dB quieter is heard; a television
/// 18 dB below is not.
const START_BELOW: f32 = 15.0;
/// Speech this far (dB) below the loudest of its own utterance does not hold it open: the loud voice has ended.
const HOLD_BELOW: f32 = 16.0;
/// Where people talk all the time, the loud voice has also ended if nothing in this many windows (1.2 s) came closer to it
/// than this (dB).
const ENDED: usize = 38;
const ENDED_BELOW: f32 = 7.0;
/// People talk all the time if there was no pause of this many windows (96 ms) in that many (5 s).
const PAUSE: u32 = 3;
const UNBROKEN: u32 = 156;
/// Decay of an utterance's loudest level, in dB per window: 0.5 dB per second.
const FORGET: f32 = 0.016;
/// An utterance with less speech than this (0.5 s) does not change the person's level: it may be a cough.
const TEACHES: u32 = 16;
/// Share of the difference by which the person's level moves to a louder and to a softer utterance's.
const LOUDER: f32 = 0.7;
const SOFTER: f32 = 0.5;
/// Speech that is too soft lowers the person's level, in dB per window: 1 dB in 15 s. So nobody is shut out for ever.
const RELEASE: f32 = 1.0 / 470.0;
/// Most windows kept of the background, and fewest for it to be known: 4 s and 0.5 s.
const BACKGROUND: usize = 125;
const KNOWN: usize = 16;
/// If the background is speech for this share of the time, as in a crowd, a person must exceed its median by this much (dB):
/// six people at once have been 4 dB above it at most.
const CROWDED: f32 = 0.5;
const ABOVE_CROWD: f32 = 5.0;
/// An utterance whose loudest third of a second stays below this is faint (speech of -40 dBFS has about this). Soft-spoken
/// people are, and so are televisions in another corner of the room.
const FAINT: f32 = -37.0;
/// Silence, in windows (1.5 s), after which a faint utterance is taken for the person's.
const WAITS: u32 = 46;
/// A voice this much louder (dB) than 1.5 s of faint speech before it is somebody else's.
const OTHER: f32 = 12.0;
const MONOLOGUE: u32 = 47;
/// Windows (256 ms) of the louder voice after which it is compared.
const ONSET: u32 = 8;
/// Level of silence.
const SILENCE: f32 = -100.0;

/// The levels heard in one call.
#[derive(Debug, Default)]
pub struct NearVoice {
    recent: VecDeque<f32>,
    /// The newest first.
    means: VecDeque<Mean>,
    /// Those outside utterances.
    background: VecDeque<Mean>,
    person: Option<f32>,
    /// Windows of speech of faint utterances that waited in silence, before the person's level is known.
    waited: u32,
    utterance: Option<Utterance>,
}

/// A mean over the last windows.
#[derive(Debug, Clone, Copy)]
struct Mean {
    level: f32,
    /// The last of them was speech.
    speech: bool,
}

#[derive(Debug, Clone, Copy)]
struct Utterance {
    loudest: f32,
    speech: u32,
    /// People were talking already when it began.
    crowded: bool,
    /// Windows without speech in a row, and windows since the last pause.
    silent: u32,
    unbroken: u32,
    /// Windows in a row without speech that counts.
    quiet: u32,
    /// The loud voice has ended, while a crowd goes on.
    ended: bool,
    faint: Faint,
}

/// The beginning of an utterance, as long as it is faint.
#[derive(Debug, Clone, Copy)]
struct Faint {
    loudest: f32,
    speech: u32,
    /// Windows since it has been louder.
    over: u32,
}

impl Faint {
    /// Takes the level of the newest window, and the utterance's loudest level and speech so far.
    fn hear(&mut self, newest: f32, loudest: f32, speech: u32) {
        if self.over > 0 || loudest >= FAINT {
            self.over = self.over.saturating_add(1);
        } else if newest < FAINT {
            // A louder window may be the first of another voice.
            (self.loudest, self.speech) = (loudest, speech);
        }
    }
}

impl NearVoice {
    /// Whether the open utterance is so faint that it may be a television's, in a call whose person has not spoken.
    #[must_use]
    pub fn is_faint(&self) -> bool {
        self.person.is_none() && self.utterance.is_some_and(|one| one.faint.over == 0)
    }

    /// Whether a much louder voice has just begun in the open utterance, after a faint one that was not the person's.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        let louder = |one: Utterance| {
            let Faint { loudest, speech, over } = one.faint;
            // A click is as loud, but not for as long.
            let newest = self.recent.iter().take(ONSET as usize);
            let loud = newest.filter(|power| decibels(**power) >= loudest + OTHER).count();
            over == ONSET && speech >= MONOLOGUE && 2 * loud >= ONSET as usize
        };
        self.person.is_none() && self.utterance.is_some_and(louder)
    }

    /// Takes a window's mean power (full scale is 1) and whether it is speech; `open`: an utterance is open. Returns whether
    /// speech in it counts as the person's.
    pub fn hear(&mut self, power: f32, speech: bool, open: bool) -> bool {
        self.recent.truncate(MEAN - 1);
        self.recent.push_front(power);
        let mean = decibels(self.recent.iter().sum::<f32>() / self.recent.len() as f32);
        self.means.truncate(ENDED - 1);
        self.means.push_front(Mean { level: mean, speech });
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
        let newest = self.recent.front().map_or(SILENCE, |power| decibels(*power));
        let faint = Faint { loudest: SILENCE, speech: 0, over: 0 };
        let utterance = self.utterance.get_or_insert(Utterance {
            loudest: SILENCE,
            speech: 0,
            crowded,
            silent: 0,
            unbroken: 0,
            quiet: 0,
            ended: false,
            faint,
        });
        utterance.loudest = (utterance.loudest - FORGET).max(if speech { mean } else { SILENCE });
        utterance.speech += u32::from(speech);
        utterance.faint.hear(newest, utterance.loudest, utterance.speech);
        utterance.silent = if speech { 0 } else { utterance.silent + 1 };
        utterance.unbroken = if utterance.silent < PAUSE { utterance.unbroken + 1 } else { 0 };
        let crowded = utterance.crowded || utterance.unbroken >= UNBROKEN;
        let lately = self.means.iter().map(|mean| mean.level).fold(SILENCE, f32::max);
        let ended = crowded && self.means.len() == ENDED && lately < utterance.loudest - ENDED_BELOW;
        let below = mean < utterance.loudest - HOLD_BELOW;
        let just_ended = ended && !utterance.ended;
        utterance.ended = ended;
        let counts = !ended && !below;
        utterance.quiet = if speech && counts { 0 } else { utterance.quiet + 1 };
        if just_ended {
            // Sound since the loud voice is background, so that the next utterance must stand out from it at once.
            self.means.iter().rev().for_each(|known| self.background.push_front(*known));
            self.background.truncate(BACKGROUND);
        } else if ended {
            self.note_background(mean, speech);
        }
        counts
    }

    fn note_background(&mut self, mean: f32, speech: bool) {
        self.background.truncate(BACKGROUND - 1);
        self.background.push_front(Mean { level: mean, speech });
    }

    fn is_crowded(&self) -> bool {
        let speech = self.background.iter().filter(|mean| mean.speech).count();
        self.background.len() >= KNOWN && speech as f32 >= CROWDED * self.background.len() as f32
    }

    /// Learns the person's level from an utterance that is over; not from a first faint one that never waited. Short faint ones
    /// that waited count together: someone who says no more than "Yes." at a time is known as well.
    fn learn(&mut self) {
        let faint = self.is_faint();
        let waited = |one: &Utterance| !faint || one.quiet >= WAITS;
        let Some(Utterance { loudest, speech, .. }) = self.utterance.take().filter(waited) else { return };
        self.waited += if faint { speech } else { 0 };
        if speech < TEACHES && (!faint || self.waited < TEACHES) {
            return;
        }
        let person = self.person.get_or_insert(loudest);
        *person += (loudest - *person) * if loudest > *person { LOUDER } else { SOFTER };
    }

    /// The level that a voice needs to stand out from a crowd.
    fn crowd(&self) -> f32 {
        if !self.is_crowded() {
            return SILENCE;
        }
        let voices = self.background.iter().filter(|mean| mean.speech);
        let mut levels: Vec<f32> = voices.map(|mean| mean.level).collect();
        let middle = levels.len() / 2;
        *levels.select_nth_unstable_by(middle, f32::total_cmp).1 + ABOVE_CROWD
    }
}

/// A power (full scale is 1) in dBFS.
fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds syllables, alternately loud and soft around this level (dB); returns how many windows counted.
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
    fn a_faint_first_voice_is_the_persons_once_it_has_waited_in_silence() {
        for (silent, counts) in [(WAITS as usize + 1, true), (20, false)] {
            let mut near = NearVoice::default();
            silence(&mut near, 60);
            hear(&mut near, -43.0, 100, true);
            assert!(near.is_faint());
            (0..silent).for_each(|_| _ = near.hear(1e-7, false, true));
            silence(&mut near, 1);
            hear(&mut near, -43.0, 20, true);
            assert_eq!(!near.is_faint(), counts, "after {silent} windows: the level is the person's");
        }
        let mut near = NearVoice::default();
        hear(&mut near, -30.0, 20, true);
        assert!(!near.is_faint(), "an ordinary voice");
        assert!(!after_a_turn(-20.0).is_faint());
    }

    #[test]
    fn a_soft_spoken_person_is_known_after_a_few_short_words_and_beside_a_softer_television() {
        let mut near = NearVoice::default();
        silence(&mut near, 60);
        let mut known = Vec::new();
        for _ in 0..3 {
            hear(&mut near, -43.0, 10, true);
            known.push(!near.is_faint());
            (0..=WAITS).for_each(|_| _ = near.hear(1e-7, false, true));
            silence(&mut near, 1);
        }
        assert_eq!(known, [false, false, true], "after two words");
        let mut near = NearVoice::default();
        silence(&mut near, 60);
        hear(&mut near, -43.0, 60, true);
        assert!(hear(&mut near, -66.0, 2 * MEAN + WAITS as usize, true) < MEAN);
        silence(&mut near, 1);
        hear(&mut near, -43.0, 20, true);
        assert!(!near.is_faint(), "the softer voice was none of the person's");
    }

    #[test]
    fn a_click_in_the_speech_of_a_soft_spoken_person_takes_nothing_over() {
        for (windows, overtaken) in [(1, false), (6, true)] {
            let mut near = NearVoice::default();
            silence(&mut near, 60);
            hear(&mut near, -43.0, 100, true);
            let loud = (0..60).map(|n| 10.0_f32.powf(if n < windows { -1.5 } else { -4.3 }));
            let heard = loud.filter(|power| {
                near.hear(*power, true, true);
                near.is_overtaken()
            });
            assert_eq!(heard.count() > 0, overtaken, "{windows} loud windows");
        }
    }

    #[test]
    fn a_much_louder_voice_takes_a_faint_utterance_over_once() {
        for (soft, windows, expected) in [(-43.0, 100, 1), (-43.0, 20, 0), (-39.0, 100, 1), (-30.0, 100, 0)] {
            let mut near = NearVoice::default();
            silence(&mut near, 60);
            hear(&mut near, soft, windows, true);
            assert!(!near.is_overtaken());
            let overtaken = |_: &usize| {
                hear(&mut near, -20.0, 1, true);
                near.is_overtaken()
            };
            assert_eq!((0..60).filter(overtaken).count(), expected, "{soft} dB for {windows} windows");
        }
    }

    #[test]
    fn a_softer_or_louder_person_is_heard_and_a_television_is_not() {
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
    fn a_constant_crowd_begins_no_utterance_and_a_voice_above_it_does() {
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
    fn a_crowd_that_talked_from_the_start_begins_nothing_after_the_first_turn() {
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
