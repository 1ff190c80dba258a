//! Runs the conversation: gives it inputs and the time, and carries out its commands. Owns the current response's tasks.
//!
//! - this file: the loop
//! - `inlet`: a queue whose receiving end is the conductor's
//! - `inputs`: converts what happens into the conversation's inputs
//! - `work`: the tasks behind the conversation's commands
//! - `apart`: runs what may take milliseconds without holding up other calls
//! - `effort`: measures the model's work
//! - `lives`: notices when the language model's process has lost what it had read

mod apart;
mod effort;
mod inlet;
mod inputs;
mod lives;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::CallContext;
use crate::engine::{Caller, Engines};
use crate::event::{CallEnd, CallEvent, ClientCommand, EndReason};
use crate::frame::{PlaybackPosition, PlayoutItem, ResponseId, UtteranceId};
use crate::ports::{Departure, Presence};
use crate::route::{Routed, Served};

use super::animate::{FaceInput, FaceSender};
use super::conversation::{Command, Conversation, Input, Round, STOPPING, Settings};
use super::floor::Floor;
use super::llm::CueSources;
use super::note::ResponseNote;
use super::observer::Observer;
use super::options::{Hellos, Remembered};
use super::playout::Current;
use super::scope::Scope;
use super::stt::SttEvent;
use super::tools::Toolbox;
use super::tts::VoiceChoice;
use super::vad::Heard;
use super::{JUDGED_QUEUE, NOTE_QUEUE, RETURNED_QUEUE};
use crate::frame::PlayoutEvent;
use apart::apart;
use effort::Effort;
use inlet::Inlet;
use inputs::{note_client, voice};
use lives::Lives;

/// The queues between the conductor and everything else.
pub(super) struct Channels {
    pub(super) voice: mpsc::Receiver<Heard>,
    pub(super) words: mpsc::Receiver<SttEvent>,
    pub(super) commands: mpsc::Receiver<ClientCommand>,
    pub(super) presence: watch::Receiver<Presence>,
    pub(super) playout: mpsc::Receiver<PlayoutEvent>,
    pub(super) position: watch::Receiver<PlaybackPosition>,
    pub(super) events: mpsc::Sender<CallEvent>,
    pub(super) departure: Departure,
    pub(super) hang_up: CancellationToken,
    pub(super) language: watch::Sender<Option<String>>,
    pub(super) current: watch::Sender<Option<Current>>,
    pub(super) closed: watch::Sender<UtteranceId>,
    pub(super) speech: mpsc::Sender<PlayoutItem>,
    pub(super) toolbox: Arc<Toolbox>,
    pub(super) face: FaceSender,
    /// Where the cues of the face come from.
    pub(super) cue_sources: CueSources,
}

/// The settings and options of a new call.
pub(super) struct Begin {
    pub(super) settings: Settings,
    /// The context the call resumes; none: it is new.
    pub(super) context: Option<Arc<CallContext>>,
    /// Receives the context that outlives the call.
    pub(super) remembered: Remembered,
    /// Receives each answer to a hello.
    pub(super) hellos: Hellos,
    /// Cancelled when the call goes on over another connection.
    pub(super) moved: CancellationToken,
    pub(super) observer: Observer,
    /// The user served.
    pub(super) caller: Caller,
}

/// The engines that serve a response.
#[derive(Debug, Default)]
struct InService {
    response: ResponseId,
    engines: Served,
}

/// The end of a connection whose call goes on over another one.
const MOVED: CallEnd =
    CallEnd { reason: EndReason::Moved, message: "The call goes on in another window or place." };

/// Runs one call's conversation to its end.
pub(super) struct Conductor {
    call: String,
    caller: Caller,
    conversation: Conversation,
    observer: Observer,
    remembered: Remembered,
    hellos: Hellos,
    moved: CancellationToken,
    /// How far playout had got when the client was cut off, if it is.
    cut_off: Option<PlaybackPosition>,
    /// The transport tells whether its client is present.
    sees_client: bool,
    engines: Engines,
    channels: Channels,
    tasks: TaskTracker,
    drain: Option<CancellationToken>,
    token: CancellationToken,
    began: Instant,
    response: Option<CancellationToken>,
    effort: Option<Effort>,
    /// The voice of the current response.
    voice: VoiceChoice,
    /// What the stages of a response report.
    notes: Inlet<ResponseNote>,
    /// Turn predictions by prosody.
    judged: Inlet<Input>,
    /// Results of tools.
    returned: Inlet<Input>,
    /// Tells the current response how to go on after a tool call.
    rounds: Option<mpsc::Sender<Round>>,
    /// Keeps the current response and its fillers from speaking at once.
    floor: Floor,
    prefill: CancellationToken,
    lives: Lives,
    /// Background work; cancelled when the user speaks or a response starts.
    background: CancellationToken,
    no_voice_told: bool,
    /// The recogniser of the newest utterance, where there are routes.
    heard_by: Option<Routed>,
    served: InService,
}

impl Conductor {
    pub(super) fn new(
        call: String,
        begin: Begin,
        engines: Engines,
        channels: Channels,
        tasks: TaskTracker,
        scope: Scope,
    ) -> Self {
        let began = Instant::now();
        let Begin { settings, context, remembered, hellos, moved, observer, caller } = begin;
        let conversation = match &context {
            Some(context) => Conversation::resume(settings, call.clone(), context),
            None => Conversation::new(settings, call.clone()),
        };
        if context.is_some() {
            // Until it changes, this is the context to keep.
            remembered.send_replace(context);
        }
        let lives = Lives::of(engines.llm.lives());
        Self {
            call,
            caller,
            conversation,
            observer,
            remembered,
            hellos,
            moved,
            cut_off: None,
            sees_client: true,
            engines,
            channels,
            tasks,
            drain: Some(scope.drain),
            token: scope.token,
            began,
            response: None,
            effort: None,
            voice: Default::default(),
            notes: Inlet::new(NOTE_QUEUE),
            judged: Inlet::new(JUDGED_QUEUE),
            returned: Inlet::new(RETURNED_QUEUE),
            rounds: None,
            floor: Floor::default(),
            prefill: CancellationToken::new(),
            lives,
            background: CancellationToken::new(),
            no_voice_told: false,
            heard_by: None,
            served: InService::default(),
        }
    }

    /// Runs until the call ends; returns why.
    pub(super) async fn run(mut self) -> CallEnd {
        loop {
            let due = self.conversation.timeout().map(|at| self.began + Duration::from_millis(at));
            let input = tokio::select! {
                // In this order, so that words never overtake the voice events they belong to.
                biased;
                () = self.token.cancelled() => {
                    self.remember_last();
                    return self.finish(STOPPING);
                }
                () = self.channels.hang_up.cancelled() => Some(Input::EndedByOperator),
                () = self.moved.cancelled() => {
                    self.remember_last();
                    return self.finish(MOVED);
                }
                heard = self.channels.voice.recv() => match heard {
                    Some(heard) => {
                        self.background.cancel();
                        self.judge(&heard);
                        Some(voice(heard))
                    }
                    None => return self.gone(),
                },
                words = self.channels.words.recv() => words.and_then(|words| self.word_input(words)),
                command = self.channels.commands.recv() => match command {
                    Some(command) => {
                        note_client(&command);
                        Some(Input::Client(command))
                    }
                    None => return self.gone(),
                },
                event = self.channels.playout.recv() => event.and_then(|event| self.playout_input(event)),
                judged = self.judged.recv() => judged,
                returned = self.returned.recv() => returned,
                () = self.lives.lost() => Some(Input::ModelForgot),
                seen = self.channels.presence.changed(), if self.sees_client => {
                    self.sees_client = seen.is_ok();
                    self.note_presence();
                    None
                }
                note = self.notes.recv() => note.and_then(|note| self.note_input(note)),
                () = async { tokio::time::sleep_until(due.expect("guarded")).await }, if due.is_some() => Some(Input::Timeout),
                () = async { self.drain.as_ref().expect("guarded").cancelled().await }, if self.drain.is_some() => {
                    self.drain = None;
                    Some(Input::Stopping)
                }
            };
            let Some(input) = input else { continue };
            let position = *self.channels.position.borrow();
            let commands = self.step(position, &input);
            if let Some(end) = self.carry_out(commands) {
                return end;
            }
        }
    }

    /// Gives the conversation an input; returns its commands.
    fn step(&mut self, position: PlaybackPosition, input: &Input) -> Vec<Command> {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let commands = if self.conversation.checks_arguments(input) {
            apart(|| self.conversation.handle(now, position, input.clone()))
        } else {
            self.conversation.handle(now, position, input.clone())
        };
        self.observer.step(now, position, input, &commands);
        commands
    }

    /// Has the context remembered from which the call may go on, since this connection has ended. What was played to a client that was
    /// cut off counts as not heard.
    fn remember_last(&mut self) {
        let played = *self.channels.position.borrow();
        let cut_off = self.cut_off.filter(|cut_off| cut_off.response == played.response);
        for command in self.step(cut_off.unwrap_or(played), &Input::Gone) {
            if let Command::Remember(context) = command {
                self.remembered.send_replace(Some(Arc::from(context)));
            }
        }
    }

    fn note_presence(&mut self) {
        let presence = *self.channels.presence.borrow_and_update();
        let played = *self.channels.position.borrow();
        self.cut_off = (presence == Presence::CutOff).then(|| self.cut_off.unwrap_or(played));
    }

    /// Carries out the commands of a step; returns the reason if one of them ends the call.
    fn carry_out(&mut self, commands: Vec<Command>) -> Option<CallEnd> {
        let is_hello = |command: &Command| matches!(command, Command::Emit(CallEvent::Ready { .. }));
        let says_hello = commands.iter().any(is_hello);
        for command in commands {
            let end = self.execute(command);
            if end.is_some() {
                return end;
            }
        }
        // Behind all that the hello brings with it: a resume token comes after what the call goes on from.
        if says_hello {
            self.hellos.send_modify(|hellos| *hellos += 1);
        }
        None
    }

    /// Carries out a command; returns the reason if it ends the call.
    fn execute(&mut self, command: Command) -> Option<CallEnd> {
        match command {
            Command::Start(request, play) => self.start(request, play),
            Command::Play(id, play) => {
                _ = self.effort.as_mut().map(Effort::was_wanted);
                self.channels.current.send_replace(Some(Current { response: id, play }));
            }
            Command::Prefill(messages, open) => self.prefill(messages, open),
            Command::Summarise(messages) => self.summarise(messages),
            Command::Count(what, messages, tools) => self.count(what, messages, tools),
            Command::Prepare(lines, (voice, language)) => {
                let caller = self.caller.clone();
                self.prepare(lines, VoiceChoice { voice, language, caller });
            }
            Command::Cancel(_) => self.cancel(),
            Command::RunTool(_, call) => self.run_tool(call),
            Command::Continue(_, round) => {
                // One round at a time, so there is room.
                _ = self.rounds.as_ref().map(|rounds| rounds.try_send(round));
            }
            Command::Filler(id, text) => self.filler(id, &text),
            Command::Show(cue) => self.channels.face.send(|| FaceInput::Cue(cue)),
            Command::Close(utterance) => _ = self.channels.closed.send_replace(utterance),
            // Moved even if nobody keeps it: the context is copied only once per turn.
            Command::Remember(context) => _ = self.remembered.send_replace(Some(Arc::from(context))),
            Command::ListVoices => self.list_voices(),
            Command::SetLanguage(language) => _ = self.channels.language.send_replace(language),
            Command::End(reason, message) => return Some(self.finish(CallEnd { reason, message })),
            Command::Emit(event) => {
                let event = self.with_engines(event);
                self.observer.told(&event);
                self.channels.face.told(&event);
                match self.channels.events.try_send(event) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => {
                        self.remember_last();
                        let (reason, message) =
                            (EndReason::ConnectionLost, "The client has stopped reading.");
                        return Some(self.finish(CallEnd { reason, message }));
                    }
                    Err(TrySendError::Closed(_)) => return Some(self.gone()),
                }
            }
        }
        None
    }

    /// Adds the engines that served a turn to the event that reports it.
    fn with_engines(&self, event: CallEvent) -> CallEvent {
        match event {
            CallEvent::Turn { response, end, marks, slow, .. } if response == self.served.response => {
                CallEvent::Turn { response, end, marks, slow, served: self.served.engines.clone() }
            }
            event => event,
        }
    }

    /// The transport has dropped its end.
    fn gone(&mut self) -> CallEnd {
        self.remember_last();
        let (reason, message) = self.channels.departure.reason();
        self.finish(CallEnd { reason, message })
    }

    fn finish(&mut self, end: CallEnd) -> CallEnd {
        self.cancel();
        self.observer.end(end.reason);
        end
    }

    fn cancel(&mut self) {
        if let Some(token) = self.response.take() {
            token.cancel();
        }
        _ = self.effort.take().map(Effort::count);
        self.channels.current.send_replace(None);
    }
}
