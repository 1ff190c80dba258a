//! Runs the conversation: gives it what happens and the time, and does what it says. Owns the tasks of the answer in work.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{EngineError, Engines, LlmRequest, TtsRequest};
use crate::event::{CallEvent, ClientCommand, EndReason};
use crate::frame::{
    MIC_RATE, Message, Play, PlaybackPosition, PlayoutItem, ResponseId, ResponseRequest, Sentence,
    UtteranceId, VadEvent,
};
use crate::tool::{ToolCall, Tools};

use super::conversation::{Command, Conversation, Input, Round};
use super::observer::Observer;
use super::playout::PlayoutEvent;
use super::speakable::speakable;
use super::stt::SttEvent;
use super::tools::Toolbox;
use super::vad::Heard;
use super::{JUDGED_QUEUE, NOTE_QUEUE, RETURNED_QUEUE, SENTENCE_QUEUE, llm, stages, tts};

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
    pub(super) language: watch::Sender<Option<String>>,
    pub(super) current: watch::Sender<Option<(ResponseId, Play)>>,
    pub(super) closed: watch::Sender<UtteranceId>,
    pub(super) speech: mpsc::Sender<PlayoutItem>,
    pub(super) toolbox: Arc<Toolbox>,
}

/// Runs one call's conversation to its end.
pub(super) struct Conductor {
    call: String,
    conversation: Conversation,
    observer: Observer,
    engines: Engines,
    wires: Wires,
    tasks: TaskTracker,
    drain: Option<CancellationToken>,
    token: CancellationToken,
    began: Instant,
    answer: Option<CancellationToken>,
    /// Voice and language of the answer in work.
    voice: (String, String),
    notes: (mpsc::Sender<AnswerNote>, mpsc::Receiver<AnswerNote>),
    /// What the end-of-turn model thinks of pauses.
    judged: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    /// What tools have brought.
    returned: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    /// Tells the answer in work how it goes on after a tool.
    rounds: Option<mpsc::Sender<Round>>,
    prefill: CancellationToken,
    /// Work for which nobody waits; it ends when somebody does.
    spare: CancellationToken,
    no_voice_told: bool,
}

impl Conductor {
    pub(super) fn new(
        call: String,
        (conversation, observer): (Conversation, Observer),
        engines: Engines,
        wires: Wires,
        tasks: TaskTracker,
        (drain, token): (CancellationToken, CancellationToken),
    ) -> Self {
        let notes = mpsc::channel(NOTE_QUEUE);
        let judged = mpsc::channel(JUDGED_QUEUE);
        let began = Instant::now();
        let drain = Some(drain);
        Self {
            call,
            conversation,
            observer,
            engines,
            wires,
            tasks,
            drain,
            token,
            began,
            answer: None,
            voice: Default::default(),
            notes,
            judged,
            returned: mpsc::channel(RETURNED_QUEUE),
            rounds: None,
            prefill: CancellationToken::new(),
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
                () = self.token.cancelled() => return self.finish(EndReason::ServerStopping, "The server stops. Please call again in a moment."),
                heard = self.wires.voice.recv() => match heard {
                    Some(heard) => {
                        self.spare.cancel();
                        self.judge(&heard);
                        Some(voice(heard))
                    }
                    None => return self.finish(EndReason::HungUp, "The connection was closed."),
                },
                words = self.wires.words.recv() => words.map(word_input),
                command = self.wires.commands.recv() => match command {
                    Some(command) => {
                        note_client(&command);
                        Some(Input::Client(command))
                    }
                    None => return self.finish(EndReason::HungUp, "The connection was closed."),
                },
                event = self.wires.playout.recv() => event.and_then(|event| self.playout_input(event)),
                judged = self.judged.1.recv() => judged,
                returned = self.returned.1.recv() => returned,
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
            Command::Play(id, play) => _ = self.wires.current.send_replace(Some((id, play))),
            Command::Prefill(messages, open) => self.prefill(messages, open),
            Command::Summarise(messages) => self.summarise(messages),
            Command::Prepare(lines, voice) => self.prepare(lines, voice),
            Command::Cancel(_) => self.cancel(),
            Command::RunTool(_, call) => self.run_tool(call),
            Command::Continue(_, round) => {
                // One round at a time: there is room.
                _ = self.rounds.as_ref().map(|rounds| rounds.try_send(round));
            }
            Command::Hold(id, text) => self.hold(id, &text),
            Command::Close(utterance) => _ = self.wires.closed.send_replace(utterance),
            Command::SetLanguage(language) => _ = self.wires.language.send_replace(language),
            Command::End(reason, message) => return Some(self.finish(reason, message)),
            Command::Emit(event) => {
                self.observer.told(&event);
                if self.wires.events.try_send(event).is_err() {
                    return Some(self.finish(EndReason::ConnectionLost, "The client has stopped reading."));
                }
            }
        }
        None
    }

    fn finish(&mut self, reason: EndReason, message: &'static str) -> (EndReason, &'static str) {
        self.cancel();
        self.observer.end(reason);
        (reason, message)
    }

    /// A hole is counted; it changes nothing.
    fn playout_input(&self, event: PlayoutEvent) -> Option<Input> {
        if let PlayoutEvent::Hole(response, length) = event {
            stages::hole(&self.call, response, length);
            return None;
        }
        Some(Input::Playout(event))
    }

    fn note_input(&mut self, note: AnswerNote) -> Option<Input> {
        Some(match note {
            AnswerNote::TurnEnd(id, probability) => {
                tracing::debug!(call = %self.call, response = id.0, probability, "turn's end by meaning");
                Input::TurnEnd(id, probability)
            }
            AnswerNote::Text(id, text) => Input::Text(id, text),
            AnswerNote::Read(id, tokens) => Input::Read(id, tokens),
            AnswerNote::TextEnded(id) => Input::TextEnded(id),
            AnswerNote::FirstPhrase(id) => Input::FirstPhrase(id),
            AnswerNote::FirstAudio(id) => Input::FirstAudio(id),
            AnswerNote::Called(id, name, arguments) => Input::ToolCalled(id, name, arguments),
            AnswerNote::Failed(id, error) => {
                tracing::warn!(call = %self.call, response = id.0, %error, "answer failed");
                Input::AnswerFailed(id)
            }
            AnswerNote::NoVoice(_, language, reason) => {
                if !std::mem::replace(&mut self.no_voice_told, true) {
                    tracing::warn!(call = %self.call, %language, %reason, "no voice for the language");
                    let message = format!(
                        "No voice for the language \"{language}\" is installed, so another one speaks."
                    );
                    _ = self.wires.events.try_send(CallEvent::Notice { code: "no-voice", message });
                }
                return None;
            }
        })
    }

    fn cancel(&mut self) {
        if let Some(token) = self.answer.take() {
            token.cancel();
        }
        self.wires.current.send_replace(None);
    }

    /// Asks the end-of-turn model about a pause.
    fn judge(&self, heard: &Heard) {
        let VadEvent::Paused { utterance, pause, .. } = heard.event else { return };
        let (Some(model), Some(audio)) = (self.engines.end_of_turn.clone(), heard.audio.clone()) else {
            return;
        };
        let out = self.judged.0.clone();
        self.tasks.spawn(async move {
            match tokio::task::spawn_blocking(move || model.probability(&audio)).await {
                // When the conversation does not keep up, a vote is the least loss.
                Ok(Ok(probability)) => {
                    tracing::debug!(utterance = utterance.0, pause, probability, "turn's end by melody");
                    _ = out.try_send(Input::Prosody(utterance, pause, probability));
                }
                Ok(Err(error)) => tracing::warn!(%error, "the end of the turn was not judged"),
                Err(error) => tracing::error!(%error, "the end-of-turn model panicked"),
            }
        });
    }

    /// Reads ahead; a newer reading replaces an older one.
    fn prefill(&mut self, messages: Vec<Message>, open: bool) {
        self.prefill.cancel();
        self.prefill = self.token.child_token();
        let (token, llm) = (self.prefill.clone(), self.engines.llm.clone());
        let request = LlmRequest {
            conversation: self.call.clone(),
            messages,
            speculative: true,
            tools: self.conversation.tools().clone(),
        };
        self.tasks.spawn(async move { token.run_until_cancelled(llm.prefill(request, open)).await });
    }

    /// Has lines spoken for later, one after the other, until somebody speaks.
    fn prepare(&mut self, lines: Vec<String>, (voice, language): (String, String)) {
        self.spare.cancel();
        self.spare = self.token.child_token();
        let (token, tts) = (self.spare.clone(), self.engines.tts.clone());
        let any = TtsRequest { text: String::new(), voice, language, ahead: true };
        let work = async move {
            for line in lines {
                let text = speakable(&line, &any.language).text;
                tts.prepare(TtsRequest { text, ..any.clone() }).await;
            }
        };
        self.tasks.spawn(async move { token.run_until_cancelled(work).await });
    }

    /// Has the model write a summary, which may come in any later turn.
    fn summarise(&self, messages: Vec<Message>) {
        let (llm, out, token) = (self.engines.llm.clone(), self.judged.0.clone(), self.token.clone());
        // Not in the call's conversation: its cache is for the answers.
        let tools = Tools::default();
        let request = LlmRequest { conversation: String::new(), messages, speculative: true, tools };
        let work = async move {
            let text = llm::whole(request, llm.as_ref()).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "nothing was summed up");
                String::new()
            });
            _ = out.send(Input::Summary(text)).await;
        };
        self.tasks.spawn(async move { token.run_until_cancelled(work).await });
    }

    /// Says something in front of the answer in work, which goes on being made.
    fn hold(&mut self, response: ResponseId, text: &str) {
        let Some(token) = self.answer.clone() else { return };
        let (tts, speech) = (self.engines.tts.clone(), self.wires.speech.clone());
        let (voice, language) = self.voice.clone();
        let spoken = speakable(text, &language);
        let sentence =
            Sentence { response, index: 0, text: String::new(), speakable: spoken.text, words: Vec::new() };
        self.tasks.spawn(async move {
            let said = tts::say(&sentence, (voice, language), tts.as_ref(), &speech);
            if let Some(Err(error)) = token.run_until_cancelled(said).await {
                tracing::warn!(response = response.0, %error, "the holding phrase failed");
            }
        });
    }

    /// Runs a tool for the answer in work, until the answer ends.
    fn run_tool(&mut self, call: ToolCall) {
        let Some(token) = self.answer.clone() else { return };
        let (toolbox, returned) = (self.wires.toolbox.clone(), self.returned.0.clone());
        self.tasks.spawn(Box::pin(async move {
            let work = AssertUnwindSafe(toolbox.run(&call)).catch_unwind();
            if let Some(done) = token.run_until_cancelled(work).await {
                let result = done.unwrap_or_else(|_| Err("the tool failed".into()));
                _ = returned.send(Input::ToolReturned(call.id, result)).await;
            }
        }));
    }

    fn start(&mut self, request: ResponseRequest, play: Play) {
        self.spare.cancel();
        self.cancel();
        let id = request.id;
        self.wires.current.send_replace(Some((id, play)));
        let token = self.token.child_token();
        self.answer = Some(token.clone());
        self.voice = (request.voice.clone(), request.language.clone());
        let (sentences, to_speak) = mpsc::channel(SENTENCE_QUEUE);
        let notes = self.notes.0.clone();
        let voice = (request.voice.clone(), request.language.clone());
        let (rounds, more) = mpsc::channel(1);
        self.rounds = Some(rounds);
        let words =
            llm::run(self.call.clone(), request, self.engines.llm.clone(), sentences, notes.clone(), more);
        let speech =
            tts::run(id, voice, self.engines.tts.clone(), to_speak, self.wires.speech.clone(), notes.clone());
        self.tasks.spawn(Box::pin(async move {
            let work = AssertUnwindSafe(async { tokio::try_join!(words, speech) }).catch_unwind();
            let failed = tokio::select! {
                done = work => done.unwrap_or_else(|_| Err(EngineError::Failed("a stage panicked".into()))).err(),
                () = token.cancelled() => None,
            };
            if let Some(error) = failed {
                _ = notes.send(AnswerNote::Failed(id, error)).await;
            }
        }));
    }
}

fn voice(heard: Heard) -> Input {
    use crate::frame::VadEvent::{Cut, Paused, Resumed, Started};
    let at = match &heard.event {
        Started { at, .. } | Paused { at, .. } | Cut { at, .. } => *at,
        Resumed { .. } => heard.seen,
    };
    Input::Voice { ago: heard.seen.saturating_sub(at) * 1000 / u64::from(MIC_RATE), event: heard.event }
}

fn word_input(event: SttEvent) -> Input {
    match event {
        SttEvent::Partial(utterance, words) => Input::Partial(utterance, words),
        SttEvent::Trial(utterance, pause, words) => Input::Trial(utterance, pause, words),
        SttEvent::Final(utterance, words) => Input::Final(utterance, words),
        SttEvent::Failed(utterance, reason) => {
            tracing::warn!(utterance = utterance.0, %reason, "recognition failed");
            Input::NotUnderstood(utterance)
        }
    }
}

fn note_client(command: &ClientCommand) {
    if let ClientCommand::FirstAudioHeard { ms, .. } = command {
        metrics::histogram!("visavis_stage_seconds", "stage" => "heard").record(f64::from(*ms) / 1000.0);
    }
}
