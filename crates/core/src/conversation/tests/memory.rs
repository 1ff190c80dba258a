//! What is forgotten and when, without making anybody wait.

use super::*;

fn settings(summarise: bool) -> Settings {
    Settings { prompt_tokens: 476, summarise, ..conversation().settings.clone() }
}

impl Run {
    fn with(summarise: bool) -> Self {
        Self { conversation: Conversation::new(settings(summarise), "call".into()), ..Self::new() }
    }

    /// A question of 15 tokens and a response of 19 that is heard to its end.
    fn turn(&mut self, number: u32) -> &mut Self {
        self.input(Input::Client(ClientCommand::Say(format!("question {number:03} is of thirty b."))));
        let id = self.starts().last().expect("a response is begun").id;
        self.sound(id.0, &format!("the answer {number:03} takes forty-two bytes of it."));
        self.input(Input::TextEnded(id)).input(Input::Playout(PlayoutEvent::Finished(id)))
    }

    fn prefills(&self) -> Vec<&Vec<Message>> {
        let of = self.commands.iter().filter_map(|command| match command {
            Command::Prefill(messages, _) => Some(messages),
            _ => None,
        });
        of.collect()
    }

    fn to_sum_up(&self) -> Vec<&Vec<Message>> {
        let of = self.commands.iter().filter_map(|command| match command {
            Command::Summarise(messages) => Some(messages),
            _ => None,
        });
        of.collect()
    }

    fn system(&self) -> &str {
        &self.starts().last().expect("a response was begun").messages[0].content
    }
}

#[test]
fn the_oldest_turns_are_forgotten_after_a_response_and_the_rest_is_prefilled_before_the_next_question() {
    let mut run = Run::with(false);
    let mut trims = Vec::new();
    for number in 0..60 {
        run.take();
        run.turn(number);
        let last =
            run.commands.iter().position(|command| matches!(command, Command::Emit(CallEvent::Turn { .. })));
        if let Some(at) = run.commands.iter().position(|command| matches!(command, Command::Prefill(..))) {
            assert!(at > last.expect("the turn ended"), "only after the response");
            trims.push(number);
            let read = run.prefills()[0].clone();
            run.input(Input::Client(ClientCommand::Say("And now?".into())));
            let asked = &run.starts().last().unwrap().messages;
            assert_eq!(asked[..read.len()], read[..], "what was prefilled is what is asked");
            assert_eq!((asked[0].role, asked[1].role), (Role::System, Role::User));
            let id = run.starts().last().unwrap().id;
            run.sound(id.0, "Yes.").input(Input::Playout(PlayoutEvent::Finished(id)));
        }
    }
    assert!(trims.windows(2).all(|pair| pair[1] - pair[0] >= 3) && trims.len() > 5, "{trims:?}");
}

#[test]
fn nothing_is_forgotten_while_the_person_speaks_or_waits() {
    let mut run = Run::with(false);
    (0..11).for_each(|number| _ = run.turn(number));
    let before = run.conversation.history().len();
    run.take();
    // The history becomes too full with this response, but the person speaks as it ends.
    run.input(Input::Client(ClientCommand::Say("x".repeat(60))));
    let id = run.starts()[0].id;
    run.sound(id.0, "Good.").input(started(1)).input(Input::Playout(PlayoutEvent::Finished(id)));
    run.inputs([paused(1, 1), trial(1, 1, "Tell me more about it.")]);
    assert!(run.prefills().is_empty() && run.conversation.history().len() >= before);
    run.wait(1000);
    let id = run.starts().last().unwrap().id;
    run.sound(id.0, "There is no more.").input(Input::Playout(PlayoutEvent::Finished(id)));
    assert_eq!(run.prefills().len(), 1);
    assert!(run.conversation.history().len() < before);
}

#[test]
fn a_summary_replaces_what_it_sums_up_between_turns() {
    let mut run = Run::with(true);
    (0..12).for_each(|number| _ = run.turn(number));
    let asked = run.to_sum_up();
    assert_eq!(asked.len(), 1, "once, however many turns pass");
    assert!(asked[0][1].content.starts_with("User: question 000"));
    let before = run.conversation.history().len();
    run.input(Input::Summary(" They talked\nabout questions. ".into()));
    assert!(run.conversation.history().len() < before);
    let read = &run.prefills().last().unwrap()[0].content;
    assert!(read.ends_with("Earlier in this conversation: They talked about questions."), "{read}");
    run.turn(12);
    assert!(run.system().contains("They talked about questions."));
}

#[test]
fn a_summary_that_arrives_during_a_turn_waits_for_its_end_and_a_failed_one_leaves_no_trace() {
    let mut run = Run::with(true);
    (0..12).for_each(|number| _ = run.turn(number));
    let kept = run.conversation.history()[0].clone();
    run.inputs([started(1), Input::Summary("Late.".into())]);
    assert_eq!(run.conversation.history()[0], kept, "not while the person speaks");
    run.inputs([paused(1, 1), trial(1, 1, "Go on, please.")]).wait(1000);
    assert!(!run.system().contains("Late."));
    let id = run.starts().last().unwrap().id;
    run.sound(id.0, "Fine.").input(Input::Playout(PlayoutEvent::Finished(id)));
    assert_ne!(run.conversation.history()[0], kept);
    run.turn(50);
    assert!(run.system().contains("Late."));

    let mut run = Run::with(true);
    (0..12).for_each(|number| _ = run.turn(number));
    run.input(Input::Summary(String::new())).turn(12);
    assert_eq!(run.system(), "Be brief.");
    assert!(run.conversation.history().len() < 24);
}
