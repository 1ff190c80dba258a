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
        self.say(Role::User, text);
    }

    /// Words of the agent that were heard.
    pub(super) fn agent_was_heard(&mut self, text: &str) {
        if !text.is_empty() {
            self.say(Role::Assistant, text);
        }
    }

    fn say(&mut self, role: Role, text: &str) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => {
                last.content.push(' ');
                last.content.push_str(text);
            }
            _ => self.messages.push(Message { role, content: text.into() }),
        }
    }

    /// The messages, after the oldest have been dropped for good if there is no room for them.
    pub(super) fn fitted(&mut self) -> &[Message] {
        let mut size: usize = self.messages.iter().map(|message| message.content.len()).sum();
        let mut first = 0;
        while size > self.limit && first + 1 < self.messages.len() {
            size -= self.messages[first].content.len();
            first += 1;
        }
        // A history begins with the person.
        while first + 1 < self.messages.len() && self.messages[first].role == Role::Assistant {
            first += 1;
        }
        self.messages.drain(..first);
        if let Some(only) = self.messages.first_mut()
            && only.content.len() > self.limit
        {
            let cut = only.content.len() - self.limit;
            let cut = (cut..).find(|at| only.content.is_char_boundary(*at)).unwrap_or(0);
            only.content.drain(..cut);
        }
        &self.messages
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
        let kept = history.fitted();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].content, "ü".repeat(10));
    }
}
