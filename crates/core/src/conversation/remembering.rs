//! What of the conversation outlives its process: when its context is remembered, and how another
//! conversation goes on from it.
//!
//! Remembered is what a turn has changed, once it is over and the history is settled; and at once what a
//! client would have to say again otherwise: the language, tools, words to be known. The mood of the face is
//! remembered with the next change: a client that drives the face sets it many times a second.

use super::budget::Budget;
use super::face::Shown;
use super::history::History;
use super::{Command, Conversation, Settings};
use crate::context::{CallContext, VERSION};
use crate::tool::{Doer, Tools};

/// Ids that a call which goes on leaves out: of answers that were begun after its context was remembered, and
/// that a client may have been told of. One turn never has so many.
const SKIPPED: u32 = 1_000;

/// What a context was made of, as far as it takes to see that another one would differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    history: u64,
    appended: usize,
    tools: u32,
    language: String,
    set_language: Option<String>,
    multilingual: bool,
    no_voice_told: bool,
}

impl Conversation {
    /// The conversation of a call that goes on from this context, as if nothing had happened.
    #[must_use]
    pub fn resume(settings: Settings, call: String, context: &CallContext) -> Self {
        let settings = context.over(settings);
        // The server may have got a tool of this name since.
        let own = |name: &str| settings.tools.iter().any(|own| own.name == name);
        let brought = context.tools.iter().filter(|tool| !own(&tool.name));
        let tools: Tools = settings.tools.iter().chain(brought).cloned().collect();
        let mut resumed = Self {
            budget: Budget::new(settings.prompt_tokens, &settings.instructions, &tools),
            tools,
            history: History::of(context.messages.clone(), context.summary.clone()),
            responses: context.responses.saturating_add(SKIPPED),
            language: context.language.clone(),
            multilingual: context.multilingual,
            no_voice_told: context.no_voice_told,
            shown: Shown::wanted(context.mood),
            greeted: context.greeted,
            resumed: true,
            ..Self::new(settings, call)
        };
        resumed.remembered = resumed.mark();
        resumed
    }

    /// What of it must outlive its process.
    #[must_use]
    pub fn context(&self) -> CallContext {
        CallContext {
            version: VERSION,
            // What waits for the end of an answer would be lost with it.
            messages: self.history.with(&self.appended),
            summary: self.history.summary().to_owned(),
            language: self.language.clone(),
            set_language: self.settings.language.clone(),
            multilingual: self.multilingual,
            no_voice_told: self.no_voice_told,
            tools: self.tools.iter().filter(|tool| tool.doer == Doer::Client).cloned().collect(),
            mood: self.shown.own(),
            greeted: self.greeted,
            responses: self.responses,
        }
    }

    /// The client of a call that goes on says hello: the face shows what it did, and this engine counts what
    /// was said.
    pub(super) fn pick_up(&mut self) {
        if std::mem::take(&mut self.resumed) {
            self.end_mood();
            self.count_history();
        }
    }

    /// Remembers what has changed, if the turn is over, or if the client has changed it.
    pub(super) fn remember_changes(&mut self) {
        // A line of the server's own leaves nothing in the history.
        let settled = !self.unanswered && self.answer.as_ref().is_none_or(|answer| answer.canned);
        if !std::mem::take(&mut self.remember_now) && !settled {
            return;
        }
        let mark = self.mark();
        if mark != self.remembered {
            self.remembered = mark;
            self.commands.push(Command::Remember(Box::new(self.context())));
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            history: self.history.changes(),
            appended: self.appended.len(),
            tools: self.tools_taken,
            language: self.language.clone(),
            set_language: self.settings.language.clone(),
            multilingual: self.multilingual,
            no_voice_told: self.no_voice_told,
        }
    }
}
