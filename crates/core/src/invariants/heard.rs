//! What was heard, and that the history contains nothing else.

use super::Invariants;
use crate::context::CallContext;
use crate::conversation::{Command, Input};
use crate::event::{CallEvent, ClientCommand};
use crate::frame::{Message, Role};

/// Most bytes kept of what was heard: more than any model's window.
const REMEMBERED: usize = 1 << 20;

impl Invariants {
    /// Notes words that the client attributes to the agent, unless they are refused.
    pub(super) fn appends(&mut self, input: &Input, commands: &[Command]) {
        let Input::Client(ClientCommand::Append { role: Role::Assistant, text, .. }) = input else { return };
        let bad = |command: &Command| matches!(command, Command::Emit(CallEvent::BadMessage { .. }));
        if !commands.iter().any(bad) {
            self.appended.push(text.clone());
        }
        if self.announced.is_none() {
            self.takes_in_appended();
        }
    }

    /// Words that the client attributed to the agent count as heard, after the response during which they came.
    pub(super) fn takes_in_appended(&mut self) {
        for text in std::mem::take(&mut self.appended) {
            self.was_heard(&text);
        }
    }

    pub(super) fn was_heard(&mut self, text: &str) {
        self.heard = spaced(&format!("{} {text}", self.heard));
        if self.heard.len() > REMEMBERED {
            let from = self.heard.len() - REMEMBERED / 2;
            let from = (from..).find(|at| self.heard.is_char_boundary(*at)).unwrap_or(0);
            self.heard.drain(..from);
        }
    }

    /// The agent's messages in the history contain only what was heard.
    pub(super) fn history(&mut self, messages: &[Message]) {
        for (at, message) in messages.iter().enumerate() {
            let heard = message.role != Role::Assistant || self.heard.contains(&spaced(&message.content));
            self.must("history_is_heard", heard, || format!("message {at} was never heard in these words"));
        }
    }

    /// A remembered context contains only what was heard, and counts every id.
    pub(super) fn remembered(&mut self, context: &CallContext) {
        let sounds = self.announced.as_ref().filter(|announced| self.canned != Some(announced.id));
        let sounds = sounds.map_or("", |announced| announced.said.as_str());
        let heard = spaced(&format!("{} {sounds}", self.heard));
        // Words of the client that wait for the response's end follow what was heard of it, which may be a part.
        let waiting = (0..=self.appended.len()).map(|count| spaced(&self.appended[..count].join(" ")));
        let waiting: Vec<String> = waiting.collect();
        let all = spaced(&format!("{heard} {}", self.appended.join(" ")));
        let was_heard = |content: &str| {
            let before = |waiting: &String| content.strip_suffix(waiting.as_str()).map(str::trim_end);
            all.contains(content) || waiting.iter().filter_map(before).any(|before| heard.contains(before))
        };
        let said = context.messages.iter().filter(|message| message.role == Role::Assistant);
        let unheard = said.filter(|message| !was_heard(&spaced(&message.content))).count();
        self.must("history_is_heard", unheard == 0, || {
            format!("{unheard} remembered messages were never heard")
        });
        let (last, counted) = (self.last, context.responses);
        self.must("one_request", counted >= last.0, || {
            format!("{last:?} was begun, and {counted} are remembered")
        });
    }
}

/// The text with single spaces between words, the form in which texts are compared here.
pub(super) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
