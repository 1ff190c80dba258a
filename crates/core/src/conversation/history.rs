//! What was said and heard, within the model's window.
//!
//! What no longer fits is forgotten between turns, many turns at once. The model's prefill of a prompt is valid only up to
//! the first change, so a change in every turn would make it read everything again while the person waits.

use super::budget::Room;
use crate::frame::{Message, Role};

/// Between turns a history that fills more than [`FULL`] percent of its room is cut to [`KEPT`] percent, which leaves room for
/// one long question and its response, or for a dozen common ones.
const FULL: usize = 85;
const KEPT: usize = 60;
/// Most bytes of a message that a client appends to: far more than any model's window.
pub(super) const LONGEST_MESSAGE: usize = 64 << 10;
/// A message of at most this many bytes is not shortened.
const SHORTEST: usize = 16;

/// The history of one conversation, without instructions.
#[derive(Debug, Default)]
pub(super) struct History {
    messages: Vec<Message>,
    /// The messages' tokens, where the engine has counted them.
    tokens: Vec<Option<u32>>,
    /// Number of messages that have been forgotten.
    forgotten: usize,
    /// The summary of the forgotten messages, if there is one.
    summary: String,
    /// Number of changes to messages or summary.
    changes: u64,
}

/// The oldest messages, which are to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Oldest {
    /// How many messages of the whole conversation will then be forgotten.
    pub(super) until: usize,
    /// The summary of what was forgotten before.
    pub(super) summary: String,
    pub(super) messages: Vec<Message>,
}

/// The part of the history that fits into a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) messages: Vec<Message>,
    /// Tokens that were counted.
    pub(super) counted: usize,
    /// Tokens that are estimated, unscaled.
    pub(super) estimated: usize,
}

/// Messages whose tokens are to be counted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Uncounted {
    /// Which of the conversation's messages is the first of them.
    pub(super) from: usize,
    pub(super) messages: Vec<Message>,
}

impl History {
    /// A history that resumes from these messages, which this engine has not counted.
    pub(super) fn of(messages: Vec<Message>, summary: String) -> Self {
        Self { tokens: vec![None; messages.len()], messages, summary, ..Self::default() }
    }

    /// The messages, followed by these.
    pub(super) fn with(&self, more: &[Message]) -> Vec<Message> {
        let mut messages = self.messages.clone();
        more.iter().for_each(|words| say(&mut messages, words.role, &words.content));
        messages
    }

    /// Number of changes so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(super) fn summary(&self) -> &str {
        &self.summary
    }

    /// Adds words of the person; consecutive ones join into one message.
    pub(super) fn person_said(&mut self, text: &str) {
        self.say(Role::User, text);
    }

    /// Adds words of the agent that were heard.
    pub(super) fn agent_was_heard(&mut self, text: &str) {
        if !text.is_empty() {
            self.say(Role::Assistant, text);
        }
    }

    /// Whether the speaker's message has room for these words.
    pub(super) fn has_room_for(&self, words: &Message) -> bool {
        let last = self.messages.last().filter(|last| last.role == words.role);
        last.map_or(0, |last| last.content.len()) + words.content.len() <= LONGEST_MESSAGE
    }

    /// Adds words that the client appends.
    pub(super) fn append(&mut self, words: &Message) {
        self.say(words.role, &words.content);
    }

    fn say(&mut self, role: Role, text: &str) {
        say(&mut self.messages, role, text);
        self.changes += 1;
        self.tokens.truncate(self.messages.len() - 1);
        self.tokens.push(None);
    }

    /// Adds a tool call and its result.
    pub(super) fn tool_was_used(&mut self, call: String, result: String) {
        self.messages.push(Message { role: Role::Call, content: call });
        self.messages.push(Message { role: Role::Tool, content: result });
        self.tokens.extend([None, None]);
        self.changes += 1;
    }

    /// What has not been counted.
    pub(super) fn uncounted(&self) -> Option<Uncounted> {
        let first = self.tokens.iter().position(Option::is_none)?;
        Some(Uncounted { from: self.forgotten + first, messages: self.messages[first..].to_vec() })
    }

    /// Takes in counts for the messages from this number of the conversation on, except for messages that have grown since.
    pub(super) fn counted(&mut self, from: usize, lengths: &[usize], tokens: &[u32]) {
        for ((length, tokens), at) in lengths.iter().zip(tokens).zip(from..) {
            let Some(index) = at.checked_sub(self.forgotten) else { continue };
            if self.messages.get(index).is_some_and(|message| message.content.len() == *length) {
                self.tokens[index] = Some(*tokens);
            }
        }
    }

    /// The messages to forget before the next turn, if any.
    pub(super) fn overflow(&self, room: Room) -> Option<Oldest> {
        if self.size(room) * 100 <= room.tokens * FULL {
            return None;
        }
        let first = self.surplus(kept(room), room, 0, self.last_turn());
        let messages = self.messages[..first].to_vec();
        (first > 0).then(|| Oldest { until: self.forgotten + first, summary: self.summary.clone(), messages })
    }

    /// Forgets the first `until` messages of the conversation; `summary` replaces them.
    pub(super) fn forget(&mut self, until: usize, summary: String) {
        self.drop_first(until.saturating_sub(self.forgotten).min(self.messages.len()));
        self.changes += u64::from(self.summary != summary);
        self.summary = summary;
    }

    fn drop_first(&mut self, count: usize) {
        self.messages.drain(..count);
        self.tokens.drain(..count);
        self.forgotten += count;
        self.changes += u64::from(count > 0);
    }

    /// The messages with `more` words of the person. What does not fit, after a very long turn, is forgotten; a question that
    /// does not fit by itself loses its beginning.
    pub(super) fn fitted(&mut self, more: &str, room: Room) -> Fitted {
        let longer = if more.is_empty() { 0 } else { room.estimate(more) };
        if self.size(room) + longer > room.tokens {
            // The last question may not have its response yet.
            self.drop_first(self.surplus(kept(room), room, longer, self.last_turn()));
        }
        self.from(0, more, room)
    }

    /// The latest messages with `more` words of the person: as many as fit in `tokens`, and the last question in any case.
    /// Nothing is forgotten.
    pub(super) fn latest(&self, more: &str, room: Room, tokens: usize) -> Fitted {
        let longer = if more.is_empty() { 0 } else { room.estimate(more) };
        let first = self.surplus(tokens.min(room.tokens), room, longer, self.last_turn());
        self.from(first, more, room)
    }

    /// The messages from `first` on with `more` words of the person, shortened where they do not fit.
    fn from(&self, first: usize, more: &str, room: Room) -> Fitted {
        let mut fitted = Fitted { messages: self.messages[first..].to_vec(), counted: 0, estimated: 0 };
        let mut tokens = self.tokens[first..].to_vec();
        if !more.is_empty() {
            say(&mut fitted.messages, Role::User, more);
            tokens.truncate(fitted.messages.len() - 1);
            tokens.push(None);
        }
        shorten(&mut fitted.messages, &mut tokens, room);
        for (message, tokens) in fitted.messages.iter().zip(tokens) {
            match tokens {
                Some(tokens) => fitted.counted += tokens as usize,
                None => fitted.estimated += super::budget::estimate(&message.content),
            }
        }
        fitted
    }

    /// Number of messages from the last question on, tool results included.
    fn last_turn(&self) -> usize {
        let asked = self.messages.iter().rposition(|message| message.role == Role::User);
        asked.map_or(1, |asked| self.messages.len() - asked).min(self.messages.len())
    }

    fn size(&self, room: Room) -> usize {
        self.messages.iter().zip(&self.tokens).map(|(message, tokens)| room.cost(message, *tokens)).sum()
    }

    /// How many of the oldest messages must go so that the rest has at most `tokens`. The last `keep` messages stay in any
    /// case.
    fn surplus(&self, tokens: usize, room: Room, more: usize, keep: usize) -> usize {
        let mut size = self.size(room) + more;
        let mut first = 0;
        while size > tokens && first + keep < self.messages.len() {
            size -= room.cost(&self.messages[first], self.tokens[first]);
            first += 1;
        }
        // The rest begins with words of the person.
        while first > 0 && first + keep < self.messages.len() && self.messages[first].role != Role::User {
            first += 1;
        }
        first
    }
}

/// Tokens to which a full history is cut.
fn kept(room: Room) -> usize {
    room.tokens * KEPT / 100
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

/// Cuts the longest messages until all fit, as far as possible: the person's words keep their end, others their beginning.
fn shorten(messages: &mut [Message], tokens: &mut [Option<u32>], room: Room) {
    for _ in 0..=messages.len() {
        let costs: Vec<usize> =
            messages.iter().zip(&*tokens).map(|(message, tokens)| room.cost(message, *tokens)).collect();
        let over = costs.iter().sum::<usize>().saturating_sub(room.tokens);
        let words = |at: &usize| messages[*at].role != Role::Call && messages[*at].content.len() > SHORTEST;
        let Some(longest) = (0..messages.len()).filter(words).max_by_key(|at| costs[*at]) else { return };
        if over == 0 {
            return;
        }
        let message = &mut messages[longest];
        // The chat template's own tokens stay.
        let (cost, around) = (costs[longest], room.estimate(""));
        let target = cost.saturating_sub(over).max(cost / 4).saturating_sub(around);
        let keep = message.content.len() * target / cost.saturating_sub(around).max(1);
        cut(message, keep.max(SHORTEST));
        tokens[longest] = None;
    }
}

fn cut(message: &mut Message, keep: usize) {
    let content = &mut message.content;
    if message.role == Role::User {
        let from = content.len().saturating_sub(keep);
        let from = (from..=content.len()).find(|at| content.is_char_boundary(*at)).unwrap_or(0);
        content.drain(..from);
    } else {
        let end = (0..=keep.min(content.len())).rev().find(|at| content.is_char_boundary(*at)).unwrap_or(0);
        content.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;

    fn room(tokens: usize) -> Room {
        Room { tokens, ..Budget::new(0, "", &[]).room(0) }
    }

    fn talked(turns: usize) -> History {
        let mut history = History::default();
        for turn in 0..turns {
            history.person_said(&format!("question {turn:03}"));
            history.agent_was_heard(&format!("the answer {turn:03}"));
        }
        history
    }

    #[test]
    fn a_history_that_does_not_fit_loses_its_oldest_turns_and_keeps_the_end_of_the_last_question() {
        let mut history = talked(5);
        history.person_said(&format!("{}?", "ü".repeat(60)));
        let kept = history.fitted("", room(25)).messages;
        let [only] = &kept[..] else { panic!("{kept:?}") };
        assert!(only.content.ends_with("üü?") && (20..120).contains(&only.content.len()), "{only:?}");
        assert!(room(25).estimate(&only.content) <= 25);
    }

    #[test]
    fn a_long_tool_result_keeps_its_beginning_and_the_call_is_not_cut() {
        let mut history = History::default();
        history.person_said("Where is order seven?");
        history.tool_was_used("{\"name\":\"order\"}".into(), "shipped ".repeat(100));
        let kept = history.fitted("", room(60)).messages;
        assert_eq!(kept[1].content, "{\"name\":\"order\"}");
        assert!(kept[2].content.starts_with("shipped ") && kept[2].content.len() < 120, "{kept:?}");
    }

    #[test]
    fn a_full_history_is_cut_down_at_once_and_then_left_alone_for_many_turns() {
        // 19 tokens a turn.
        let (mut history, room) = (talked(36), room(800));
        let oldest = history.overflow(room).expect("684 tokens make it full");
        assert_eq!(oldest.messages.len(), oldest.until);
        history.forget(oldest.until, String::new());
        assert!(history.size(room) <= 480 && history.size(room) > 440, "{}", history.size(room));
        assert_eq!(history.messages()[0].role, Role::User);
        let first = history.messages()[0].clone();
        for turn in 0..9 {
            assert_eq!(history.overflow(room), None, "turn {turn}");
            history.person_said("question 000");
            assert_eq!(history.fitted("", room).messages[0], first);
            history.agent_was_heard("the answer 000");
        }
    }

    #[test]
    fn messages_that_a_very_long_question_pushed_out_are_not_forgotten_twice() {
        let (mut history, room) = (talked(36), room(800));
        let oldest = history.overflow(room).unwrap();
        let kept = history.fitted(&"word ".repeat(100), room).messages.len();
        let gone = 72 + 1 - kept;
        assert!(gone > oldest.until);
        history.forget(oldest.until, "We talked.".into());
        assert_eq!(history.messages().len() + gone, 72);
        assert_eq!(history.summary(), "We talked.");
    }

    #[test]
    fn the_latest_turns_are_complete_and_begin_with_the_person_and_nothing_is_forgotten() {
        // 19 tokens a turn, and 10 of the last question.
        let (mut history, room) = (talked(20), room(800));
        history.person_said("question 020");
        let latest = history.latest("", room, 55).messages;
        let said: Vec<_> = latest.iter().map(|message| message.content.as_str()).collect();
        let expected = ["question 018", "the answer 018", "question 019", "the answer 019", "question 020"];
        assert_eq!(said, expected);
        assert_eq!(history.latest("", room, 1).messages.len(), 1, "the question is kept in any case");
        assert_eq!(history.messages().len(), 41);
    }

    #[test]
    fn counts_of_the_engine_apply_except_to_messages_that_have_grown_since() {
        let (mut history, room) = (talked(1), room(800));
        let Uncounted { from, messages } = history.uncounted().unwrap();
        let lengths: Vec<_> = messages.iter().map(|message| message.content.len()).collect();
        history.counted(from, &lengths, &[100, 200]);
        assert_eq!((history.size(room), history.uncounted()), (300, None));
        history.agent_was_heard("and more");
        let Uncounted { from, messages } = history.uncounted().unwrap();
        assert_eq!((from, messages.len()), (1, 1));
        history.forget(2, String::new());
        history.counted(from, &[messages[0].content.len()], &[9]);
        assert_eq!(history.fitted("Hello", room).counted, 0);
    }
}
