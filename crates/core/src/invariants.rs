//! What must hold in every call, checked on the inputs and commands of its conversation. Pure.
//!
//! The same checker runs on random event orders in tests, on recordings in replay, and on every live call. Its findings
//! are logged, so they name responses and never quote words.

use std::collections::BTreeSet;

use crate::context::CallContext;
use crate::conversation::{Command, Input};
use crate::event::{AgentState, CallEvent, ClientCommand, ResponseEnd};
use crate::frame::{ResponseId, Role, UtteranceId, VadEvent};

mod commands;
mod events;
mod heard;
mod playing;
#[cfg(test)]
mod tests;

/// What the conversation guarantees, whatever happens in whatever order.
pub const OWN: [&str; 10] = [
    "one_response",
    "one_end",
    "nothing_after_end",
    "speculative_unheard",
    "states_agree",
    "one_request",
    "history_is_heard",
    "control_kept",
    "close_once",
    "clock",
];
/// What holds if the stages around it keep their order.
pub const OF_STAGES: [&str; 4] = ["speculative_unplayed", "playout_order", "speech_order", "whole_request"];

/// Silence inside a response, in milliseconds, before which no filler is said.
const SILENCE: u64 = 3_000;

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// One of [`OWN`] and [`OF_STAGES`].
    pub invariant: &'static str,
    /// What happened, without quoting what was said.
    pub what: String,
}

/// A response that was announced to the client and has not ended.
#[derive(Debug, Default)]
struct Announced {
    id: ResponseId,
    sounding: bool,
    /// Since when nothing of it has sounded, nor a filler begun, if it is dry.
    dry_from: Option<u64>,
    /// The segments that have begun to sound.
    said: String,
    broke: Option<Broke>,
}

/// How a response broke off.
#[derive(Debug)]
struct Broke {
    end: ResponseEnd,
    /// What was heard of it.
    heard: String,
}

/// The response in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Made {
    id: ResponseId,
    speculative: bool,
}

/// The response in playout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Playing {
    id: ResponseId,
    dry: bool,
    finished: bool,
}

/// Checks one call, step by step.
#[derive(Debug)]
pub struct Invariants {
    now: u64,
    made: Option<Made>,
    /// The last canned phrase.
    canned: Option<ResponseId>,
    announced: Option<Announced>,
    ever_announced: BTreeSet<ResponseId>,
    /// The latest response begun.
    last: ResponseId,
    /// What was heard of all responses that the model may be told of.
    heard: String,
    state: AgentState,
    speaking: bool,
    open: Option<UtteranceId>,
    playing: Option<Playing>,
    /// Words that the client attributed to the agent while a response was announced.
    appended: Vec<String>,
    ended: bool,
    found: Vec<Violation>,
}

impl Default for Invariants {
    fn default() -> Self {
        Self {
            now: 0,
            made: None,
            canned: None,
            announced: None,
            ever_announced: BTreeSet::new(),
            last: ResponseId(0),
            heard: String::new(),
            state: AgentState::Listening,
            speaking: false,
            open: None,
            playing: None,
            appended: Vec::new(),
            ended: false,
            found: Vec::new(),
        }
    }
}

impl Invariants {
    /// For a call that resumes from this context, whose words count as heard.
    #[must_use]
    pub fn resumed(context: &CallContext) -> Self {
        let mut resumed = Self { last: ResponseId(context.responses), ..Self::default() };
        let said = context.messages.iter().filter(|message| message.role == Role::Assistant);
        said.for_each(|message| resumed.was_heard(&message.content));
        resumed
    }

    /// Checks an input at `now` and the commands it caused, and returns the violations.
    pub fn step(&mut self, now: u64, input: &Input, commands: &[Command]) -> Vec<Violation> {
        let before = self.now;
        self.must("clock", now >= before, || format!("the time went back from {before} to {now} ms"));
        self.now = now;
        if self.ended {
            self.must("nothing_after_end", commands.is_empty(), || "a command after the call's end".into());
            return std::mem::take(&mut self.found);
        }
        self.input(input);
        self.appends(input, commands);
        for command in commands {
            self.must("nothing_after_end", !self.ended, || "a command after the call's end".into());
            self.command(command);
        }
        self.after(input, commands);
        // What the client does then has no effect.
        self.ended |= matches!(input, Input::Gone);
        std::mem::take(&mut self.found)
    }

    fn must(&mut self, invariant: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.found.push(Violation { invariant, what: what() });
        }
    }

    fn input(&mut self, input: &Input) {
        match input {
            Input::Voice { event: VadEvent::Started { utterance, .. }, .. } => self.open = Some(*utterance),
            Input::Voice { event: VadEvent::Cut { utterance, .. }, .. } => {
                self.open.take_if(|open| open == utterance);
            }
            Input::Playout(event) => self.playout(event),
            _ => {}
        }
    }

    fn after(&mut self, input: &Input, commands: &[Command]) {
        let emits = |what: fn(&CallEvent) -> bool| {
            commands.iter().any(|command| matches!(command, Command::Emit(event) if what(event)))
        };
        let kept = match input {
            Input::Client(ClientCommand::HangUp) => self.ended,
            Input::Client(ClientCommand::Interrupt) => self.announced.is_none(),
            Input::Client(ClientCommand::Ready) => emits(|event| matches!(event, CallEvent::Ready { .. })),
            Input::Client(ClientCommand::Bad { .. }) => {
                emits(|event| matches!(event, CallEvent::BadMessage { .. }))
            }
            _ => true,
        };
        self.must("control_kept", kept, || "a message of the client had no effect".into());
        if !self.ended {
            let (state, sounding) = (self.state, self.announced.as_ref().map(|announced| announced.sounding));
            let agrees = match sounding {
                Some(true) => state == AgentState::Speaking,
                Some(false) => state == AgentState::Thinking,
                None => state != AgentState::Speaking,
            };
            self.must("states_agree", agrees, || {
                format!("{state:?} is announced, and a response sounds: {sounding:?}")
            });
        }
    }
}
