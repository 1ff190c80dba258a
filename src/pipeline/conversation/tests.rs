use proptest::prelude::*;

use super::*;
use crate::frame::{Role, WordTime};
use crate::pipeline::invariants::{self, Invariants};

const AT_START: PlaybackPosition = PlaybackPosition { response: ResponseId(0), samples: 0, finished: false };

pub(super) fn conversation() -> Conversation {
    let settings = Settings {
        instructions: "Be brief.".into(),
        language: None,
        voice: String::new(),
        greeting: String::new(),
        eagerness: Eagerness::Medium,
        idle_ms: 60_000,
        idle_end_ms: 20_000,
        history_bytes: 4000,
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

    /// Time passes, and the conversation is told when it asked to be.
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

    /// The answer speaks these words, 100 samples each, as one phrase.
    fn sound(&mut self, response: u32, text: &str) -> &mut Self {
        let id = ResponseId(response);
        let spoken = text.split_whitespace().zip(0u64..);
        let words =
            spoken.map(|(word, at)| WordTime { text: word.into(), start: at * 100, end: at * 100 + 100 });
        let words = words.collect();
        self.inputs([
            Input::Text(id, text.into()),
            Input::Playout(PlayoutEvent::Started(id)),
            Input::Playout(PlayoutEvent::Phrase { response: id, text: text.into() }),
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

#[test]
fn an_answer_is_begun_at_the_pause_and_heard_when_the_vote_is_sure() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "What time is it?")]);
    assert!(matches!(run.commands.last(), Some(Command::Start(_, Play::Hidden))));
    assert!(run.conversation.history().is_empty(), "nothing is decided");
    run.take();
    let id = ResponseId(1);
    run.inputs([
        Input::Prosody(UtteranceId(1), 1, 0.97),
        Input::TurnEnd(id, 0.4),
        Input::Text(id, "It".into()),
    ]);
    assert_eq!(run.commands, [], "nothing of it is told before the turn is decided");
    run.wait(300);
    assert!(run.commands.contains(&Command::Play(id, Play::Full)) && run.starts().is_empty());
    assert!(run.commands.contains(&Command::Close(UtteranceId(1))));
    assert!(run.events().contains(&&CallEvent::AnswerText { response: id, text: "It".into() }));
    assert_eq!(run.last(), "What time is it?");
}

#[test]
fn who_goes_on_after_a_thinking_pause_is_answered_once_and_the_first_try_leaves_no_trace() {
    let mut run = Run::new();
    run.inputs([
        started(1),
        paused(1, 1),
        trial(1, 1, "What is the capital"),
        Input::Prosody(UtteranceId(1), 1, 0.4),
    ]);
    run.input(Input::Text(ResponseId(1), "Capital of what?".into())).wait(500).input(resumed(1));
    assert!(run.commands.contains(&Command::Cancel(ResponseId(1))));
    run.inputs([paused(1, 2), trial(1, 1, "late"), trial(1, 2, "What is the capital of France?")]).wait(1000);
    let starts = run.starts();
    assert_eq!(starts.len(), 2);
    assert_eq!(starts[1].messages.len(), 2);
    assert_eq!(starts[1].messages[1].content, "What is the capital of France?");
    assert!(!run.events().iter().any(|event| matches!(event, CallEvent::AnswerText { .. })));
    assert_eq!(run.conversation.history().len(), 1);
}

#[test]
fn a_sentence_that_is_not_over_gets_more_time_and_then_an_answer_all_the_same() {
    let mut run = Run::new();
    run.inputs([
        started(1),
        paused(1, 1),
        trial(1, 1, "I would like to order a"),
        Input::Prosody(UtteranceId(1), 1, 0.05),
    ]);
    run.wait(1200);
    assert_eq!(run.last_said(), None, "it waits");
    run.wait(1500);
    assert_eq!(run.last_said(), Some("I would like to order a"));
}

impl Run {
    fn last_said(&self) -> Option<&str> {
        self.conversation.history().last().map(|message| message.content.as_str())
    }
}

#[test]
fn a_turn_whose_words_are_late_is_answered_when_they_come() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).wait(3000);
    assert!(run.starts().is_empty());
    run.input(trial(1, 1, "Hello?"));
    assert_eq!(run.starts().len(), 1);
    assert!(run.commands.contains(&Command::Close(UtteranceId(1))));
}

#[test]
fn words_that_never_come_are_asked_for_again_aloud() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).wait(30_000);
    assert!(
        run.events().iter().any(|event| matches!(event, CallEvent::Notice { code: "not-understood", .. }))
    );
    assert!(run.starts()[0].script.as_ref().is_some_and(|script| script.contains("say it again")));
}

#[test]
fn a_sound_ducks_the_answer_at_once_and_stops_it_if_it_lasts() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two three four five").take();
    run.input(started(2));
    assert_eq!(run.plays(), [Play::Ducked]);
    run.wait(200);
    assert_eq!(run.plays(), [Play::Ducked, Play::Held]);
    assert!(!run.interrupted(), "whether it is speech is not known");
}

#[test]
fn an_interruption_is_remembered_as_far_as_the_answer_was_heard() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two three four five").at(1, 260).take();
    run.input(started(2)).wait(300).input(Input::Partial(UtteranceId(2), words("Okay, but wait")));
    assert!(run.commands.contains(&Command::Cancel(ResponseId(1))));
    let heard = CallEvent::Interrupted { response: ResponseId(1), heard: "one two three".into() };
    assert!(run.events().contains(&&heard), "{:?}", run.commands);
    assert_eq!(run.last(), "one two three");
}

#[test]
fn a_cough_a_sign_of_listening_and_an_echo_let_the_answer_go_on() {
    for text in ["", "Mm-hm.", "Yeah, okay.", "two three four"] {
        let mut run = Run::new();
        run.say(1, "Question").sound(1, "one two three four five").at(1, 260).take();
        run.input(started(2)).wait(400).inputs([paused(2, 1), trial(2, 1, text)]).wait(3000);
        assert_eq!(run.plays().last(), Some(&Play::Full), "{text:?}");
        assert!(!run.interrupted() && run.starts().is_empty(), "{text:?}: {:?}", run.commands);
        run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
        assert_eq!(run.last(), "one two three four five", "{text:?}");
        assert!(run.commands.contains(&Command::Close(UtteranceId(2))));
    }
}

#[test]
fn who_goes_on_after_okay_interrupts_after_all() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two three four five").at(1, 260).take();
    run.input(started(2)).wait(300).inputs([paused(2, 1), trial(2, 1, "Okay.")]);
    assert_eq!(run.plays().last(), Some(&Play::Full));
    run.wait(100).input(resumed(2));
    assert_eq!(run.plays().last(), Some(&Play::Held));
    run.wait(300).inputs([paused(2, 2), trial(2, 2, "Okay, but what about Spain?")]).wait(2000);
    assert!(run.interrupted());
    assert_eq!(run.starts().len(), 1);
    assert_eq!(run.last(), "Okay, but what about Spain?");
}

#[test]
fn yes_to_a_question_that_was_just_asked_is_an_answer() {
    let mut run = Run::new();
    run.say(1, "Question")
        .sound(1, "Shall I go on?")
        .input(Input::TextEnded(ResponseId(1)))
        .at(1, 400)
        .take();
    run.input(started(2)).wait(300).inputs([paused(2, 1), trial(2, 1, "Yes.")]).wait(2000);
    assert!(run.interrupted());
    assert_eq!(run.last(), "Yes.");
}

#[test]
fn words_before_the_answer_s_first_sound_join_the_question() {
    let mut run = Run::new();
    run.say(1, "First").input(Input::Text(ResponseId(1), "Hello".into())).take();
    run.say(2, "second");
    let starts = run.starts();
    assert_eq!(starts[0].messages.len(), 2);
    assert_eq!(starts[0].messages[1].content, "First second");
}

#[test]
fn a_noise_before_the_answer_s_first_sound_only_delays_it() {
    let mut run = Run::new();
    run.say(1, "Question").take();
    run.say(2, "");
    assert_eq!(run.plays(), [Play::Held, Play::Full]);
    assert!(run.starts().is_empty());
}

#[test]
fn an_engine_that_fails_before_a_sound_is_tried_again_and_after_one_the_person_is_told_aloud() {
    let mut run = Run::new();
    run.say(1, "Question").take();
    run.input(Input::AnswerFailed(ResponseId(1)));
    assert_eq!(run.starts()[0].id, ResponseId(2));
    run.take();
    run.sound(2, "one two").at(2, 100).input(Input::AnswerFailed(ResponseId(2)));
    assert!(
        run.events().iter().any(|event| matches!(event, CallEvent::Notice { code: "answer-failed", .. }))
    );
    assert!(run.starts()[0].script.is_some());
    assert_eq!(run.conversation.history()[1].content, "one");
}

#[test]
fn a_hidden_answer_that_fails_is_made_again_when_the_turn_is_decided() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Hello?"), Input::AnswerFailed(ResponseId(1))]);
    run.wait(1000);
    assert_eq!(run.starts().len(), 2);
    assert!(!run.starts()[1].speculative);
}

#[test]
fn a_late_answer_is_announced_once() {
    let mut run = Run::new();
    run.say(1, "Question").wait(20_000);
    let holds = run.commands.iter().filter(|command| matches!(command, Command::Hold(..))).count();
    assert_eq!(holds, 1);
}

#[test]
fn a_greeting_is_said_once_and_can_be_interrupted() {
    let mut run = Run::new();
    run.conversation.settings.greeting = "Hello there, my friend.".into();
    run.inputs([Input::Client(ClientCommand::Ready), Input::Client(ClientCommand::Ready)]);
    assert_eq!(run.starts().len(), 1);
    run.sound(1, "Hello there, my friend.").at(1, 200).say(1, "What can you do?");
    assert_eq!(run.conversation.history()[0].content, "Hello there,");
    assert_eq!(run.conversation.history()[0].role, Role::Assistant);
}

#[test]
fn news_of_an_answer_that_is_no_longer_current_is_dropped() {
    let mut run = Run::new();
    run.say(1, "Question").input(Input::Client(ClientCommand::Interrupt)).take();
    run.inputs([
        Input::Text(ResponseId(1), "late".into()),
        Input::Playout(PlayoutEvent::Started(ResponseId(1))),
        Input::Playout(PlayoutEvent::Finished(ResponseId(1))),
        Input::AnswerFailed(ResponseId(1)),
    ]);
    assert_eq!(run.commands, []);
}

#[test]
fn a_call_in_which_nobody_speaks_is_asked_about_and_then_ends_politely() {
    let mut run = Run::new();
    run.wait(59_000);
    assert!(run.starts()[0].script.as_ref().is_some_and(|script| script.contains("still there")));
    run.sound(1, "Are you still there?")
        .input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))))
        .wait(20_000);
    assert_eq!(run.starts().len(), 2);
    run.sound(2, "Goodbye.").input(Input::Playout(PlayoutEvent::Finished(ResponseId(2))));
    assert!(matches!(run.commands.last(), Some(Command::End(EndReason::Idle, _))));
}

#[test]
fn a_stopping_server_lets_the_answer_finish_and_then_says_goodbye() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").take();
    assert_eq!(run.input(Input::Stopping).take(), []);
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert!(matches!(run.commands.last(), Some(Command::End(EndReason::ServerStopping, _))));
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
        id.clone().prop_map(|id| Input::Text(ResponseId(id), "text ".into())),
        id.clone().prop_map(|id| Input::TextEnded(ResponseId(id))),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Started(ResponseId(id)))),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Phrase {
            response: ResponseId(id),
            text: "a phrase".into()
        })),
        id.clone().prop_map(|id| Input::Playout(PlayoutEvent::Finished(ResponseId(id)))),
        (id.clone(), "(end_call|order|dance)").prop_map(|(id, name)| Input::ToolCalled(
            ResponseId(id),
            name,
            "{}".into()
        )),
        (id.clone(), 1u32..3).prop_map(|(id, n)| Input::ToolReturned(format!("{id}-{n}"), Ok("done".into()))),
        id.prop_map(|id| Input::AnswerFailed(ResponseId(id))),
        Just(Input::Timeout),
        Just(Input::Stopping),
    ]
}

#[test]
fn a_short_sound_that_makes_no_sense_does_not_stop_an_answer() {
    let mut run = Run::new();
    run.say(1, "Tell me a story.").sound(1, "Once upon a time there was a dog.").take();
    let doubtful = |text: &str| Transcript { average_log_probability: -1.0, ..words(text) };
    run.input(started(2)).wait(400);
    run.inputs([paused(2, 1), Input::Trial(UtteranceId(2), 1, doubtful("We're K's!"))]).wait(1000);
    assert_eq!(run.plays().last(), Some(&Play::Full));
    assert!(!run.commands.iter().any(|command| matches!(command, Command::Cancel(_))));
    run.take();
    run.input(started(3)).wait(2000);
    run.inputs([paused(3, 1), Input::Trial(UtteranceId(3), 1, doubtful("No, wait, what about the cat?"))]);
    assert!(run.commands.iter().any(|command| matches!(command, Command::Cancel(_))));
}

#[test]
fn the_model_is_told_when_the_person_speaks_another_language_and_when_they_come_back() {
    let mut run = Run::new();
    let instructions = |run: &Run| run.starts().last().unwrap().messages[0].content.clone();
    run.say(1, "Hello there.");
    assert_eq!(instructions(&run), "Be brief.");
    let german = Transcript { text: "Wie spät ist es?".into(), language: "de".into(), ..Default::default() };
    run.inputs([started(2), paused(2, 1), Input::Trial(UtteranceId(2), 1, german)]).wait(1000);
    assert_eq!(instructions(&run), "Be brief.\nThe person speaks German. Answer in German.");
    assert_eq!(run.starts().last().unwrap().language, "de");
    run.say(3, "And in English?");
    assert_eq!(instructions(&run), "Be brief.\nThe person speaks English. Answer in English.");
}

proptest! {
    /// Whatever happens in whatever order: at most one answer in work, one end for each that was told of, nothing of
    /// it after its end, and nothing heard of one that was hidden or discarded.
    #[test]
    fn every_answer_ends_once_and_nothing_follows(inputs in proptest::collection::vec(any_input(), 0..80)) {
        let mut conversation = tools::conversation_with_tools();
        let mut invariants = Invariants::default();
        let (mut made, mut told, mut hidden, mut call_over) = (None, None, false, false);
        let mut over = Vec::new();
        for (now, input) in inputs.into_iter().enumerate() {
            let commands = conversation.handle(now as u64 * 150, AT_START, input.clone());
            let wrong = invariants.step(now as u64 * 150, &input, &commands);
            // A step in which other stages break their order owes nothing.
            if !wrong.iter().any(|violation| invariants::OF_STAGES.contains(&violation.invariant)) {
                prop_assert_eq!(wrong, []);
            }
            for command in commands {
                prop_assert!(!call_over, "after the end: {command:?}");
                match command {
                    Command::Start(request, play) => {
                        prop_assert_eq!(made, None);
                        (made, hidden) = (Some(request.id), play == Play::Hidden);
                    }
                    Command::Play(id, play) => {
                        prop_assert_eq!(made, Some(id));
                        prop_assert!(play != Play::Hidden);
                        hidden = false;
                    }
                    Command::Cancel(id) => {
                        prop_assert_eq!(made, Some(id));
                        made = None;
                    }
                    Command::Emit(CallEvent::AnswerStarted(id)) => {
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
                        CallEvent::AnswerText { response, .. } | CallEvent::PhraseSpoken { response, .. }
                        | CallEvent::AgentStartedSpeaking(response),
                    ) => {
                        prop_assert_eq!(told, Some(response));
                        prop_assert!(!hidden || made != Some(response));
                    }
                    Command::RunTool(id, _) | Command::Continue(id, _) => {
                        prop_assert!(made == Some(id) && !hidden, "a tool of an answer that nobody decided on");
                    }
                    Command::End(..) => call_over = true,
                    _ => {}
                }
            }
        }
    }
}

mod memory;
mod tools;
