use super::*;
use crate::event::{EndReason, ResponseEnd, TurnMarks};
use crate::frame::{Message, Play, PlayoutEvent, ResponseRequest};
use crate::route::Served;

const ONE: ResponseId = ResponseId(1);

fn begin(id: u32, play: Play) -> Command {
    let message = |role, content: &str| Message { role, content: content.into() };
    let request = ResponseRequest {
        id: ResponseId(id),
        speculative: play == Play::Speculative,
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

fn emit(event: CallEvent) -> Command {
    Command::Emit(event)
}

/// The first segment of the response.
fn spoken(text: &str) -> CallEvent {
    let (language, voice) = (String::new(), String::new());
    CallEvent::SegmentSpoken { response: ONE, index: 0, text: text.into(), aloud: true, language, voice }
}

fn ended() -> Command {
    ended_as(ResponseEnd::Finished)
}

fn ended_as(end: ResponseEnd) -> Command {
    emit(CallEvent::Turn {
        response: ONE,
        end,
        marks: TurnMarks::default(),
        slow: None,
        served: Served::default(),
    })
}

/// The invariants that these commands, given at once, violate.
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
fn a_conversation_that_breaks_an_invariant_is_detected() {
    let state = || emit(CallEvent::State(AgentState::Thinking));
    let text = || emit(CallEvent::ResponseText { response: ONE, text: "words".into() });
    let tell = || emit(CallEvent::ResponseStarted(ONE));
    assert_eq!(found(&[tell(), begin(1, Play::Full), text(), state()]), [""; 0]);
    assert_eq!(
        found(&[begin(1, Play::Speculative), Command::Play(ONE, Play::Full)]),
        ["speculative_unheard"]
    );
    assert_eq!(found(&[begin(1, Play::Speculative), text()]), ["speculative_unheard"]);
    assert_eq!(found(&[begin(1, Play::Speculative), Command::Cancel(ONE), text()]), ["speculative_unheard"]);
    assert_eq!(found(&[begin(1, Play::Speculative), begin(2, Play::Speculative)]), ["one_response"]);
    assert_eq!(
        found(&[begin(2, Play::Speculative), Command::Cancel(ResponseId(2)), begin(1, Play::Speculative)]),
        ["one_request"]
    );
    assert_eq!(found(&[tell(), begin(1, Play::Full), ended(), text()]), ["nothing_after_end"]);
    assert_eq!(found(&[tell(), begin(1, Play::Full), ended(), ended()]), ["one_end"]);
    assert_eq!(found(&[tell(), begin(1, Play::Full)]), ["states_agree"], "no state was announced");
    assert_eq!(found(&[Command::Cancel(ONE)]), ["nothing_after_end"]);
    assert_eq!(found(&[Command::Close(UtteranceId(1))]), ["close_once"]);
    assert_eq!(found(&[Command::End(EndReason::Idle, ""), text()])[0], "nothing_after_end");
    assert_eq!(found(&[begin(1, Play::Speculative), Command::End(EndReason::Idle, "")]), ["one_response"]);
    let invented = Message { role: Role::Assistant, content: "never said".into() };
    assert_eq!(found(&[Command::Prefill(vec![invented], false)]), ["history_is_heard"]);
    let heard = emit(CallEvent::Interrupted { response: ONE, heard: "never said".into() });
    assert_eq!(found(&[tell(), begin(1, Play::Full), heard, state()]), ["history_is_heard"]);
}

#[test]
fn an_end_that_contradicts_the_announced_one_is_detected() {
    let nothing = String::new;
    let cut = || emit(CallEvent::Interrupted { response: ONE, heard: nothing() });
    let failed = || emit(CallEvent::ResponseFailed { response: ONE, heard: nothing() });
    let with = |events: Vec<Command>| {
        let told = emit(CallEvent::ResponseStarted(ONE));
        let mut commands = vec![told, begin(1, Play::Full), Command::Cancel(ONE)];
        commands.extend(events);
        found(&commands)
    };
    assert_eq!(with(vec![failed(), ended_as(ResponseEnd::Failed)]), [""; 0]);
    assert_eq!(with(vec![cut(), ended_as(ResponseEnd::Interrupted)]), [""; 0]);
    assert_eq!(with(vec![failed(), ended_as(ResponseEnd::Interrupted)]), ["one_end"]);
    assert_eq!(with(vec![cut(), ended_as(ResponseEnd::Finished)]), ["one_end"]);
    assert_eq!(with(vec![ended_as(ResponseEnd::Failed)]), ["one_end"]);
    assert_eq!(with(vec![cut(), failed(), ended_as(ResponseEnd::Failed)]), ["one_end"]);
}

#[test]
fn a_canned_phrase_in_a_request_is_detected() {
    let Command::Start(request, _) = begin(1, Play::Full) else { unreachable!() };
    let canned =
        ResponseRequest { script: Some("Sorry.".into()), canned: true, messages: Vec::new(), ..request };
    let sorry = Message { role: Role::Assistant, content: "Sorry.".into() };
    let commands = [
        emit(CallEvent::ResponseStarted(ONE)),
        Command::Start(canned, Play::Full),
        emit(CallEvent::AgentStartedSpeaking(ONE)),
        emit(spoken("Sorry.")),
        emit(CallEvent::AgentStoppedSpeaking(ONE)),
        ended(),
    ];
    assert_eq!(found(&commands), [""; 0]);
    assert_eq!(
        found(&[&commands[..], &[Command::Prefill(vec![sorry], false)]].concat()),
        ["history_is_heard"]
    );
}

#[test]
fn misordered_playout_ignored_commands_and_a_backward_clock_are_detected() {
    let step = |input: Input| {
        let found = Invariants::default().step(1, &input, &[]);
        found.iter().map(|found| found.invariant).collect::<Vec<_>>()
    };
    assert_eq!(step(Input::Playout(PlayoutEvent::Started(ONE))), ["speculative_unplayed"]);
    assert_eq!(step(Input::Client(ClientCommand::HangUp)), ["control_kept"]);
    let mut invariants = Invariants::default();
    invariants.step(5, &Input::Timeout, &[]);
    assert_eq!(invariants.step(4, &Input::Timeout, &[])[0].invariant, "clock");
}

/// The invariants that a filler violates at `filler`, in a response that began to sound at 2 ms, after these events of playout.
fn filled(events: &[(u64, PlayoutEvent)], filler: u64) -> Vec<&'static str> {
    let mut invariants = Invariants::default();
    let state = |state| emit(CallEvent::State(state));
    let begins = [emit(CallEvent::ResponseStarted(ONE)), begin(1, Play::Full), state(AgentState::Thinking)];
    let sounds = [emit(CallEvent::AgentStartedSpeaking(ONE)), state(AgentState::Speaking)];
    let mut found = invariants.step(1, &Input::Timeout, &begins);
    found.extend(invariants.step(2, &Input::Playout(PlayoutEvent::Started(ONE)), &sounds));
    for (at, event) in events {
        found.extend(invariants.step(*at, &Input::Playout(event.clone()), &[]));
    }
    let command = Command::Filler(ONE, "One moment.".into());
    found.extend(invariants.step(filler, &Input::Timeout, &[command]));
    found.iter().map(|found| found.invariant).collect()
}

#[test]
fn a_filler_that_a_sounding_or_hardly_silent_response_gets_is_detected() {
    let (dry, goes_on) = (PlayoutEvent::Dry(ONE), PlayoutEvent::GoesOn(ONE));
    assert_eq!(filled(&[], 9_000), ["states_agree"], "it sounds");
    assert_eq!(filled(&[(10, dry.clone())], 3_009), ["states_agree"], "it was silent for a moment");
    assert_eq!(filled(&[(10, dry.clone())], 3_010), [""; 0]);
    assert_eq!(filled(&[(10, dry.clone()), (20, goes_on.clone())], 9_000), ["states_agree"]);
    assert_eq!(filled(&[(10, dry.clone()), (20, goes_on.clone()), (30, dry.clone())], 9_000), [""; 0]);
    assert_eq!(filled(&[(10, dry.clone()), (20, dry.clone())], 9_000), ["playout_order"]);
    assert_eq!(filled(&[(10, goes_on), (20, dry)], 9_000), ["playout_order"]);
}

/// A context that contains these words of the agent.
fn remembers(said: &str, responses: u32) -> Box<CallContext> {
    let messages = vec![Message { role: Role::Assistant, content: said.into() }];
    let json = serde_json::json!({
        "version": 1, "messages": messages, "summary": "", "language": "", "set_language": null, "multilingual": false,
        "no_voice_told": false, "tools": [], "mood": "neutral", "greeted": true, "responses": responses,
    });
    Box::new(CallContext::from_value(json).unwrap())
}

#[test]
fn a_remembered_context_with_unheard_words_or_a_missing_response_is_detected() {
    let interrupted = |context: Box<CallContext>| {
        let commands = [
            emit(CallEvent::ResponseStarted(ONE)),
            begin(1, Play::Full),
            emit(CallEvent::AgentStartedSpeaking(ONE)),
            emit(spoken("One two three.")),
            Command::Cancel(ONE),
            emit(CallEvent::AgentStoppedSpeaking(ONE)),
            emit(CallEvent::Interrupted { response: ONE, heard: "One two".into() }),
            ended_as(ResponseEnd::Interrupted),
            Command::Remember(context),
        ];
        found(&commands)
    };
    assert_eq!(interrupted(remembers("One two", 1)), [""; 0]);
    assert_eq!(interrupted(remembers("One two three.", 1)), ["history_is_heard"]);
    assert_eq!(interrupted(remembers("One two", 0)), ["one_request"]);
}

#[test]
fn a_resumed_call_counts_its_context_as_heard_and_its_ids_as_used() {
    let spoken = Message { role: Role::Assistant, content: "One two".into() };
    let step = |command: Command| {
        let found = Invariants::resumed(&remembers("One two", 4)).step(1, &Input::Timeout, &[command]);
        found.iter().map(|found| found.invariant).collect::<Vec<_>>()
    };
    assert_eq!(step(Command::Prefill(vec![spoken], false)), [""; 0]);
    assert_eq!(step(begin(4, Play::Speculative)), ["one_request"]);
    assert_eq!(step(begin(5, Play::Speculative)), [""; 0]);
}
