//! What must hold in every call, checked on the inputs and commands of its conversation. Pure.
//!
//! The same checker runs on random event orders in tests, on recordings in replay, and on every live call. Its findings
//! are logged, so they name responses and never quote words.

use std::collections::BTreeSet;

use crate::context::CallContext;
use crate::conversation::{Command, Input};
use crate::event::{AgentState, CallEvent, ClientCommand, ResponseEnd};
use crate::frame::PlayoutEvent;
use crate::frame::{Message, Play, ResponseId, ResponseRequest, Role, UtteranceId, VadEvent};

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
/// Most bytes kept of what was heard: more than any model's window.
const REMEMBERED: usize = 1 << 20;

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

    /// Notes words that the client attributes to the agent, unless they are refused.
    fn appends(&mut self, input: &Input, commands: &[Command]) {
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
        let announced = self.ever_announced.contains(&id);
        self.must("speculative_unplayed", announced, || {
            format!("response {} sounds and was never announced", id.0)
        });
        let before = self.playing.filter(|playing| playing.id == id);
        let begun = before.is_some_and(|before| !before.finished);
        let dry = before.is_some_and(|before| before.dry);
        let sounds = Playing { id, dry: false, finished: false };
        let (fits, playing) = match event {
            PlayoutEvent::Started(_) => {
                (before.is_none() && self.playing.is_none_or(|last| last.id < id), sounds)
            }
            // A segment that is not spoken may be shown before anything sounds.
            PlayoutEvent::Segment { aloud: false, .. } => return,
            PlayoutEvent::Segment { .. } | PlayoutEvent::Words { .. } | PlayoutEvent::Hole(..) => {
                (begun, Playing { dry, ..sounds })
            }
            PlayoutEvent::Dry(_) => (begun && !dry, Playing { dry: true, ..sounds }),
            PlayoutEvent::GoesOn(_) => (begun && dry, sounds),
            PlayoutEvent::Cue { .. } => return,
            // A response without sound finishes without a start.
            PlayoutEvent::Finished(_) => {
                (before.is_none_or(|before| !before.finished), Playing { finished: true, ..sounds })
            }
        };
        if self.playing.is_none_or(|last| last.id <= id) {
            self.playing = Some(playing);
        }
        if let Some(announced) = self.announced.as_mut().filter(|announced| announced.id == id) {
            announced.dry_from = match event {
                PlayoutEvent::Dry(_) => Some(self.now),
                PlayoutEvent::GoesOn(_) | PlayoutEvent::Started(_) => None,
                _ => announced.dry_from,
            };
        }
        self.must("playout_order", fits, || format!("response {} is played out of order", id.0));
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Start(request, play) => self.start(request, *play),
            Command::Prefill(messages, _) => self.history(messages),
            Command::Play(id, play) => {
                let known = self.announced.as_ref().is_some_and(|announced| announced.id == *id);
                self.made_is("nothing_after_end", *id);
                self.must("speculative_unheard", known && *play != Play::Speculative, || {
                    format!("response {} is played as {play:?} and was not announced", id.0)
                });
                self.made = self.made.map(|made| Made { speculative: false, ..made });
            }
            Command::Cancel(id) => {
                self.made_is("nothing_after_end", *id);
                self.made = None;
            }
            Command::Filler(id, _) => {
                self.made_is("nothing_after_end", *id);
                let waits = self.filler_fits(*id);
                self.must("states_agree", waits, || {
                    format!("response {} gets a filler and was not silent for {SILENCE} ms", id.0)
                });
            }
            Command::RunTool(id, _) | Command::Continue(id, _) => {
                let known = self.announced.as_ref().is_some_and(|announced| announced.id == *id);
                self.made_is("nothing_after_end", *id);
                self.must("speculative_unheard", known, || {
                    format!("response {} uses a tool and was not announced", id.0)
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
            Command::SetLanguage(_) | Command::ListVoices | Command::Show(_) => {}
            Command::Summarise(_) | Command::Prepare(..) => {}
            Command::End(..) => {
                let made = self.made;
                self.must("one_response", made.is_none(), || {
                    format!("{made:?} is in progress after the call's end")
                });
                self.ended = true;
            }
        }
    }

    /// A filler is said: whether the response has not begun to sound, or has been silent for long enough.
    fn filler_fits(&mut self, id: ResponseId) -> bool {
        let Some(announced) = self.announced.as_mut().filter(|announced| announced.id == id) else {
            return false;
        };
        let waits = announced.dry_from.is_some_and(|from| self.now >= from + SILENCE);
        announced.dry_from = announced.dry_from.map(|_| self.now);
        waits || !announced.sounding
    }

    fn made_is(&mut self, invariant: &'static str, id: ResponseId) {
        let made = self.made.map(|made| made.id);
        self.must(invariant, made == Some(id), || {
            format!("a command to {id:?}, and {made:?} is in progress")
        });
    }

    fn start(&mut self, request: &ResponseRequest, play: Play) {
        let (id, last, made) = (request.id, self.last, self.made);
        self.must("one_response", made.is_none(), || format!("response {} begins beside {made:?}", id.0));
        self.must("one_request", id > last, || format!("response {} begins after {last:?}", id.0));
        let speculative = play == Play::Speculative;
        let announced = self.announced.as_ref().is_some_and(|announced| announced.id == id);
        self.must("speculative_unheard", announced != speculative, || {
            format!("response {} begins as {play:?}, announced: {announced}", id.0)
        });
        let whole = request.script.is_some()
            || request.messages.first().is_some_and(|first| first.role == Role::System)
                && request.messages.last().is_some_and(|last| matches!(last.role, Role::User | Role::Tool));
        self.must("whole_request", whole, || format!("response {} follows no words of the person", id.0));
        self.must("one_request", request.speculative == speculative, || {
            format!("response {} begins as {play:?}, speculative: {}", id.0, request.speculative)
        });
        self.history(&request.messages);
        if request.canned {
            self.canned = Some(id);
        }
        (self.made, self.last) = (Some(Made { id, speculative }), id);
    }

    /// The agent's messages in the history contain only what was heard.
    fn history(&mut self, messages: &[Message]) {
        for (at, message) in messages.iter().enumerate() {
            let heard = message.role != Role::Assistant || self.heard.contains(&spaced(&message.content));
            self.must("history_is_heard", heard, || format!("message {at} was never heard in these words"));
        }
    }

    /// A remembered context contains only what was heard, and counts every id.
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
            CallEvent::ResponseStarted(id) => {
                let before = self.announced.replace(Announced { id: *id, ..Announced::default() });
                let new = self.ever_announced.insert(*id);
                self.must("one_response", before.is_none() && new, || {
                    format!("response {} is announced after {:?}", id.0, before.map(|announced| announced.id))
                });
            }
            CallEvent::ResponseText { response, .. } | CallEvent::ResponseTextEnded(response) => {
                self.of(*response);
            }
            CallEvent::SegmentProgress { response, text, said, .. } => {
                self.of(*response);
                let some = text.get(..*said).is_some();
                self.must("history_is_heard", some, || {
                    format!("response {} said more than its segment has", response.0)
                });
            }
            CallEvent::SegmentSpoken { response, text, .. } => {
                if let Some(announced) = self.of(*response) {
                    announced.said = spaced(&format!("{} {text}", announced.said));
                }
            }
            CallEvent::AgentStartedSpeaking(response) => self.sounds(*response, true),
            CallEvent::AgentStoppedSpeaking(response) => self.sounds(*response, false),
            CallEvent::Interrupted { response, heard } => {
                self.breaks_off(*response, ResponseEnd::Interrupted, heard)
            }
            CallEvent::ResponseFailed { response, heard } => {
                self.breaks_off(*response, ResponseEnd::Failed, heard)
            }
            CallEvent::Turn { response, end, .. } => self.turn(*response, *end),
            CallEvent::State(state) => {
                let before = std::mem::replace(&mut self.state, *state);
                self.must("states_agree", before != *state, || format!("{state:?} is announced twice"));
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

    /// The response that an event is about, which must be the announced one.
    fn of(&mut self, id: ResponseId) -> Option<&mut Announced> {
        let known = self.announced.as_ref().is_some_and(|announced| announced.id == id);
        let speculative = self.made == Some(Made { id, speculative: true });
        let invariant = if speculative || !self.ever_announced.contains(&id) {
            "speculative_unheard"
        } else {
            "nothing_after_end"
        };
        self.must(invariant, known, || format!("an event of response {}, which is not announced", id.0));
        self.announced.as_mut().filter(|announced| announced.id == id)
    }

    fn sounds(&mut self, id: ResponseId, sounding: bool) {
        let Some(announced) = self.of(id) else { return };
        let before = std::mem::replace(&mut announced.sounding, sounding);
        self.must("states_agree", before != sounding, || {
            format!("response {} sounds: {sounding}, twice", id.0)
        });
    }

    fn breaks_off(&mut self, id: ResponseId, end: ResponseEnd, heard: &str) {
        let Some(announced) = self.of(id) else { return };
        let heard = spaced(heard);
        let (sounded, once) = (announced.said.starts_with(&heard), announced.broke.is_none());
        announced.broke = Some(Broke { end, heard });
        self.must("history_is_heard", sounded, || format!("response {} was not played that far", id.0));
        self.must("one_end", once, || format!("response {} breaks off twice", id.0));
    }

    fn turn(&mut self, id: ResponseId, end: ResponseEnd) {
        let announced = self.announced.take_if(|announced| announced.id == id);
        self.must("one_end", announced.is_some(), || format!("response {} ends and is not announced", id.0));
        let Some(announced) = announced else { return };
        self.must("states_agree", !announced.sounding, || format!("response {} ends and still sounds", id.0));
        let made = self.made.take_if(|made| made.id == id);
        self.must("one_end", made.is_none() || announced.broke.is_none(), || {
            format!("response {} broke off and continues", id.0)
        });
        let broke = announced.broke.as_ref().map_or(ResponseEnd::Finished, |broke| broke.end);
        self.must("one_end", broke == end, || format!("response {} ended as {broke:?}, not {end:?}", id.0));
        if self.canned != Some(id) {
            let heard = announced.broke.map_or(announced.said, |broke| broke.heard);
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

/// The text with single spaces between words, the form in which texts are compared here.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
