//! Between turns: makes room in the history, and prefills the model with what has changed or was lost, so that no question
//! waits for it.

use super::budget::Room;
use super::history::{Fitted, Oldest};
use super::{Command, Conversation};
use crate::context::LONGEST_SUMMARY;
use crate::frame::{Message, Role};

/// Tokens of history for a model that lost its prefill while the person waits: they take some seconds on a slow machine,
/// against ten and more for a whole history.
pub(super) const BRIEF: usize = 160;
const ASKED_TO_SUM_UP: &str = "Sum up the conversation so far in two short sentences: names, numbers, what the user \
                               wants and what was agreed. Write only the summary.";

/// A summary that is being written, or that waits for the end of a turn.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How many messages of the conversation the summary in progress covers.
    asked: Option<usize>,
    written: Option<Written>,
    /// The model has lost its prefill and has had no time to read everything again.
    lost: bool,
    /// It was asked to read again in this turn: a prompt that kills its engine is not retried over and over.
    read_again: bool,
}

/// A summary that waits for the end of a turn.
#[derive(Debug)]
struct Written {
    /// Messages of the conversation that it covers.
    until: usize,
    summary: String,
}

#[cfg(test)]
impl Memory {
    /// Whether the next question is asked with only the last turns.
    pub(super) fn has_lost(&self) -> bool {
        self.lost
    }
}

impl Conversation {
    /// Forgets and prefills between turns, while nobody speaks or waits.
    pub(super) fn make_room(&mut self) {
        if !self.is_between_turns() {
            return;
        }
        let mut unread = false;
        if self.memory.lost && !std::mem::replace(&mut self.memory.read_again, true) {
            (self.memory.lost, unread) = (false, true);
        }
        if let Some(Written { until, summary }) = self.memory.written.take() {
            self.history.forget(until, summary);
            unread = true;
        }
        let room = self.budget.room(self.history.summary().len());
        // Messages are kept while their summary is being written.
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
            self.prefill("");
        }
    }

    /// The model has lost its prefill. Until there is time to read everything again, it is asked with only the last turns.
    pub(super) fn model_forgot(&mut self) {
        self.memory.lost = true;
        self.make_room();
    }

    /// The history that the model is given, with these words of the person.
    pub(super) fn fitted_history(&mut self, more: &str, room: Room) -> Fitted {
        if self.memory.lost {
            self.history.latest(more, room, BRIEF)
        } else {
            self.history.fitted(more, room)
        }
    }

    /// A turn begins: reading everything again may be tried once more.
    pub(super) fn may_read_again(&mut self) {
        self.memory.read_again = false;
    }

    /// The summary is written. If it is empty, the model failed, and the messages are forgotten without one.
    pub(super) fn summarised(&mut self, text: &str) {
        let Some(until) = self.memory.asked.take() else { return };
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.len() > LONGEST_SUMMARY {
            let end = (0..=LONGEST_SUMMARY).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
        }
        let summary = if text.is_empty() { self.history.summary().to_owned() } else { text };
        self.memory.written = Some(Written { until, summary });
        self.make_room();
    }

    fn is_between_turns(&self) -> bool {
        let quiet = self.open.is_none() && self.cut.is_empty() && !self.unanswered;
        quiet && self.response.is_none() && self.speculative.is_none() && self.leaving.is_none()
    }

    /// The instructions, with the summary of what the history no longer contains.
    pub(super) fn instructions(&self) -> String {
        let instructions = &self.settings.instructions;
        match self.history.summary() {
            "" => instructions.clone(),
            summary => format!("{instructions}\n\nEarlier in this conversation: {summary}"),
        }
    }
}

/// Puts all messages into one: a small model that is asked in the middle of a dialogue would continue it.
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
