//! Prompts that do not fit are cut and sent again; tools that can never fit are refused.

use serde_json::json;

use super::*;
use crate::tool::Doer;

/// An engine with a window, which counts in its own tokens.
struct Engine {
    limit: u32,
    bytes_per_token: usize,
}

impl Engine {
    fn tokens(&self, messages: &[Message]) -> u32 {
        messages.iter().map(|message| (message.content.len() / self.bytes_per_token + 5) as u32).sum()
    }
}

impl Run {
    /// The last request for a response, new or continued.
    fn asked(&self) -> &[Message] {
        let asked = self.commands.iter().rev().find_map(|command| match command {
            Command::Start(request, _) if request.script.is_none() => Some(&request.messages),
            Command::Continue(_, Round::Ask(messages, _)) => Some(messages),
            _ => None,
        });
        asked.expect("something was asked")
    }

    /// Types a question that the engine refuses until its request fits; returns the number of refusals.
    fn asks(&mut self, engine: &Engine, question: &str) -> usize {
        self.take();
        self.input(Input::Client(ClientCommand::Say(question.into())));
        let id = self.starts().last().expect("a response is begun").id;
        for refused in 0.. {
            let asked = self.asked().to_vec();
            let tokens = engine.tokens(&asked);
            if tokens <= engine.limit {
                assert!(
                    asked.last().unwrap().role == Role::User && !asked.last().unwrap().content.is_empty()
                );
                self.sound(id.0, "That is a long one.");
                self.input(Input::Playout(PlayoutEvent::Finished(id)));
                return refused;
            }
            self.input(Input::TooLong(id, engine.limit, tokens));
            assert!(engine.tokens(self.asked()) < tokens, "the same request again");
        }
        unreachable!()
    }
}

#[test]
fn a_request_that_is_too_long_is_cut_and_sent_again_in_the_same_response() {
    // A context of 1,024 tokens with responses of 160 tokens and instructions of 2,000 bytes.
    for (bytes_per_token, counts) in [(4, true), (4, false), (2, true), (2, false), (1, false)] {
        let limit = [2600, 1150, 0, 825][bytes_per_token - 1];
        let engine = Engine { limit, bytes_per_token };
        let settings =
            Settings { instructions: "i".repeat(2000), prompt_tokens: 864, ..conversation().settings };
        let mut run = Run { conversation: Conversation::new(settings, "call".into()), ..Run::new() };
        run.input(Input::Client(ClientCommand::Ready));
        for turn in 0..12 {
            for command in run.take().into_iter().filter(|_| counts) {
                if let Command::Count(what, messages, _) = command {
                    let messages =
                        messages.iter().map(|one| engine.tokens(std::slice::from_ref(one))).collect();
                    let counted = Counted { messages, tools: 0, limit: engine.limit };
                    run.input(Input::Counted(what, Some(counted)));
                }
            }
            let refused = run.asks(&engine, &"0123456789 ".repeat(55)[..600]);
            let most = if counts { 1 } else { 4 };
            assert!(refused <= most, "turn {turn}, {bytes_per_token} bytes a token: refused {refused} times");
        }
        assert!(!run.interrupted());
    }
}

#[test]
fn a_request_that_cannot_be_made_to_fit_ends_in_an_apology_and_not_in_a_loop() {
    let mut run = Run::new();
    run.say(1, "Question").take();
    for _ in 0..10 {
        run.input(Input::TooLong(ResponseId(1), 10, 2000));
    }
    assert!(run.starts()[0].script.is_some(), "{:?}", run.commands);
    // A speculative one waits for the end of the turn.
    let mut run = Run::new();
    run.inputs([started(1), paused(1, 1), trial(1, 1, "Hello?")]);
    for response in 1..20 {
        run.input(Input::TooLong(ResponseId(response), 10, 2000));
    }
    assert!(run.starts().len() < 8, "{}", run.starts().len());
}

fn tools(count: usize, bytes: usize) -> Vec<Tool> {
    let tool = |number| Tool {
        name: format!("tool_{number}"),
        description: "d".repeat(bytes),
        parameters: json!({}),
        timeout_ms: 5000,
        doer: Doer::Client,
    };
    (0..count).map(tool).collect()
}

impl Run {
    fn brings(&mut self, tools: Vec<Tool>) -> Option<Counting> {
        self.take();
        self.input(Input::Client(ClientCommand::SetTools { id: Some("7".into()), tools }));
        self.commands.iter().find_map(|command| match command {
            Command::Count(what @ Counting::Wish(_), ..) => Some(what.clone()),
            _ => None,
        })
    }

    fn granted(&self) -> usize {
        let granted = |event: &&&CallEvent| matches!(event, CallEvent::Granted { id, request: "set-tools" } if id == "7");
        self.events().iter().filter(granted).count()
    }

    fn refused(&self) -> Option<&str> {
        self.events().iter().find_map(|event| match event {
            CallEvent::BadMessage { id: Some(id), message } if id == "7" => Some(message.as_str()),
            _ => None,
        })
    }
}

#[test]
fn client_tools_that_leave_no_room_are_refused_with_the_limit_and_the_old_ones_stay() {
    let of_16_kb = || tools(16, 1000);
    let counted = |tools| Some(Counted { messages: vec![60], tools, limit: 3936 });
    for (counted, fits) in [(counted(3000), true), (counted(3800), false), (None, false)] {
        let settings = Settings { prompt_tokens: 3936, ..conversation().settings };
        let mut run = Run { conversation: Conversation::new(settings, "call".into()), ..Run::new() };
        assert_eq!(run.brings(tools(1, 20)), None, "small ones need no counting");
        assert_eq!(run.granted(), 1);
        let wish = run.brings(of_16_kb()).expect("it is counted first");
        assert_eq!((run.conversation.tools().len(), run.granted()), (1, 0), "nothing is decided yet");
        run.input(Input::Counted(wish, counted.clone()));
        assert_eq!(run.granted(), usize::from(fits));
        assert_eq!(
            (run.conversation.tools().len(), run.refused().is_none()),
            (if fits { 16 } else { 1 }, fits)
        );
        if !fits {
            let fault = run.refused().unwrap();
            assert!(fault.contains("d.tools") && fault.contains("3936"), "{fault}");
        }
    }
    let mut run = Run::new();
    let first = run.brings(of_16_kb()).unwrap();
    run.brings(tools(1, 20));
    run.input(Input::Counted(first, counted(100)));
    assert!(run.refused().is_some_and(|fault| fault.contains("by newer tools")), "{:?}", run.events());
    assert_eq!(run.conversation.tools().len(), 1, "the older request is void");
}
