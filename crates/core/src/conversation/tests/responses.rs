//! Responses that fail, are late or are no longer wanted; greeting, silence and goodbye.

use super::*;

impl Run {
    fn fails(&mut self, response: u32) -> &mut Self {
        self.input(Input::ResponseFailed(ResponseId(response)))
    }

    fn finishes(&mut self, response: u32) -> &mut Self {
        self.input(Input::Playout(PlayoutEvent::Finished(ResponseId(response))))
    }

    fn runs_dry(&mut self, response: u32) -> &mut Self {
        self.input(Input::Playout(PlayoutEvent::Dry(ResponseId(response))))
    }

    fn goes_on(&mut self, response: u32) -> &mut Self {
        self.input(Input::Playout(PlayoutEvent::GoesOn(ResponseId(response))))
    }

    fn fillers(&self) -> Vec<&str> {
        let fillers = self.commands.iter().filter_map(|command| match command {
            Command::Filler(_, text) => Some(text.as_str()),
            _ => None,
        });
        fillers.collect()
    }

    /// How each ended response ended.
    fn ends(&self) -> Vec<ResponseEnd> {
        let events = self.events().into_iter();
        let ends = events.filter_map(|event| match event {
            CallEvent::Turn { end, marks, .. } => {
                let marked = match end {
                    ResponseEnd::Finished => marks.done,
                    ResponseEnd::Interrupted => marks.interrupted,
                    ResponseEnd::Failed => marks.failed,
                };
                assert!(marked.is_some(), "{event:?}");
                assert_eq!([marks.done, marks.interrupted, marks.failed].iter().flatten().count(), 1);
                Some(*end)
            }
            _ => None,
        });
        ends.collect()
    }

    fn failed(&self) -> bool {
        self.events().iter().any(|event| matches!(event, CallEvent::ResponseFailed { .. }))
    }

    fn gave_up(&self) -> bool {
        let told = |event: &&&CallEvent| matches!(event, CallEvent::Notice { code: "response-failed", .. });
        self.events().iter().any(|event| told(&event))
    }
}

#[test]
fn an_engine_that_fails_before_the_first_word_is_retried_even_after_a_filler() {
    for waits in [0, 3000] {
        let mut run = Run::new();
        run.say(1, "Question").wait(waits);
        assert_eq!(run.fillers().len(), usize::from(waits > 0));
        for response in 1..=2 {
            run.take();
            run.fails(response);
            assert_eq!(run.starts()[0].id, ResponseId(response + 1), "after {waits} ms");
            assert!(run.starts()[0].script.is_none() && run.ends() == [ResponseEnd::Failed]);
            assert!(run.failed() && !run.interrupted());
        }
        run.take();
        run.wait(3000);
        assert_eq!(run.fillers(), ["One moment."], "the person hears something within 4 s");
        run.take();
        run.fails(3);
        assert!(run.gave_up() && run.starts()[0].script.is_some(), "{:?}", run.commands);
    }
}

#[test]
fn the_wait_for_a_retried_response_counts_from_the_question() {
    let mut run = Run::new();
    run.say(1, "Question").wait(1200).fails(1).take();
    run.wait(1000);
    assert_eq!(run.fillers(), ["One moment."]);
}

#[test]
fn an_engine_that_fails_during_a_response_is_retried_once_after_an_apology() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").at(1, 100).take();
    run.fails(1);
    let heard = CallEvent::ResponseFailed { response: ResponseId(1), heard: "one".into() };
    assert!(run.events().contains(&&heard) && !run.interrupted(), "{:?}", run.commands);
    assert_eq!(run.fillers(), ["Sorry, something went wrong."]);
    let [again] = run.starts()[..] else { panic!("{:?}", run.commands) };
    assert_eq!(again.messages.last().map(|last| last.content.as_str()), Some("Question"));
    run.take();
    run.sound(2, "one two three").at(2, 100).fails(2);
    assert!(run.gave_up() && run.starts()[0].script.is_some(), "{:?}", run.commands);
    assert_eq!(run.last_said(), Some("one one"), "what was heard is remembered, without the apology");
}

#[test]
fn a_response_ends_as_finished_interrupted_or_failed_and_its_marks_agree() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").finishes(1);
    run.say(2, "Question").sound(2, "one two").input(Input::Client(ClientCommand::Interrupt));
    run.say(3, "Question").sound(3, "one two").fails(3).input(Input::Client(ClientCommand::Interrupt));
    use ResponseEnd::{Failed, Finished, Interrupted};
    assert_eq!(run.ends(), [Finished, Interrupted, Failed, Interrupted]);
}

#[test]
fn line_breaks_are_kept_in_a_remembered_response() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "Tea:").sound(1, "\nGreen tea.").sound(1, "It is good.").finishes(1);
    assert_eq!(run.last(), "Tea:\nGreen tea. It is good.");
    run.say(2, "Question").sound(2, "Tea:").sound(2, "\none\ntwo three four").at(2, 200);
    run.input(Input::Client(ClientCommand::Interrupt));
    assert_eq!(run.last(), "Tea:\none\ntwo");
}

#[test]
fn the_model_is_told_of_the_greeting_and_of_no_canned_phrase() {
    let mut run = Run::new();
    run.conversation.settings.greeting = "Hello there.".into();
    run.input(Input::Client(ClientCommand::Ready)).sound(1, "Hello there.").finishes(1);
    run.wait(60_000).sound(2, "Are you still there?").finishes(2);
    run.say(1, "Yes.").fails(3).fails(4).fails(5).sound(6, "Sorry, something went wrong.").finishes(6);
    run.inputs([started(2), Input::NotUnderstood(UtteranceId(2))]);
    run.sound(7, "Sorry, I did not catch that.").finishes(7).take();
    run.say(3, "Are you sorry?");
    let asked: Vec<_> = run.starts()[0].messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(asked, ["Be brief.", "Hello there.", "Yes. Are you sorry?"]);
    let spoken = |event: &&&CallEvent| matches!(event, CallEvent::SegmentSpoken { .. });
    assert!(run.events().iter().all(|event| !spoken(&event)), "captions were sent when they sounded");
}

#[test]
fn the_end_of_a_call_states_its_reason() {
    for (input, reason) in [
        (Input::EndedByOperator, EndReason::EndedByOperator),
        (Input::Client(ClientCommand::HangUp), EndReason::HungUp),
    ] {
        let mut run = Run::new();
        run.say(1, "Question").sound(1, "one two").input(input);
        let Some(Command::End(ended, message)) = run.commands.last() else { panic!("{:?}", run.commands) };
        assert_eq!((*ended, message.contains("You")), (reason, reason == EndReason::HungUp));
    }
}

#[test]
fn a_failed_speculative_response_is_retried_when_the_turn_is_decided() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Hello?"), Input::ResponseFailed(ResponseId(1))]);
    run.wait(1000);
    assert_eq!(run.starts().len(), 2);
    assert!(!run.starts()[1].speculative);
}

#[test]
fn a_late_response_gets_fillers_until_it_arrives() {
    let mut run = Run::new();
    let [first, again] = ["One moment.", "It takes a little longer."];
    run.say(1, "Question");
    // Silences of at most 4 s before the third filler.
    for (wait, fillers) in [
        (2_500, &[first][..]),
        (4_000, &[first, again]),
        (7_000, &[first, again]),
        (1_000, &[first, again, again]),
    ] {
        run.wait(wait);
        assert_eq!(run.fillers(), fillers);
    }
    run.sound(1, "Answer.").take();
    run.wait(20_000);
    assert!(run.fillers().is_empty());
}

#[test]
fn a_response_that_runs_dry_gets_fillers_until_it_goes_on() {
    let mut run = Run::new();
    let [first, again] = ["One moment.", "It takes a little longer."];
    run.say(1, "Question").wait(2_500).sound(1, "one two").at(1, 200);
    assert_eq!(run.fillers(), [first], "the response was late as well");
    run.take();
    run.wait(20_000);
    assert!(run.fillers().is_empty(), "it sounds");
    run.runs_dry(1);
    // Silences of at most 4 s before the third filler.
    for (wait, fillers) in [
        (3_199, vec![]),
        (1, vec![first]),
        (4_000, vec![first, again]),
        (7_999, vec![first, again]),
        (1, vec![first, again, again]),
    ] {
        run.wait(wait);
        assert_eq!(run.fillers(), fillers);
    }
    let states = |event: &&&CallEvent| matches!(event, CallEvent::State(_) | CallEvent::SegmentSpoken { .. });
    assert_eq!(run.events().iter().filter(states).count(), 0, "the agent speaks all the time");
    run.goes_on(1).take();
    run.wait(20_000);
    assert!(run.fillers().is_empty());
    run.finishes(1);
    assert_eq!(run.last(), "one two", "fillers are not remembered");
}

#[test]
fn a_response_that_runs_dry_again_and_again_gets_fillers_after_longer_silences() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").take();
    for (silence, again) in [(3_200, false), (4_000, true), (8_000, true)] {
        run.runs_dry(1).wait(silence - 1);
        assert!(run.fillers().is_empty(), "{silence}");
        run.wait(1);
        assert_eq!(run.fillers().len(), 1, "{silence}");
        assert_eq!(run.fillers()[0].contains("longer"), again, "{silence}");
        run.goes_on(1).take();
    }
}

#[test]
fn a_dry_response_gets_no_filler_while_a_sound_of_the_person_is_heard_or_pauses_it() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").runs_dry(1).wait(3_100).take();
    run.input(started(2)).wait(100);
    assert_eq!((run.plays(), run.fillers().len()), (vec![Play::Ducked], 0));
    run.wait(1_400).input(paused(2, 1)).wait(500);
    assert_eq!((run.plays(), run.fillers().len()), (vec![Play::Ducked, Play::Paused], 0));
    run.input(trial(2, 1, "")).wait(100);
    assert_eq!(run.plays().last(), Some(&Play::Full));
    assert_eq!(run.fillers(), ["One moment."]);
}

#[test]
fn a_response_that_is_speculative_canned_or_only_shown_gets_no_filler_when_it_runs_dry() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Hello?")]).runs_dry(1);
    assert!(run.starts()[0].speculative);
    run.input(resumed(1)).wait(10_000);
    assert!(run.fillers().is_empty(), "{:?}", run.commands);
    let mut run = Run::new();
    run.wait(60_000).sound(1, "Are you still there?").runs_dry(1).wait(10_000);
    assert!(run.fillers().is_empty(), "{:?}", run.commands);
    let mut run = Run::new();
    run.input(Input::Client(ClientCommand::AskInText("Question".into()))).runs_dry(1).wait(10_000);
    assert!(run.fillers().is_empty(), "{:?}", run.commands);
}

#[test]
fn a_filler_inside_a_response_may_come_back_as_an_echo_and_interrupts_nothing() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, &"word ".repeat(60)).runs_dry(1).wait(8_000);
    assert_eq!(run.fillers().last(), Some(&"It takes a little longer."));
    run.input(started(2)).wait(300).inputs([paused(2, 1), trial(2, 1, "takes a little longer")]).wait(1_000);
    assert!(!run.interrupted(), "{:?}", run.commands);
    assert_eq!(run.plays().last(), Some(&Play::Full));
}

#[test]
fn a_person_who_says_a_fillers_words_long_after_it_interrupts() {
    for (segments, interrupts) in [(1, false), (2, true)] {
        let mut run = Run::new();
        run.say(1, "Question").sound(1, "one two").runs_dry(1).wait(3_200);
        assert_eq!(run.fillers(), ["One moment."]);
        run.goes_on(1);
        for text in ["three four", "five six"].into_iter().take(segments) {
            let segment = PlayoutEvent::Segment { response: ResponseId(1), text: text.into(), aloud: true };
            run.input(Input::Playout(segment));
        }
        run.input(started(2)).wait(300).inputs([paused(2, 1), trial(2, 1, "One moment.")]).wait(1_000);
        assert_eq!(run.interrupted(), interrupts, "{segments} segments later: {:?}", run.commands);
    }
}

#[test]
fn a_response_of_which_only_the_end_is_late_gets_no_filler() {
    for (rest, fillers) in [("", 0), (" three", 1)] {
        let mut run = Run::new();
        run.say(1, "Question").sound(1, "one two").at(1, 200);
        run.inputs([Input::Text(ResponseId(1), rest.into()), Input::TextEnded(ResponseId(1))]);
        run.runs_dry(1).wait(5_000);
        assert_eq!(run.fillers().len(), fillers, "{rest:?}");
    }
}

#[test]
fn a_person_who_speaks_during_a_filler_ends_the_response() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").at(1, 200).runs_dry(1).wait(3_200).take();
    run.input(started(2))
        .wait(300)
        .inputs([paused(2, 1), trial(2, 1, "Okay, but what about Spain?")])
        .wait(2_000);
    let heard = CallEvent::Interrupted { response: ResponseId(1), heard: "one two".into() };
    assert!(run.events().contains(&&heard), "{:?}", run.commands);
    let asked = run.starts()[0].messages.last().map(|last| last.content.as_str());
    assert_eq!(asked, Some("Okay, but what about Spain?"));
}

#[test]
fn a_model_that_lost_its_prefill_is_asked_with_the_last_turns_and_reads_the_rest_when_nobody_waits() {
    let mut run = Run::new();
    for turn in 1..=6 {
        run.say(turn, &format!("Question {turn} {}", "word ".repeat(20)));
        run.sound(turn, &"answer ".repeat(20)).at(turn, 4000).finishes(turn);
    }
    run.say(7, "Last question").take();
    run.inputs([Input::ModelForgot]).fails(7);
    let asked = &run.starts()[0].messages;
    let said = |at: usize| asked[at].content.as_str();
    assert!(asked.len() < 8 && asked.len() >= 4, "{asked:?}");
    assert!(said(0).starts_with("Be brief.") && said(1).starts_with("Question"), "{asked:?}");
    assert_eq!(said(asked.len() - 1), "Last question");
    run.take();
    run.sound(8, "Answer.").finishes(8);
    let read = run.commands.iter().find_map(|command| match command {
        Command::Prefill(messages, false) => Some(messages.len()),
        _ => None,
    });
    assert_eq!(read, Some(15), "instructions and seven turns: {:?}", run.commands);
    run.say(8, "Next question");
    assert_eq!(run.starts()[0].messages.len(), 16);
}

#[test]
fn a_model_that_loses_its_prefill_between_turns_reads_everything_at_once() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "Answer.").at(1, 100).finishes(1).take();
    run.input(Input::ModelForgot);
    assert!(matches!(&run.commands[..], [Command::Prefill(messages, false)] if messages.len() == 3));
    run.take();
    run.input(Input::ModelForgot);
    assert_eq!(run.commands, [], "a prompt that kills the engine is not retried over and over");
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
fn progress_of_a_response_that_is_no_longer_current_is_dropped() {
    let mut run = Run::new();
    run.say(1, "Question").input(Input::Client(ClientCommand::Interrupt)).take();
    run.inputs([
        Input::Text(ResponseId(1), "late".into()),
        Input::Playout(PlayoutEvent::Started(ResponseId(1))),
        Input::Playout(PlayoutEvent::Finished(ResponseId(1))),
        Input::ResponseFailed(ResponseId(1)),
    ]);
    assert_eq!(run.commands, []);
}

#[test]
fn a_silent_person_is_asked_whether_they_are_there_and_then_the_call_ends_with_a_goodbye() {
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
fn a_stopping_server_lets_the_response_finish_and_then_ends_the_call() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").take();
    assert_eq!(run.input(Input::Stopping).take(), []);
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert!(matches!(run.commands.last(), Some(Command::End(EndReason::ServerStopping, _))));
}
