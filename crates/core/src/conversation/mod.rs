//! Stage 3, the conversation: decides whose turn it is, what is answered and what is remembered.
//!
//! Pure: an [`Input`] and the time go in, [`Command`]s come out. Times are milliseconds since the call began.
//!
//! - this file: the state, and which input goes where
//! - `listening`: an utterance from its first sound to the end of the turn; the hidden answer that is begun before it
//! - `barge_in`: what becomes of an answer while the person makes a sound
//! - `answer`: the answer in work; `asking`: what the model is asked for it, `progress`: how it comes on, `ends`: its one end
//! - `typing`: what the client writes
//! - `saying`: what the agent says without the model, with the words of `lines`
//! - `tools`: what the model calls in the middle of an answer
//! - `face`: what is shown meanwhile
//! - `history`: what was said and heard; `memory`: what is forgotten of it, and when
//! - `remembering`: what of all this outlives the process
//! - `lines`: what the agent says without the model; `voices`: in which language
//! - `abilities`: what the model can do
//! - `budget`: how many tokens a prompt may have; `counting`: what the engine is asked to count

mod abilities;
mod answer;
mod asking;
mod barge_in;
mod budget;
mod counting;
mod ends;
mod face;
mod history;
mod lines;
mod listening;
mod memory;
mod progress;
mod remembering;
mod saying;
mod tools;
mod typing;
mod voices;

use serde::{Deserialize, Serialize};

use crate::avatar::cue::Cue;
use crate::context::CallContext;
use crate::event::{AgentState, CallEvent, ClientCommand, EndReason, TurnMarks};
use crate::frame::{
    Message, Play, PlaybackPosition, ResponseId, ResponseRequest, Transcript, UtteranceId, VadEvent,
};

use crate::frame::PlayoutEvent;
use crate::plain::plain;
use crate::tool::{Tool, ToolCall, Tools};
use crate::turn_end::{Eagerness, Vote};
pub use abilities::ModelAbilities;
use answer::Answer;
use barge_in::BargeIn;
use budget::Budget;
pub use budget::{Counted, Counting, LEAST_ROOM};
use counting::Wish;
use face::Shown;
use history::History;
use lines::{Line, is_foreign};
use listening::{Cut, Open};
pub use memory::LONGEST_SUMMARY;
use memory::Memory;
use remembering::Mark;
use tools::AGENT_ENDED;
pub use tools::Round;

/// Words or an answer that are later than this are announced by a holding phrase.
const HOLDING_AFTER: u64 = 2_500;
/// A second holding phrase follows this much later: after 4 s without a sound people think that the call is dead.
const HOLDING_AGAIN: u64 = 4_000;
/// Later holding phrases follow this far apart: more of them would be a nuisance.
const HOLDING_ON: u64 = 8_000;

/// How long the person waits in silence before a holding phrase that so many others came before.
fn holding_after(before: u32) -> u64 {
    match before {
        0 => HOLDING_AFTER,
        1 => HOLDING_AGAIN,
        _ => HOLDING_ON,
    }
}

/// What a conversation is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The system prompt.
    pub instructions: String,
    /// ISO 639-1; `None`: identify.
    pub language: Option<String>,
    /// The voice; empty: the language's first.
    pub voice: String,
    /// Languages that voices speak, ISO 639-1; empty: not known.
    #[serde(default)]
    pub voices: Vec<String>,
    /// What the agent says first; empty: it waits.
    pub greeting: String,
    /// How soon the agent takes the turn.
    pub eagerness: Eagerness,
    /// Milliseconds without a word after which the agent asks whether the person is there; 0: never.
    pub idle_ms: u64,
    /// Milliseconds without a word after that question, after which the call ends.
    pub idle_end_ms: u64,
    /// What the language model can do.
    #[serde(default)]
    pub model: ModelAbilities,
    /// Tokens that a prompt may have, until the engine says so itself.
    pub prompt_tokens: usize,
    /// What the model may call, without what a client brings.
    pub tools: Vec<Tool>,
    /// Calls of tools in one answer.
    pub tool_rounds: u32,
    /// What no longer fits into the history is summed up by the model.
    pub summarise: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The person's voice; `ago`: milliseconds since the event's own time.
    Voice {
        /// The event.
        event: VadEvent,
        /// How long ago its time was.
        ago: u64,
    },
    /// The words of an utterance so far.
    Partial(UtteranceId, Transcript),
    /// The words of an utterance at its pause of this number: final, if the turn ends with it.
    Trial(UtteranceId, u32, Transcript),
    /// The words of an utterance that was cut.
    Final(UtteranceId, Transcript),
    /// An utterance will have no words.
    NotUnderstood(UtteranceId),
    /// How likely the turn ends at this pause, by its melody.
    Prosody(UtteranceId, u32, f32),
    /// From the client.
    Client(ClientCommand),
    /// How likely the person's words are complete, by the model that answers them.
    TurnEnd(ResponseId, f32),
    /// A piece of the answer's text.
    Text(ResponseId, String),
    /// How many tokens the model had to read before the answer's first word.
    Read(ResponseId, u32),
    /// The answer's text is complete.
    TextEnded(ResponseId),
    /// The answer's first phrase is cut.
    FirstPhrase(ResponseId),
    /// The answer's first audio is there.
    FirstAudio(ResponseId),
    /// From playout.
    Playout(PlayoutEvent),
    /// The answer's model calls the tool of this name with these arguments, and waits.
    ToolCalled(ResponseId, String, String),
    /// The result of the tool's call of this id, or why there is none.
    ToolReturned(String, Result<String, String>),
    /// The summary that was wanted; empty: there is none.
    Summary(String),
    /// Tokens that were asked for; `None`: the engine could not count them.
    Counted(Counting, Option<Counted>),
    /// The answer's request is too long: how many tokens fit, and how many it has.
    TooLong(ResponseId, u32, u32),
    /// The model's engine began anew, or fails: what it had read of this conversation is lost.
    ModelForgot,
    /// An engine failed the answer.
    AnswerFailed(ResponseId),
    /// The server stops: finish the answer in work, then say goodbye.
    Stopping,
    /// The call is to end now, by a word from outside it.
    EndedByOperator,
    /// The time that [`Conversation::timeout`] named has come.
    Timeout,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Command {
    /// Make this answer.
    Start(ResponseRequest, Play),
    /// Read these messages ahead of the answer to them; true: the last one goes on.
    Prefill(Vec<Message>, bool),
    /// Write what these messages ask for when there is time; [`Input::Summary`] brings it.
    Summarise(Vec<Message>),
    /// Count the tokens of these messages and tools; [`Input::Counted`] brings them.
    Count(Counting, Vec<Message>, Tools),
    /// Make ready to say these lines when there is time, with this voice and in this language.
    Prepare(Vec<String>, (String, String)),
    /// Play the answer in work like this from now on.
    Play(ResponseId, Play),
    /// Do what this tool does; the end of the answer ends it.
    RunTool(ResponseId, ToolCall),
    /// The answer, whose model has called a tool, goes on like this.
    Continue(ResponseId, Round),
    /// Stop making and playing this answer.
    Cancel(ResponseId),
    /// Say this in front of the answer, which is late; it is no part of it.
    Hold(ResponseId, String),
    /// Let the face show this.
    Show(Cue),
    /// The turn of this utterance is over.
    Close(UtteranceId),
    /// Tell the client.
    Emit(CallEvent),
    /// The language of utterances to come.
    SetLanguage(Option<String>),
    /// Keep this: a call that is broken off goes on from it.
    Remember(Box<CallContext>),
    /// End the call.
    End(EndReason, &'static str),
}

/// The state of one conversation.
#[derive(Debug)]
pub struct Conversation {
    settings: Settings,
    tools: Tools,
    call: String,
    history: History,
    budget: Budget,
    /// Tools that a client wants to bring.
    wish: Option<Wish>,
    wishes: u32,
    memory: Memory,
    /// The utterance that is spoken, or pauses.
    open: Option<Open>,
    /// Utterances that were cut and whose words are still to come.
    cut: Vec<Cut>,
    /// The answer that the person hears, or waits for.
    answer: Option<Answer>,
    /// The answer to what may be the end of the turn.
    hidden: Option<Answer>,
    barge_in: Option<BargeIn>,
    responses: u32,
    /// The person's last words have had no answer yet.
    unanswered: bool,
    /// Their answer is to sound.
    aloud: bool,
    /// What the client wrote while an answer was in work.
    appended: Vec<Message>,
    /// To be said once the person has been asked to wait.
    next_line: Option<Line>,
    /// When it was last known how far playout is, and how far that was.
    looked: (u64, PlaybackPosition),
    retries: u32,
    /// Marks of the turn whose answer is still to come, and when the person stopped speaking.
    turn: (u64, TurnMarks),
    /// What decided that turn, if it was spoken to its end.
    vote: Option<Vote>,
    language: String,
    /// Another language than English has been spoken.
    multilingual: bool,
    /// The person knows that their language has no voice.
    no_voice_told: bool,
    told: AgentState,
    shown: Shown,
    last_word: u64,
    greeted: bool,
    asked_whether_there: bool,
    /// The call ends with the answer in work.
    leaving: Option<(EndReason, &'static str)>,
    ended: bool,
    /// What the last context was made of that was remembered, or that the call goes on from.
    remembered: Mark,
    /// Something has changed that does not wait for the end of the turn.
    remember_now: bool,
    /// How often the tools were replaced.
    tools_taken: u32,
    /// It goes on from a context, and its client has not said hello yet.
    resumed: bool,
    commands: Vec<Command>,
}

/// The end of a call whose server stops, for programs and for people.
pub const STOPPING: (EndReason, &str) =
    (EndReason::ServerStopping, "The server stops. Please call again in a moment.");
const IDLE: (EndReason, &str) =
    (EndReason::Idle, "Nobody has said anything for a while, so the call has ended.");

impl Conversation {
    /// A new conversation of the call of this name.
    #[must_use]
    pub fn new(settings: Settings, call: String) -> Self {
        let language = settings.language.clone().unwrap_or_default();
        let mut new = Self {
            history: History::default(),
            budget: Budget::new(settings.prompt_tokens, &settings.instructions, &settings.tools),
            wish: None,
            wishes: 0,
            memory: Memory::default(),
            tools: settings.tools.clone(),
            settings,
            call,
            open: None,
            cut: Vec::new(),
            answer: None,
            hidden: None,
            barge_in: None,
            responses: 0,
            unanswered: false,
            aloud: true,
            appended: Vec::new(),
            next_line: None,
            looked: (0, PlaybackPosition::default()),
            retries: 0,
            turn: (0, TurnMarks::default()),
            vote: None,
            language,
            multilingual: false,
            no_voice_told: false,
            told: AgentState::Listening,
            shown: Shown::default(),
            last_word: 0,
            greeted: false,
            asked_whether_there: false,
            leaving: None,
            ended: false,
            remembered: Mark::default(),
            remember_now: false,
            tools_taken: 0,
            resumed: false,
            commands: Vec::new(),
        };
        new.remembered = new.mark();
        new
    }

    /// What has been said and heard so far.
    #[must_use]
    pub fn history(&self) -> &[Message] {
        self.history.messages()
    }

    /// Takes what happened at `now`; `position` is how far playout has come.
    pub fn handle(&mut self, now: u64, position: PlaybackPosition, input: Input) -> Vec<Command> {
        if self.ended {
            return Vec::new();
        }
        match input {
            Input::Voice { event, ago } => self.voice(now, &event, ago),
            Input::Partial(utterance, words) => self.partial(now, position, utterance, &words),
            Input::Trial(utterance, pause, words) => self.trial(now, position, utterance, pause, words),
            Input::Final(utterance, words) => self.cut_words(now, utterance, words),
            Input::NotUnderstood(utterance) => self.not_understood(now, utterance),
            Input::Prosody(utterance, pause, probability) => self.prosody(now, utterance, pause, probability),
            Input::TurnEnd(response, probability) => self.meaning(now, response, probability),
            Input::Client(command) => self.client(now, position, command),
            Input::ToolCalled(response, name, arguments) => {
                self.tool_called(now, position, response, (name, arguments));
            }
            Input::ToolReturned(id, result) => self.tool_returned(now, &id, clean(result)),
            Input::AnswerFailed(response) => self.answer_failed(now, position, response),
            Input::ModelForgot => self.model_forgot(),
            Input::Timeout => self.timed_out(now, position),
            Input::Stopping => self.leaving = Some(STOPPING),
            Input::EndedByOperator => {
                self.end(EndReason::EndedByOperator, "The call was ended by the operator.")
            }
            Input::Summary(text) => self.summarised(&text),
            Input::Counted(what, counted) => self.counted(what, counted),
            Input::TooLong(response, limit, got) => self.too_long(now, position, response, (limit, got)),
            Input::Text(..)
            | Input::Read(..)
            | Input::TextEnded(_)
            | Input::FirstPhrase(_)
            | Input::FirstAudio(_)
            | Input::Playout(_) => self.answer_goes_on(now, input),
        }
        if !self.ended {
            self.follow(now, position);
            self.tell_state();
            self.remember_changes();
            if let Some((reason, message)) = self.leaving
                && self.told == AgentState::Listening
                && self.open.is_none()
            {
                self.end(reason, message);
            }
        }
        std::mem::take(&mut self.commands)
    }

    /// When [`Input::Timeout`] is due.
    #[must_use]
    pub fn timeout(&self) -> Option<u64> {
        let holding = self.holding_due();
        let answer = [holding, self.words_late_due(), self.tool_due(), self.word_due()];
        let dues = [self.open_due(), self.cut_due(), self.barge_in_due(), self.idle_due()];
        dues.into_iter().chain(answer).flatten().min()
    }

    fn timed_out(&mut self, now: u64, position: PlaybackPosition) {
        self.barge_in_timeout(now, position);
        self.cut_timeout(now);
        self.decide(now);
        if self.holding_due().is_some_and(|due| due <= now) {
            self.hold(now);
        }
        self.words_late(now);
        self.tool_timeout(now);
        if self.idle_due().is_some_and(|due| due <= now) {
            self.idle(now);
        }
    }

    /// What waits behind a sound of the person is not announced behind it as well.
    fn holding_due(&self) -> Option<u64> {
        self.answer.as_ref().filter(|_| !self.is_stopped()).and_then(Answer::holding_due)
    }

    fn idle_due(&self) -> Option<u64> {
        let quiet = self.open.is_none() && self.answer.is_none() && self.cut.is_empty();
        let wait = if self.asked_whether_there { self.settings.idle_end_ms } else { self.settings.idle_ms };
        (quiet && self.settings.idle_ms > 0).then(|| self.last_word + wait)
    }

    fn idle(&mut self, now: u64) {
        if self.asked_whether_there {
            self.leaving = Some(IDLE);
            self.say(now, Line::Goodbye);
        } else {
            self.asked_whether_there = true;
            self.say(now, Line::StillThere);
        }
    }

    fn emit(&mut self, event: CallEvent) {
        self.commands.push(Command::Emit(event));
    }

    fn notice(&mut self, code: &'static str, message: &str) {
        self.emit(CallEvent::Notice { code, message: message.into() });
    }

    fn end(&mut self, reason: EndReason, message: &'static str) {
        self.discard();
        if let Some(answer) = self.answer.take() {
            self.commands.push(Command::Cancel(answer.id));
        }
        self.ended = true;
        self.commands.push(Command::End(reason, message));
    }

    fn tell_state(&mut self) {
        let waits = !self.cut.is_empty() && self.open.is_none();
        let state = match &self.answer {
            Some(answer) if answer.sounding => AgentState::Speaking,
            Some(_) => AgentState::Thinking,
            None if waits => AgentState::Thinking,
            None => AgentState::Listening,
        };
        if state != self.told {
            self.told = state;
            self.emit(CallEvent::State(state));
        }
    }

    fn client(&mut self, now: u64, position: PlaybackPosition, command: ClientCommand) {
        match command {
            ClientCommand::Ready => {
                self.emit(CallEvent::Ready { call: self.call.clone() });
                self.pick_up();
                self.greet(now);
                self.count_base();
                // The instructions are the longest thing to read, and nobody waits yet.
                self.read_ahead("");
                self.prepare_lines();
            }
            ClientCommand::Say(text) => self.typed(now, position, plain(&text).into_owned(), true),
            ClientCommand::AskInText(text) => self.typed(now, position, plain(&text).into_owned(), false),
            ClientCommand::Append { id, role, text } => {
                self.append(now, id, Message { role, content: plain(&text).into_owned() });
            }
            ClientCommand::SetLanguage(language) => {
                if let Some(language) = &language {
                    self.language.clone_from(language);
                }
                self.settings.language.clone_from(&language);
                self.remember_now = true;
                self.commands.push(Command::SetLanguage(language));
            }
            ClientCommand::Interrupt => {
                self.interrupt(now, position);
                self.unanswered = false;
                self.make_room();
            }
            ClientCommand::SetExpression(cue) => self.set_expression(cue),
            ClientCommand::SetTools { id, tools } => self.client_tools(id, tools),
            ClientCommand::ToolResult { id, result } => self.client_tool_returned(now, &id, clean(result)),
            ClientCommand::HangUp => self.end(EndReason::HungUp, "You hung up."),
            ClientCommand::Bad { id, message } => self.emit(CallEvent::BadMessage { id, message }),
            ClientCommand::FirstAudioHeard { response, ms } => self.answer_was_heard(now, response, ms),
            ClientCommand::Muted(_) => {}
            ClientCommand::MicrophoneStutters => self.notice(
                "microphone-stutters",
                "The sound of your microphone arrives with gaps, so some words may be missing.",
            ),
        }
    }

    /// The person's turn has these words, and waits for an answer.
    fn person_said(&mut self, now: u64, text: &str, turn: (u64, TurnMarks)) {
        self.last_word = now;
        self.asked_whether_there = false;
        self.leaving = self.leaving.filter(|leaving| *leaving != IDLE && *leaving != AGENT_ENDED);
        self.unanswered = true;
        self.aloud = true;
        self.retries = 0;
        self.budget.turn();
        self.may_read_again();
        self.history.person_said(text);
        self.multilingual |= is_foreign(&self.language);
        self.turn = turn;
        self.vote = None;
    }
}

/// What a tool has brought, as text that a model can be given.
fn clean(result: Result<String, String>) -> Result<String, String> {
    result.map(|text| plain(&text).into_owned()).map_err(|text| plain(&text).into_owned())
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
