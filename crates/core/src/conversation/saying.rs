//! What the agent says without the model: the greeting, lines of its own, and holding phrases.

use crate::event::TurnMarks;
use crate::frame::Play;

use super::answer::Answer;
use super::lines::{self, Line, line};
use super::{Command, Conversation};

impl Conversation {
    /// Says a line, unless there is something better to say. The model is never told of it.
    pub(super) fn say(&mut self, now: u64, what: Line) {
        if self.answer.as_ref().is_some_and(|answer| answer.waits) {
            self.next_line = Some(what);
        } else if !self.is_spoken_to() {
            self.say_words(now, line(what, &self.voiced(&self.language)).to_string(), true);
        }
    }

    /// Says the line for which there was no time while the person was asked to wait.
    pub(super) fn say_next(&mut self, now: u64) {
        if let Some(what) = self.next_line.take() {
            self.say(now, what);
        }
    }

    /// The person's words are late, and so is their answer: they are asked to wait.
    pub(super) fn ask_to_wait(&mut self, now: u64, again: bool) {
        let what = if again { Line::StillBusy } else { Line::OneMoment };
        let text = line(what, &self.voiced(&self.language));
        self.notice("one-moment", text);
        self.say_words(now, text.to_string(), true);
        if let Some(answer) = &mut self.answer {
            answer.waits = true;
        }
    }

    /// Says what the agent begins the call with; the model knows that it did.
    pub(super) fn greet(&mut self, now: u64) {
        let silent = self.settings.greeting.is_empty() || self.is_spoken_to();
        if !std::mem::replace(&mut self.greeted, true) && !silent {
            self.say_words(now, self.settings.greeting.clone(), false);
        }
    }

    fn say_words(&mut self, now: u64, text: String, canned: bool) {
        if self.answer.is_some() {
            return;
        }
        let mut request = self.request("", &self.language.clone(), false);
        request.messages.clear();
        request.script = Some(text);
        request.aloud = true;
        request.canned = canned;
        let mut answer = Answer::new(request.id, (now, TurnMarks::default()));
        answer.scripted = true;
        answer.canned = canned;
        self.take_up(now, answer);
        self.commands.push(Command::Start(request, Play::Full));
    }

    /// The person has waited long enough for a word.
    pub(super) fn hold(&mut self, now: u64) {
        let again = self.answer.as_ref().is_some_and(|answer| answer.holds > 0);
        let what = if again { Line::StillBusy } else { Line::OneMoment };
        self.hold_with(now, line(what, &self.voiced(&self.language)));
    }

    /// Says this while the person waits.
    pub(super) fn hold_with(&mut self, now: u64, text: &str) {
        let Some(answer) = self.answer.as_mut() else { return };
        if answer.waited_from.is_none() {
            return;
        }
        let id = answer.id;
        answer.waited_from = Some(now);
        answer.held_with = text.to_string();
        answer.holds += 1;
        self.notice("one-moment", text);
        self.commands.push(Command::Hold(id, text.to_string()));
    }

    /// What may have to be said without the model should not wait for its voice.
    pub(super) fn prepare_lines(&mut self) {
        if self.open.is_none() && self.answer.is_none() && self.leaving.is_none() {
            let language = self.voiced(&self.language);
            let lines = lines::prepared(&language).map(str::to_owned).collect();
            let voice = (self.settings.voice.clone(), language);
            self.commands.push(Command::Prepare(lines, voice));
        }
    }
}
