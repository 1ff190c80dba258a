//! Between turns: makes room in the history, and has the model read what changed or what it has lost, so that no question
//! waits for it.

use super::budget::Room;
use super::history::{Fitted, Oldest};
use super::{Command, Conversation};
use crate::frame::{Message, Role};

/// A longer summary is cut: it is read with every answer.
pub const LONGEST_SUMMARY: usize = 500;
/// Tokens of what was said that a model reads which has to begin anew while the person waits: some seconds' worth on a
/// slow machine, against ten and more for a whole history.
pub(super) const BRIEF: usize = 160;
const ASKED_TO_SUM_UP: &str = "Sum up the conversation so far in two short sentences: names, numbers, what the user \
                               wants and what was agreed. Write only the summary.";

/// A summary that is being written, or that waits for the end of a turn.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Messages of the conversation that the summary in work covers.
    asked: Option<usize>,
    written: Option<(usize, String)>,
    /// The model has to read everything again, and has had no time to.
    lost: bool,
    /// It was asked to in this turn: what kills its engine is not tried on and on.
    read_again: bool,
}

#[cfg(test)]
impl Memory {
    /// The next question is asked with the last turns alone.
    pub(super) fn has_lost(&self) -> bool {
        self.lost
    }
}

impl Conversation {
    /// Nobody says anything: the time to forget, and to read.
    pub(super) fn make_room(&mut self) {
        if !self.is_between_turns() {
            return;
        }
        let mut unread = false;
        if self.memory.lost && !std::mem::replace(&mut self.memory.read_again, true) {
            (self.memory.lost, unread) = (false, true);
        }
        if let Some((until, summary)) = self.memory.written.take() {
            self.history.forget(until, summary);
            unread = true;
        }
        let room = self.budget.room(self.history.summary().len());
        // While a summary is being written, what it is about is kept.
        if let Some(oldest) = self.history.overflow(room).filter(|_| self.memory.asked.is_none()) {
            if self.settings.summarise {
                self.memory.asked = Some(oldest.until);
                self.commands.push(Command::Summarise(to_sum_up(oldest)));
            } else {
                self.history.forget(oldest.until, String::new());
                unread = true;
            }
        }
        if unread {
            self.read_ahead("");
        }
    }

    /// The model has lost what it had read. Until there is time to read all of it again, it is asked with the last turns
    /// alone.
    pub(super) fn model_forgot(&mut self) {
        self.memory.lost = true;
        self.make_room();
    }

    /// The history as the model is given it, with these words of the person.
    pub(super) fn told(&mut self, more: &str, room: Room) -> Fitted {
        if self.memory.lost {
            self.history.latest(more, room, BRIEF)
        } else {
            self.history.fitted(more, room)
        }
    }

    /// A turn begins: what failed in the one before may be tried again.
    pub(super) fn may_read_again(&mut self) {
        self.memory.read_again = false;
    }

    /// The summary is written; empty: the model failed at it, and what it was about is forgotten.
    pub(super) fn summarised(&mut self, text: &str) {
        let Some(until) = self.memory.asked.take() else { return };
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.len() > LONGEST_SUMMARY {
            let end = (0..=LONGEST_SUMMARY).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
        }
        let summary = if text.is_empty() { self.history.summary().to_owned() } else { text };
        self.memory.written = Some((until, summary));
        self.make_room();
    }

    fn is_between_turns(&self) -> bool {
        let quiet = self.open.is_none() && self.cut.is_empty() && !self.unanswered;
        quiet && self.answer.is_none() && self.hidden.is_none() && self.leaving.is_none()
    }

    /// The instructions, with what the history no longer holds.
    pub(super) fn instructions(&self) -> String {
        let instructions = &self.settings.instructions;
        match self.history.summary() {
            "" => instructions.clone(),
            summary => format!("{instructions}\n\nEarlier in this conversation: {summary}"),
        }
    }
}

/// One message that holds them all: a small model asked in the middle of a dialogue goes on with it.
fn to_sum_up(oldest: Oldest) -> Vec<Message> {
    let mut text = String::new();
    if !oldest.summary.is_empty() {
        text = format!("Earlier: {}\n", oldest.summary);
    }
    for message in oldest.messages {
        let who = if message.role == Role::User { "User" } else { "Assistant" };
        text += &format!("{who}: {}\n", message.content);
    }
    vec![
        Message { role: Role::System, content: ASKED_TO_SUM_UP.into() },
        Message { role: Role::User, content: text },
    ]
}
