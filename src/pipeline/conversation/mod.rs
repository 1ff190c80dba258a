//! Stage 3, the conversation: decides whose turn it is, what is answered and what is remembered.
//!
//! Pure: an [`Input`] and the time go in, [`Command`]s come out. Times are milliseconds since the call began.

mod answer;
mod history;

use std::collections::BTreeMap;

use crate::event::{AgentState, CallEvent, ClientCommand, EndReason, TurnMarks};
use crate::frame::{
    Message, PlaybackPosition, ResponseId, ResponseRequest, Role, Transcript, UtteranceId, VadEvent,
};

use super::playout::PlayoutEvent;
use answer::Answer;
use history::History;

/// An utterance whose words have not come after this long is given up.
const TRANSCRIPT_TIMEOUT: u64 = 20_000;
/// A turn is begun again this often when an engine fails before anything was heard.
const RETRIES: u32 = 2;

/// What a conversation is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The system prompt.
    pub instructions: String,
    /// ISO 639-1; `None`: identify.
    pub language: Option<String>,
    /// The voice; empty: the language's first.
    pub voice: String,
    /// Milliseconds without a word after which the call ends; 0: never.
    pub idle_ms: u64,
    /// Longest history in bytes.
    pub history_bytes: usize,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
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
    /// The words of an utterance.
    Final(UtteranceId, Transcript),
    /// An utterance will have no words.
    NotUnderstood(UtteranceId),
    /// From the client.
    Client(ClientCommand),
    /// A piece of the answer's text.
    Text(ResponseId, String),
    /// The answer's text is complete.
    TextEnded(ResponseId),
    /// The answer's first phrase is cut.
    FirstPhrase(ResponseId),
    /// The answer's first audio is there.
    FirstAudio(ResponseId),
    /// From playout.
    Playout(PlayoutEvent),
    /// An engine failed the answer.
    AnswerFailed(ResponseId),
    /// The server stops: finish the answer in work, then say goodbye.
    Stopping,
    /// The time that [`Conversation::timeout`] named has come.
    Timeout,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Make this answer.
    Start(ResponseRequest),
    /// Stop making and playing this answer.
    Cancel(ResponseId),
    /// Tell the client.
    Emit(CallEvent),
    /// The language of utterances to come.
    SetLanguage(Option<String>),
    /// End the call.
    End(EndReason, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    /// When its voice stopped, once it has.
    ended: Option<u64>,
    /// When the turn was taken as ended.
    decided: u64,
}

/// The state of one conversation.
#[derive(Debug)]
pub struct Conversation {
    settings: Settings,
    call: String,
    history: History,
    /// Utterances without final words, in order.
    pending: BTreeMap<UtteranceId, Pending>,
    speaking: Option<UtteranceId>,
    answer: Option<Answer>,
    responses: u32,
    /// The person's last words have had no answer yet.
    unanswered: bool,
    retries: u32,
    /// Marks of the turn whose answer is still to come, and when the person stopped speaking.
    turn: (u64, TurnMarks),
    language: String,
    told: AgentState,
    last_word: u64,
    stopping: bool,
    ended: bool,
    commands: Vec<Command>,
}

impl Conversation {
    /// A new conversation of the call of this name.
    #[must_use]
    pub fn new(settings: Settings, call: String) -> Self {
        let language = settings.language.clone().unwrap_or_default();
        Self {
            history: History::new(settings.history_bytes),
            settings,
            call,
            pending: BTreeMap::new(),
            speaking: None,
            answer: None,
            responses: 0,
            unanswered: false,
            retries: 0,
            turn: (0, TurnMarks::default()),
            language,
            told: AgentState::Listening,
            last_word: 0,
            stopping: false,
            ended: false,
            commands: Vec::new(),
        }
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
            Input::Voice { event, ago } => self.voice(now, position, &event, ago),
            Input::Partial(_, words) => self.partial(words),
            Input::Final(utterance, words) => self.final_words(now, utterance, words),
            Input::NotUnderstood(utterance) => self.not_understood(now, utterance),
            Input::Client(command) => self.client(now, position, command),
            Input::AnswerFailed(response) => self.answer_failed(now, position, response),
            Input::Timeout => self.timed_out(now),
            Input::Stopping => self.stopping = true,
            Input::Text(..)
            | Input::TextEnded(_)
            | Input::FirstPhrase(_)
            | Input::FirstAudio(_)
            | Input::Playout(_) => {
                self.answer_goes_on(now, input);
            }
        }
        if !self.ended {
            self.tell_state();
            if self.stopping && self.told == AgentState::Listening && self.speaking.is_none() {
                self.end(EndReason::ServerStopping, "The server stops. Please call again in a moment.");
            }
        }
        std::mem::take(&mut self.commands)
    }

    /// When [`Input::Timeout`] is due.
    #[must_use]
    pub fn timeout(&self) -> Option<u64> {
        let words = self
            .pending
            .values()
            .filter_map(|pending| pending.ended.map(|_| pending.decided + TRANSCRIPT_TIMEOUT))
            .min();
        let quiet = self.speaking.is_none() && self.answer.is_none() && self.pending.is_empty();
        let idle = (quiet && self.settings.idle_ms > 0).then(|| self.last_word + self.settings.idle_ms);
        words.into_iter().chain(idle).min()
    }

    fn emit(&mut self, event: CallEvent) {
        self.commands.push(Command::Emit(event));
    }

    fn end(&mut self, reason: EndReason, message: &'static str) {
        if let Some(answer) = self.answer.take() {
            self.commands.push(Command::Cancel(answer.id));
        }
        self.ended = true;
        self.commands.push(Command::End(reason, message));
    }

    fn tell_state(&mut self) {
        let waiting = self.pending.values().any(|pending| pending.ended.is_some());
        let state = match &self.answer {
            Some(answer) if answer.sounding => AgentState::Speaking,
            Some(_) => AgentState::Thinking,
            None if waiting && self.speaking.is_none() => AgentState::Thinking,
            None => AgentState::Listening,
        };
        if state != self.told {
            self.told = state;
            self.emit(CallEvent::State(state));
        }
    }

    fn voice(&mut self, now: u64, position: PlaybackPosition, event: &VadEvent, ago: u64) {
        self.last_word = now;
        match event {
            VadEvent::Started { utterance, .. } => {
                self.interrupt(now, position);
                self.speaking = Some(*utterance);
                self.pending.insert(*utterance, Pending { ended: None, decided: now });
                self.emit(CallEvent::UserStartedSpeaking);
            }
            VadEvent::Paused { .. } | VadEvent::Resumed { .. } => {}
            VadEvent::Ended { utterance, .. } => {
                self.speaking = None;
                if let Some(pending) = self.pending.get_mut(utterance) {
                    *pending = Pending { ended: Some(now.saturating_sub(ago)), decided: now };
                }
                self.emit(CallEvent::UserStoppedSpeaking);
                // The words may have been quicker than the news that the voice has stopped.
                self.answer_if_due(now);
            }
        }
    }

    fn partial(&mut self, words: Transcript) {
        if !words.text.is_empty() {
            self.emit(CallEvent::UserTranscript { text: words.text, last: false, language: words.language });
        }
    }

    fn final_words(&mut self, now: u64, utterance: UtteranceId, words: Transcript) {
        let Some(pending) = self.pending.remove(&utterance) else { return };
        let spoken = pending.ended.unwrap_or(now);
        if !words.text.is_empty() {
            self.unanswered = true;
            self.retries = 0;
            self.history.person_said(&words.text);
            let since = |at: u64| Some(u32::try_from(at.saturating_sub(spoken)).unwrap_or(u32::MAX));
            let marks = TurnMarks {
                turn_decided: since(pending.decided),
                transcript: since(now),
                ..TurnMarks::default()
            };
            self.turn = (spoken, marks);
            if self.settings.language.is_none() && !words.language.is_empty() {
                self.language.clone_from(&words.language);
            }
        }
        // An empty one takes back the partial captions of a noise.
        self.emit(CallEvent::UserTranscript { text: words.text, last: true, language: words.language });
        self.answer_if_due(now);
    }

    fn not_understood(&mut self, now: u64, utterance: UtteranceId) {
        if self.pending.remove(&utterance).is_some() {
            self.emit(CallEvent::UserTranscript { text: String::new(), last: true, language: String::new() });
            self.notice("not-understood", "I could not make out what you said. Please say it again.");
            self.answer_if_due(now);
        }
    }

    fn notice(&mut self, code: &'static str, message: &str) {
        self.emit(CallEvent::Notice { code, message: message.into() });
    }

    fn client(&mut self, now: u64, position: PlaybackPosition, command: ClientCommand) {
        match command {
            ClientCommand::Ready => self.emit(CallEvent::Ready { call: self.call.clone() }),
            ClientCommand::Say(text) => {
                self.interrupt(now, position);
                self.last_word = now;
                self.unanswered = true;
                self.retries = 0;
                self.history.person_said(&text);
                self.turn =
                    (now, TurnMarks { turn_decided: Some(0), transcript: Some(0), ..TurnMarks::default() });
                let language = self.language.clone();
                self.emit(CallEvent::UserTranscript { text, last: true, language });
                self.answer_if_due(now);
            }
            ClientCommand::SetLanguage(language) => {
                if let Some(language) = &language {
                    self.language.clone_from(language);
                }
                self.settings.language.clone_from(&language);
                self.commands.push(Command::SetLanguage(language));
            }
            ClientCommand::Interrupt => {
                self.interrupt(now, position);
                self.unanswered = false;
            }
            ClientCommand::HangUp => self.end(EndReason::HungUp, "You hung up."),
            ClientCommand::Bad { id, message } => self.emit(CallEvent::BadMessage { id, message }),
            ClientCommand::Muted(_) | ClientCommand::FirstAudioHeard { .. } => {}
        }
    }

    fn timed_out(&mut self, now: u64) {
        let late = |pending: &Pending| pending.ended.is_some() && pending.decided + TRANSCRIPT_TIMEOUT <= now;
        let late: Vec<_> =
            self.pending.iter().filter(|(_, pending)| late(pending)).map(|(id, _)| *id).collect();
        for utterance in late {
            self.not_understood(now, utterance);
        }
        let idle = self.settings.idle_ms;
        if idle > 0 && self.timeout().is_some_and(|due| due <= now) && self.last_word + idle <= now {
            self.end(EndReason::Idle, "Nobody has said anything for a while, so the call has ended.");
        }
    }

    /// Answers when the person has said something, has stopped, and all their words are known.
    fn answer_if_due(&mut self, now: u64) {
        if !self.unanswered || self.answer.is_some() || self.speaking.is_some() || !self.pending.is_empty() {
            return;
        }
        self.responses += 1;
        let id = ResponseId(self.responses);
        let mut messages = vec![Message { role: Role::System, content: self.settings.instructions.clone() }];
        messages.extend_from_slice(self.history.fitted());
        let request = ResponseRequest {
            id,
            messages,
            language: self.language.clone(),
            voice: self.settings.voice.clone(),
        };
        self.answer = Some(Answer::new(id, self.turn));
        self.last_word = now;
        self.emit(CallEvent::AnswerStarted(id));
        self.commands.push(Command::Start(request));
    }
}

#[cfg(test)]
mod tests;
