//! When a turn ends, and what happens until then.

use super::*;

impl Run {
    /// The person is asked to wait.
    fn waited(&mut self) -> &mut Self {
        self.wait(2600).sound(1, "One moment.").at(1, 200);
        self.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))))
    }

    /// Time passes, and each canned phrase that comes is said to its end.
    fn wait_and_listen(&mut self, ms: u64) -> &mut Self {
        for _ in 0..ms / 100 {
            let before = self.canned().len();
            self.wait(100);
            let latest = self.starts().last().map(|request| request.id);
            if let Some(id) = latest.filter(|_| self.canned().len() > before) {
                self.sound(id.0, "Still working on it.").at(id.0, 200);
                self.input(Input::Playout(PlayoutEvent::Finished(id)));
            }
        }
        self
    }

    /// The canned phrases said.
    fn canned(&self) -> Vec<&str> {
        self.starts().into_iter().filter_map(|request| request.script.as_deref()).collect()
    }
}

#[test]
fn a_person_whose_words_are_late_is_asked_to_wait_and_then_gets_a_response() {
    for cut in [false, true] {
        let mut run = Run::new();
        let ends = voice(VadEvent::Cut { utterance: UtteranceId(1), at: 0 }, 0);
        run.inputs([started(1), if cut { ends } else { paused(1, 1) }]).wait(2400);
        assert!(run.canned().is_empty());
        run.wait(200);
        assert_eq!(run.canned(), ["One moment."]);
        // The words arrive before the phrase sounds, or while it does.
        let known = Input::Final(UtteranceId(1), words("Question"));
        run.input(if cut { known } else { trial(1, 1, "Question") }).wait(500);
        run.take();
        run.waited();
        let [response] = run.starts()[..] else { panic!("{:?}", run.commands) };
        assert_eq!(response.messages.last().map(|last| last.content.as_str()), Some("Question"));
        assert_eq!(run.last_said(), Some("Question"), "the phrase is canned");
    }
}

#[test]
fn a_person_who_was_asked_to_wait_is_asked_again_while_the_words_are_missing() {
    for cut in [false, true] {
        let mut run = Run::new();
        let ends = voice(VadEvent::Cut { utterance: UtteranceId(1), at: 0 }, 0);
        run.inputs([started(1), if cut { ends } else { paused(1, 1) }]).waited();
        run.wait(3800);
        assert_eq!(run.canned(), ["One moment."], "{cut}");
        run.wait(300).sound(2, "Still working on it.").at(2, 200);
        run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(2))));
        assert_eq!(run.canned().len(), 2, "{cut}: {:?}", run.canned());
        assert_ne!(run.canned()[1], "One moment.");
        run.wait(7000);
        assert_eq!(run.canned().len(), 2, "{cut}: more of it would be a nuisance");
        run.input(if cut {
            Input::Final(UtteranceId(1), words("Question"))
        } else {
            trial(1, 1, "Question")
        });
        run.wait(900);
        assert_eq!(run.last_said(), Some("Question"), "{cut}");
    }
}

#[test]
fn words_that_arrived_before_the_request_to_wait_failed_get_a_response() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).wait(2600).input(trial(1, 1, "Question")).wait(800).take();
    run.input(Input::ResponseFailed(ResponseId(1)));
    let [response] = run.starts()[..] else { panic!("{:?}", run.commands) };
    assert_eq!(response.messages.last().map(|last| last.content.as_str()), Some("Question"));
}

#[test]
fn nobody_is_asked_to_wait_for_a_cough_during_a_response() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").inputs([started(2), paused(2, 1)]).wait(5000);
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1)))).wait(2000);
    assert!(run.canned().is_empty(), "{:?}", run.commands);
}

#[test]
fn every_word_counts_of_a_person_who_goes_on_while_asked_to_wait() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).wait(3000).sound(1, "One moment.");
    run.inputs([resumed(1), paused(1, 2), trial(1, 2, "Yes.")]);
    run.at(1, 200).input(Input::Playout(PlayoutEvent::Finished(ResponseId(1)))).wait(2000);
    assert_eq!(run.last_said(), Some("Yes."));
    assert_eq!(run.starts().len(), 2);
}

#[test]
fn a_person_whose_words_never_arrive_is_asked_to_repeat_them_after_the_request_to_wait() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).wait(3000).sound(1, "One moment.");
    run.input(Input::NotUnderstood(UtteranceId(1))).take();
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert_eq!(run.canned(), ["Sorry, I did not catch that. Could you say it again?"]);
}

#[test]
fn words_that_were_shown_get_a_response_although_the_person_was_asked_to_wait() {
    let mut run = Run::new();
    run.inputs([started(1), Input::Partial(UtteranceId(1), words("Question")), paused(1, 1)]).wait(3000);
    run.sound(1, "One moment.").input(Input::NotUnderstood(UtteranceId(1)));
    run.at(1, 200).input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert_eq!(run.last_said(), Some("Question"));
    assert_eq!(run.starts().len(), 2);
}

#[test]
fn a_response_is_begun_at_the_pause_and_heard_when_the_prediction_is_sure() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "What time is it?")]);
    assert!(matches!(run.commands.last(), Some(Command::Start(_, Play::Speculative))));
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
    assert!(run.events().contains(&&CallEvent::ResponseText { response: id, text: "It".into() }));
    assert_eq!(run.last(), "What time is it?");
}

#[test]
fn sure_prosody_ends_the_turn_at_once_only_if_the_model_does_not_report_the_meaning() {
    for (tells, decided) in [(true, false), (false, true)] {
        let mut run = Run::new();
        run.conversation.settings.model.turn_end = tells;
        run.inputs([started(1), paused(1, 1), trial(1, 1, "What time is it?")]);
        run.input(Input::Prosody(UtteranceId(1), 1, 0.97)).wait(300);
        assert_eq!(run.plays() == [Play::Full], decided, "tells: {tells}");
        run.wait(500);
        assert_eq!(run.plays(), [Play::Full], "the wait for the meaning is limited");
    }
}

#[test]
fn a_person_who_goes_on_after_a_thinking_pause_gets_one_response_and_the_first_leaves_no_trace() {
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
    assert!(!run.events().iter().any(|event| matches!(event, CallEvent::ResponseText { .. })));
    assert_eq!(run.conversation.history().len(), 1);
}

#[test]
fn an_unfinished_sentence_gets_more_time_and_then_a_response() {
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

#[test]
fn a_turn_whose_words_are_late_gets_a_response_when_they_arrive() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).waited().take();
    run.wait(3000).input(trial(1, 1, "Hello?"));
    assert_eq!(run.starts().len(), 1);
    assert!(run.canned().is_empty());
    assert!(run.commands.contains(&Command::Close(UtteranceId(1))));
}

#[test]
fn a_person_whose_words_never_arrive_is_asked_aloud_to_repeat_them() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1)]).waited().take();
    run.wait_and_listen(20_000);
    assert!(
        run.events().iter().any(|event| matches!(event, CallEvent::Notice { code: "not-understood", .. }))
    );
    assert!(run.canned().last().is_some_and(|said| said.contains("say it again")), "{:?}", run.canned());
}

#[test]
fn words_before_the_response_s_first_sound_join_the_question() {
    let mut run = Run::new();
    run.say(1, "First").input(Input::Text(ResponseId(1), "Hello".into())).take();
    run.say(2, "second");
    let starts = run.starts();
    assert_eq!(starts[0].messages.len(), 2);
    assert_eq!(starts[0].messages[1].content, "First second");
}

#[test]
fn a_noise_before_the_response_s_first_sound_only_delays_it() {
    let mut run = Run::new();
    run.say(1, "Question").take();
    run.say(2, "");
    assert_eq!(run.plays(), [Play::Paused, Play::Full]);
    assert!(run.starts().is_empty());
}

#[test]
fn the_model_is_told_when_the_person_changes_language_and_when_they_change_back() {
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

#[test]
fn typed_words_get_a_response_at_once_whatever_the_microphone_hears() {
    let mut run = Run::new();
    // Music: an utterance without an end.
    run.input(started(1)).wait(5000).take();
    run.input(Input::Client(ClientCommand::Say("What is the capital of France?".into())));
    assert_eq!(run.starts().len(), 1);
    run.inputs([paused(1, 1), resumed(1), paused(1, 2), resumed(1)]);
    run.input(Input::Partial(UtteranceId(1), words("la la la la la"))).wait(5000);
    run.sound(1, "It is Paris.");
    run.inputs([paused(1, 3), resumed(1)]).wait(5000);
    assert!(!run.interrupted() && run.plays().is_empty(), "{:?}", run.commands);
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1)))).take();
    // What is said after that counts, even in the same utterance.
    run.inputs([paused(1, 4), trial(1, 4, "And of Spain?")]).wait(1500);
    assert_eq!(run.starts().len(), 1);
    assert_eq!(run.last(), "And of Spain?");
}

#[test]
fn typed_words_do_not_wait_for_the_words_of_a_cut_utterance() {
    let mut run = Run::new();
    let cut = voice(VadEvent::Cut { utterance: UtteranceId(1), at: 0 }, 0);
    run.inputs([started(1), cut, Input::Client(ClientCommand::Say("Typed.".into()))]);
    assert_eq!(run.starts().len(), 1);
    run.input(Input::Final(UtteranceId(1), words("Spoken before.")));
    assert_eq!((run.starts().len(), run.last()), (1, "Typed. Spoken before."));
}

#[test]
fn words_that_were_shown_are_used_when_no_others_arrive() {
    let spoken = || Input::Partial(UtteranceId(1), words("I would like to know the"));
    let cut = || voice(VadEvent::Cut { utterance: UtteranceId(1), at: 0 }, 0);
    let give_up = || Input::NotUnderstood(UtteranceId(1));
    for (inputs, wait) in [
        (vec![started(1), spoken(), paused(1, 1)], 21_000),
        (vec![started(1), spoken(), paused(1, 1), give_up()], 0),
        (vec![started(1), spoken(), give_up()], 0),
        (vec![started(1), spoken(), cut()], 21_000),
        (vec![started(1), spoken(), cut(), give_up()], 0),
        (
            vec![started(1), paused(1, 1), trial(1, 1, "I would like to know the"), resumed(1), paused(1, 2)],
            21_000,
        ),
    ] {
        let mut run = Run::new();
        for input in inputs.clone() {
            run.input(input);
        }
        if wait > 0 {
            run.waited();
        }
        run.wait_and_listen(wait);
        assert_eq!(run.last_said(), Some("I would like to know the"), "{inputs:?}");
        assert_eq!(run.starts().last().map(|start| start.script.is_none()), Some(true), "{inputs:?}");
        let told = |event: &&&CallEvent| matches!(event, CallEvent::Notice { code: "not-understood", .. });
        assert!(!run.events().iter().any(|event| told(&event)), "{inputs:?}");
    }
}
