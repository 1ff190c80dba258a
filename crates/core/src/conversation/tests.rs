use proptest::prelude::*;

use super::*;
use crate::event::{ClientCommand, ResponseEnd};
use crate::frame::{
    Play, PlayoutEvent, ResponseId, ResponseRequest, Role, Transcript, UtteranceId, VadEvent, WordTime,
};
use crate::invariants::{self, Invariants};
use crate::tool::{Tool, ToolCall};
use crate::turn_prediction::Eagerness;

const AT_START: PlaybackPosition = PlaybackPosition { response: ResponseId(0), samples: 0, finished: false };

pub(super) fn conversation() -> Conversation {
    let settings = Settings {
        instructions: "Be brief.".into(),
        language: None,
        voice: String::new(),
        voices: Vec::new(),
        known_voices: Vec::new(),
        chosen_voices: Default::default(),
        greeting: String::new(),
        eagerness: Eagerness::Medium,
        idle_ms: 60_000,
        idle_end_ms: 20_000,
        model: ModelAbilities::default(),
        prompt_tokens: 1400,
        tools: Vec::new(),
        tool_rounds: 4,
        summarise: false,
    };
    Conversation::new(settings, "call".into())
}

fn words(text: &str) -> Transcript {
    Transcript { text: text.into(), language: "en".into(), ..Default::default() }
}

fn voice(event: VadEvent, ago: u64) -> Input {
    Input::Voice { event, ago }
}

fn started(utterance: u32) -> Input {
    voice(VadEvent::Started { utterance: UtteranceId(utterance), at: 0 }, 64)
}

fn paused(utterance: u32, pause: u32) -> Input {
    voice(VadEvent::Paused { utterance: UtteranceId(utterance), pause, at: 0 }, 128)
}

fn resumed(utterance: u32) -> Input {
    voice(VadEvent::Resumed { utterance: UtteranceId(utterance) }, 0)
}

fn trial(utterance: u32, pause: u32, text: &str) -> Input {
    Input::Trial(UtteranceId(utterance), pause, words(text))
}

/// A conversation, its time, and what it commanded.
struct Run {
    conversation: Conversation,
    now: u64,
    position: PlaybackPosition,
    commands: Vec<Command>,
}

impl Run {
    fn new() -> Self {
        Self { conversation: conversation(), now: 1000, position: AT_START, commands: Vec::new() }
    }

    fn input(&mut self, input: Input) -> &mut Self {
        self.commands.extend(self.conversation.handle(self.now, self.position, input));
        self
    }

    fn inputs<const N: usize>(&mut self, inputs: [Input; N]) -> &mut Self {
        inputs.into_iter().for_each(|input| _ = self.input(input));
        self
    }

    /// Lets time pass, with timeouts when they are due.
    fn wait(&mut self, ms: u64) -> &mut Self {
        let until = self.now + ms;
        while let Some(due) = self.conversation.timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = until;
        self
    }

    /// The person says this, and the turn ends.
    fn say(&mut self, utterance: u32, text: &str) -> &mut Self {
        self.inputs([started(utterance), paused(utterance, 1), trial(utterance, 1, text)]).wait(1000)
    }

    /// The response speaks these words as one segment, 100 samples each.
    fn sound(&mut self, response: u32, text: &str) -> &mut Self {
        let id = ResponseId(response);
        let spoken = text.split_whitespace().zip(0u64..);
        let words =
            spoken.map(|(word, at)| WordTime { text: word.into(), start: at * 100, end: at * 100 + 100 });
        let words = words.collect();
        self.inputs([
            Input::Text(id, text.into()),
            Input::Playout(PlayoutEvent::Started(id)),
            Input::Playout(PlayoutEvent::Segment { response: id, text: text.into(), aloud: true }),
            Input::Playout(PlayoutEvent::Words { response: id, words }),
        ])
    }

    fn at(&mut self, response: u32, samples: u64) -> &mut Self {
        self.position = PlaybackPosition { response: ResponseId(response), samples, finished: false };
        self
    }

    fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    fn starts(&self) -> Vec<&ResponseRequest> {
        let starts = self.commands.iter().filter_map(|command| match command {
            Command::Start(request, _) => Some(request),
            _ => None,
        });
        starts.collect()
    }

    fn plays(&self) -> Vec<Play> {
        let play = |command: &Command| if let Command::Play(_, play) = command { Some(*play) } else { None };
        self.commands.iter().filter_map(play).collect()
    }

    fn events(&self) -> Vec<&CallEvent> {
        let events = self.commands.iter().filter_map(|command| match command {
            Command::Emit(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    fn interrupted(&self) -> bool {
        self.events().iter().any(|event| matches!(event, CallEvent::Interrupted { .. }))
    }

    fn last(&self) -> &str {
        &self.conversation.history().last().expect("something was said").content
    }
}

impl Run {
    fn last_said(&self) -> Option<&str> {
        self.conversation.history().last().map(|message| message.content.as_str())
    }
}

/// Appends words for the model, by the person or by the agent.
fn append(by_person: bool) -> Input {
    let role = if by_person { Role::User } else { Role::Assistant };
    Input::Client(ClientCommand::Append { id: Some("7".into()), role, text: "appended words".into() })
}

fn any_input() -> impl Strategy<Value = Input> {
    let id = 0u32..8;
    prop_oneof![
        (1u32..5).prop_map(started),
        (1u32..5, 1u32..3).prop_map(|(id, pause)| paused(id, pause)),
        (1u32..5).prop_map(resumed),
        (1u32..5).prop_map(|id| voice(VadEvent::Cut { utterance: UtteranceId(id), at: 0 }, 0)),
        (1u32..5, 1u32..3, "(|okay|stop|what is it)").prop_map(|(id, pause, text)| trial(id, pause, &text)),
        (1u32..5, "[a-z]{0,3}").prop_map(|(id, text)| Input::Partial(UtteranceId(id), words(&text))),
        (1u32..5, "[a-z]{0,3}").prop_map(|(id, text)| Input::Final(UtteranceId(id), words(&text))),
        (1u32..5).prop_map(|id| Input::NotUnderstood(UtteranceId(id))),
        (1u32..5, 1u32..3, 0f32..1.0).prop_map(|(id, pause, p)| Input::Prosody(UtteranceId(id), pause, p)),
        (id.clone(), 0f32..1.0).prop_map(|(id, p)| Input::TurnEnd(ResponseId(id), p)),
        Just(Input::Client(ClientCommand::Say("typed".into()))),
        Just(Input::Client(ClientCommand::Interrupt)),
        Just(Input::Client(ClientCommand::AskInText("typed".into()))),
        any::<bool>().prop_map(append),
        "(anna|eva|bob)"
            .prop_map(|name| Input::Client(ClientCommand::SetVoice { id: None, voice: Some(name) })),
        Just(Input::Voices(Some(world::voices()))),
        ("(anna|eva|joe)", any::<bool>()).prop_map(|(voice, by_name)| Input::VoiceRefused { voice, by_name }),
        id.clone().prop_map(|id| Input::Text(ResponseId(id), "text ".into())),
        id.clone().prop_map(|id| Input::TextEnded(ResponseId(id))),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Started(ResponseId(id)))),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Segment {
            response: ResponseId(id),
            text: "a phrase".into(),
            aloud: true
        })),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Dry(ResponseId(id)))),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::GoesOn(ResponseId(id)))),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Finished(ResponseId(id)))),
        (id.clone(), "(end_call|order|dance)").prop_map(|(id, name)| Input::ToolCalled(
            ResponseId(id),
            name,
            "{}".into()
        )),
        (id.clone(), 1u32..3).prop_map(|(id, n)| Input::ToolReturned(format!("{id}-{n}"), Ok("done".into()))),
        id.clone().prop_map(|id| Input::ResponseFailed(ResponseId(id))),
        Just(Input::ModelForgot),
        Just(Input::Timeout),
        Just(Input::Stopping),
        Just(Input::EndedByOperator),
        Just(Input::Gone),
        (id.clone(), 100u32..3000).prop_map(|(id, got)| Input::TooLong(ResponseId(id), 100, got)),
        (0usize..6, proptest::collection::vec(0u32..200, 1..4)).prop_map(|(from, messages)| Input::Counted(
            Counting::History(from, vec![5; messages.len()]),
            Some(Counted { messages, tools: 0, limit: 300 })
        )),
        (1u32..3, 0u32..400).prop_map(|(wish, tools)| Input::Counted(
            Counting::Wish(wish),
            Some(Counted { messages: vec![10], tools, limit: 300 })
        )),
    ]
}

proptest! {
    /// Whatever happens in whatever order: at most one response in progress, one end for each announced one and nothing of
    /// it afterwards, and nothing heard of a speculative or discarded one.
    #[test]
    fn every_response_ends_once_and_nothing_follows(inputs in proptest::collection::vec(any_input(), 0..80)) {
        let mut conversation = tools::conversation_with_tools();
        let mut invariants = Invariants::default();
        let (mut made, mut told, mut speculative, mut call_over) = (None, None, false, false);
        let mut over = Vec::new();
        for (now, input) in inputs.into_iter().enumerate() {
            let commands = conversation.handle(now as u64 * 150, AT_START, input.clone());
            let wrong = invariants.step(now as u64 * 150, &input, &commands);
            // In a step in which other stages break their order, nothing is guaranteed.
            if !wrong.iter().any(|violation| invariants::OF_STAGES.contains(&violation.invariant)) {
                prop_assert_eq!(wrong, []);
            }
            for command in commands {
                prop_assert!(!call_over, "after the end: {command:?}");
                match command {
                    Command::Start(request, play) => {
                        prop_assert_eq!(made, None);
                        (made, speculative) = (Some(request.id), play == Play::Speculative);
                    }
                    Command::Play(id, play) => {
                        prop_assert_eq!(made, Some(id));
                        prop_assert!(play != Play::Speculative);
                        speculative = false;
                    }
                    Command::Cancel(id) => {
                        prop_assert_eq!(made, Some(id));
                        made = None;
                    }
                    Command::Emit(CallEvent::ResponseStarted(id)) => {
                        prop_assert_eq!(told, None);
                        prop_assert!(!over.contains(&id));
                        told = Some(id);
                    }
                    Command::Emit(CallEvent::Turn { response, .. }) => {
                        prop_assert_eq!(told, Some(response));
                        over.push(response);
                        told = None;
                        if made == Some(response) { made = None; }
                    }
                    Command::Emit(
                        CallEvent::ResponseText { response, .. } | CallEvent::SegmentSpoken { response, .. }
                        | CallEvent::AgentStartedSpeaking(response),
                    ) => {
                        prop_assert_eq!(told, Some(response));
                        prop_assert!(!speculative || made != Some(response));
                    }
                    Command::RunTool(id, _) | Command::Continue(id, _) => {
                        prop_assert!(made == Some(id) && !speculative, "a tool of a response whose turn is undecided");
                    }
                    Command::End(..) => call_over = true,
                    _ => {}
                }
            }
        }
    }
}

mod barge_in;
mod budget;
mod listening;
mod memory;
mod remembering;
mod responses;
mod taking_up;
mod tools;
mod typing;
mod voice_choice;
mod voices;
