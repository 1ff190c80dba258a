use super::*;

impl Run {
    fn types(&mut self, command: ClientCommand) -> &mut Self {
        self.input(Input::Client(command))
    }

    /// The messages of the last request, without the instructions.
    fn question(&self) -> Vec<(Role, &str)> {
        let request = self.starts().last().copied().expect("a response is begun");
        request.messages[1..].iter().map(|message| (message.role, message.content.as_str())).collect()
    }

    /// Progress in the segments that the client was told of, in bytes.
    fn progress(&self) -> Vec<(u32, usize)> {
        let told = self.events().into_iter().filter_map(|event| match event {
            CallEvent::SegmentProgress { index, said, .. } => Some((*index, *said)),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn typed_words_are_not_a_transcript() {
    let mut run = Run::new();
    run.types(ClientCommand::Say("Hello.".into()));
    assert!(run.events().contains(&&CallEvent::UserTyped { text: "Hello.".into() }));
    assert!(!run.events().iter().any(|event| matches!(event, CallEvent::UserTranscript { .. })));
}

#[test]
fn each_report_of_microphone_gaps_gives_one_notice_and_stops_nothing() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").take();
    run.types(ClientCommand::MicrophoneStutters);
    let notice = CallEvent::Notice {
        code: "microphone-stutters",
        message: "The sound of your microphone arrives with gaps, so some words may be missing.".into(),
    };
    assert_eq!(run.take(), [Command::Emit(notice)]);
}

#[test]
fn appended_words_start_and_interrupt_nothing_and_are_in_the_next_request() {
    let mut run = Run::new();
    run.input(append(true));
    assert_eq!((run.starts().len(), run.interrupted()), (0, false));
    run.say(1, "Who am I?").sound(1, "one two").input(append(false)).input(append(true));
    assert!(!run.interrupted());
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    run.say(2, "And now?");
    let before = (Role::User, "appended words Who am I?");
    let heard = (Role::Assistant, "one two appended words");
    assert_eq!(run.question(), [before, heard, (Role::User, "appended words And now?")]);
}

#[test]
fn a_speculative_response_without_the_appended_words_is_begun_again() {
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Who am I?"), append(true)]);
    assert_eq!(run.starts().len(), 2);
    assert_eq!(run.question(), [(Role::User, "appended words Who am I?")]);
}

#[test]
fn too_many_or_too_long_appended_words_are_refused() {
    let mut run = Run::new();
    run.types(ClientCommand::Say("Question".into())).take();
    for _ in 0..17 {
        run.input(append(true));
    }
    let [CallEvent::BadMessage { id: Some(id), .. }] = run.events()[..] else { panic!("{:?}", run.events()) };
    assert_eq!(id, "7");
    let mut run = Run::new();
    let long = || ClientCommand::Append { id: None, role: Role::User, text: "word ".repeat(1600) };
    for _ in 0..20 {
        run.types(long());
    }
    assert!(run.last().len() <= 64 << 10, "{}", run.last().len());
    assert!(matches!(run.events().last(), Some(CallEvent::BadMessage { .. })));
}

#[test]
fn a_response_in_text_never_sounds_and_is_remembered() {
    let mut run = Run::new();
    run.types(ClientCommand::AskInText("Question".into())).wait(3000);
    assert!(run.starts().last().is_some_and(|request| !request.aloud));
    assert!(
        !run.commands.iter().any(|command| matches!(command, Command::Filler(..))),
        "nothing is said meanwhile"
    );
    let (response, text) = (ResponseId(1), "An answer.".to_owned());
    run.inputs([
        Input::Text(response, text.clone()),
        Input::Playout(PlayoutEvent::Segment { response, text: text.clone(), aloud: false }),
        Input::TextEnded(response),
        Input::Playout(PlayoutEvent::Finished(response)),
    ]);
    let spoken =
        |event: &&&CallEvent| matches!(event, CallEvent::AgentStartedSpeaking(_) | CallEvent::Notice { .. });
    assert_eq!(run.events().iter().find(spoken), None);
    assert_eq!(run.last(), "An answer.");
    run.take();
    run.say(1, "And aloud?");
    assert!(run.starts().iter().all(|request| request.aloud), "spoken words get a spoken response");
}

#[test]
fn the_client_is_told_a_segment_s_progress_word_by_word() {
    let mut run = Run::new();
    run.say(1, "Question").at(1, 0).sound(1, "one two, three");
    run.take();
    for (samples, ms) in [(100, 24), (200, 25), (299, 25)] {
        run.at(1, samples).wait(ms);
    }
    assert_eq!(run.progress(), [(0, 8), (0, 14)]);
    run.take();
    run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert_eq!(run.progress(), [], "all of it was reported");
}

#[test]
fn a_finished_segment_is_reported_in_full_and_one_that_breaks_off_is_not() {
    let mut run = Run::new();
    run.say(1, "Question").sound(1, "one two").sound(1, "three four");
    assert_eq!(run.progress(), [(0, 7)]);
    run.take();
    run.at(1, 60).input(Input::Client(ClientCommand::Interrupt));
    assert_eq!(run.progress(), [(1, 5)]);
}
