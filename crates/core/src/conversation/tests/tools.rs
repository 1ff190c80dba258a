//! Tool calls during a response.

use serde_json::json;

use super::*;
use crate::tool::{Doer, builtin};

fn tool(name: &str, doer: Doer) -> Tool {
    let parameters = json!({
        "type": "object", "properties": { "number": { "type": "string" } }, "required": ["number"],
    });
    Tool { name: name.into(), description: "Looks up.".into(), parameters, timeout_ms: 5000, doer }
}

fn set_tools(tools: Vec<Tool>) -> Input {
    Input::Client(ClientCommand::SetTools { id: Some("7".into()), tools })
}

const GOOD: &str = r#"{"number":"7"}"#;

pub(super) fn conversation_with_tools() -> Conversation {
    let any = Tool { parameters: json!({}), ..tool("order", Doer::Webhook) };
    let tools = vec![any, builtin("end_call").unwrap()];
    Conversation::new(Settings { tools, ..conversation().settings }, "call".into())
}

impl Run {
    fn with_tools() -> Self {
        let mut run = Self::new();
        run.conversation.settings.tools = vec![tool("order", Doer::Webhook), builtin("end_call").unwrap()];
        run.input(set_tools(vec![tool("colour", Doer::Client)]));
        run.take();
        run
    }

    fn calls(&mut self, response: u32, name: &str, arguments: &str) -> &mut Self {
        self.input(Input::ToolCalled(ResponseId(response), name.into(), arguments.into()))
    }

    fn returns(&mut self, id: &str, result: Result<&str, &str>) -> &mut Self {
        let result = result.map(String::from).map_err(String::from);
        self.input(Input::ToolReturned(id.into(), result))
    }

    fn runs(&self) -> Vec<&ToolCall> {
        let runs = self.commands.iter().filter_map(|command| match command {
            Command::RunTool(_, call) => Some(call),
            _ => None,
        });
        runs.collect()
    }

    fn rounds(&self) -> Vec<&Round> {
        let rounds = self.commands.iter().filter_map(|command| match command {
            Command::Continue(_, round) => Some(round),
            _ => None,
        });
        rounds.collect()
    }

    fn roles(&self) -> Vec<Role> {
        self.conversation.history().iter().map(|message| message.role).collect()
    }
}

#[test]
fn a_speculative_response_s_tool_waits_for_the_end_of_the_turn_and_never_runs_if_the_person_goes_on() {
    let mut run = Run::with_tools();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Where is my order")]).calls(1, "order", GOOD);
    run.input(resumed(1)).wait(3000);
    assert!(run.runs().is_empty() && run.rounds().is_empty(), "{:?}", run.commands);
    run.inputs([paused(1, 2), trial(1, 2, "Where is my order number seven?")]).calls(2, "order", GOOD);
    assert!(run.runs().is_empty(), "not decided yet");
    run.wait(2000);
    assert_eq!(run.runs().len(), 1);
    assert!(run.events().iter().any(|event| matches!(event, CallEvent::ToolStarted { arguments: None, .. })));
}

#[test]
fn arguments_are_checked_only_at_a_call_and_while_one_waits_for_the_end_of_the_turn() {
    let mut run = Run::with_tools();
    let called = Input::ToolCalled(ResponseId(1), "order".into(), GOOD.into());
    assert!(run.conversation.checks_arguments(&called));
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Where is my order number seven?")]);
    assert!(!run.conversation.checks_arguments(&Input::Timeout), "nothing was called");
    run.calls(1, "order", GOOD);
    assert!(run.conversation.checks_arguments(&Input::Timeout), "the turn may be decided at any input");
    run.wait(2000);
    assert_eq!(run.runs().len(), 1);
    assert!(!run.conversation.checks_arguments(&Input::Timeout), "the call was checked");
}

#[test]
fn the_model_continues_with_the_result_and_the_history_keeps_call_and_result() {
    let mut run = Run::with_tools();
    run.say(1, "Where is order seven?").calls(1, "order", GOOD);
    let id = run.runs()[0].id.clone();
    run.input(Input::Client(ClientCommand::ToolResult { id: id.clone(), result: Ok("forged".into()) }));
    run.returns(&id, Ok("shipped")).returns(&id, Ok("twice"));
    let [Round::Ask(messages, true)] = run.rounds()[..] else { panic!("{:?}", run.rounds()) };
    let last: Vec<_> = messages.iter().rev().take(3).map(|message| message.role).collect();
    assert_eq!(last, [Role::Tool, Role::Call, Role::User]);
    assert_eq!(messages.last().unwrap().content, "shipped");
    run.sound(1, "It is shipped.").input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
    assert_eq!(run.roles(), [Role::User, Role::Call, Role::Tool, Role::Assistant]);
}

#[test]
fn a_result_and_a_fault_reach_the_model_without_control_characters() {
    for (result, told) in [(Ok("ship\0ped\u{85}"), "shipped"), (Err("lo\0st\u{85}"), "error: lost")] {
        let result = result.map(String::from).map_err(String::from);
        let returned = Input::ToolReturned("1-1".into(), result.clone());
        let of_client = Input::Client(ClientCommand::ToolResult { id: "1-1".into(), result });
        for (name, input) in [("order", returned), ("colour", of_client)] {
            let mut run = Run::with_tools();
            run.say(1, "Where is order seven?").calls(1, name, GOOD).input(input);
            let [Round::Ask(messages, true)] = run.rounds()[..] else { panic!("{:?}", run.rounds()) };
            assert_eq!(messages.last().unwrap().content, told, "{name}");
        }
    }
}

#[test]
fn after_two_invalid_calls_the_model_must_respond_in_words() {
    let mut run = Run::with_tools();
    run.say(1, "Where is order seven?").calls(1, "order", "{}").calls(1, "dance", "{}");
    let [Round::Ask(first, true), Round::Ask(second, false)] = run.rounds()[..] else {
        panic!("{:?}", run.rounds())
    };
    assert!(first.last().unwrap().content.contains("number"), "{first:?}");
    assert!(second.last().unwrap().content.contains("dance"), "{second:?}");
    assert!(run.runs().is_empty());
}

#[test]
fn a_repeated_call_and_a_fifth_one_are_not_made() {
    let mut run = Run::with_tools();
    run.say(1, "Where is order seven?").calls(1, "order", GOOD).returns("1-1", Ok("shipped"));
    run.calls(1, "order", r#"{ "number": "7" }"#);
    assert_eq!(run.runs().len(), 1);
    let [_, Round::Ask(messages, false)] = run.rounds()[..] else { panic!("{:?}", run.rounds()) };
    assert_eq!(messages.last().unwrap().content, "Where is order seven?\n\n(order: shipped)");
    let mut run = Run::with_tools();
    run.say(1, "Where are they?");
    for number in 1..=4 {
        run.calls(1, "order", &format!("{{\"number\":\"{number}\"}}"));
        run.returns(&format!("1-{number}"), Ok("shipped"));
    }
    assert!(matches!(run.rounds()[..], [_, _, _, Round::Ask(_, false)]));
    run.take();
    run.calls(1, "order", r#"{"number":"5"}"#);
    assert!(run.runs().is_empty() && run.starts()[0].script.is_some(), "{:?}", run.commands);
}

#[test]
fn a_slow_tool_is_announced_once_and_a_quick_one_is_not() {
    let mut run = Run::with_tools();
    run.say(1, "Where is order seven?").calls(1, "order", GOOD).wait(600).returns("1-1", Ok("shipped"));
    assert!(!run.commands.iter().any(|command| matches!(command, Command::Filler(..))));
    let mut run = Run::with_tools();
    run.say(1, "Where is order seven?").calls(1, "order", GOOD).wait(8000);
    let fillers = run
        .commands
        .iter()
        .filter(|command| matches!(command, Command::Filler(_, text) if text.contains("looking")));
    assert_eq!((fillers.count(), run.runs().len()), (1, 1));
}

#[test]
fn an_interruption_cancels_a_running_tool_and_the_model_is_told() {
    let mut run = Run::with_tools();
    run.say(1, "Where is order seven?").calls(1, "order", GOOD).wait(300).take();
    run.say(2, "Never mind, what about nine?");
    assert!(run.commands.contains(&Command::Cancel(ResponseId(1))));
    assert_eq!(run.roles(), [Role::User, Role::Call, Role::Tool, Role::User]);
    assert!(run.conversation.history()[2].content.contains("interrupted"));
    let starts = run.starts().len();
    run.take();
    run.returns("1-1", Ok("late"));
    assert_eq!((starts, run.take()), (1, vec![]));
}

#[test]
fn a_client_tool_gets_its_arguments_and_times_out_when_the_client_is_silent() {
    let mut run = Run::with_tools();
    run.say(1, "Make it blue.").calls(1, "colour", GOOD);
    let asked = |event: &&CallEvent| matches!(event, CallEvent::ToolStarted { arguments: Some(of), .. } if of["number"] == "7");
    assert!(run.runs().is_empty() && run.events().iter().any(asked));
    run.wait(5000);
    let [Round::Ask(messages, true)] = run.rounds()[..] else { panic!("{:?}", run.rounds()) };
    assert!(messages.last().unwrap().content.contains("in time"));
    run.take();
    run.input(set_tools(vec![tool("order", Doer::Client)]));
    assert!(matches!(run.events()[..], [CallEvent::BadMessage { .. }]));
}

#[test]
fn client_tools_are_refused_if_the_model_calls_none_and_an_empty_list_never_is() {
    let mut run = Run::new();
    run.conversation.settings.model.tools = false;
    run.input(set_tools(vec![tool("colour", Doer::Client)]));
    assert!(matches!(run.events()[..], [CallEvent::BadMessage { .. }]), "{:?}", run.events());
    assert!(run.conversation.tools().is_empty());
    run.take();
    run.input(set_tools(Vec::new()));
    assert!(matches!(run.events()[..], [CallEvent::Granted { .. }]), "{:?}", run.events());
}

#[test]
fn the_call_ends_after_its_goodbye_unless_the_person_goes_on() {
    for goes_on in [false, true] {
        let mut run = Run::with_tools();
        run.say(1, "Bye.").calls(1, "end_call", "{}");
        assert!(matches!(run.rounds()[..], [Round::Say(text)] if text == "Goodbye."));
        run.sound(1, "Goodbye.");
        assert!(!run.commands.iter().any(|command| matches!(command, Command::End(..))));
        if goes_on {
            run.at(1, 100).say(2, "Wait, one more question.");
        } else {
            run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
        }
        let ended =
            run.commands.iter().any(|command| matches!(command, Command::End(EndReason::AgentEnded, _)));
        assert_eq!(ended, !goes_on, "{:?}", run.commands);
    }
    let mut run = Run::with_tools();
    run.say(1, "Bye.").input(Input::Text(ResponseId(1), "See you soon!".into())).calls(1, "end_call", "{}");
    assert!(matches!(run.rounds()[..], [Round::End]), "it has said goodbye itself");
}

#[test]
fn a_long_result_is_cut_and_a_cut_history_never_begins_with_a_result() {
    let mut run = Run::with_tools();
    for turn in 1..=6 {
        run.say(turn, "Where is order seven?").calls(turn, "order", GOOD);
        run.returns(&format!("{turn}-1"), Ok(&"ü".repeat(3000)));
        let messages = match run.rounds().last() {
            Some(Round::Ask(messages, _)) => messages.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((messages[1].role, messages.last().unwrap().role), (Role::User, Role::Tool));
        assert!(messages.iter().map(|message| message.content.len()).sum::<usize>() < 4500);
        run.sound(turn, "Yes.").input(Input::Playout(PlayoutEvent::Finished(ResponseId(turn))));
    }
}

#[test]
fn a_greeting_goes_into_the_instructions_where_there_are_tools() {
    for tools in [true, false] {
        let mut run = if tools { Run::with_tools() } else { Run::new() };
        run.conversation.settings.greeting = "Hello there.".into();
        run.input(Input::Client(ClientCommand::Ready)).sound(1, "Hello there.").take();
        run.input(Input::Playout(PlayoutEvent::Finished(ResponseId(1))));
        run.say(1, "What time is it?");
        let asked = &run.starts()[0].messages;
        let roles: Vec<_> = asked.iter().map(|message| message.role).collect();
        if tools {
            assert_eq!(roles, [Role::System, Role::User]);
            assert!(asked[0].content.ends_with("saying: \"Hello there.\""), "{asked:?}");
            assert!(run.commands.iter().any(|command| matches!(command, Command::Prefill(..))));
        } else {
            assert_eq!(roles, [Role::System, Role::Assistant, Role::User]);
        }
    }
}
