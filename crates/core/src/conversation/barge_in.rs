//! What happens to a response while the person makes a sound: it is ducked at once and paused if the sound lasts, then
//! cancelled if the sound is speech, or resumed if it was a cough, a backchannel or our own echo.

use crate::frame::{Play, PlaybackPosition, Transcript};

use super::{Command, Conversation};
use crate::interjection::{Interjection, is_likely, judge};

/// A sound that lasts this long pauses the response.
const PAUSE_AFTER: u64 = 200;
/// A voice that lasts this long is an interruption, whatever its words are.
const LONGEST_DOUBT: u64 = 3_000;

/// A sound in which the recogniser has found no word after this long does not pause the response: a crowd, a song, a hum.
const WORDLESS_AFTER: u64 = 800;
/// The same before the response's first sound: someone who has just asked something may still be searching for words.
const WORDLESS_BEFORE: u64 = 1_500;

/// Words below this mean log probability, from a sound no longer than [`LONGEST_DOUBTFUL`], are treated as noise: "okay" has
/// been misheard as "We're K's!" at -1.0, and intended words have scored -0.6 at worst.
const DOUBTFUL: f32 = -0.8;
/// The same for words that are likely interruptions: "Stop it!" over an echo has scored -0.83.
const DOUBTFUL_LIKELY: f32 = -0.88;
const LONGEST_DOUBTFUL: u64 = 1_500;

/// A sound of the person during a response.
#[derive(Debug)]
pub(super) struct BargeIn {
    began: u64,
    /// When its voice was first heard since the response last played.
    since: u64,
    paused: bool,
    /// Whether the voice is heard now.
    voiced: bool,
}

impl Conversation {
    /// The person begins to make a sound.
    pub(super) fn barge_in_begins(&mut self, began: u64) {
        let Some(response) = &mut self.response else { return };
        // A response that has not begun to sound does not begin now.
        let paused = !response.sounding;
        response.delayed |= paused;
        let play = if paused { Play::Paused } else { Play::Ducked };
        self.commands.push(Command::Play(response.id, play));
        self.barge_in = Some(BargeIn { began, since: began, paused, voiced: true });
    }

    /// If a short sound ends before the response is paused, the response continues while the words are judged.
    pub(super) fn barge_in_pauses(&mut self) {
        let (Some(barge_in), Some(response)) = (&mut self.barge_in, &self.response) else { return };
        barge_in.voiced = false;
        if !barge_in.paused {
            self.commands.push(Command::Play(response.id, Play::Full));
        }
    }

    /// Whether the response is paused until the person's sound is classified.
    pub(super) fn is_paused(&self) -> bool {
        self.barge_in.as_ref().is_some_and(|barge_in| barge_in.paused)
    }

    /// Whether the person's sound is heard now, or pauses the response.
    pub(super) fn is_talked_over(&self) -> bool {
        self.barge_in.as_ref().is_some_and(|barge_in| barge_in.paused || barge_in.voiced)
    }

    pub(super) fn barge_in_goes_on(&mut self, now: u64) {
        let Some(open) = self.open.as_mut().filter(|open| !open.typed_over) else { return };
        open.ignored = false;
        // Someone who keeps talking over the request to wait for these very words does not interrupt it.
        let Some(response) =
            self.response.as_ref().filter(|response| !(response.waits && open.asked_to_wait > 0))
        else {
            return;
        };
        let (began, wordless) = (open.began, open.wordless);
        let barge_in =
            self.barge_in.get_or_insert(BargeIn { began, since: now, paused: false, voiced: false });
        if wordless {
            // Background noise, such as a crowd, that resumed after a gap.
            return;
        }
        (barge_in.since, barge_in.paused, barge_in.voiced) = (now, true, true);
        self.commands.push(Command::Play(response.id, Play::Paused));
    }

    /// The recogniser found no words in the sound, up to the moment it was asked: the response continues. Words that come
    /// later are still judged.
    pub(super) fn barge_in_is_wordless(&mut self, now: u64, decode_ms: u32) {
        let (Some(barge_in), Some(response), Some(open)) =
            (&mut self.barge_in, &self.response, &mut self.open)
        else {
            return;
        };
        let enough = if response.sounding { WORDLESS_AFTER } else { WORDLESS_BEFORE };
        if barge_in.paused && now.saturating_sub(decode_ms.into()) >= barge_in.since + enough {
            (barge_in.paused, barge_in.voiced) = (false, false);
            open.wordless = true;
            self.commands.push(Command::Play(response.id, Play::Full));
        }
    }

    /// What the words are, if they came during a response.
    pub(super) fn judge(&self, now: u64, words: &Transcript) -> Option<Interjection> {
        let response = self.response.as_ref()?;
        let barge_in = self.barge_in.as_ref()?;
        // A filler has too few words to be compared as a part of the response.
        let filler = response.is_last_filler(&words.text);
        let judged = if filler { Interjection::Echo } else { judge(&words.text, &response.lately()) };
        let likely = judged == Interjection::Interruption && is_likely(&words.text);
        let doubtful = if likely { DOUBTFUL_LIKELY } else { DOUBTFUL };
        // A short sound that the recogniser cannot make sense of does not stop the response.
        if words.average_log_probability < doubtful && now < barge_in.began + LONGEST_DOUBTFUL {
            return Some(Interjection::Nothing);
        }
        // A backchannel after the agent's question is an answer to it.
        let asked = judged == Interjection::Backchannel && response.ends_with_question();
        Some(if asked { Interjection::Interruption } else { judged })
    }

    /// The sound meant nothing: the response resumes where it was paused.
    pub(super) fn barge_in_was_nothing(&mut self) {
        if self.barge_in.take().is_some()
            && let Some(response) = &self.response
        {
            self.commands.push(Command::Play(response.id, Play::Full));
        }
    }

    pub(super) fn barge_in_due(&self) -> Option<u64> {
        let barge_in = self.barge_in.as_ref().filter(|barge_in| barge_in.voiced)?;
        self.response.as_ref()?;
        Some(barge_in.began + if barge_in.paused { LONGEST_DOUBT } else { PAUSE_AFTER })
    }

    pub(super) fn barge_in_timeout(&mut self, now: u64, position: PlaybackPosition) {
        if self.barge_in_due().is_none_or(|due| due > now) {
            return;
        }
        let (Some(barge_in), Some(response)) = (&mut self.barge_in, &self.response) else { return };
        if barge_in.paused {
            self.interrupt(now, position);
        } else {
            barge_in.paused = true;
            self.commands.push(Command::Play(response.id, Play::Paused));
        }
    }
}
