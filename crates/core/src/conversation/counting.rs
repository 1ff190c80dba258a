//! What the engine is asked to count, and what follows from its counts.

use crate::event::CallEvent;
use crate::frame::{Message, PlaybackPosition, ResponseId, Role};
use crate::tool::{Tool, Tools};

use super::budget::{Counted, Counting, Excess, LEAST_ROOM, estimate, estimate_tools};
use super::history::Uncounted;
use super::{Command, Conversation};

/// How often a request is shortened before its question is given up.
const MOST_CUTS: u32 = 4;

/// Tools that a client wants to bring, until it is known whether they fit.
#[derive(Debug)]
pub(super) struct Wish {
    number: u32,
    message: Option<String>,
    tools: Tools,
}

impl Conversation {
    /// The client brings tools, which replace those it brought before.
    pub(super) fn client_tools(&mut self, message: Option<String>, brought: Vec<Tool>) {
        if !self.settings.model.tools && !brought.is_empty() {
            let fault = "set-tools: the language model of this server calls no tools".into();
            self.emit(CallEvent::BadMessage { id: message, message: fault });
            return;
        }
        let own = |tool: &Tool| self.settings.tools.iter().any(|own| own.name == tool.name);
        if let Some(taken) = brought.iter().find(|tool| own(tool)) {
            let fault = format!("set-tools: the server has a tool {:?} of its own", taken.name);
            self.emit(CallEvent::BadMessage { id: message, message: fault });
            return;
        }
        if let Some(wish) = self.wish.take() {
            let fault = "set-tools: replaced by newer tools before it was known whether these fit".into();
            self.emit(CallEvent::BadMessage { id: wish.message, message: fault });
        }
        let tools: Tools = self.settings.tools.iter().cloned().chain(brought).collect();
        let base = estimate(&self.settings.instructions) + estimate_tools(&tools);
        // Tools that take at most half of the window need not wait for the engine's count.
        if base * 2 + LEAST_ROOM <= self.budget.limit() {
            self.take_tools(message, tools, base);
            self.count_base();
            return;
        }
        self.wishes += 1;
        self.wish = Some(Wish { number: self.wishes, message, tools: tools.clone() });
        let what = Counting::Wish(self.wishes);
        self.commands.push(Command::Count(what, self.base_messages(), tools));
    }

    fn take_tools(&mut self, message: Option<String>, tools: Tools, base: usize) {
        if self.tools != tools {
            self.tools = tools;
            self.tools_taken += 1;
        }
        self.budget.set_base(base);
        if let Some(id) = message {
            self.emit(CallEvent::Granted { id, request: "set-tools" });
        }
        self.prefill("");
    }

    /// Has the tokens of instructions and tools counted.
    pub(super) fn count_base(&mut self) {
        let messages = self.base_messages();
        self.commands.push(Command::Count(Counting::Base, messages, self.tools.clone()));
    }

    /// Has the tokens of the uncounted history counted.
    pub(super) fn count_history(&mut self) {
        if let Some(Uncounted { from, messages }) = self.history.uncounted() {
            let lengths = messages.iter().map(|message| message.content.len()).collect();
            self.commands.push(Command::Count(Counting::History(from, lengths), messages, Tools::default()));
        }
    }

    fn base_messages(&self) -> Vec<Message> {
        vec![Message { role: Role::System, content: self.settings.instructions.clone() }]
    }

    /// The engine has counted, or could not.
    pub(super) fn counted(&mut self, what: Counting, counted: Option<Counted>) {
        match (what, counted) {
            (Counting::Base, Some(counted)) => self.budget.counted(&counted),
            (Counting::History(from, lengths), Some(counted)) => {
                self.history.counted(from, &lengths, &counted.messages);
                self.make_room();
            }
            (Counting::Wish(number), counted) => {
                if let Some(wish) = self.wish.take_if(|wish| wish.number == number) {
                    self.grant(wish, counted);
                }
            }
            (_, None) => {}
        }
    }

    /// Accepts the client's tools if they leave room for a conversation.
    fn grant(&mut self, wish: Wish, counted: Option<Counted>) {
        let estimated = || Counted {
            messages: vec![u32::try_from(estimate(&self.settings.instructions)).unwrap_or(u32::MAX)],
            tools: u32::try_from(estimate_tools(&wish.tools)).unwrap_or(u32::MAX),
            limit: u32::try_from(self.budget.limit()).unwrap_or(u32::MAX),
        };
        let counted = counted.unwrap_or_else(estimated);
        if counted.base() <= counted.most_base() {
            self.take_tools(wish.message, wish.tools, counted.base());
            self.budget.counted(&counted);
            return;
        }
        let room = counted.most_base().saturating_sub(counted.base() - counted.tools as usize);
        let fault = format!(
            "set-tools: d.tools: {} tokens with the server's own tools; at most {room} fit beside the instructions in \
             the {} that a prompt may have (llm.context less llm.max_tokens). Bring fewer tools, or shorter \
             descriptions and schemas",
            counted.tools, counted.limit
        );
        self.emit(CallEvent::BadMessage { id: wish.message, message: fault });
    }

    /// A response's request has more tokens than fit: it is made again with fewer.
    pub(super) fn too_long(&mut self, now: u64, position: PlaybackPosition, id: ResponseId, excess: Excess) {
        let speculative = self.speculative.as_ref().is_some_and(|speculative| speculative.id == id);
        if !speculative && self.response.as_ref().is_none_or(|response| response.id != id) {
            return;
        }
        self.budget.too_long(excess);
        let spent = self.budget.cuts() > MOST_CUTS;
        if speculative {
            self.discard();
            if !spent {
                self.speculate_again(now);
            }
        } else if spent {
            self.abandon(now, position);
        } else {
            self.ask_again();
        }
    }
}
