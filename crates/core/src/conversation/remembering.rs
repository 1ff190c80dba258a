//! The part of the conversation that outlives its process: when its context is remembered, and how another
//! conversation resumes from it.
//!
//! Changes by a turn are remembered once it is over and the history is settled. Changes that a client would
//! otherwise have to repeat (language, voices, tools, appended words) are remembered at once. The face's mood is
//! remembered with the next other change, since a client that drives the face sets it many times a second.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::face::Shown;
use super::history::History;
use super::{Command, Conversation, Settings};
use crate::context::{CallContext, VERSION};
use crate::tool::{Doer, Tools};

/// Ids that a resumed call skips, because responses begun after its context was remembered may have been
/// announced to the client. One turn never has so many.
const SKIPPED: u32 = 1_000;

impl CallContext {
    /// The settings of a call that resumes from this context on a server with these settings.
    #[must_use]
    pub fn over(&self, settings: Settings) -> Settings {
        let chosen_voices = self.voices.clone();
        Settings { language: self.set_language.clone(), chosen_voices, ..settings }
    }
}

/// Enough of a context's contents to detect that a later one differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    history: u64,
    appended: usize,
    tools: u32,
    language: String,
    set_language: Option<String>,
    voices: BTreeMap<String, String>,
    multilingual: bool,
    no_voice_told: bool,
}

impl Conversation {
    /// The conversation of a call that resumes from this context as if nothing had happened.
    #[must_use]
    pub fn resume(settings: Settings, call: String, context: &CallContext) -> Self {
        let settings = context.over(settings);
        // The server may have gained a tool of this name since.
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
            other_voice_told: true,
            shown: Shown::wanted(context.mood),
            greeted: context.greeted,
            resumed: true,
            ..Self::new(settings, call)
        };
        resumed.remembered = resumed.fingerprint();
        resumed
    }

    /// The context of the call, as of now.
    #[must_use]
    pub fn context(&self) -> CallContext {
        CallContext {
            version: VERSION,
            // Words that wait for the end of a response would otherwise be lost with it.
            messages: self.history.with(&self.appended),
            summary: self.history.summary().to_owned(),
            language: self.language.clone(),
            set_language: self.settings.language.clone(),
            voices: self.settings.chosen_voices.clone(),
            multilingual: self.multilingual,
            no_voice_told: self.no_voice_told,
            tools: self.tools.iter().filter(|tool| tool.doer == Doer::Client).cloned().collect(),
            mood: self.shown.own(),
            greeted: self.greeted,
            responses: self.responses,
        }
    }

    /// The client of a resumed call says hello: the face's mood is restored, and this engine counts the history.
    pub(super) fn pick_up(&mut self) {
        if std::mem::take(&mut self.resumed) {
            self.end_mood();
            self.count_history();
        }
    }

    /// Remembers the context if it has changed and the turn is over, or at once if the client changed it.
    pub(super) fn remember_changes(&mut self) {
        // A canned phrase leaves nothing in the history.
        let settled = !self.unanswered && self.response.as_ref().is_none_or(|response| response.canned);
        if !std::mem::take(&mut self.remember_now) && !settled {
            return;
        }
        let fingerprint = self.fingerprint();
        if fingerprint != self.remembered {
            self.remembered = fingerprint;
            self.commands.push(Command::Remember(Box::new(self.context())));
        }
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            history: self.history.changes(),
            appended: self.appended.len(),
            tools: self.tools_taken,
            language: self.language.clone(),
            set_language: self.settings.language.clone(),
            voices: self.settings.chosen_voices.clone(),
            multilingual: self.multilingual,
            no_voice_told: self.no_voice_told,
        }
    }
}
