//! What was said and heard, within the model's window.

use crate::frame::{Message, Role};

/// The history of one conversation, without instructions.
#[derive(Debug)]
pub(super) struct History {
    messages: Vec<Message>,
    limit: usize,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self { messages: Vec::new(), limit }
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Words of the person; what follows their own words belongs to the same message.
    pub(super) fn person_said(&mut self, text: &str) {
        say(&mut self.messages, Role::User, text);
    }

    /// Words of the agent that were heard.
    pub(super) fn agent_was_heard(&mut self, text: &str) {
        if !text.is_empty() {
            say(&mut self.messages, Role::Assistant, text);
        }
    }

    /// A tool was called, with this result.
    pub(super) fn tool_was_used(&mut self, call: String, result: String) {
        self.messages.push(Message { role: Role::Call, content: call });
        self.messages.push(Message { role: Role::Tool, content: result });
    }

    /// The messages with `more` words of the person, after the oldest have been dropped for good if there is no room.
    pub(super) fn fitted(&mut self, more: &str) -> Vec<Message> {
        let mut size: usize = self.messages.iter().map(|message| message.content.len()).sum();
        size += more.len();
        // Without more words, the last question stays, with what tools have said to it.
        let asked = self.messages.iter().rposition(|message| message.role == Role::User);
        let last = asked.map_or(1, |asked| self.messages.len() - asked);
        let keep = if more.is_empty() { last.min(self.messages.len()) } else { 0 };
        let mut first = 0;
        while size > self.limit && first + keep < self.messages.len() {
            size -= self.messages[first].content.len();
            first += 1;
        }
        // What is left begins with the person.
        while first > 0 && first + keep < self.messages.len() && self.messages[first].role != Role::User {
            first += 1;
        }
        self.messages.drain(..first);
        if let Some(only) = self.messages.first_mut()
            && only.role == Role::User
            && only.content.len() > self.limit
        {
            let cut = only.content.len() - self.limit;
            let cut = (cut..).find(|at| only.content.is_char_boundary(*at)).unwrap_or(0);
            only.content.drain(..cut);
        }
        let mut messages = self.messages.clone();
        if !more.is_empty() {
            say(&mut messages, Role::User, more);
        }
        messages
    }
}

fn say(messages: &mut Vec<Message>, role: Role, text: &str) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.content.push(' ');
            last.content.push_str(text);
        }
        _ => messages.push(Message { role, content: text.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_over_the_limit_loses_its_oldest_turns_and_never_the_last_question() {
        let mut history = History::new(20);
        for _ in 0..5 {
            history.person_said("question");
            history.agent_was_heard("answer");
        }
        history.person_said(&"ü".repeat(30));
        let kept = history.fitted("");
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].content, "ü".repeat(10));
    }
}
