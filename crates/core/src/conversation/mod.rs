//! Stage 3, the conversation: decides whose turn it is, what gets a response and what is remembered.
//!
//! Pure: an [`Input`] and the time go in, [`Command`]s come out. Times are milliseconds since the call began.
//!
//! - this file: the state, and the dispatch of inputs; `settings`, `input` and `command`: its configuration, inputs and outputs
//! - `listening`: what comes of the person's voice and words; `utterance`: what is known of them; `late_words`: those that are late
//! - `turn_end`: when a pause ends the turn, and the speculative response before that
//! - `barge_in`: what happens to a response while the person makes a sound
//! - `response`: the current response; `asking`: its requests to the model; `progress`: news of it; `response_end`: its end
//! - `client`: what the client's commands do; `typing`: words that it sends as text
//! - `idle`: what happens when nobody says anything
//! - `saying`: what the agent says without the model: greeting, fillers and canned phrases; `filler`: when one is due
//! - `tools`: tool calls during a response; `tool_use`: what it has done with them
//! - `face`: what the face shows
//! - `history`: what was said and heard; `memory`: what of it is forgotten, and when
//! - `remembering`: what of all this outlives the process; `taking_up`: how a call that resumes goes on with what was cut off
//! - `lines`: the canned phrases; `voices`: the languages that the agent can speak; `voice_choice`: the voices that the client
//!   chooses
//! - `abilities`: what the model can do
//! - `budget`: how many tokens a prompt may have; `counting`: token counts from the engine

mod abilities;
mod asking;
mod barge_in;
mod budget;
mod client;
mod command;
mod counting;
mod face;
mod filler;
mod history;
mod idle;
mod input;
mod late_words;
mod lines;
mod listening;
mod memory;
mod progress;
mod remembering;
mod response;
mod response_end;
mod saying;
mod settings;
mod taking_up;
mod tool_use;
mod tools;
mod turn_end;
mod typing;
mod utterance;
mod voice_choice;
mod voices;

use crate::context::PendingTurn;
use crate::event::{AgentState, CallEnd, CallEvent, EndReason};
use crate::frame::{Message, PlaybackPosition};
use crate::plain::plain;
use crate::tool::{Tools, WrittenCall};
use crate::turn_prediction::TurnPrediction;
use crate::usage::Usage;
pub use abilities::ModelAbilities;
use barge_in::BargeIn;
use budget::{Budget, Excess};
pub use budget::{Counted, Counting, LEAST_ROOM};
pub use command::Command;
use counting::Wish;
use face::Shown;
use history::History;
use idle::IDLE;
pub use input::Input;
use lines::{CannedPhrase, is_foreign};
use memory::Memory;
use progress::KnownPosition;
use remembering::Fingerprint;
use response::{Question, Response};
pub use settings::Settings;
use tools::AGENT_ENDED;
pub use tools::Round;
use utterance::{Cut, Open};
use voice_choice::VoiceWish;

/// The state of one conversation.
#[derive(Debug)]
pub struct Conversation {
    settings: Settings,
    tools: Tools,
    call: String,
    history: History,
    budget: Budget,
    /// Tools of the client that wait for a token count.
    wish: Option<Wish>,
    wishes: u32,
    memory: Memory,
    /// The utterance that is being spoken or pauses.
    open: Option<Open>,
    /// Utterances that were cut and whose words have not arrived.
    cut: Vec<Cut>,
    /// The response that the person hears or waits for.
    response: Option<Response>,
    /// The speculative response to what may be the end of the turn.
    speculative: Option<Response>,
    barge_in: Option<BargeIn>,
    responses: u32,
    /// The person's last words have no response yet.
    unanswered: bool,
    /// Their response will be spoken.
    aloud: bool,
    /// Words that the client appended during the current response.
    appended: Vec<Message>,
    /// To be said once the person has been asked to wait.
    next_phrase: Option<CannedPhrase>,
    last_position: KnownPosition,
    retries: u32,
    /// The turn whose response has not begun.
    turn: Question,
    /// The prediction that decided that turn, if it was spoken.
    prediction: Option<TurnPrediction>,
    language: String,
    /// A language other than English has been spoken.
    multilingual: bool,
    /// The person was told that their language has no voice.
    no_voice_told: bool,
    /// A voice that the client chooses and that waits for the engine's list.
    voice_wish: Option<VoiceWish>,
    /// The person was told that the voices they chose speak other languages than the call.
    other_voice_told: bool,
    /// The voice whose refusal the person was told of last.
    refused_voice: String,
    told_state: AgentState,
    shown: Shown,
    last_word: u64,
    greeted: bool,
    asked_whether_there: bool,
    /// Why the call ends after the current response, if it does.
    leaving: Option<CallEnd>,
    ended: bool,
    /// Fingerprint of the last context that was remembered or resumed from.
    remembered: Fingerprint,
    /// How often the tools were replaced.
    tools_taken: u32,
    /// The call resumes from a context, and its client has not said hello yet.
    resumed: bool,
    /// The turn that was not over when the call was cut off, until the client's hello.
    pending: Option<PendingTurn>,
    /// What was said, before the call was cut off, of the response that goes on now.
    said_before: Option<String>,
    /// What the model's texts took so far.
    usage: Usage,
    commands: Vec<Command>,
}

/// Why a call ends when its server stops.
pub const STOPPING: CallEnd = CallEnd {
    reason: EndReason::ServerStopping,
    message: "The server stops. Please call again in a moment.",
};

impl Conversation {
    /// A new conversation for the call of this id.
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
            response: None,
            speculative: None,
            barge_in: None,
            responses: 0,
            unanswered: false,
            aloud: true,
            appended: Vec::new(),
            next_phrase: None,
            last_position: KnownPosition::default(),
            retries: 0,
            turn: Question::default(),
            prediction: None,
            language,
            multilingual: false,
            no_voice_told: false,
            voice_wish: None,
            other_voice_told: false,
            refused_voice: String::new(),
            told_state: AgentState::Listening,
            shown: Shown::default(),
            last_word: 0,
            greeted: false,
            asked_whether_there: false,
            leaving: None,
            ended: false,
            remembered: Fingerprint::default(),
            tools_taken: 0,
            resumed: false,
            pending: None,
            said_before: None,
            usage: Usage::default(),
            commands: Vec::new(),
        };
        new.remembered = new.fingerprint();
        new
    }

    /// What has been said and heard so far.
    #[must_use]
    pub fn history(&self) -> &[Message] {
        self.history.messages()
    }

    /// Handles what happened at `now`; `position` is how far playout has got.
    pub fn handle(&mut self, now: u64, position: PlaybackPosition, input: Input) -> Vec<Command> {
        if self.ended {
            return Vec::new();
        }
        self.note_position(now, position);
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
                self.tool_called(now, position, response, WrittenCall { name, arguments });
            }
            Input::ToolReturned(id, result) => self.tool_returned(now, &id, clean(result)),
            Input::ResponseFailed(response) => self.response_failed(now, position, response),
            Input::ModelForgot => self.model_forgot(),
            Input::Timeout => self.timed_out(now, position),
            Input::Stopping => self.leaving = Some(STOPPING),
            Input::EndedByOperator => {
                self.end(EndReason::EndedByOperator, "The call was ended by the operator.")
            }
            Input::Gone => self.gone(now),
            Input::Summary(text) => self.summarised(&text),
            Input::Used(usage) => self.usage.include(usage),
            Input::Voices(listed) => self.voices_listed(now, listed),
            Input::VoiceRefused { voice, by_name } => self.voice_refused(voice, by_name),
            Input::Counted(what, counted) => self.counted(what, counted),
            Input::TooLong(response, limit, got) => {
                self.too_long(now, position, response, Excess { limit, got })
            }
            Input::Text(..)
            | Input::Read(..)
            | Input::TextEnded(_)
            | Input::FirstSegment(_)
            | Input::FirstAudio(_)
            | Input::Playout(_) => self.response_goes_on(now, input),
        }
        if !self.ended {
            self.tell_progress(now, position);
            self.tell_state();
            self.remember_changes();
            if let Some(CallEnd { reason, message }) = self.leaving
                && self.told_state == AgentState::Listening
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
        let filler = self.filler_due();
        let response = [filler, self.words_late_due(), self.tool_due(), self.word_due()];
        let dues = [self.open_due(), self.cut_due(), self.barge_in_due(), self.idle_due()];
        dues.into_iter().chain(response).flatten().min()
    }

    fn timed_out(&mut self, now: u64, position: PlaybackPosition) {
        self.barge_in_timeout(now, position);
        self.cut_timeout(now);
        self.decide(now);
        if self.filler_due().is_some_and(|due| due <= now) {
            self.fill(now);
        }
        self.words_late(now);
        self.tool_timeout(now);
        if self.idle_due().is_some_and(|due| due <= now) {
            self.idle(now);
        }
    }

    /// When a filler is due; none is while a sound of the person is heard or pauses the response.
    fn filler_due(&self) -> Option<u64> {
        self.response.as_ref().filter(|_| !self.is_talked_over()).and_then(Response::filler_due)
    }

    fn emit(&mut self, event: CallEvent) {
        self.commands.push(Command::Emit(event));
    }

    fn notice(&mut self, code: &'static str, message: &str) {
        self.emit(CallEvent::Notice { code, message: message.into() });
    }

    fn end(&mut self, reason: EndReason, message: &'static str) {
        self.discard();
        if let Some(response) = self.response.take() {
            self.commands.push(Command::Cancel(response.id));
        }
        self.ended = true;
        self.commands.push(Command::End(reason, message));
    }

    fn tell_state(&mut self) {
        let waits = !self.cut.is_empty() && self.open.is_none();
        let state = match &self.response {
            Some(response) if response.sounding => AgentState::Speaking,
            Some(_) => AgentState::Thinking,
            None if waits => AgentState::Thinking,
            None => AgentState::Listening,
        };
        if state != self.told_state {
            self.told_state = state;
            self.emit(CallEvent::State(state));
        }
    }

    /// The person's turn has these words and is due a response.
    fn person_said(&mut self, now: u64, text: &str, turn: Question) {
        self.last_word = now;
        self.asked_whether_there = false;
        self.leaving = self.leaving.filter(|leaving| *leaving != IDLE && *leaving != AGENT_ENDED);
        (self.pending, self.said_before) = (None, None);
        self.unanswered = true;
        self.aloud = true;
        self.retries = 0;
        self.budget.turn();
        self.may_read_again();
        self.history.person_said(text);
        self.multilingual |= is_foreign(&self.language);
        self.turn = turn;
        self.prediction = None;
    }
}

/// A tool's result, as plain text for the model.
fn clean(result: Result<String, String>) -> Result<String, String> {
    result.map(|text| plain(&text).into_owned()).map_err(|text| plain(&text).into_owned())
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
