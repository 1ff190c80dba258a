//! A simulated world around the conversation, realistic but in random order: a voice, recognition, engines, playout, a
//! client. Events of a cancelled response or a closed utterance still arrive for a while.

use std::collections::VecDeque;

use super::*;
use crate::avatar::cue::{Cue, Mood};
use crate::context::CallContext;
use crate::event::ClientCommand;
use crate::frame::{Play, PlayoutEvent, ResponseId, Role, Transcript, UtteranceId, VadEvent, WordTime};
use crate::invariants::Invariants;
use crate::tool::{Doer, Tool};
use crate::voice::KnownVoice;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Voice {
    Silent,
    Voiced,
    Paused,
}

/// A response that the engines generate.
#[derive(Debug)]
struct Making {
    id: ResponseId,
    play: Play,
    turn_end: bool,
    segments: u32,
    text_ended: bool,
    sounded: u32,
    /// Playout has told that it is dry.
    dry: bool,
    finished: bool,
}

/// The outcome of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Speculative responses that were cancelled.
    pub(super) discarded: Vec<ResponseId>,
    /// Speculative responses that became audible.
    pub(super) revealed: usize,
    pub(super) interrupted: usize,
    pub(super) failed: usize,
    /// Fillers inside responses.
    pub(super) filled: usize,
    /// What went in and came out, step by step.
    pub(super) steps: Vec<(u64, PlaybackPosition, Input, Vec<Command>)>,
    /// The context that was remembered last.
    pub(super) remembered: Option<CallContext>,
    /// Violated invariants.
    pub(super) wrong: Vec<String>,
}

pub(super) struct World {
    pub(super) conversation: Conversation,
    invariants: Invariants,
    now: u64,
    position: PlaybackPosition,
    utterance: u32,
    voice: Voice,
    pauses: u32,
    /// Utterances and pauses asked of recognition and of the end-of-turn model.
    asked: Vec<(u32, u32)>,
    cut: Vec<u32>,
    making: Option<Making>,
    /// Events of playout that the conversation has not received yet, of any response.
    told: VecDeque<PlayoutEvent>,
    /// Inputs that were on their way when their response was cancelled or their utterance closed.
    late: VecDeque<Input>,
    pub(super) over: bool,
    /// Whether the engine counts tokens.
    pub(super) counts: bool,
    /// Tokens in the engine's window.
    pub(super) window: u32,
    pub(super) outcome: Outcome,
}

const SAID: [&str; 8] = [
    "What is the capital of France?",
    "I would like tea and",
    "okay",
    "",
    "My number is 55 12",
    "Stop, that is enough.",
    "Mm-hm.",
    "Okay, but what about Spain?",
];

/// Words that occur in no other response.
pub(super) fn words_of(id: ResponseId) -> String {
    format!("r{0}a r{0}b r{0}c.", id.0)
}

impl World {
    pub(super) fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            invariants: Invariants::default(),
            now: 1000,
            position: PlaybackPosition::default(),
            utterance: 0,
            voice: Voice::Silent,
            pauses: 0,
            asked: Vec::new(),
            cut: Vec::new(),
            making: None,
            told: VecDeque::new(),
            late: VecDeque::new(),
            over: false,
            counts: true,
            window: 1000,
            outcome: Outcome::default(),
        }
    }

    /// A world around a conversation that resumes from this context.
    pub(super) fn resumed(conversation: Conversation, context: &CallContext) -> Self {
        Self { invariants: Invariants::resumed(context), ..Self::new(conversation) }
    }

    /// Lets one thing happen for each number, and returns the outcome.
    pub(super) fn run(mut self, choices: impl IntoIterator<Item = u32>) -> Outcome {
        self.live(choices);
        self.outcome
    }

    /// Lets one thing happen for each number.
    pub(super) fn live(&mut self, choices: impl IntoIterator<Item = u32>) {
        for choice in choices {
            if self.over {
                break;
            }
            let wait = match choice % 16 {
                0 => 3000,
                1..=4 => 250,
                5..=9 => 60,
                _ => 10,
            };
            self.pass(wait);
            if let Some(input) = self.happens(choice / 16) {
                self.input(input);
            }
        }
    }

    /// Lets time pass, with timeouts when they are due.
    fn pass(&mut self, ms: u64) {
        let until = self.now + ms;
        let mut at_once = 0;
        while let Some(due) = self.conversation.timeout().filter(|due| *due <= until) {
            at_once = if due > self.now { 0 } else { at_once + 1 };
            if at_once > 10 {
                self.outcome.wrong.push("it asks for the same time again and again".into());
                break;
            }
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = until;
        if self.making.as_ref().is_some_and(|making| {
            making.sounded > 0 && !making.dry && matches!(making.play, Play::Full | Play::Ducked)
        }) {
            self.position.samples += ms * 24;
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        let position = self.position;
        let commands = self.conversation.handle(self.now, position, input.clone());
        for violation in self.invariants.step(self.now, &input, &commands) {
            self.outcome
                .wrong
                .push(format!("{violation:?} at step {}: {input:?} {commands:?}", self.outcome.steps.len()));
        }
        for command in &commands {
            self.obey(command);
        }
        self.outcome.steps.push((self.now, position, input, commands));
    }

    fn obey(&mut self, command: &Command) {
        match command {
            Command::Start(request, play) => {
                let id = request.id;
                self.making = Some(Making {
                    id,
                    play: *play,
                    turn_end: *play != Play::Speculative,
                    segments: 0,
                    text_ended: false,
                    sounded: 0,
                    dry: false,
                    finished: false,
                });
                self.position = PlaybackPosition { response: id, ..Default::default() };
            }
            Command::Play(_, play) => {
                if let Some(making) = &mut self.making {
                    self.outcome.revealed += usize::from(making.play == Play::Speculative);
                    making.play = *play;
                }
            }
            Command::Cancel(_) => {
                let Some(making) = self.making.take() else { return };
                if making.play == Play::Speculative {
                    self.outcome.discarded.push(making.id);
                }
                self.late.push_back(Input::Text(making.id, words_of(making.id)));
                self.late.push_back(Input::TextEnded(making.id));
            }
            Command::Close(utterance) if utterance.0 == self.utterance => {
                if self.voice == Voice::Paused {
                    self.late.push_back(Input::Voice {
                        event: VadEvent::Resumed { utterance: *utterance },
                        ago: 0,
                    });
                }
                self.voice = Voice::Silent;
            }
            Command::Filler(..) => {
                let inside = self.making.as_ref().is_some_and(|making| making.sounded > 0);
                self.outcome.filled += usize::from(inside);
            }
            Command::Emit(CallEvent::Interrupted { .. }) => self.outcome.interrupted += 1,
            Command::Count(what, messages, tools) if self.counts => {
                let messages = messages.iter().map(|message| message.content.len() as u32 / 4 + 5).collect();
                let counted = Counted { messages, tools: 40 * tools.len() as u32, limit: 1800 };
                self.late.push_back(Input::Counted(what.clone(), Some(counted)));
            }
            Command::ListVoices => self.late.push_back(Input::Voices(Some(voices()))),
            Command::Summarise(_) => self.late.push_back(Input::Summary("They talked.".into())),
            Command::Remember(context) => self.outcome.remembered = Some((**context).clone()),
            Command::Emit(CallEvent::ResponseFailed { .. }) => self.outcome.failed += 1,
            Command::End(..) => self.over = true,
            _ => {}
        }
    }

    /// One of the things that may happen now.
    fn happens(&mut self, choice: u32) -> Option<Input> {
        let (what, which) = (choice % 32, (choice / 32) as usize);
        match what {
            0..=8 => self.speak(which),
            9..=13 => self.recognise(which),
            14..=20 => self.make(which),
            21..=26 => self.play(),
            27 | 28 => self.late.pop_front(),
            29 | 30 => self.client(which),
            _ if which.is_multiple_of(64) => Some(Input::Stopping),
            _ if which % 512 == 1 => Some(Input::EndedByOperator),
            _ => None,
        }
    }

    fn speak(&mut self, which: usize) -> Option<Input> {
        let (id, voice) = (UtteranceId(self.utterance), self.voice);
        let event = match voice {
            Voice::Silent => {
                self.utterance += 1;
                (self.voice, self.pauses) = (Voice::Voiced, 0);
                VadEvent::Started { utterance: UtteranceId(self.utterance), at: 0 }
            }
            Voice::Voiced if which.is_multiple_of(8) => {
                let text = SAID[which / 8 % SAID.len()];
                return Some(Input::Partial(id, transcript(text)));
            }
            Voice::Voiced if which % 32 == 1 => {
                // The lowest permitted `vad.max_utterance_seconds`.
                self.pass(5000);
                if self.over {
                    return None;
                }
                self.voice = Voice::Silent;
                self.cut.push(self.utterance);
                VadEvent::Cut { utterance: id, at: 0 }
            }
            Voice::Voiced => {
                (self.voice, self.pauses) = (Voice::Paused, self.pauses + 1);
                self.asked.push((self.utterance, self.pauses));
                VadEvent::Paused { utterance: id, pause: self.pauses, at: 0 }
            }
            Voice::Paused if which.is_multiple_of(3) => {
                self.voice = Voice::Voiced;
                VadEvent::Resumed { utterance: id }
            }
            Voice::Paused => return None,
        };
        Some(Input::Voice { event, ago: (which % 130) as u64 })
    }

    fn recognise(&mut self, which: usize) -> Option<Input> {
        let text = transcript(SAID[which / 8 % SAID.len()]);
        if which.is_multiple_of(8) && !self.cut.is_empty() {
            let id = UtteranceId(self.cut.remove(0));
            return Some(if which.is_multiple_of(64) {
                Input::NotUnderstood(id)
            } else {
                Input::Final(id, text)
            });
        }
        if self.asked.is_empty() {
            return None;
        }
        let (utterance, pause) = self.asked[which % self.asked.len()];
        let id = UtteranceId(utterance);
        if which % 8 == 1 {
            return Some(Input::Prosody(id, pause, (which / 8 % 100) as f32 / 100.0));
        }
        self.asked.retain(|asked| *asked != (utterance, pause));
        Some(if which % 32 == 2 { Input::NotUnderstood(id) } else { Input::Trial(id, pause, text) })
    }

    fn make(&mut self, which: usize) -> Option<Input> {
        let making = self.making.as_mut()?;
        let id = making.id;
        if which % 32 == 3 && making.segments == 0 {
            return Some(Input::TooLong(id, self.window, self.window + (which % 2000) as u32));
        }
        if which.is_multiple_of(32) {
            let failed = self.making.take()?;
            if which.is_multiple_of(64) {
                self.input(Input::ModelForgot);
            }
            // The engine is gone; the conversation decides what happens to the response.
            self.making = Some(Making { text_ended: true, ..failed });
            return Some(Input::ResponseFailed(id));
        }
        if !std::mem::replace(&mut making.turn_end, true) {
            return Some(Input::TurnEnd(id, (which % 100) as f32 / 100.0));
        }
        if making.text_ended {
            return None;
        }
        if making.segments == 3 || making.segments > 0 && which % 4 == 1 {
            making.text_ended = true;
            return Some(Input::TextEnded(id));
        }
        making.segments += 1;
        if making.segments == 2 {
            self.late.extend([Input::Read(id, 70), Input::FirstSegment(id), Input::FirstAudio(id)]);
        }
        Some(Input::Text(id, words_of(id)))
    }

    /// Playout obeys its commands: nothing of a speculative response sounds.
    fn play(&mut self) -> Option<Input> {
        if let Some(event) = self.told.pop_front() {
            return Some(Input::Playout(event));
        }
        let making = self.making.as_mut()?;
        if matches!(making.play, Play::Speculative | Play::Paused) || making.finished {
            return None;
        }
        let (response, text) = (making.id, words_of(making.id));
        if making.sounded < making.segments {
            let start = u64::from(making.sounded) * 3000;
            let word = |text: &str, at: u64| WordTime {
                text: text.into(),
                start: start + at * 1000,
                end: start + at * 1000 + 1000,
            };
            let words = text.split(' ').zip(0..).map(|(text, at)| word(text, at)).collect();
            if making.sounded == 0 {
                self.told.push_back(PlayoutEvent::Started(response));
            } else if std::mem::take(&mut making.dry) {
                self.told.push_back(PlayoutEvent::GoesOn(response));
            }
            self.told.push_back(PlayoutEvent::Segment { response, text, aloud: true });
            self.told.push_back(PlayoutEvent::Words { response, words });
            if making.sounded == 1 {
                self.told.push_back(PlayoutEvent::Cue { response, cue: Cue::Mood(Mood::Sad) });
            }
            making.sounded += 1;
        } else if making.text_ended {
            self.told.push_back(PlayoutEvent::Finished(response));
            making.finished = true;
        } else if making.sounded > 0 && !making.dry {
            self.told.push_back(PlayoutEvent::Dry(response));
            making.dry = true;
        }
        self.told.pop_front().map(Input::Playout)
    }

    fn client(&mut self, which: usize) -> Option<Input> {
        let response = self.making.as_ref().map_or(ResponseId(1), |making| making.id);
        Some(Input::Client(match which % 16 {
            0 => ClientCommand::Ready,
            1 => ClientCommand::Say("typed words".into()),
            2 => ClientCommand::Interrupt,
            3 => ClientCommand::SetLanguage(Some("de".into())),
            4 => ClientCommand::Muted(true),
            5 => ClientCommand::FirstAudioHeard { response, ms: 700 },
            8 => ClientCommand::SetExpression(Cue::Mood(Mood::Happy)),
            6 => ClientCommand::Bad { id: None, message: "no".into() },
            9 => ClientCommand::Append { id: None, role: Role::Assistant, text: "appended words".into() },
            10 => ClientCommand::Append { id: None, role: Role::User, text: "appended words".into() },
            7 if which % 256 == 7 => ClientCommand::HangUp,
            11 => ClientCommand::MicrophoneStutters,
            12 => ClientCommand::SetTools { id: None, tools: brought(which / 16 % 3) },
            13 => ClientCommand::SetLanguage(None),
            14 => ClientCommand::SetVoice { id: None, voice: voice_choice(which / 16) },
            _ => return None,
        }))
    }
}

/// The voices of the engine.
pub(super) fn voices() -> Vec<KnownVoice> {
    let voice = |name: &str, language: &str| KnownVoice {
        name: name.into(),
        language: language.into(),
        ..KnownVoice::default()
    };
    vec![voice("joe", "en"), voice("anna", "en"), voice("eva", "de")]
}

/// A voice that the client asks for; bob does not exist.
fn voice_choice(which: usize) -> Option<String> {
    ["anna", "eva", "bob"].get(which % 4).map(|name| (*name).to_owned())
}

/// This many client tools.
fn brought(count: usize) -> Vec<Tool> {
    let tool = |number| Tool {
        name: format!("tool_{number}"),
        description: "Does it.".into(),
        parameters: serde_json::json!({ "type": "object" }),
        timeout_ms: 5000,
        doer: Doer::Client,
    };
    (0..count).map(tool).collect()
}

fn transcript(text: &str) -> Transcript {
    Transcript { text: text.into(), language: "en".into(), ..Default::default() }
}
