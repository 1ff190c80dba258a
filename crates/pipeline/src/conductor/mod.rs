//! Runs the conversation: gives it what happens and the time, and does what it says. Owns the tasks of the answer in work.
//!
//! - this file: the loop
//! - `inputs`: what happens, as the conversation's inputs
//! - `work`: what the conversation wants done
//! - `effort`: what that costs
//! - `lives`: when the language model's process has lost what it had read

mod effort;
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
use crate::ends::Departure;
use crate::engine::{EngineError, Engines};
use crate::event::{CallEvent, ClientCommand, EndReason};
use crate::frame::{Play, PlaybackPosition, PlayoutItem, ResponseId, UtteranceId};

use super::animate::{FaceInput, FaceSender};
use super::conversation::{Command, Conversation, Input, Round, STOPPING, Settings};
use super::floor::Floor;
use super::llm::CueSources;
use super::observer::Observer;
use super::options::Remembered;
use super::scope::Scope;
use super::stt::SttEvent;
use super::tools::Toolbox;
use super::tts::VoiceChoice;
use super::vad::Heard;
use super::{JUDGED_QUEUE, NOTE_QUEUE, RETURNED_QUEUE};
use crate::frame::PlayoutEvent;
use effort::Effort;
use inputs::{note_client, voice, word_input};
use lives::Lives;

/// What the stages of an answer tell.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerNote {
    /// How likely the person's words are complete.
    TurnEnd(ResponseId, f32),
    /// A piece of text.
    Text(ResponseId, String),
    /// How many tokens the model had to read before its first word.
    Read(ResponseId, u32),
    /// The text is complete.
    TextEnded(ResponseId),
    /// The first phrase is cut.
    FirstPhrase(ResponseId),
    /// The first audio is there.
    FirstAudio(ResponseId),
    /// The model calls this tool with these arguments, and waits.
    Called(ResponseId, String, String),
    /// There is no voice for this language.
    NoVoice(ResponseId, String, String),
    /// The request has this many tokens too many: how many fit, and how many it has. The answer waits for a shorter one.
    TooLong(ResponseId, u32, u32),
    /// The model's engine failed, and what it had read is lost.
    ModelFailed,
    /// An engine failed.
    Failed(ResponseId, EngineError),
}

/// Everything that the conductor hears from and speaks to.
pub(super) struct Wires {
    pub(super) voice: mpsc::Receiver<Heard>,
    pub(super) words: mpsc::Receiver<SttEvent>,
    pub(super) commands: mpsc::Receiver<ClientCommand>,
    pub(super) playout: mpsc::Receiver<PlayoutEvent>,
    pub(super) position: watch::Receiver<PlaybackPosition>,
    pub(super) events: mpsc::Sender<CallEvent>,
    pub(super) departure: Departure,
    pub(super) hang_up: CancellationToken,
    pub(super) language: watch::Sender<Option<String>>,
    pub(super) current: watch::Sender<Option<(ResponseId, Play)>>,
    pub(super) closed: watch::Sender<UtteranceId>,
    pub(super) speech: mpsc::Sender<PlayoutItem>,
    pub(super) toolbox: Arc<Toolbox>,
    pub(super) face: FaceSender,
    /// Where the cues of the face come from.
    pub(super) cue_sources: CueSources,
}

/// What a call begins with.
pub(super) struct Begin {
    pub(super) settings: Settings,
    /// What it goes on from; none: it is new.
    pub(super) context: Option<Arc<CallContext>>,
    /// Takes what outlives it.
    pub(super) remembered: Remembered,
    /// Looks at each step of the conversation.
    pub(super) observer: Observer,
}

/// Runs one call's conversation to its end.
pub(super) struct Conductor {
    call: String,
    conversation: Conversation,
    observer: Observer,
    remembered: Remembered,
    engines: Engines,
    wires: Wires,
    tasks: TaskTracker,
    drain: Option<CancellationToken>,
    token: CancellationToken,
    began: Instant,
    answer: Option<CancellationToken>,
    effort: Option<Effort>,
    /// Of the answer in work.
    voice: VoiceChoice,
    notes: (mpsc::Sender<AnswerNote>, mpsc::Receiver<AnswerNote>),
    /// What the end-of-turn model thinks of pauses.
    judged: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    /// What tools have brought.
    returned: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    /// Tells the answer in work how it goes on after a tool.
    rounds: Option<mpsc::Sender<Round>>,
    /// Between the answer in work and what is said in front of it.
    floor: Floor,
    prefill: CancellationToken,
    /// The lives of the language model's process.
    lives: Lives,
    /// Work for which nobody waits; it ends when somebody does.
    spare: CancellationToken,
    no_voice_told: bool,
}

impl Conductor {
    pub(super) fn new(
        call: String,
        begin: Begin,
        engines: Engines,
        wires: Wires,
        tasks: TaskTracker,
        scope: Scope,
    ) -> Self {
        let notes = mpsc::channel(NOTE_QUEUE);
        let judged = mpsc::channel(JUDGED_QUEUE);
        let began = Instant::now();
        let Begin { settings, context, remembered, observer } = begin;
        let conversation = match &context {
            Some(context) => Conversation::resume(settings, call.clone(), context),
            None => Conversation::new(settings, call.clone()),
        };
        if context.is_some() {
            // Until it changes, that is what is to be kept of it.
            remembered.send_replace(context);
        }
        let lives = Lives::of(engines.llm.lives());
        Self {
            call,
            conversation,
            observer,
            remembered,
            engines,
            wires,
            tasks,
            drain: Some(scope.drain),
            token: scope.token,
            began,
            answer: None,
            effort: None,
            voice: Default::default(),
            notes,
            judged,
            returned: mpsc::channel(RETURNED_QUEUE),
            rounds: None,
            floor: Floor::default(),
            prefill: CancellationToken::new(),
            lives,
            spare: CancellationToken::new(),
            no_voice_told: false,
        }
    }

    /// Runs until the call ends, and says why.
    pub(super) async fn run(mut self) -> (EndReason, &'static str) {
        loop {
            let due = self.conversation.timeout().map(|at| self.began + Duration::from_millis(at));
            let input = tokio::select! {
                // In this order: words never overtake the voice that spoke them.
                biased;
                () = self.token.cancelled() => return self.finish(STOPPING),
                () = self.wires.hang_up.cancelled() => Some(Input::EndedByOperator),
                heard = self.wires.voice.recv() => match heard {
                    Some(heard) => {
                        self.spare.cancel();
                        self.judge(&heard);
                        Some(voice(heard))
                    }
                    None => return self.gone(),
                },
                words = self.wires.words.recv() => words.map(word_input),
                command = self.wires.commands.recv() => match command {
                    Some(command) => {
                        note_client(&command);
                        Some(Input::Client(command))
                    }
                    None => return self.gone(),
                },
                event = self.wires.playout.recv() => event.and_then(|event| self.playout_input(event)),
                judged = self.judged.1.recv() => judged,
                returned = self.returned.1.recv() => returned,
                () = self.lives.lost() => Some(Input::ModelForgot),
                note = self.notes.1.recv() => note.and_then(|note| self.note_input(note)),
                () = async { tokio::time::sleep_until(due.expect("guarded")).await }, if due.is_some() => Some(Input::Timeout),
                () = async { self.drain.as_ref().expect("guarded").cancelled().await }, if self.drain.is_some() => {
                    self.drain = None;
                    Some(Input::Stopping)
                }
            };
            let Some(input) = input else { continue };
            let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let position = *self.wires.position.borrow();
            let commands = self.conversation.handle(now, position, input.clone());
            self.observer.step(now, position, &input, &commands);
            for command in commands {
                if let Some(end) = self.execute(command) {
                    return end;
                }
            }
        }
    }

    /// Does what the conversation wants; says why, when the call ends with it.
    fn execute(&mut self, command: Command) -> Option<(EndReason, &'static str)> {
        match command {
            Command::Start(request, play) => self.start(request, play),
            Command::Play(id, play) => {
                _ = self.effort.as_mut().map(Effort::was_wanted);
                self.wires.current.send_replace(Some((id, play)));
            }
            Command::Prefill(messages, open) => self.prefill(messages, open),
            Command::Summarise(messages) => self.summarise(messages),
            Command::Count(what, messages, tools) => self.count(what, messages, tools),
            Command::Prepare(lines, voice) => self.prepare(lines, voice),
            Command::Cancel(_) => self.cancel(),
            Command::RunTool(_, call) => self.run_tool(call),
            Command::Continue(_, round) => {
                // One round at a time: there is room.
                _ = self.rounds.as_ref().map(|rounds| rounds.try_send(round));
            }
            Command::Hold(id, text) => self.hold(id, &text),
            Command::Show(cue) => self.wires.face.send(|| FaceInput::Cue(cue)),
            Command::Close(utterance) => _ = self.wires.closed.send_replace(utterance),
            // Moved, also where nobody keeps it: it was copied once a turn, and a history is for every request.
            Command::Remember(context) => _ = self.remembered.send_replace(Some(Arc::from(context))),
            Command::SetLanguage(language) => _ = self.wires.language.send_replace(language),
            Command::End(reason, message) => return Some(self.finish((reason, message))),
            Command::Emit(event) => {
                self.observer.told(&event);
                self.wires.face.told(&event);
                match self.wires.events.try_send(event) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => {
                        let stuck = (EndReason::ConnectionLost, "The client has stopped reading.");
                        return Some(self.finish(stuck));
                    }
                    Err(TrySendError::Closed(_)) => return Some(self.gone()),
                }
            }
        }
        None
    }

    /// The transport has dropped its end.
    fn gone(&mut self) -> (EndReason, &'static str) {
        let end = self.wires.departure.reason();
        self.finish(end)
    }

    fn finish(&mut self, end: (EndReason, &'static str)) -> (EndReason, &'static str) {
        self.cancel();
        self.observer.end(end.0);
        end
    }

    fn cancel(&mut self) {
        if let Some(token) = self.answer.take() {
            token.cancel();
        }
        _ = self.effort.take().map(Effort::count);
        self.wires.current.send_replace(None);
    }
}
