//! Sounds of the person during a response.

use super::*;

#[test]
fn a_sound_ducks_the_response_at_once_and_pauses_it_if_it_lasts() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two three four five").take();
    run.input(started(2));
    assert_eq!(run.plays(), [Play::Ducked]);
    run.wait(200);
    assert_eq!(run.plays(), [Play::Ducked, Play::Paused]);
    assert!(!run.interrupted(), "it may not be speech");
}

#[test]
fn an_interrupted_response_is_remembered_as_far_as_it_was_heard() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two three four five").at(1, 260).take();
    run.input(started(2)).wait(300).input(Input::Partial(UtteranceId(2), words("Okay, but wait")));
    assert!(run.commands.contains(&Command::Cancel(ResponseId(1))));
    let heard = CallEvent::Interrupted { response: ResponseId(1), heard: "one two three".into() };
    assert!(run.events().contains(&&heard), "{:?}", run.commands);
    assert_eq!(run.last(), "one two three");
}

#[test]
fn a_cough_a_backchannel_and_an_echo_let_the_response_continue() {
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
fn an_echo_of_a_filler_however_short_is_no_turn_and_other_words_over_it_are() {
    for (waited, heard, interrupts) in [
        (2_500, "One moment.", false),
        (6_500, "It takes a little longer.", false),
        (6_500, "Takes a little", false),
        (2_500, "Never mind, thank you.", true),
        (2_500, "One question.", true),
    ] {
        let mut run = Run::new();
        run.say(1, "Question").wait(waited);
        assert!(run.commands.iter().any(|command| matches!(command, Command::Filler(..))), "it is late");
        run.take();
        run.input(started(2)).wait(300).inputs([paused(2, 1), trial(2, 1, heard)]).wait(1_500);
        assert_eq!(run.starts().is_empty(), !interrupts, "{heard:?}: {:?}", run.commands);
        assert_eq!(run.last() == "Question", !interrupts, "{heard:?}: {}", run.last());
    }
}

#[test]
fn a_person_who_goes_on_after_okay_interrupts() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two three four five").at(1, 260).take();
    run.input(started(2)).wait(300).inputs([paused(2, 1), trial(2, 1, "Okay.")]);
    assert_eq!(run.plays().last(), Some(&Play::Full));
    run.wait(100).input(resumed(2));
    assert_eq!(run.plays().last(), Some(&Play::Paused));
    run.wait(300).inputs([paused(2, 2), trial(2, 2, "Okay, but what about Spain?")]).wait(2000);
    assert!(run.interrupted());
    assert_eq!(run.starts().len(), 1);
    assert_eq!(run.last(), "Okay, but what about Spain?");
}

#[test]
fn yes_to_a_question_just_asked_is_an_interruption() {
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
fn a_short_sound_with_doubtful_words_does_not_stop_a_response() {
    let mut run = Run::new();
    run.say(1, "Tell me a story.").sound(1, "Once upon a time there was a dog.").take();
    let doubtful = |text: &str| Transcript { average_log_probability: -1.0, ..words(text) };
    run.input(started(2)).wait(400);
    run.inputs([paused(2, 1), Input::Trial(UtteranceId(2), 1, doubtful("We're K's!"))]).wait(1000);
    assert_eq!(run.plays().last(), Some(&Play::Full));
    assert!(!run.commands.iter().any(|command| matches!(command, Command::Cancel(_))));
    run.take();
    // As unsure, but a likely interruption.
    let unsure = |text: &str| Transcript { average_log_probability: -0.85, ..words(text) };
    let mut likely = Run::new();
    likely.say(1, "Tell me a story.").sound(1, "Once upon a time there was a dog.").take();
    likely.input(started(2)).wait(400);
    likely.inputs([paused(2, 1), Input::Trial(UtteranceId(2), 1, unsure("Stop it!"))]);
    assert!(likely.interrupted());
    run.input(started(3)).wait(2000);
    run.inputs([paused(3, 1), Input::Trial(UtteranceId(3), 1, doubtful("No, wait, what about the cat?"))]);
    assert!(run.commands.iter().any(|command| matches!(command, Command::Cancel(_))));
}

#[test]
fn a_sound_without_words_pauses_a_response_only_briefly_and_later_words_interrupt_it() {
    let mut run = Run::new();
    run.say(1, "Tell me a story.").sound(1, "Once upon a time there was a dog.").take();
    run.input(started(2)).wait(700).input(Input::Partial(UtteranceId(2), words("")));
    assert_eq!(run.plays().last(), Some(&Play::Paused), "a first word may still come");
    run.wait(200).input(Input::Partial(UtteranceId(2), words("")));
    assert_eq!(run.plays().last(), Some(&Play::Full));
    run.wait(4_000);
    assert_eq!(run.plays().last(), Some(&Play::Full), "a crowd is no interruption, however long it goes on");
    run.inputs([paused(2, 1), resumed(2)]).wait(100);
    assert_eq!(run.plays().last(), Some(&Play::Full), "nor is it one after a gap");
    assert!(!run.interrupted());
    run.input(Input::Partial(UtteranceId(2), words("Wait, which dog?")));
    assert!(run.interrupted());
}

#[test]
fn a_late_empty_partial_of_a_cough_does_not_resume_the_response_over_a_person_who_went_on() {
    let mut run = Run::new();
    run.say(1, "Tell me a story.").sound(1, "Once upon a time there was a dog.").take();
    run.input(started(2)).wait(400).input(paused(2, 1)).wait(100).input(resumed(2)).wait(400);
    run.input(Input::Partial(UtteranceId(2), words("")));
    assert_eq!(run.plays().last(), Some(&Play::Paused));
    run.input(Input::Partial(UtteranceId(2), words("Wait, stop there.")));
    assert!(run.interrupted());
}
