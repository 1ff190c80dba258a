//! What becomes of an answer while the person makes a sound: it is ducked at once, stopped on the sample if the sound
//! lasts, and then cancelled if it is speech, or played on if it was a cough, a sign of listening, or our own echo.

use crate::frame::{Play, PlaybackPosition, Transcript};

use super::{Command, Conversation};
use crate::interjection::{Interjection, is_likely, judge};

/// A sound that lasts this long stops the answer.
const STOP_AFTER: u64 = 200;
/// A voice that lasts this long has interrupted, whatever its words are.
const LONGEST_DOUBT: u64 = 3_000;

/// A sound in which the recogniser finds no word after this long is no reason to stop: a crowd, a song, a hum.
const WORDLESS_AFTER: u64 = 800;
/// The same before the answer's first sound: whoever has just asked something may still be looking for words.
const WORDLESS_BEFORE: u64 = 1_500;

/// Words as unsure as this (mean log probability), of a sound as short as this until they are known, are none: "okay"
/// has been taken for "We're K's!" at -1.0, and words that were meant have scored -0.6 at worst.
const DOUBTFUL: f32 = -0.8;
/// The same of an interruption in words that are likely there: "Stop it!" over an echo has scored -0.83.
const DOUBTFUL_LIKELY: f32 = -0.88;
const LONGEST_DOUBTFUL: u64 = 1_500;

/// A sound into an answer.
#[derive(Debug)]
pub(super) struct BargeIn {
    began: u64,
    /// When its voice was first heard since the answer sounded last.
    since: u64,
    stopped: bool,
    /// The voice is heard now.
    voiced: bool,
}

impl Conversation {
    /// The person begins to make a sound.
    pub(super) fn barge_in_begins(&mut self, began: u64) {
        let Some(answer) = &mut self.answer else { return };
        // What has not begun to sound need not begin now.
        let stopped = !answer.sounding;
        answer.delayed |= stopped;
        let play = if stopped { Play::Held } else { Play::Ducked };
        self.commands.push(Command::Play(answer.id, play));
        self.barge_in = Some(BargeIn { began, since: began, stopped, voiced: true });
    }

    /// A short sound is over before the answer was stopped: the answer goes on while its words are looked at.
    pub(super) fn barge_in_pauses(&mut self) {
        let (Some(barge_in), Some(answer)) = (&mut self.barge_in, &self.answer) else { return };
        barge_in.voiced = false;
        if !barge_in.stopped {
            self.commands.push(Command::Play(answer.id, Play::Full));
        }
    }

    /// The answer stands until it is known what the person's sound is.
    pub(super) fn is_stopped(&self) -> bool {
        self.barge_in.as_ref().is_some_and(|barge_in| barge_in.stopped)
    }

    pub(super) fn barge_in_goes_on(&mut self, now: u64) {
        let Some(open) = self.open.as_mut().filter(|open| !open.typed_over) else { return };
        open.ignored = false;
        // Who is asked to wait for what they say and goes on has not answered that.
        let Some(answer) = self.answer.as_ref().filter(|answer| !(answer.waits && open.asked_to_wait > 0)) else {
            return;
        };
        let (began, wordless) = (open.began, open.wordless);
        let barge_in =
            self.barge_in.get_or_insert(BargeIn { began, since: now, stopped: false, voiced: false });
        if wordless {
            // A crowd between two breaths.
            return;
        }
        (barge_in.since, barge_in.stopped, barge_in.voiced) = (now, true, true);
        self.commands.push(Command::Play(answer.id, Play::Held));
    }

    /// No words are in the sound so far, as far as it was heard when they were asked for: the answer goes on, and words that
    /// come yet are judged all the same.
    pub(super) fn barge_in_is_wordless(&mut self, now: u64, decode_ms: u32) {
        let (Some(barge_in), Some(answer), Some(open)) = (&mut self.barge_in, &self.answer, &mut self.open)
        else {
            return;
        };
        let enough = if answer.sounding { WORDLESS_AFTER } else { WORDLESS_BEFORE };
        if barge_in.stopped && now.saturating_sub(decode_ms.into()) >= barge_in.since + enough {
            (barge_in.stopped, barge_in.voiced) = (false, false);
            open.wordless = true;
            self.commands.push(Command::Play(answer.id, Play::Full));
        }
    }

    /// What the words are, if they came into an answer.
    pub(super) fn judge(&self, now: u64, words: &Transcript) -> Option<Interjection> {
        let answer = self.answer.as_ref()?;
        let barge_in = self.barge_in.as_ref()?;
        let judged = judge(&words.text, &answer.lately());
        let likely = judged == Interjection::Interruption && is_likely(&words.text);
        let doubtful = if likely { DOUBTFUL_LIKELY } else { DOUBTFUL };
        // A short sound that the recogniser can make no sense of is no reason to stop.
        if words.average_log_probability < doubtful && now < barge_in.began + LONGEST_DOUBTFUL {
            return Some(Interjection::Nothing);
        }
        // Who answers the agent's question is no mere listener.
        let asked = judged == Interjection::Backchannel && answer.ends_with_question();
        Some(if asked { Interjection::Interruption } else { judged })
    }

    /// The sound meant nothing: the answer goes on where it stopped.
    pub(super) fn barge_in_was_nothing(&mut self) {
        if self.barge_in.take().is_some()
            && let Some(answer) = &self.answer
        {
            self.commands.push(Command::Play(answer.id, Play::Full));
        }
    }

    pub(super) fn barge_in_due(&self) -> Option<u64> {
        let barge_in = self.barge_in.as_ref().filter(|barge_in| barge_in.voiced)?;
        self.answer.as_ref()?;
        Some(barge_in.began + if barge_in.stopped { LONGEST_DOUBT } else { STOP_AFTER })
    }

    pub(super) fn barge_in_timeout(&mut self, now: u64, position: PlaybackPosition) {
        if self.barge_in_due().is_none_or(|due| due > now) {
            return;
        }
        let (Some(barge_in), Some(answer)) = (&mut self.barge_in, &self.answer) else { return };
        if barge_in.stopped {
            self.interrupt(now, position);
        } else {
            barge_in.stopped = true;
            self.commands.push(Command::Play(answer.id, Play::Held));
        }
    }
}
