//! What was said and heard, within the model's window.
//!
//! What no longer fits is forgotten between turns, many turns at once: the model keeps what it has read of a prompt only
//! up to the first change, and a change every turn would have it read everything again while the person waits.

use crate::frame::{Message, Role};

/// Between turns a history that fills this share of its limit, in percent, is cut down to the next: what is left is the
/// room of one long question and its answer, or of a dozen common ones.
const FULL: usize = 85;
const KEPT: usize = 60;

/// The history of one conversation, without instructions.
#[derive(Debug)]
pub(super) struct History {
    messages: Vec<Message>,
    limit: usize,
    /// Messages that have been forgotten.
    forgotten: usize,
    /// What they said, if it was summed up.
    summary: String,
}

/// The oldest messages, which are to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Oldest {
    /// How many messages of the whole conversation are gone with them.
    pub(super) until: usize,
    /// The summary of what was forgotten before, and they.
    pub(super) summary: String,
    pub(super) messages: Vec<Message>,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self { messages: Vec::new(), limit, forgotten: 0, summary: String::new() }
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(super) fn summary(&self) -> &str {
        &self.summary
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

    /// What had better be forgotten before the next turn, if anything.
    pub(super) fn overflow(&self) -> Option<Oldest> {
        if self.size() * 100 <= self.limit * FULL {
            return None;
        }
        let first = self.surplus(0, self.last_turn());
        let messages = self.messages[..first].to_vec();
        (first > 0).then(|| Oldest { until: self.forgotten + first, summary: self.summary.clone(), messages })
    }

    /// Forgets everything up to there; `summary` says what it was.
    pub(super) fn forget(&mut self, until: usize, summary: String) {
        let count = until.saturating_sub(self.forgotten).min(self.messages.len());
        self.messages.drain(..count);
        self.forgotten += count;
        self.summary = summary;
    }

    /// The messages with `more` words of the person. What has no room even so, after a very long turn, is forgotten.
    pub(super) fn fitted(&mut self, more: &str) -> Vec<Message> {
        if self.size() + more.len() > self.limit {
            let keep = if more.is_empty() { self.last_turn() } else { 0 };
            let first = self.surplus(more.len(), keep);
            self.messages.drain(..first);
            self.forgotten += first;
        }
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

    /// Messages of the last question, what tools have said to it among them.
    fn last_turn(&self) -> usize {
        let asked = self.messages.iter().rposition(|message| message.role == Role::User);
        asked.map_or(1, |asked| self.messages.len() - asked).min(self.messages.len())
    }

    fn size(&self) -> usize {
        self.messages.iter().map(|message| message.content.len()).sum()
    }

    /// How many of the oldest messages must go so that the rest, of which the last `keep` stay in any case, is as short
    /// as it should be.
    fn surplus(&self, more: usize, keep: usize) -> usize {
        let mut size = self.size() + more;
        let mut first = 0;
        while size * 100 > self.limit * KEPT && first + keep < self.messages.len() {
            size -= self.messages[first].content.len();
            first += 1;
        }
        // What is left begins with the person.
        while first > 0 && first + keep < self.messages.len() && self.messages[first].role != Role::User {
            first += 1;
        }
        first
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

    fn talked(limit: usize, turns: usize) -> History {
        let mut history = History::new(limit);
        for turn in 0..turns {
            history.person_said(&format!("question {turn:03}"));
            history.agent_was_heard(&format!("the answer {turn:03}"));
        }
        history
    }

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

    #[test]
    fn a_full_history_is_cut_down_at_once_and_then_left_alone_for_many_turns() {
        let mut history = talked(1000, 34);
        let oldest = history.overflow().expect("27 bytes a turn make it full");
        assert_eq!(oldest.messages.len(), oldest.until);
        history.forget(oldest.until, String::new());
        assert!(history.size() <= 600 && history.size() > 550, "{}", history.size());
        assert_eq!(history.messages()[0].role, Role::User);
        let first = history.messages()[0].clone();
        for turn in 0..9 {
            assert_eq!(history.overflow(), None, "turn {turn}");
            history.person_said("question 000");
            assert_eq!(history.fitted("")[0], first);
            history.agent_was_heard("the answer 000");
        }
    }

    #[test]
    fn what_a_very_long_question_pushed_out_is_not_forgotten_twice() {
        let mut history = talked(1000, 34);
        let oldest = history.overflow().unwrap();
        let kept = history.fitted(&"word ".repeat(100)).len();
        let gone = 68 + 1 - kept;
        assert!(gone > oldest.until);
        history.forget(oldest.until, "We talked.".into());
        assert_eq!(history.messages().len() + gone, 68);
        assert_eq!(history.summary(), "We talked.");
    }
}
