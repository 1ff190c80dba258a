//! Tools that the model calls in the middle of an answer: when they may run, and how the answer goes on.

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{AnswerEnd, CallEvent, EndReason};
use crate::frame::{Message, PlaybackPosition, ResponseId, Role};
use crate::tool::{Doer, ToolCall, ToolEnd};

use super::{Command, Conversation, lines};

/// Calls in one answer that cannot be done before the model must do without.
const INVALID: u32 = 2;
/// The call says something when a tool is slower than this.
const SPEAKS_AFTER: u64 = 700;
/// The share of the history's room that one result may take.
const RESULT_SHARE: usize = 4;
/// Bytes of a result for one token of that room.
const BYTES_PER_TOKEN: usize = 2;

/// How an answer goes on after its model has called a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Round {
    /// The model is asked again, with the result at the end; false: without its tools, with the results in words.
    Ask(Vec<Message>, bool),
    /// These words end it.
    Say(String),
    /// It has said all.
    End,
}

/// An answer's tools.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Called by a hidden answer, which must not do anything yet.
    waits: Option<(String, String)>,
    running: Option<Running>,
    rounds: u32,
    invalid: u32,
    /// What has been called.
    made: Vec<(String, Value)>,
    /// It may not call anything any more.
    closed: bool,
    /// Bytes of the answer's text before the last call's own.
    told: usize,
}

#[derive(Debug)]
struct Running {
    call: ToolCall,
    doer: Doer,
    since: u64,
    /// When nobody waits any more; a webhook has its own clock.
    due: Option<u64>,
    /// The person is to be told that it takes a while.
    silent: bool,
}

impl Conversation {
    /// What the model may call.
    #[must_use]
    pub fn tools(&self) -> &crate::tool::Tools {
        &self.tools
    }

    /// The model calls a tool. A hidden answer's call waits: nothing may be done for what may never have been asked.
    pub(super) fn tool_called(
        &mut self,
        now: u64,
        position: PlaybackPosition,
        response: ResponseId,
        (name, arguments): (String, String),
    ) {
        if let Some(hidden) = self.hidden.as_mut().filter(|hidden| hidden.id == response) {
            hidden.used.waits = Some((name, arguments));
            return;
        }
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.id == response) else { return };
        answer.used.waits = Some((name, arguments));
        self.run_waiting_tool(now, position);
    }

    /// Does what the answer's model has called, now that the turn is decided.
    pub(super) fn run_waiting_tool(&mut self, now: u64, position: PlaybackPosition) {
        let Some(answer) = self.answer.as_mut() else { return };
        let Some((name, arguments)) = answer.used.waits.take() else { return };
        if answer.used.running.is_some() {
            return;
        }
        answer.used.rounds += 1;
        if answer.used.closed {
            return self.abandon(now, position);
        }
        let id = format!("{}-{}", answer.id.0, answer.used.rounds);
        let silent = answer.silent_so_far();
        let tool = self.tools.iter().find(|tool| tool.name == name);
        let checked = match tool {
            None => Err(format!("there is no tool {name:?}")),
            Some(tool) => tool.arguments(&arguments).map(|arguments| (tool.doer, tool.timeout_ms, arguments)),
        };
        match checked {
            Err(fault) => self.not_callable(&name, &arguments, &fault),
            Ok((.., arguments)) if answer.used.made.contains(&(name.clone(), arguments.clone())) => {
                // It has that result, and small models ask again and again.
                self.go_on(false);
            }
            Ok((Doer::EndCall, ..)) => self.end_called(&name, silent),
            Ok((doer, timeout, arguments)) => {
                let client = doer == Doer::Client;
                answer.used.made.push((name.clone(), arguments.clone()));
                let call = ToolCall { id, name, arguments };
                let shown = client.then(|| call.arguments.clone());
                self.emit(CallEvent::ToolStarted {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: shown,
                });
                if let Some(answer) = self.answer.as_mut() {
                    if !client {
                        self.commands.push(Command::RunTool(answer.id, call.clone()));
                    }
                    let due = client.then_some(now + timeout);
                    answer.used.running = Some(Running { call, doer, since: now, due, silent });
                }
            }
        }
    }

    /// The model is told that what it called cannot be; it may try once more.
    fn not_callable(&mut self, name: &str, arguments: &str, fault: &str) {
        let Some(answer) = self.answer.as_mut() else { return };
        answer.used.invalid += 1;
        let again = answer.used.invalid < INVALID;
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        self.remember_tool(name, &arguments, &format!("error: {fault}"));
        self.go_on(again);
    }

    /// The call ends as soon as a goodbye has been heard.
    fn end_called(&mut self, name: &str, silent: bool) {
        self.leaving = Some(super::AGENT_ENDED);
        self.remember_tool(name, &json!({}), "The call ends.");
        let Some(answer) = &self.answer else { return };
        let goodbye = lines::bye(&self.language).to_string();
        let round = if silent { Round::Say(goodbye) } else { Round::End };
        self.commands.push(Command::Continue(answer.id, round));
    }

    /// A client says what its tool has done; of the server's own tools it has nothing to say.
    pub(super) fn client_tool_returned(&mut self, now: u64, id: &str, result: Result<String, String>) {
        let running = self.answer.as_ref().and_then(|answer| answer.used.running.as_ref());
        if running.is_some_and(|running| running.doer == Doer::Client) {
            self.tool_returned(now, id, result);
        }
    }

    /// A tool has done what it does, or could not.
    pub(super) fn tool_returned(&mut self, now: u64, id: &str, result: Result<String, String>) {
        let Some(answer) = self.answer.as_mut() else { return };
        let Some(running) = answer.used.running.take_if(|running| running.call.id == id) else { return };
        let end = if result.is_ok() { ToolEnd::Done } else { ToolEnd::Failed };
        let text = result.unwrap_or_else(|fault| format!("error: {fault}"));
        self.tool_stopped(now, &running, end);
        self.remember_tool(&running.call.name, &running.call.arguments, &text);
        self.go_on(true);
    }

    /// Lets the model go on with what is known now.
    fn go_on(&mut self, may_call: bool) {
        let Some(answer) = self.answer.as_mut() else { return };
        let id = answer.id;
        let may_call = may_call && answer.used.rounds < self.settings.tool_rounds;
        answer.used.closed = !may_call;
        let said = answer.said_since(answer.used.told);
        answer.used.told += said.len();
        let said = said.trim().to_string();
        let language = self.language.clone();
        let mut messages = self.messages("", &language);
        // What it said before the call is part of its own message; the history will have it when it has been heard.
        if !said.is_empty() && messages.len() >= 2 {
            messages.insert(messages.len() - 2, Message { role: Role::Assistant, content: said });
        }
        let messages = if may_call { messages } else { in_words(messages) };
        self.commands.push(Command::Continue(id, Round::Ask(messages, may_call)));
    }

    /// Asks the model again for the answer in work, with as much as has room now.
    pub(super) fn ask_on(&mut self) {
        let Some(answer) = self.answer.as_ref() else { return };
        let (id, may_call) = (answer.id, !answer.used.closed);
        let language = self.language.clone();
        let messages = self.question(&language);
        let messages = if may_call { messages } else { in_words(messages) };
        self.commands.push(Command::Continue(id, Round::Ask(messages, may_call)));
    }

    fn remember_tool(&mut self, name: &str, arguments: &Value, result: &str) {
        let most = self.budget.room(0).tokens * BYTES_PER_TOKEN / RESULT_SHARE;
        let mut result = result.to_string();
        if result.len() > most {
            let cut = (0..=most).rev().find(|at| result.is_char_boundary(*at)).unwrap_or(0);
            result.truncate(cut);
            result.push_str(" … (cut)");
        }
        let call = json!({ "name": name, "arguments": arguments });
        self.history.tool_was_used(call.to_string(), result);
    }

    fn tool_stopped(&mut self, now: u64, running: &Running, end: ToolEnd) {
        let ms = u32::try_from(now.saturating_sub(running.since)).unwrap_or(u32::MAX);
        let (id, name) = (running.call.id.clone(), running.call.name.clone());
        self.emit(CallEvent::ToolStopped { id, name, end, ms, doer: running.doer });
    }

    /// The answer ends while a tool works for it. The tool may have done its work, and the model must know.
    pub(super) fn tool_broken_off(&mut self, now: u64, used: &mut Used, end: AnswerEnd) {
        let Some(running) = used.running.take() else { return };
        self.tool_stopped(now, &running, ToolEnd::Cancelled);
        let why = if end == AnswerEnd::Failed { "the call broke off" } else { "the person interrupted" };
        let text = format!("error: {why} before the result came; it may have been done or not");
        self.remember_tool(&running.call.name, &running.call.arguments, &text);
    }

    pub(super) fn tool_due(&self) -> Option<u64> {
        let running = self.answer.as_ref()?.used.running.as_ref()?;
        let speaks = running.silent.then_some(running.since + SPEAKS_AFTER);
        [speaks, running.due].into_iter().flatten().min()
    }

    pub(super) fn tool_timeout(&mut self, now: u64) {
        let Some(running) = self.answer.as_mut().and_then(|answer| answer.used.running.as_mut()) else {
            return;
        };
        if running.due.is_some_and(|due| due <= now) {
            let id = running.call.id.clone();
            return self.tool_returned(now, &id, Err("the tool did not answer in time".into()));
        }
        if running.silent && running.since + SPEAKS_AFTER <= now {
            running.silent = false;
            let line = lines::looking_up(&self.language);
            if self.answer.as_ref().is_some_and(super::answer::Answer::silent_so_far) {
                self.hold_with(now, line);
            }
        }
    }
}

/// Calls and results as notes to the question: a small model that has seen a call writes another one, and nothing else.
fn in_words(messages: Vec<Message>) -> Vec<Message> {
    let mut plain: Vec<Message> = Vec::with_capacity(messages.len());
    let mut name = String::new();
    for message in messages {
        match message.role {
            Role::Call => {
                let call: Value = serde_json::from_str(&message.content).unwrap_or_default();
                name = call["name"].as_str().unwrap_or_default().to_string();
            }
            Role::Tool => {
                if let Some(question) = plain.iter_mut().rfind(|message| message.role == Role::User) {
                    question.content.push_str(&format!("\n\n({name}: {})", message.content));
                }
            }
            _ => plain.push(message),
        }
    }
    plain
}

/// The reason of a call that the model ends.
pub(super) const AGENT_ENDED: (EndReason, &str) = (EndReason::AgentEnded, "The agent has ended the call.");
