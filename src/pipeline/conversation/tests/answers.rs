//! Answers that fail, come late or are not wanted any more; greeting, silence and goodbye.

use super::*;

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
