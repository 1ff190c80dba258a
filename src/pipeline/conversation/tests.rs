use proptest::prelude::*;

use super::*;
use crate::frame::WordTime;

const AT_START: PlaybackPosition = PlaybackPosition { response: ResponseId(0), samples: 0, finished: false };

fn conversation() -> Conversation {
    let settings = Settings {
        instructions: "Be brief.".into(),
        language: None,
        voice: String::new(),
        idle_ms: 60_000,
        history_bytes: 4000,
    };
    Conversation::new(settings, "call".into())
}

fn words(text: &str) -> Transcript {
    Transcript { text: text.into(), language: "en".into(), ..Default::default() }
}

fn started(utterance: u32) -> Input {
    Input::Voice { event: VadEvent::Started { utterance: UtteranceId(utterance), at: 0 }, ago: 64 }
}

fn ended(utterance: u32) -> Input {
    Input::Voice { event: VadEvent::Ended { utterance: UtteranceId(utterance), at: 0 }, ago: 500 }
}

/// The person says this; the answers that begin.
fn say(conversation: &mut Conversation, now: u64, utterance: u32, text: &str) -> Vec<ResponseRequest> {
    let inputs = [started(utterance), ended(utterance), Input::Final(UtteranceId(utterance), words(text))];
    let commands = inputs.into_iter().flat_map(|input| conversation.handle(now, AT_START, input)).collect();
    starts(commands)
}

fn starts(commands: Vec<Command>) -> Vec<ResponseRequest> {
    commands
        .into_iter()
        .filter_map(|command| if let Command::Start(request) = command { Some(request) } else { None })
        .collect()
}

/// The answer speaks these words, 100 samples each, as one phrase.
fn sound(conversation: &mut Conversation, response: u32, text: &str) {
    let id = ResponseId(response);
    let spoken = text.split_whitespace().zip(0u64..);
    let words = spoken
        .map(|(word, at)| WordTime { text: word.into(), start: at * 100, end: at * 100 + 100 })
        .collect();
    for event in [
        PlayoutEvent::Started(id),
        PlayoutEvent::Phrase { response: id, text: text.into() },
        PlayoutEvent::Words { response: id, words },
    ] {
        conversation.handle(0, AT_START, Input::Playout(event));
    }
}

fn position(response: u32, samples: u64) -> PlaybackPosition {
    PlaybackPosition { response: ResponseId(response), samples, finished: false }
}

#[test]
fn words_that_come_before_the_news_of_the_voice_s_end_are_answered() {
    let mut conversation = conversation();
    conversation.handle(0, AT_START, started(1));
    let early = conversation.handle(600, AT_START, Input::Final(UtteranceId(1), words("Hello?")));
    assert_eq!(starts(early), [], "the person still speaks");
    assert_eq!(starts(conversation.handle(601, AT_START, ended(1))).len(), 1);
}

#[test]
fn the_answer_waits_for_the_words_and_for_the_end_of_the_turn_whichever_is_later() {
    let mut conversation = conversation();
    conversation.handle(0, AT_START, started(1));
    conversation.handle(0, AT_START, ended(1));
    let commands = conversation.handle(10, AT_START, started(2));
    assert!(starts(commands).is_empty());
    assert!(
        starts(conversation.handle(20, AT_START, Input::Final(UtteranceId(1), words("What is")))).is_empty()
    );
    conversation.handle(30, AT_START, ended(2));
    let requests =
        starts(conversation.handle(40, AT_START, Input::Final(UtteranceId(2), words("the time?"))));
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].messages.last().unwrap().content, "What is the time?");
}

#[test]
fn an_interrupted_answer_is_remembered_as_far_as_it_was_heard() {
    let mut conversation = conversation();
    assert_eq!(say(&mut conversation, 0, 1, "Question").len(), 1);
    sound(&mut conversation, 1, "one two three four five");
    let commands = conversation.handle(100, position(1, 260), started(2));
    assert!(commands.contains(&Command::Cancel(ResponseId(1))));
    let heard = CallEvent::Interrupted { response: ResponseId(1), heard: "one two three".into() };
    assert!(commands.contains(&Command::Emit(heard)), "{commands:?}");
    assert_eq!(conversation.history().last().unwrap().content, "one two three");
}

#[test]
fn an_answer_of_which_nothing_was_heard_leaves_no_trace() {
    let mut conversation = conversation();
    say(&mut conversation, 0, 1, "First");
    conversation.handle(5, AT_START, Input::Text(ResponseId(1), "Hello".into()));
    let requests = say(&mut conversation, 10, 2, "second");
    assert_eq!(requests[0].messages.len(), 2);
    assert_eq!(requests[0].messages[1].content, "First second");
}

#[test]
fn a_noise_that_stops_an_unheard_answer_does_not_silence_the_agent() {
    let mut conversation = conversation();
    say(&mut conversation, 0, 1, "Question");
    let requests = say(&mut conversation, 10, 2, "");
    assert_eq!(requests.len(), 1, "the question is answered after all");
}

#[test]
fn an_engine_that_fails_before_a_sound_is_tried_again_and_after_one_the_person_is_told() {
    let mut conversation = conversation();
    say(&mut conversation, 0, 1, "Question");
    let again = starts(conversation.handle(5, AT_START, Input::AnswerFailed(ResponseId(1))));
    assert_eq!(again[0].id, ResponseId(2));
    sound(&mut conversation, 2, "one two");
    let commands = conversation.handle(10, position(2, 100), Input::AnswerFailed(ResponseId(2)));
    assert!(starts(commands.clone()).is_empty());
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::Emit(CallEvent::Notice { code: "answer-failed", .. })))
    );
    assert_eq!(conversation.history().last().unwrap().content, "one");
}

#[test]
fn news_of_an_answer_that_is_no_longer_current_is_dropped() {
    let mut conversation = conversation();
    say(&mut conversation, 0, 1, "Question");
    conversation.handle(1, AT_START, Input::Client(ClientCommand::Interrupt));
    for late in [
        Input::Text(ResponseId(1), "late".into()),
        Input::Playout(PlayoutEvent::Started(ResponseId(1))),
        Input::Playout(PlayoutEvent::Finished(ResponseId(1))),
        Input::AnswerFailed(ResponseId(1)),
    ] {
        assert_eq!(conversation.handle(2, AT_START, late), []);
    }
}

#[test]
fn a_call_in_which_nobody_speaks_ends_by_itself() {
    let mut conversation = conversation();
    assert_eq!(conversation.timeout(), Some(60_000));
    assert_eq!(conversation.handle(59_000, AT_START, Input::Timeout), []);
    let commands = conversation.handle(60_000, AT_START, Input::Timeout);
    assert!(matches!(commands[..], [Command::End(EndReason::Idle, _)]));
}

#[test]
fn words_that_never_come_are_asked_for_again() {
    let mut conversation = conversation();
    conversation.handle(0, AT_START, started(1));
    conversation.handle(0, AT_START, ended(1));
    let due = conversation.timeout().unwrap();
    let commands = conversation.handle(due, AT_START, Input::Timeout);
    assert!(
        commands.iter().any(|command| matches!(
            command,
            Command::Emit(CallEvent::Notice { code: "not-understood", .. })
        ))
    );
}

#[test]
fn a_stopping_server_lets_the_answer_finish_and_then_says_goodbye() {
    let mut conversation = conversation();
    say(&mut conversation, 0, 1, "Question");
    sound(&mut conversation, 1, "one two");
    assert_eq!(conversation.handle(5, AT_START, Input::Stopping), []);
    let commands = conversation.handle(9, AT_START, Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert!(matches!(commands.last(), Some(Command::End(EndReason::ServerStopping, _))));
}

fn any_input() -> impl Strategy<Value = Input> {
    let id = 0u32..6;
    prop_oneof![
        (1u32..5).prop_map(started),
        (1u32..5).prop_map(ended),
        (1u32..5, "[a-z]{0,3}").prop_map(|(id, text)| Input::Final(UtteranceId(id), words(&text))),
        (1u32..5).prop_map(|id| Input::NotUnderstood(UtteranceId(id))),
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
        id.prop_map(|id| Input::AnswerFailed(ResponseId(id))),
        Just(Input::Timeout),
        Just(Input::Stopping),
    ]
}

proptest! {
    /// Whatever happens in whatever order: at most one active answer, one end for each, and nothing of it after its end.
    #[test]
    fn every_answer_ends_once_and_nothing_follows(inputs in proptest::collection::vec(any_input(), 0..60)) {
        let mut conversation = conversation();
        let (mut active, mut over, mut call_over) = (None, Vec::new(), false);
        for (now, input) in inputs.into_iter().enumerate() {
            for command in conversation.handle(now as u64 * 700, AT_START, input) {
                prop_assert!(!call_over, "after the end: {command:?}");
                match command {
                    Command::Start(request) => {
                        prop_assert_eq!(active, None);
                        active = Some(request.id);
                    }
                    Command::Emit(CallEvent::Turn { response, .. }) => {
                        prop_assert_eq!(active, Some(response));
                        over.push(response);
                        active = None;
                    }
                    Command::Emit(CallEvent::AnswerText { response, .. } | CallEvent::PhraseSpoken { response, .. }) => {
                        prop_assert_eq!(active, Some(response));
                        prop_assert!(!over.contains(&response));
                    }
                    Command::End(..) => call_over = true,
                    _ => {}
                }
            }
        }
        let roles: Vec<_> = conversation.history().iter().map(|message| message.role).collect();
        prop_assert!(roles.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
