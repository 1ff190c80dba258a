//! A call that was cut off in a turn: what is remembered of it, and how the next conversation goes on.

use super::*;
use crate::context::{CallContext, PendingTurn};

impl Run {
    /// The client is gone; what is gone on from.
    fn is_lost(&mut self) -> CallContext {
        self.take();
        self.input(Input::Gone);
        let [Command::Remember(context)] = &self.commands[..] else { panic!("{:?}", self.commands) };
        // As a store gives it back.
        CallContext::read(&context.to_json().unwrap()).unwrap()
    }

    /// A call that goes on, and whose client has said hello.
    fn going_on(context: &CallContext) -> Self {
        let conversation = Conversation::resume(conversation().settings, "call".into(), context);
        let mut run = Self { conversation, ..Self::new() };
        run.input(Input::Client(ClientCommand::Ready));
        run
    }

    /// What its client was told that it goes on from.
    fn told_of_resuming(&self) -> (Vec<&str>, Option<&str>) {
        let events = self.events();
        let ready = events.iter().position(|event| matches!(event, CallEvent::Ready { resumed: true, .. }));
        let told = events.iter().position(|event| matches!(event, CallEvent::Resumed { .. }));
        assert!(ready.is_some() && ready < told, "{events:?}");
        let Some(CallEvent::Resumed { said, cut, .. }) = told.map(|at| events[at]) else {
            panic!("{events:?}")
        };
        (said.iter().map(|message| message.content.as_str()).collect(), cut.as_deref())
    }

    fn heard_to_end(&mut self, response: u32) -> &mut Self {
        let id = ResponseId(response);
        self.inputs([Input::TextEnded(id), Input::Playout(PlayoutEvent::Finished(id))])
    }
}

fn messages(context: &CallContext) -> Vec<&str> {
    context.messages.iter().map(|message| message.content.as_str()).collect()
}

#[test]
fn a_response_that_was_cut_off_goes_on_at_the_word_where_it_was_cut() {
    let mut run = Run::new();
    run.say(1, "Count.").sound(1, "One two three four.").input(Input::TextEnded(ResponseId(1)));
    let context = run.at(1, 220).is_lost();
    assert_eq!(messages(&context), ["Count.", "One two"]);

    let mut run = Run::going_on(&context);
    assert_eq!(run.told_of_resuming(), (vec!["Count.", "One two"], Some("three four.")));
    let start = run.starts()[0].clone();
    assert_eq!((start.script.as_deref(), start.canned, start.aloud), (Some("three four."), false, true));
    run.sound(start.id.0, "three four.").heard_to_end(start.id.0);
    assert_eq!(run.starts().len(), 1, "the question has its response");
    let heard: Vec<_> = run.conversation.history().iter().map(|said| said.content.as_str()).collect();
    assert_eq!(heard, ["Count.", "One two three four."]);
}

#[test]
fn a_response_of_which_nothing_more_is_known_is_gone_on_with_by_the_model() {
    let mut run = Run::new();
    run.say(1, "Count.").sound(1, "One two three").at(1, 220);
    let context = run.is_lost();
    let pending = context.pending.clone().unwrap();
    assert_eq!((pending.rest.as_str(), pending.complete), ("three", false));

    let mut run = Run::going_on(&context);
    assert_eq!(run.told_of_resuming(), (vec!["Count.", "One two"], None));
    let start = run.starts()[0].clone();
    let question = start.messages.last().unwrap();
    assert_eq!((start.script.as_deref(), question.role), (None, Role::User));
    assert!(
        question.content.starts_with("Count.\n") && question.content.contains("\"One two\" Go on"),
        "{question:?}"
    );
    run.sound(start.id.0, "and three.").heard_to_end(start.id.0);
    let heard: Vec<_> = run.conversation.history().iter().map(|said| said.content.as_str()).collect();
    assert_eq!(heard, ["Count.", "One two and three."], "the note is no part of what was said");
    run.input(Input::Client(ClientCommand::Say("And?".into())));
    let next = run.starts()[1].messages.clone();
    assert!(next.iter().all(|message| !message.content.contains("Go on")), "{next:?}");
}

#[test]
fn after_the_known_sentences_of_an_unfinished_text_the_model_goes_on() {
    let mut run = Run::new();
    run.say(1, "Tell me.").sound(1, "One.").at(1, 100);
    run.input(Input::Text(ResponseId(1), " Two. Thr".into()));
    let context = run.is_lost();
    let mut run = Run::going_on(&context);
    let start = run.starts()[0].clone();
    assert_eq!(start.script.as_deref(), Some("Two."));
    run.sound(start.id.0, "Two.").heard_to_end(start.id.0);
    let next = run.starts()[1].messages.last().unwrap().content.clone();
    assert!(next.contains("\"One. Two.\" Go on"), "{next}");
}

#[test]
fn a_question_without_a_response_gets_one_and_is_not_asked_for_twice() {
    let mut run = Run::new();
    let context = run.say(1, "What is it?").is_lost();
    let asked = PendingTurn { aloud: true, ..PendingTurn::default() };
    assert_eq!((messages(&context), &context.pending), (vec!["What is it?"], &Some(asked)));
    let run = Run::going_on(&context);
    assert_eq!(run.told_of_resuming(), (vec!["What is it?"], None));
    assert_eq!(run.starts()[0].messages.last().unwrap().content, "What is it?");
}

#[test]
fn words_up_to_a_pause_count_as_said_and_words_in_mid_sentence_do_not() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "What is it?")]);
    assert_eq!(messages(&run.is_lost()), ["What is it?"]);
    let mut run = Run::new();
    run.inputs([started(1), Input::Partial(UtteranceId(1), words("What is"))]);
    let context = run.is_lost();
    assert_eq!((context.messages.len(), context.pending), (0, None));
}

#[test]
fn a_call_that_is_lost_again_before_its_hello_forgets_nothing() {
    let mut run = Run::new();
    run.say(1, "Count.").sound(1, "One two three four.").input(Input::TextEnded(ResponseId(1)));
    let context = run.at(1, 220).is_lost();
    let conversation = Conversation::resume(conversation().settings, "call".into(), &context);
    let mut run = Run { conversation, ..Run::new() };
    let again = run.is_lost();
    assert_eq!(CallContext { responses: context.responses, ..again }, context);
}

#[test]
fn whoever_interrupts_the_rest_of_a_response_is_answered_without_it() {
    let mut run = Run::new();
    run.say(1, "Tell me.").sound(1, "One two three").at(1, 220);
    let context = run.is_lost();
    let mut run = Run::going_on(&context);
    run.input(Input::Client(ClientCommand::Say("Something else.".into())));
    let asked = run.starts().last().unwrap().messages.clone();
    assert!(asked.iter().all(|message| !message.content.contains("Go on")), "{asked:?}");
}

#[test]
fn after_the_client_is_gone_nothing_happens() {
    let mut run = Run::new();
    run.say(1, "Count.").is_lost();
    run.take();
    run.inputs([Input::Timeout, Input::Gone, Input::Client(ClientCommand::Ready)]);
    assert_eq!(run.commands, []);
}
