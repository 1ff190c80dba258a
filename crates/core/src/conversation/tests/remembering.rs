//! What outlives the process: when a context is remembered, what is in it, and how a call resumes from it.

use serde_json::json;

use super::*;
use crate::avatar::cue::{Cue, Mood};
use crate::context::CallContext;
use crate::tool::{Doer, builtin};
use crate::usage::Usage;

impl Run {
    /// The contexts remembered since the commands were last taken.
    fn remembered(&self) -> Vec<&CallContext> {
        let of = self.commands.iter().filter_map(|command| match command {
            Command::Remember(context) => Some(&**context),
            _ => None,
        });
        of.collect()
    }

    fn client(&mut self, command: ClientCommand) -> &mut Self {
        self.input(Input::Client(command))
    }

    fn heard_out(&mut self, response: u32) -> &mut Self {
        let id = ResponseId(response);
        self.inputs([Input::TextEnded(id), Input::Playout(PlayoutEvent::Finished(id))])
    }

    fn resuming(context: &CallContext) -> Self {
        Self {
            conversation: Conversation::resume(conversation().settings, "call".into(), context),
            ..Self::new()
        }
    }
}

fn said(context: &CallContext) -> Vec<&str> {
    context.messages.iter().map(|message| message.content.as_str()).collect()
}

fn tool(name: &str) -> Tool {
    let parameters = json!({ "type": "object" });
    Tool {
        name: name.into(),
        description: "Does it.".into(),
        parameters,
        timeout_ms: 5000,
        doer: Doer::Client,
    }
}

#[test]
fn a_context_is_remembered_at_each_step_of_a_turn_and_not_again_while_nothing_changes() {
    let mut run = Run::new();
    run.client(ClientCommand::Ready);
    assert!(run.remembered().is_empty(), "nothing was said");
    run.say(1, "What is it?");
    assert_eq!(said(run.remembered().last().unwrap()), ["What is it?"], "it need not be said again");
    run.sound(1, "It is tea.").heard_out(1);
    let last = *run.remembered().last().unwrap();
    assert_eq!(said(last), ["What is it?", "It is tea."]);
    assert_eq!((last.language.as_str(), last.responses, &last.pending), ("en", 1, &None));
    run.take();
    // A noise without words, then silence until the agent asks whether the person is there.
    run.inputs([started(2), paused(2, 1), trial(2, 1, "")]).wait(65_000);
    assert!(run.remembered().is_empty(), "{:?}", run.remembered());
}

#[test]
fn only_the_heard_part_of_a_response_that_broke_off_is_remembered() {
    let mut run = Run::new();
    run.say(1, "Count.").sound(1, "One two three four.").at(1, 220);
    run.client(ClientCommand::Interrupt);
    let last = *run.remembered().last().unwrap();
    assert_eq!((said(last), &last.pending), (vec!["Count.", "One two"], &None));
    // A failed one is retried first; then its question is given up, and remembered before the apology sounds.
    let mut run = Run::new();
    run.say(1, "Count.").take();
    for response in 1..=2 {
        run.input(Input::ResponseFailed(ResponseId(response)));
        assert!(run.remembered().is_empty(), "it is retried");
    }
    run.input(Input::ResponseFailed(ResponseId(3)));
    assert_eq!((said(run.remembered()[0]), &run.remembered()[0].pending), (vec!["Count."], &None));
    run.take();
    run.sound(4, "Sorry, something went wrong.").heard_out(4);
    assert!(run.remembered().is_empty(), "a canned phrase is not part of it");
}

#[test]
fn client_settings_are_remembered_at_once_even_during_a_response_and_repeats_are_not() {
    let german = || ClientCommand::SetLanguage(Some("de".into()));
    let colour = || ClientCommand::SetTools { id: None, tools: vec![tool("colour")] };
    let happy = || ClientCommand::SetExpression(Cue::Mood(Mood::Happy));
    let mut run = Run::new();
    run.say(1, "What is it?").sound(1, "It is tea.").take();
    run.client(german());
    let context = run.remembered()[0];
    assert_eq!((context.language.as_str(), context.set_language.as_deref()), ("de", Some("de")));
    run.client(happy());
    assert_eq!(run.remembered().len(), 1, "a face may be driven many times a second");
    run.client(colour());
    assert_eq!(
        (&run.remembered()[1].tools[..], run.remembered()[1].mood),
        (&[tool("colour")][..], Mood::Happy)
    );
    run.client(german()).client(colour()).client(happy());
    assert_eq!(run.remembered().len(), 2);
    assert!(run.remembered().iter().all(|context| said(context) == ["What is it?"]), "it still sounds");
    run.heard_out(1);
    assert_eq!(said(run.remembered().last().unwrap()), ["What is it?", "It is tea."]);
}

#[test]
fn appended_words_are_remembered_at_once_even_those_that_wait_for_the_end_of_a_response() {
    let mut run = Run::new();
    run.input(append(true));
    assert_eq!(said(run.remembered()[0]), ["appended words"]);
    run.client(ClientCommand::Say("And?".into())).take();
    run.sound(1, "It is tea.").input(append(false));
    assert_eq!(said(run.remembered().last().unwrap()), ["appended words And?", "appended words"]);
    run.heard_out(1);
    assert_eq!(said(run.remembered().last().unwrap()), ["appended words And?", "It is tea. appended words"]);
}

#[test]
fn tool_calls_are_remembered_with_their_results_and_before_that_as_perhaps_done() {
    let mut run = Run { conversation: super::tools::conversation_with_tools(), ..Run::new() };
    run.say(1, "Where is order seven?").input(Input::ToolCalled(ResponseId(1), "order".into(), "{}".into()));
    let doubt = said(run.remembered().last().unwrap())[2];
    assert!(doubt.contains("it may have been done or not"), "{doubt}");
    run.input(Input::ToolReturned("1-1".into(), Ok("shipped".into())));
    assert_eq!(said(run.remembered().last().unwrap())[2], "shipped");
    run.sound(1, "It is shipped.").heard_out(1);
    let context = *run.remembered().last().unwrap();
    let roles: Vec<_> = context.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Call, Role::Tool, Role::Assistant]);
    assert!(context.tools.is_empty(), "the server's own tools are its configuration");
}

#[test]
fn a_context_contains_the_summary_of_forgotten_messages() {
    let settings = Settings { prompt_tokens: 476, summarise: true, ..conversation().settings };
    let mut run = Run { conversation: Conversation::new(settings, "call".into()), ..Run::new() };
    for number in 1..=12 {
        run.client(ClientCommand::Say(format!("question {number:03} is of thirty b.")));
        run.sound(number, "the answer takes forty-two bytes of the room.").heard_out(number);
    }
    let before = run.remembered().last().unwrap().messages.len();
    run.take();
    run.input(Input::Summary("They talked about questions.".into()));
    let [context] = run.remembered()[..] else { panic!("{:?}", run.remembered()) };
    assert_eq!(context.summary, "They talked about questions.");
    assert!(context.messages.len() < before);
    let mut run = Run::resuming(context);
    run.client(ClientCommand::Say("And now?".into()));
    assert!(run.starts()[0].messages[0].content.ends_with("They talked about questions."));
}

#[test]
fn a_resumed_call_keeps_its_state_and_does_not_greet_again() {
    let mut run = Run::new();
    run.conversation.settings.greeting = "Hello there.".into();
    run.client(ClientCommand::Ready).sound(1, "Hello there.").heard_out(1);
    run.client(ClientCommand::SetTools { id: None, tools: vec![tool("colour")] });
    run.client(ClientCommand::SetExpression(Cue::Mood(Mood::Happy)));
    run.client(ClientCommand::SetLanguage(Some("de".into())));
    run.client(ClientCommand::Say("Was ist es?".into())).sound(2, "Es ist Tee.").heard_out(2);
    let context = (*run.remembered().last().unwrap()).clone();

    let mut run = Run::resuming(&context);
    run.conversation.settings.greeting = "Hello there.".into();
    run.client(ClientCommand::Ready);
    assert!(run.starts().is_empty(), "{:?}", run.starts());
    assert!(run.remembered().is_empty(), "nothing has changed");
    assert!(run.commands.contains(&Command::Show(Cue::Mood(Mood::Happy))));
    let counts_all = |command: &Command| match command {
        Command::Count(Counting::History(0, _), counted, _) => *counted == context.messages,
        _ => false,
    };
    assert!(run.commands.iter().any(counts_all), "this engine has not counted them");
    run.client(ClientCommand::Say("Und jetzt?".into()));
    let asked = run.starts()[0];
    assert_eq!((asked.language.as_str(), &asked.tools[..]), ("de", &[tool("colour")][..]));
    assert!(
        asked.messages[0].content.contains("German") && asked.messages[0].content.contains("Hello there.")
    );
    assert_eq!(
        asked.messages[1..].iter().map(|message| message.content.as_str()).collect::<Vec<_>>(),
        ["Was ist es?", "Es ist Tee.", "Und jetzt?"]
    );
    // Responses of the lost turn may have been announced.
    assert!(asked.id.0 > context.responses + 100);
}

#[test]
fn tokens_are_summed_over_a_calls_texts_and_a_resumed_call_goes_on_counting() {
    let used = |prompt, cached, response| Input::Used(Usage { prompt, cached, response });
    let mut run = Run::new();
    run.say(1, "What is it?").input(used(100, 40, 20)).sound(1, "It is tea.").heard_out(1).take();
    run.input(used(30, 0, 5));
    assert!(run.remembered().is_empty(), "a summary is counted, and remembered with the next change");
    run.client(ClientCommand::Say("And now?".into()));
    let json = run.remembered().last().unwrap().to_json().unwrap();
    let context = CallContext::read(&json).unwrap();
    assert_eq!(context.usage, Usage { prompt: 130, cached: 40, response: 25 });

    let mut run = Run::resuming(&context);
    run.client(ClientCommand::Ready).input(used(7, 6, 5)).client(ClientCommand::Say("Really?".into()));
    let usage = run.remembered().last().unwrap().usage;
    assert_eq!(usage, Usage { prompt: 137, cached: 46, response: 30 });
    run.input(used(u32::MAX, 0, 0));
    assert_eq!(run.conversation.context().usage.prompt, u32::MAX);
}

#[test]
fn a_call_lost_before_its_hello_still_greets_when_resumed() {
    let mut run = Run::new();
    run.client(ClientCommand::SetLanguage(Some("de".into())));
    let context = run.remembered()[0].clone();
    let mut run = Run::resuming(&context);
    run.conversation.settings.greeting = "Hallo.".into();
    run.client(ClientCommand::Ready);
    assert_eq!(run.starts()[0].script.as_deref(), Some("Hallo."));
}

#[test]
fn a_resumed_call_identifies_an_unset_language_and_uses_the_server_s_current_tools() {
    let context = CallContext { tools: vec![tool("colour"), tool("end_call")], ..conversation().context() };
    let settings = Settings {
        language: Some("de".into()),
        tools: vec![builtin("end_call").unwrap()],
        ..conversation().settings
    };
    let mut run = Run { conversation: Conversation::resume(settings, "call".into(), &context), ..Run::new() };
    let tools: Vec<_> = run.conversation.tools().iter().map(|tool| (tool.name.as_str(), tool.doer)).collect();
    assert_eq!(tools, [("end_call", Doer::EndCall), ("colour", Doer::Client)]);
    run.say(1, "What is it?");
    assert_eq!(run.starts()[0].language, "en");
}
