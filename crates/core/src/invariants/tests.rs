use super::*;
use crate::event::{AnswerEnd, EndReason, TurnMarks};

const ONE: ResponseId = ResponseId(1);

fn begin(id: u32, play: Play) -> Command {
    let message = |role, content: &str| Message { role, content: content.into() };
    let request = ResponseRequest {
        id: ResponseId(id),
        speculative: play == Play::Hidden,
        script: None,
        canned: false,
        messages: vec![message(Role::System, ""), message(Role::User, "question")],
        language: String::new(),
        voice: String::new(),
        preface: None,
        tools: Vec::new(),
        aloud: true,
    };
    Command::Start(request, play)
}

fn told(event: CallEvent) -> Command {
    Command::Emit(event)
}

fn ended() -> Command {
    ended_as(AnswerEnd::Finished)
}

fn ended_as(end: AnswerEnd) -> Command {
    told(CallEvent::Turn { response: ONE, end, marks: TurnMarks::default(), slow: None })
}

/// What a conversation is found to break that commands this, all at once.
fn found(commands: &[Command]) -> Vec<&'static str> {
    let mut names: Vec<_> = Invariants::default()
        .step(1, &Input::Timeout, commands)
        .iter()
        .map(|found| found.invariant)
        .collect();
    names.dedup();
    names
}

#[test]
fn a_conversation_that_breaks_a_rule_is_found_out() {
    let state = || told(CallEvent::State(AgentState::Thinking));
    let text = || told(CallEvent::AnswerText { response: ONE, text: "words".into() });
    let tell = || told(CallEvent::AnswerStarted(ONE));
    assert_eq!(found(&[tell(), begin(1, Play::Full), text(), state()]), [""; 0]);
    assert_eq!(found(&[begin(1, Play::Hidden), Command::Play(ONE, Play::Full)]), ["hidden_unheard"]);
    assert_eq!(found(&[begin(1, Play::Hidden), text()]), ["hidden_unheard"]);
    assert_eq!(found(&[begin(1, Play::Hidden), Command::Cancel(ONE), text()]), ["hidden_unheard"]);
    assert_eq!(found(&[begin(1, Play::Hidden), begin(2, Play::Hidden)]), ["one_answer"]);
    assert_eq!(
        found(&[begin(2, Play::Hidden), Command::Cancel(ResponseId(2)), begin(1, Play::Hidden)]),
        ["one_request"]
    );
    assert_eq!(found(&[tell(), begin(1, Play::Full), ended(), text()]), ["nothing_after_end"]);
    assert_eq!(found(&[tell(), begin(1, Play::Full), ended(), ended()]), ["one_end"]);
    assert_eq!(found(&[tell(), begin(1, Play::Full)]), ["states_agree"], "no state was told");
    assert_eq!(found(&[Command::Cancel(ONE)]), ["nothing_after_end"]);
    assert_eq!(found(&[Command::Close(UtteranceId(1))]), ["close_once"]);
    assert_eq!(found(&[Command::End(EndReason::Idle, ""), text()])[0], "nothing_after_end");
    assert_eq!(found(&[begin(1, Play::Hidden), Command::End(EndReason::Idle, "")]), ["one_answer"]);
    let invented = Message { role: Role::Assistant, content: "never said".into() };
    assert_eq!(found(&[Command::Prefill(vec![invented], false)]), ["history_is_heard"]);
    let heard = told(CallEvent::Interrupted { response: ONE, heard: "never said".into() });
    assert_eq!(found(&[tell(), begin(1, Play::Full), heard, state()]), ["history_is_heard"]);
}

#[test]
fn an_end_that_is_not_the_one_that_was_told_is_found_out() {
    let nothing = String::new;
    let cut = || told(CallEvent::Interrupted { response: ONE, heard: nothing() });
    let failed = || told(CallEvent::AnswerFailed { response: ONE, heard: nothing() });
    let with = |events: Vec<Command>| {
        let told = told(CallEvent::AnswerStarted(ONE));
        let mut commands = vec![told, begin(1, Play::Full), Command::Cancel(ONE)];
        commands.extend(events);
        found(&commands)
    };
    assert_eq!(with(vec![failed(), ended_as(AnswerEnd::Failed)]), [""; 0]);
    assert_eq!(with(vec![cut(), ended_as(AnswerEnd::Interrupted)]), [""; 0]);
    assert_eq!(with(vec![failed(), ended_as(AnswerEnd::Interrupted)]), ["one_end"]);
    assert_eq!(with(vec![cut(), ended_as(AnswerEnd::Finished)]), ["one_end"]);
    assert_eq!(with(vec![ended_as(AnswerEnd::Failed)]), ["one_end"]);
    assert_eq!(with(vec![cut(), failed(), ended_as(AnswerEnd::Failed)]), ["one_end"]);
}

#[test]
fn the_server_s_own_words_in_a_request_are_found_out() {
    let Command::Start(request, _) = begin(1, Play::Full) else { unreachable!() };
    let canned =
        ResponseRequest { script: Some("Sorry.".into()), canned: true, messages: Vec::new(), ..request };
    let sorry = Message { role: Role::Assistant, content: "Sorry.".into() };
    let commands = [
        told(CallEvent::AnswerStarted(ONE)),
        Command::Start(canned, Play::Full),
        told(CallEvent::AgentStartedSpeaking(ONE)),
        told(CallEvent::PhraseSpoken { response: ONE, index: 0, text: "Sorry.".into(), aloud: true }),
        told(CallEvent::AgentStoppedSpeaking(ONE)),
        ended(),
    ];
    assert_eq!(found(&commands), [""; 0]);
    assert_eq!(
        found(&[&commands[..], &[Command::Prefill(vec![sorry], false)]].concat()),
        ["history_is_heard"]
    );
}

#[test]
fn what_the_stages_or_the_client_are_owed_is_found_out_too() {
    let step = |input: Input| {
        let found = Invariants::default().step(1, &input, &[]);
        found.iter().map(|found| found.invariant).collect::<Vec<_>>()
    };
    assert_eq!(step(Input::Playout(PlayoutEvent::Started(ONE))), ["hidden_unplayed"]);
    assert_eq!(step(Input::Client(ClientCommand::HangUp)), ["control_kept"]);
    let mut invariants = Invariants::default();
    invariants.step(5, &Input::Timeout, &[]);
    assert_eq!(invariants.step(4, &Input::Timeout, &[])[0].invariant, "clock");
}

/// A context that holds these words of the agent.
fn remembers(said: &str, responses: u32) -> Box<CallContext> {
    let messages = vec![Message { role: Role::Assistant, content: said.into() }];
    let json = serde_json::json!({
        "version": 1, "messages": messages, "summary": "", "language": "", "set_language": null, "multilingual": false,
        "no_voice_told": false, "tools": [], "mood": "neutral", "greeted": true, "responses": responses,
    });
    Box::new(CallContext::from_value(json).unwrap())
}

#[test]
fn a_remembered_context_that_holds_more_than_was_heard_or_forgets_an_answer_is_found_out() {
    let interrupted = |context: Box<CallContext>| {
        let commands = [
            told(CallEvent::AnswerStarted(ONE)),
            begin(1, Play::Full),
            told(CallEvent::AgentStartedSpeaking(ONE)),
            told(CallEvent::PhraseSpoken {
                response: ONE,
                index: 0,
                text: "One two three.".into(),
                aloud: true,
            }),
            Command::Cancel(ONE),
            told(CallEvent::AgentStoppedSpeaking(ONE)),
            told(CallEvent::Interrupted { response: ONE, heard: "One two".into() }),
            ended_as(AnswerEnd::Interrupted),
            Command::Remember(context),
        ];
        found(&commands)
    };
    assert_eq!(interrupted(remembers("One two", 1)), [""; 0]);
    assert_eq!(interrupted(remembers("One two three.", 1)), ["history_is_heard"]);
    assert_eq!(interrupted(remembers("One two", 0)), ["one_request"]);
}

#[test]
fn what_a_call_goes_on_from_was_heard_before_and_its_ids_are_spent() {
    let spoken = Message { role: Role::Assistant, content: "One two".into() };
    let step = |command: Command| {
        let found = Invariants::resumed(&remembers("One two", 4)).step(1, &Input::Timeout, &[command]);
        found.iter().map(|found| found.invariant).collect::<Vec<_>>()
    };
    assert_eq!(step(Command::Prefill(vec![spoken], false)), [""; 0]);
    assert_eq!(step(begin(4, Play::Hidden)), ["one_request"]);
    assert_eq!(step(begin(5, Play::Hidden)), [""; 0]);
}
