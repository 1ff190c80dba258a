//! The part of the conversation that outlives its process: when its context is remembered, and how another
//! conversation resumes from it.
//!
//! A turn is remembered when it is decided, at each further segment that is heard of its response, when that is written to its end
//! and when it is over: a server that dies must neither have the person say it again nor repeat much. Changes that a client would
//! otherwise have to repeat (language, voices, tools, appended words) are remembered at once. The face's mood is remembered with
//! the next other change, since a client that drives the face sets it many times a second, and so are the tokens that were used.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::face::Shown;
use super::history::History;
use super::response::{Question, Response};
use super::{Command, Conversation, Settings};
use crate::context::{CallContext, VERSION};
use crate::frame::{Message, Role};
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
    turn: Progress,
}

/// How far a turn has got.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    unanswered: bool,
    /// There is a response.
    responding: bool,
    /// A tool runs: a server that dies then must not have it done twice.
    tool: bool,
    /// Segments of the response that have begun.
    segments: usize,
    text_ended: bool,
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
            pending: context.pending.clone(),
            usage: context.usage,
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
            messages: self.history.with(&self.in_doubt()),
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
            pending: self.pending_turn(),
            usage: self.usage,
        }
    }

    /// What follows the history if the call breaks off now: a tool that may have been used, what was heard of the response, and
    /// words that wait for its end, which would otherwise be lost with it.
    fn in_doubt(&self) -> Vec<Message> {
        let mut more = self.tool_in_doubt();
        if let Some(response) = self.remembered_response() {
            let content = response.heard(self.played(response.id));
            more.extend((!content.is_empty()).then_some(Message { role: Role::Assistant, content }));
        }
        more.extend_from_slice(&self.appended);
        more
    }

    /// The response, unless it is a canned phrase, which leaves nothing in the history.
    fn remembered_response(&self) -> Option<&Response> {
        self.response.as_ref().filter(|response| !response.canned)
    }

    /// The client of a resumed call says hello: the face's mood is restored, this engine counts the history, and the turn that was
    /// not over goes on.
    pub(super) fn pick_up(&mut self, now: u64) {
        if std::mem::take(&mut self.resumed) {
            self.end_mood();
            self.count_history();
            self.take_up(now);
        }
    }

    /// The client is gone, or its call goes on elsewhere. What the person has said up to a pause counts as said.
    pub(super) fn gone(&mut self, now: u64) {
        if let Some(words) = self.paused_words().cloned() {
            self.language = self.language_of(&words);
            self.person_said(now, &words.text, Question::at(now));
        }
        self.remember();
        self.ended = true;
    }

    /// Remembers the context if it has changed.
    pub(super) fn remember_changes(&mut self) {
        if self.fingerprint() != self.remembered {
            self.remember();
        }
    }

    /// Remembers the context.
    pub(super) fn remember(&mut self) {
        self.remembered = self.fingerprint();
        self.commands.push(Command::Remember(Box::new(self.context())));
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
            turn: self.progress(),
        }
    }

    fn progress(&self) -> Progress {
        let response = self.remembered_response();
        Progress {
            unanswered: self.unanswered,
            responding: response.is_some(),
            tool: response.is_some_and(|response| response.tool_use.running.is_some()),
            segments: response.map_or(0, |response| response.segments.len()),
            text_ended: response.is_some_and(|response| response.text_ended),
        }
    }
}
