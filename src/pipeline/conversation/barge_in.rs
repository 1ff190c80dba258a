//! What becomes of an answer while the person makes a sound: it is ducked at once, stopped on the sample if the sound
//! lasts, and then cancelled if it is speech, or played on if it was a cough, a sign of listening, or our own echo.

use crate::frame::{Play, PlaybackPosition, Transcript};

use super::{Command, Conversation};
use crate::pipeline::interjection::{Interjection, judge};

/// A sound that lasts this long stops the answer.
const STOP_AFTER: u64 = 200;
/// A voice that lasts this long has interrupted, whatever its words are.
const LONGEST_DOUBT: u64 = 3_000;

/// Words as unsure as this (mean log probability), of a sound as short as this until they are known, are none: "okay"
/// has been taken for "We're K's!" at -1.0, and words that were meant have scored -0.6 at worst.
const DOUBTFUL: f32 = -0.8;
const LONGEST_DOUBTFUL: u64 = 1_500;

/// A sound into an answer.
#[derive(Debug)]
pub(super) struct BargeIn {
    began: u64,
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
        self.barge_in = Some(BargeIn { began, stopped, voiced: true });
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

    pub(super) fn barge_in_goes_on(&mut self) {
        let Some(open) = self.open.as_mut().filter(|open| !open.typed_over) else { return };
        open.ignored = false;
        // Who is asked to wait for what they say and goes on has not answered that.
        let Some(answer) = self.answer.as_ref().filter(|answer| !(answer.waits && open.asked_to_wait)) else {
            return;
        };
        self.commands.push(Command::Play(answer.id, Play::Held));
        let began = open.began;
        let barge_in = self.barge_in.get_or_insert(BargeIn { began, stopped: true, voiced: true });
        (barge_in.stopped, barge_in.voiced) = (true, true);
    }

    /// What the words are, if they came into an answer.
    pub(super) fn judge(&self, now: u64, words: &Transcript) -> Option<Interjection> {
        let answer = self.answer.as_ref()?;
        let barge_in = self.barge_in.as_ref()?;
        // A short sound that the recogniser can make no sense of is no reason to stop.
        if words.average_log_probability < DOUBTFUL && now < barge_in.began + LONGEST_DOUBTFUL {
            return Some(Interjection::Nothing);
        }
        let judged = judge(&words.text, &answer.lately());
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
