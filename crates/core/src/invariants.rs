//! What must hold in every call, checked over what goes into its conversation and what comes out. Pure.
//!
//! The same checker looks at random event orders in tests, at recordings when they are replayed, and at every call live.
//! What it says names answers and never words: it is logged.

use std::collections::BTreeSet;

use crate::context::CallContext;
use crate::conversation::{Command, Input};
use crate::event::{AgentState, AnswerEnd, CallEvent, ClientCommand};
use crate::frame::PlayoutEvent;
use crate::frame::{Message, Play, ResponseId, ResponseRequest, Role, UtteranceId, VadEvent};

/// What the conversation owes, whatever happens in whatever order.
pub const OWN: [&str; 10] = [
    "one_answer",
    "one_end",
    "nothing_after_end",
    "hidden_unheard",
    "states_agree",
    "one_request",
    "history_is_heard",
    "control_kept",
    "close_once",
    "clock",
];
/// What holds when the stages around it keep their order.
pub const OF_STAGES: [&str; 4] = ["hidden_unplayed", "playout_order", "speech_order", "whole_request"];

/// Of what was heard so far the last megabyte is remembered: more than any model's window.
const REMEMBERED: usize = 1 << 20;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// One of [`OWN`] and [`OF_STAGES`].
    pub invariant: &'static str,
    /// What happened, without words that were said.
    pub what: String,
}

/// An answer that the client was told of and that has not ended.
#[derive(Debug, Default)]
struct Told {
    id: ResponseId,
    sounding: bool,
    /// The phrases that have begun to sound.
    said: String,
    /// How it broke off and what was heard of it, if it did.
    broke: Option<(AnswerEnd, String)>,
}

/// Looks at one call, step by step.
#[derive(Debug)]
pub struct Invariants {
    now: u64,
    /// The answer that is made, and whether it is hidden.
    made: Option<(ResponseId, bool)>,
    /// The last answer whose words are the server's own.
    canned: Option<ResponseId>,
    told: Option<Told>,
    ever_told: BTreeSet<ResponseId>,
    /// The youngest answer.
    last: ResponseId,
    /// What was heard of all answers that the model may know of.
    heard: String,
    state: AgentState,
    speaking: bool,
    open: Option<UtteranceId>,
    /// The answer that playout plays, and whether it has finished.
    playing: Option<(ResponseId, bool)>,
    /// What the client said that the agent has said, while an answer was told of.
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
            told: None,
            ever_told: BTreeSet::new(),
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
    /// Of a call that goes on from this context, which was heard before.
    #[must_use]
    pub fn resumed(context: &CallContext) -> Self {
        let mut resumed = Self { last: ResponseId(context.responses), ..Self::default() };
        let said = context.messages.iter().filter(|message| message.role == Role::Assistant);
        said.for_each(|message| resumed.was_heard(&message.content));
        resumed
    }

    /// Looks at what happened at `now` and what was commanded, and says what must not be.
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

    /// The client says that the agent has said something, and is not refused.
    fn appends(&mut self, input: &Input, commands: &[Command]) {
        let Input::Client(ClientCommand::Append { role: Role::Assistant, text, .. }) = input else { return };
        let bad = |command: &Command| matches!(command, Command::Emit(CallEvent::BadMessage { .. }));
        if !commands.iter().any(bad) {
            self.appended.push(text.clone());
        }
        if self.told.is_none() {
            self.takes_in_appended();
        }
    }

    /// What the client says that the agent has said counts as heard, behind the answer that it came into.
    fn takes_in_appended(&mut self) {
        for text in std::mem::take(&mut self.appended) {
            self.was_heard(&text);
        }
    }

    fn was_heard(&mut self, text: &str) {
        self.heard = spaced(&format!("{} {text}", self.heard));
        if self.heard.len() > REMEMBERED {
            let from = self.heard.len() - REMEMBERED / 2;
            let from = (from..).find(|at| self.heard.is_char_boundary(*at)).unwrap_or(0);
            self.heard.drain(..from);
        }
    }

    fn playout(&mut self, event: &PlayoutEvent) {
        let id = event.response();
        let told = self.ever_told.contains(&id);
        self.must("hidden_unplayed", told, || format!("answer {} sounds and was never told of", id.0));
        let before = self.playing.filter(|(playing, _)| *playing == id);
        let (fits, finished) = match event {
            PlayoutEvent::Started(_) => {
                (before.is_none() && self.playing.is_none_or(|(last, _)| last < id), false)
            }
            // What does not sound may be shown before anything sounds.
            PlayoutEvent::Phrase { aloud: false, .. } => return,
            PlayoutEvent::Phrase { .. } | PlayoutEvent::Words { .. } | PlayoutEvent::Hole(..) => {
                (before == Some((id, false)), false)
            }
            PlayoutEvent::Cue { .. } => return,
            // What has no sound finishes without a start.
            PlayoutEvent::Finished(_) => (before.is_none_or(|(_, finished)| !finished), true),
        };
        if self.playing.is_none_or(|(last, _)| last <= id) {
            self.playing = Some((id, finished));
        }
        self.must("playout_order", fits, || format!("answer {} is played out of order", id.0));
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Start(request, play) => self.start(request, *play),
            Command::Prefill(messages, _) => self.history(messages),
            Command::Play(id, play) => {
                let known = self.told.as_ref().is_some_and(|told| told.id == *id);
                self.made_is("nothing_after_end", *id);
                self.must("hidden_unheard", known && *play != Play::Hidden, || {
                    format!("answer {} is played as {play:?} and was not told of", id.0)
                });
                self.made = self.made.map(|(made, _)| (made, false));
            }
            Command::Cancel(id) => {
                self.made_is("nothing_after_end", *id);
                self.made = None;
            }
            Command::Hold(id, _) => {
                self.made_is("nothing_after_end", *id);
                let waits = self.told.as_ref().is_some_and(|told| told.id == *id && !told.sounding);
                self.must("states_agree", waits, || format!("answer {} sounds and is held up", id.0));
            }
            Command::RunTool(id, _) | Command::Continue(id, _) => {
                let known = self.told.as_ref().is_some_and(|told| told.id == *id);
                self.made_is("nothing_after_end", *id);
                self.must("hidden_unheard", known, || {
                    format!("answer {} uses a tool and was not told of", id.0)
                });
            }
            Command::Close(utterance) => {
                let open = self.open.take();
                self.must("close_once", open == Some(*utterance), || {
                    format!("utterance {} is closed and {open:?} is open", utterance.0)
                });
            }
            Command::Emit(event) => self.event(event),
            Command::Count(_, messages, _) => self.history(messages),
            Command::Remember(context) => self.remembered(context),
            Command::SetLanguage(_) | Command::Summarise(_) | Command::Prepare(..) | Command::Show(_) => {}
            Command::End(..) => {
                let made = self.made;
                self.must("one_answer", made.is_none(), || format!("{made:?} is made after the call's end"));
                self.ended = true;
            }
        }
    }

    fn made_is(&mut self, invariant: &'static str, id: ResponseId) {
        let made = self.made.map(|(made, _)| made);
        self.must(invariant, made == Some(id), || format!("a command to {id:?}, and {made:?} is made"));
    }

    fn start(&mut self, request: &ResponseRequest, play: Play) {
        let (id, last, made) = (request.id, self.last, self.made);
        self.must("one_answer", made.is_none(), || format!("answer {} begins beside {made:?}", id.0));
        self.must("one_request", id > last, || format!("answer {} begins after {last:?}", id.0));
        let hidden = play == Play::Hidden;
        let told = self.told.as_ref().is_some_and(|told| told.id == id);
        self.must("hidden_unheard", told != hidden, || {
            format!("answer {} begins as {play:?}, told of: {told}", id.0)
        });
        let whole = request.script.is_some()
            || request.messages.first().is_some_and(|first| first.role == Role::System)
                && request.messages.last().is_some_and(|last| matches!(last.role, Role::User | Role::Tool));
        self.must("whole_request", whole, || format!("answer {} answers no words of the person", id.0));
        self.must("one_request", request.speculative == hidden, || {
            format!("answer {} begins as {play:?}, speculative: {}", id.0, request.speculative)
        });
        self.history(&request.messages);
        if request.canned {
            self.canned = Some(id);
        }
        (self.made, self.last) = (Some((id, hidden)), id);
    }

    /// Of the agent the history holds nothing but what was heard.
    fn history(&mut self, messages: &[Message]) {
        for (at, message) in messages.iter().enumerate() {
            let heard = message.role != Role::Assistant || self.heard.contains(&spaced(&message.content));
            self.must("history_is_heard", heard, || format!("message {at} was never heard like that"));
        }
    }

    /// What outlives the process holds no more than that, and ids go on behind it.
    fn remembered(&mut self, context: &CallContext) {
        let heard = spaced(&format!("{} {}", self.heard, self.appended.join(" ")));
        let said = context.messages.iter().filter(|message| message.role == Role::Assistant);
        let unheard = said.filter(|message| !heard.contains(&spaced(&message.content))).count();
        self.must("history_is_heard", unheard == 0, || {
            format!("{unheard} remembered messages were never heard")
        });
        let (last, counted) = (self.last, context.responses);
        self.must("one_request", counted >= last.0, || {
            format!("{last:?} was begun, and {counted} are remembered")
        });
    }

    fn event(&mut self, event: &CallEvent) {
        match event {
            CallEvent::AnswerStarted(id) => {
                let before = self.told.replace(Told { id: *id, ..Told::default() });
                let new = self.ever_told.insert(*id);
                self.must("one_answer", before.is_none() && new, || {
                    format!("answer {} is told of after {:?}", id.0, before.map(|told| told.id))
                });
            }
            CallEvent::AnswerText { response, .. } | CallEvent::AnswerTextEnded(response) => {
                self.of(*response);
            }
            CallEvent::PhraseProgress { response, text, said, .. } => {
                self.of(*response);
                let some = text.get(..*said).is_some();
                self.must("history_is_heard", some, || {
                    format!("answer {} said more than it has", response.0)
                });
            }
            CallEvent::PhraseSpoken { response, text, .. } => {
                if let Some(told) = self.of(*response) {
                    told.said = spaced(&format!("{} {text}", told.said));
                }
            }
            CallEvent::AgentStartedSpeaking(response) => self.sounds(*response, true),
            CallEvent::AgentStoppedSpeaking(response) => self.sounds(*response, false),
            CallEvent::Interrupted { response, heard } => {
                self.breaks_off(*response, AnswerEnd::Interrupted, heard)
            }
            CallEvent::AnswerFailed { response, heard } => {
                self.breaks_off(*response, AnswerEnd::Failed, heard)
            }
            CallEvent::Turn { response, end, .. } => self.turn(*response, *end),
            CallEvent::State(state) => {
                let before = std::mem::replace(&mut self.state, *state);
                self.must("states_agree", before != *state, || format!("{state:?} is told twice"));
            }
            CallEvent::UserStartedSpeaking | CallEvent::UserStoppedSpeaking => {
                let starts = *event == CallEvent::UserStartedSpeaking;
                let before = std::mem::replace(&mut self.speaking, starts);
                let invariant = if starts { "speech_order" } else { "states_agree" };
                self.must(invariant, before != starts, || format!("{event:?} twice"));
            }
            _ => {}
        }
    }

    /// The answer that an event is about, which must be the one that was told of.
    fn of(&mut self, id: ResponseId) -> Option<&mut Told> {
        let known = self.told.as_ref().is_some_and(|told| told.id == id);
        let hidden = self.made == Some((id, true));
        let invariant =
            if hidden || !self.ever_told.contains(&id) { "hidden_unheard" } else { "nothing_after_end" };
        self.must(invariant, known, || format!("an event of answer {}, which is not told of", id.0));
        self.told.as_mut().filter(|told| told.id == id)
    }

    fn sounds(&mut self, id: ResponseId, sounding: bool) {
        let Some(told) = self.of(id) else { return };
        let before = std::mem::replace(&mut told.sounding, sounding);
        self.must("states_agree", before != sounding, || {
            format!("answer {} sounds: {sounding}, twice", id.0)
        });
    }

    fn breaks_off(&mut self, id: ResponseId, end: AnswerEnd, heard: &str) {
        let Some(told) = self.of(id) else { return };
        let heard = spaced(heard);
        let (sounded, once) = (told.said.starts_with(&heard), told.broke.is_none());
        told.broke = Some((end, heard));
        self.must("history_is_heard", sounded, || format!("answer {} did not sound so far", id.0));
        self.must("one_end", once, || format!("answer {} breaks off twice", id.0));
    }

    fn turn(&mut self, id: ResponseId, end: AnswerEnd) {
        let told = self.told.take_if(|told| told.id == id);
        self.must("one_end", told.is_some(), || format!("answer {} ends and is not told of", id.0));
        let Some(told) = told else { return };
        self.must("states_agree", !told.sounding, || format!("answer {} ends and still sounds", id.0));
        let made = self.made.take_if(|(made, _)| *made == id);
        self.must("one_end", made.is_none() || told.broke.is_none(), || {
            format!("answer {} broke off and goes on", id.0)
        });
        let broke = told.broke.as_ref().map_or(AnswerEnd::Finished, |(end, _)| *end);
        self.must("one_end", broke == end, || format!("answer {} ended as {broke:?}, not {end:?}", id.0));
        if self.canned != Some(id) {
            let heard = told.broke.map_or(told.said, |(_, heard)| heard);
            self.was_heard(&heard);
        }
        self.takes_in_appended();
    }

    fn after(&mut self, input: &Input, commands: &[Command]) {
        let emits = |what: fn(&CallEvent) -> bool| {
            commands.iter().any(|command| matches!(command, Command::Emit(event) if what(event)))
        };
        let kept = match input {
            Input::Client(ClientCommand::HangUp) => self.ended,
            Input::Client(ClientCommand::Interrupt) => self.told.is_none(),
            Input::Client(ClientCommand::Ready) => emits(|event| matches!(event, CallEvent::Ready { .. })),
            Input::Client(ClientCommand::Bad { .. }) => {
                emits(|event| matches!(event, CallEvent::BadMessage { .. }))
            }
            _ => true,
        };
        self.must("control_kept", kept, || "a message of the client had no effect".into());
        if !self.ended {
            let (state, sounding) = (self.state, self.told.as_ref().map(|told| told.sounding));
            let agrees = match sounding {
                Some(true) => state == AgentState::Speaking,
                Some(false) => state == AgentState::Thinking,
                None => state != AgentState::Speaking,
            };
            self.must("states_agree", agrees, || {
                format!("{state:?} is told, and an answer sounds: {sounding:?}")
            });
        }
    }
}

/// Words with one space between them, as every text here is compared.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
