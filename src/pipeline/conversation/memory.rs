//! Between turns: makes room in the history, and has the model read what changed, so that no question waits for it.

use super::history::Oldest;
use super::{Command, Conversation};
use crate::frame::{Message, Role};

/// A longer summary is cut: it is read with every answer.
const LONGEST_SUMMARY: usize = 500;
const ASKED_TO_SUM_UP: &str = "Sum up the conversation so far in two short sentences: names, numbers, what the user \
                               wants and what was agreed. Write only the summary.";

/// A summary that is being written, or that waits for the end of a turn.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Messages of the conversation that the summary in work covers.
    asked: Option<usize>,
    written: Option<(usize, String)>,
}

impl Conversation {
    /// Nobody says anything: the time to forget.
    pub(super) fn make_room(&mut self) {
        if !self.is_between_turns() {
            return;
        }
        if let Some((until, summary)) = self.memory.written.take() {
            self.history.forget(until, summary);
            self.read_ahead("");
        }
        let room = self.budget.room(self.history.summary().len());
        // While a summary is being written, what it is about is kept.
        let Some(oldest) = self.history.overflow(room).filter(|_| self.memory.asked.is_none()) else {
            return;
        };
        if self.settings.summarise {
            self.memory.asked = Some(oldest.until);
            self.commands.push(Command::Summarise(to_sum_up(oldest)));
        } else {
            self.history.forget(oldest.until, String::new());
            self.read_ahead("");
        }
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
