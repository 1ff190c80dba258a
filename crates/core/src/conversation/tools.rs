//! Tool calls during a response: when they may run, and how the response continues.

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{CallEnd, CallEvent, EndReason, ResponseEnd};
use crate::frame::{Message, PlaybackPosition, ResponseId, Role};
use crate::tool::{Doer, ToolCall, ToolEnd, WrittenCall};

use super::tool_use::{Made, Running, ToolUse};
use super::{Command, Conversation, Input, Response, lines};

/// Invalid calls in one response after which the model must do without tools.
const INVALID: u32 = 2;
/// A tool that takes longer than this is announced by a filler.
const SPEAKS_AFTER: u64 = 700;
/// One result may take one part in this many of the history's room.
const RESULT_SHARE: usize = 4;
/// Bytes of a result per token of that room.
const BYTES_PER_TOKEN: usize = 2;

/// Why there is no result of a tool.
const BROKE_OFF: &str = "the call broke off";

/// How a response continues after its model has called a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Round {
    /// The model is asked again, with the result at the end; false: without tools, with the results in words.
    Ask(Vec<Message>, bool),
    /// The response ends with these words.
    Say(String),
    /// The response ends without further words.
    End,
}

impl Conversation {
    /// The tools that the model may call.
    #[must_use]
    pub fn tools(&self) -> &crate::tool::Tools {
        &self.tools
    }

    /// Whether a tool call's arguments may be checked at this input. A client's schema can make that take tens of milliseconds.
    #[must_use]
    pub fn checks_arguments(&self, input: &Input) -> bool {
        let waits = |response: &Response| response.tool_use.waits.is_some();
        matches!(input, Input::ToolCalled(..)) || self.speculative.as_ref().is_some_and(waits)
    }

    /// The model calls a tool. A speculative response's call waits, since its question may not be final.
    pub(super) fn tool_called(
        &mut self,
        now: u64,
        position: PlaybackPosition,
        id: ResponseId,
        call: WrittenCall,
    ) {
        if let Some(speculative) = self.speculative.as_mut().filter(|speculative| speculative.id == id) {
            speculative.tool_use.waits = Some(call);
            return;
        }
        let Some(response) = self.response.as_mut().filter(|response| response.id == id) else { return };
        response.tool_use.waits = Some(call);
        self.run_waiting_tool(now, position);
    }

    /// Runs the tool call that waited until the turn was decided.
    pub(super) fn run_waiting_tool(&mut self, now: u64, position: PlaybackPosition) {
        let Some(response) = self.response.as_mut() else { return };
        let Some(WrittenCall { name, arguments }) = response.tool_use.waits.take() else { return };
        if response.tool_use.running.is_some() {
            return;
        }
        response.tool_use.rounds += 1;
        if response.tool_use.closed {
            return self.abandon(now, position);
        }
        let id = format!("{}-{}", response.id.0, response.tool_use.rounds);
        let silent = response.silent_so_far();
        let tool = self.tools.iter().find(|tool| tool.name == name);
        let checked = match tool {
            None => Err(format!("there is no tool {name:?}")),
            Some(tool) => tool.arguments(&arguments).map(|arguments| (tool.doer, tool.timeout_ms, arguments)),
        };
        match checked {
            Err(fault) => self.not_callable(&name, &arguments, &fault),
            Ok((.., arguments)) if response.tool_use.has_made(&name, &arguments) => {
                // The model has that result already; small models repeat calls over and over.
                self.go_on(false);
            }
            Ok((Doer::EndCall, ..)) => self.end_called(&name, silent),
            Ok((doer, timeout, arguments)) => {
                let client = doer == Doer::Client;
                response.tool_use.made.push(Made { name: name.clone(), arguments: arguments.clone() });
                let call = ToolCall { id, name, arguments };
                let shown = client.then(|| call.arguments.clone());
                self.emit(CallEvent::ToolStarted {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: shown,
                });
                if let Some(response) = self.response.as_mut() {
                    if !client {
                        self.commands.push(Command::RunTool(response.id, call.clone()));
                    }
                    let due = client.then_some(now + timeout);
                    response.tool_use.running = Some(Running { call, doer, since: now, due, silent });
                }
            }
        }
    }

    /// Tells the model that its call is invalid; it may try once more.
    fn not_callable(&mut self, name: &str, arguments: &str, fault: &str) {
        let Some(response) = self.response.as_mut() else { return };
        response.tool_use.invalid += 1;
        let again = response.tool_use.invalid < INVALID;
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        self.remember_tool(name, &arguments, &format!("error: {fault}"));
        self.go_on(again);
    }

    /// The model ends the call, after a goodbye.
    fn end_called(&mut self, name: &str, silent: bool) {
        self.leaving = Some(super::AGENT_ENDED);
        self.remember_tool(name, &json!({}), "The call ends.");
        let Some(response) = &self.response else { return };
        let goodbye = lines::bye(&self.voiced(&self.language)).to_string();
        let round = if silent { Round::Say(goodbye) } else { Round::End };
        self.commands.push(Command::Continue(response.id, round));
    }

    /// Takes a tool result from the client, for client tools only.
    pub(super) fn client_tool_returned(&mut self, now: u64, id: &str, result: Result<String, String>) {
        let running = self.response.as_ref().and_then(|response| response.tool_use.running.as_ref());
        if running.is_some_and(|running| running.doer == Doer::Client) {
            self.tool_returned(now, id, result);
        }
    }

    /// A tool has returned a result or a fault.
    pub(super) fn tool_returned(&mut self, now: u64, id: &str, result: Result<String, String>) {
        let Some(response) = self.response.as_mut() else { return };
        let Some(running) = response.tool_use.running.take_if(|running| running.call.id == id) else {
            return;
        };
        let end = if result.is_ok() { ToolEnd::Done } else { ToolEnd::Failed };
        let text = result.unwrap_or_else(|fault| format!("error: {fault}"));
        self.tool_stopped(now, &running, end);
        self.remember_tool(&running.call.name, &running.call.arguments, &text);
        self.go_on(true);
    }

    /// Lets the model continue with what is known now.
    fn go_on(&mut self, may_call: bool) {
        let Some(response) = self.response.as_mut() else { return };
        let id = response.id;
        let may_call = may_call && response.tool_use.rounds < self.settings.tool_rounds;
        response.tool_use.closed = !may_call;
        let said = response.said_since(response.tool_use.text_sent);
        response.tool_use.text_sent += said.len();
        let said = said.trim().to_string();
        let language = self.language.clone();
        let mut messages = self.messages("", &language);
        // What it said before the call goes in as its own message; the history gets it once it was heard.
        if !said.is_empty() && messages.len() >= 2 {
            messages.insert(messages.len() - 2, Message { role: Role::Assistant, content: said });
        }
        let messages = if may_call { messages } else { in_words(messages) };
        self.commands.push(Command::Continue(id, Round::Ask(messages, may_call)));
    }

    /// Asks the model again for the current response, with as much as fits now.
    pub(super) fn ask_again(&mut self) {
        let Some(response) = self.response.as_ref() else { return };
        let (id, may_call) = (response.id, !response.tool_use.closed);
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

    /// The response ends while a tool runs. The tool may have done its work, and the model must know.
    pub(super) fn tool_broken_off(&mut self, now: u64, tool_use: &mut ToolUse, end: ResponseEnd) {
        let Some(running) = tool_use.running.take() else { return };
        self.tool_stopped(now, &running, ToolEnd::Cancelled);
        let why = if end == ResponseEnd::Failed { BROKE_OFF } else { "the person interrupted" };
        self.remember_tool(&running.call.name, &running.call.arguments, &without_result(why));
    }

    /// The call of the tool that runs, as the model is told of it if the call breaks off now.
    pub(super) fn tool_in_doubt(&self) -> Vec<Message> {
        let running = self.response.as_ref().and_then(|response| response.tool_use.running.as_ref());
        let Some(Running { call, .. }) = running else { return Vec::new() };
        let written = json!({ "name": call.name, "arguments": call.arguments }).to_string();
        vec![
            Message { role: Role::Call, content: written },
            Message { role: Role::Tool, content: without_result(BROKE_OFF) },
        ]
    }

    pub(super) fn tool_due(&self) -> Option<u64> {
        let running = self.response.as_ref()?.tool_use.running.as_ref()?;
        let speaks = running.silent.then_some(running.since + SPEAKS_AFTER);
        [speaks, running.due].into_iter().flatten().min()
    }

    pub(super) fn tool_timeout(&mut self, now: u64) {
        let Some(running) = self.response.as_mut().and_then(|response| response.tool_use.running.as_mut())
        else {
            return;
        };
        if running.due.is_some_and(|due| due <= now) {
            let id = running.call.id.clone();
            return self.tool_returned(now, &id, Err("the tool did not answer in time".into()));
        }
        if running.silent && running.since + SPEAKS_AFTER <= now {
            running.silent = false;
            let phrase = lines::looking_up(&self.voiced(&self.language));
            if self.response.as_ref().is_some_and(super::response::Response::silent_so_far) {
                self.fill_with(now, phrase);
            }
        }
    }
}

/// What the model is told in place of a result that did not come.
fn without_result(why: &str) -> String {
    format!("error: {why} before the result came; it may have been done or not")
}

/// Turns calls and results into notes on the question: a small model that has seen a call writes nothing but another one.
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

/// Why a call ends that the model ended.
pub(super) const AGENT_ENDED: CallEnd =
    CallEnd { reason: EndReason::AgentEnded, message: "The agent has ended the call." };
