mod partitioned;

use tokio::time::{Instant, sleep};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse};
use visavis_store::{CallId, Embedded, NodeId, ResumeToken, Store, Vault};

use super::resume::{ResumeRefusal, Ticket};
use super::*;
use crate::admission::{Limits, Principal, Refusal};
use crate::event::{CallEvent, ClientCommand, EndReason};
use crate::ports::{TransportPorts, call_ports};

/// Calls whose model tells a story that takes a minute.
fn calls(drain_seconds: u64) -> Arc<Calls> {
    let mut config = Config::default();
    config.server.drain_seconds = drain_seconds;
    let story = "And then they walked on and on. ".repeat(40);
    let story = ScriptedResponse::words(&story).every(Duration::from_millis(50));
    let engines = Scripted::with(ScriptedLlm::new([story])).engines();
    let admission = Admission::new(Limits::from(&config.server));
    Calls::new(Arc::new(config), engines, admission, None)
}

fn open(calls: &Arc<Calls>) -> Call {
    calls.open(calls.admission.admit(Principal::Anonymous, Kind::Call).unwrap())
}

fn begin(calls: &Arc<Calls>) -> (String, TransportPorts, CancellationToken) {
    let call = open(calls);
    let id = call.id().to_string();
    let (ports, token) = connect(calls, call);
    (id, ports, token)
}

/// The call begins, or goes on, over a connection of its own.
fn connect(calls: &Arc<Calls>, call: Call) -> (TransportPorts, CancellationToken) {
    let (ports, pipeline) = call_ports();
    let token = calls.transport_token();
    calls.start(call, pipeline, None, Wishes::default(), token.clone());
    (ports, token)
}

/// The connection of a call is lost, and the server has noticed.
async fn lose(ports: TransportPorts) {
    ports.departure.lost();
    drop(ports);
    sleep(Duration::from_secs(3)).await;
}

/// A transport that reads until the events end or it is cut off; returns why the call ended, if it was told.
async fn transport(mut ports: TransportPorts, token: CancellationToken) -> Option<EndReason> {
    let mut told = None;
    loop {
        tokio::select! {
            event = ports.events.recv() => match event {
                Some(CallEvent::Ended { reason, .. }) => told = Some(reason),
                Some(_) => {}
                None => break,
            },
            Some(_) = ports.media.recv() => {}
            () = token.cancelled() => break,
        }
    }
    token.cancel();
    told
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_during_a_long_response_says_goodbye_in_time() {
    for drain_seconds in [0, 1, 2, 10] {
        let calls = calls(drain_seconds);
        let (_, ports, token) = begin(&calls);
        ports.commands.send(ClientCommand::Say("Tell me a long story.".into())).await.unwrap();
        let told = tokio::spawn(transport(ports, token));
        sleep(Duration::from_secs(3)).await;
        let began = Instant::now();
        calls.drain().await;
        assert_eq!(told.await.unwrap(), Some(EndReason::ServerStopping), "{drain_seconds} s");
        assert!(began.elapsed() <= Duration::from_secs(drain_seconds.max(1)), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_up_from_outside_works_even_if_the_calls_queue_is_full() {
    let calls = calls(10);
    let (id, ports, token) = begin(&calls);
    while ports.commands.try_send(ClientCommand::Muted(true)).is_ok() {}
    assert!(calls.hang_up(&id));
    assert_eq!(transport(ports, token).await, Some(EndReason::EndedByOperator));
    assert!(calls.hang_up(&id), "a second time is not an error");

    // Before its transport exists.
    let call = open(&calls);
    assert!(calls.hang_up(call.id()));
    let (ports, token) = connect(&calls, call);
    assert_eq!(transport(ports, token).await, Some(EndReason::EndedByOperator));
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_given_back_when_its_call_is_hung_up_or_never_begins() {
    let calls = calls(10);
    let active = || calls.admission.active(Kind::Call);
    let never = open(&calls);
    assert_eq!(active(), 1);
    drop(never);
    assert_eq!(active(), 0);

    let (id, ports, token) = begin(&calls);
    assert!(calls.hang_up(&id));
    assert_eq!(active(), 0, "the end of the call needs no permit");
    let _next = open(&calls);
    assert_eq!(transport(ports, token).await, Some(EndReason::EndedByOperator));
    assert_eq!(active(), 1, "its end does not affect the next call");
}

#[tokio::test(start_paused = true)]
async fn a_context_is_kept_if_the_server_stops_and_deleted_if_the_call_is_over_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let script = [(); 2].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let calls = kept_calls(folder.path(), script);
    let saver = calls.saver.clone().unwrap();
    let (mut ids, mut told) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (id, ports, token) = begin(&calls);
        ports.commands.send(ClientCommand::Ready).await.unwrap();
        ports.commands.send(ClientCommand::Say("What is it?".into())).await.unwrap();
        told.push(tokio::spawn(transport(ports, token)));
        ids.push(CallId::new(&id).unwrap());
        sleep(Duration::from_secs(5)).await;
    }
    for id in &ids {
        let kept = saver.load(id).await.unwrap().expect("it is stored while the call lasts");
        let said: Vec<&str> = kept.messages.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(said, ["What is it?", "It is tea."]);
    }
    assert!(calls.hang_up(ids[0].as_str()));
    calls.drain().await;
    assert_eq!(saver.stop(Duration::from_secs(5)).await, 0);
    assert_eq!(saver.load(&ids[0]).await.unwrap(), None, "the operator ended it");
    assert!(saver.load(&ids[1]).await.unwrap().is_some(), "its client may come back");
}

/// Calls whose contexts are kept in this folder, and whose model tells these.
fn kept_calls(folder: &std::path::Path, script: impl IntoIterator<Item = ScriptedResponse>) -> Arc<Calls> {
    calls_of_node("here", Arc::new(Embedded::new(folder)), script)
}

/// The same at a server of this name, which may share its store with another one.
fn calls_of_node(
    name: &str,
    store: Arc<dyn Store>,
    script: impl IntoIterator<Item = ScriptedResponse>,
) -> Arc<Calls> {
    let vault = Vault::new(store, "", Duration::from_secs(3600)).unwrap();
    let saver = Saver::start(Arc::new(vault), NodeId::new(name));
    let config = Config::default();
    let engines = Scripted::with(ScriptedLlm::new(script)).engines();
    let admission = Admission::new(Limits::from(&config.server));
    Calls::new(Arc::new(config), engines, admission, Some(saver))
}

/// What the first event that fits holds.
async fn until<T>(ports: &mut TransportPorts, wanted: impl Fn(CallEvent) -> Option<T>) -> T {
    loop {
        tokio::select! {
            event = ports.events.recv() => {
                if let Some(found) = wanted(event.expect("the call goes on")) {
                    return found;
                }
            }
            Some(_) = ports.media.recv() => {}
        }
    }
}

/// A call whose client has said hello, and how it comes back.
async fn begin_kept(calls: &Arc<Calls>) -> (Ticket, TransportPorts, CancellationToken) {
    let (_, mut ports, token) = begin(calls);
    ports.commands.send(ClientCommand::Ready).await.unwrap();
    let ticket = until(&mut ports, |event| match event {
        CallEvent::ResumeToken { call, token, .. } => Some(Ticket {
            call: CallId::new(&call).unwrap(),
            token: ResumeToken::parse(&token).unwrap(),
            owner: String::new(),
        }),
        _ => None,
    });
    let ticket = ticket.await;
    (ticket, ports, token)
}

async fn refusal(calls: &Arc<Calls>, ticket: &Ticket) -> Option<ResumeRefusal> {
    calls.resume(ticket, Principal::Anonymous).await.err()
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_takes_a_call_with_its_permit_and_goes_on_with_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let story = "And then they walked on and on. ".repeat(40);
    let script = [(); 3].map(|()| ScriptedResponse::words(&story).every(Duration::from_millis(50)));
    let calls = kept_calls(folder.path(), script);
    let (ticket, ports, token) = begin_kept(&calls).await;
    ports.commands.send(ClientCommand::Say("Tell me a long story.".into())).await.unwrap();
    let told = tokio::spawn(transport(ports, token));
    sleep(Duration::from_secs(5)).await;
    let call = calls.resume(&ticket, Principal::Anonymous).await.expect("its token is good");
    assert_eq!(told.await.unwrap(), Some(EndReason::Moved));
    assert_eq!((call.id(), calls.admission.active(Kind::Call)), (ticket.call.as_str(), 1));

    let (mut ports, _token) = connect(&calls, call);
    ports.commands.send(ClientCommand::Ready).await.unwrap();
    let is_resumed = until(&mut ports, |event| match event {
        CallEvent::Ready { resumed, .. } => Some(resumed),
        _ => None,
    });
    assert!(is_resumed.await);
    let said = until(&mut ports, |event| match event {
        CallEvent::Resumed { said, .. } => Some(said),
        _ => None,
    });
    let said = said.await;
    assert_eq!(said[0].content, "Tell me a long story.");
    assert!(said[1].content.starts_with("And then they walked"), "{said:?}");
    until(&mut ports, |event| matches!(event, CallEvent::AgentStartedSpeaking(_)).then_some(())).await;
    assert_eq!(calls.admission.active(Kind::Call), 1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(refusal(&calls, &ticket).await, Some(ResumeRefusal::Used), "the new connection works");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_lost_is_gone_on_with_and_one_that_is_over_for_good_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let script = [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let calls = kept_calls(folder.path(), script);
    let ticket = lost(&calls).await;
    let other = Ticket { call: CallId::new("another").unwrap(), ..ticket.clone() };
    assert_eq!(refusal(&calls, &other).await, Some(ResumeRefusal::NotYours));
    // A token that is shown for another call is void.
    assert_eq!(refusal(&calls, &ticket).await, Some(ResumeRefusal::Used));

    let ticket = lost(&calls).await;
    assert_eq!(calls.check(&ticket, Principal::Anonymous).await, Ok(()));
    let call = calls.resume(&ticket, Principal::Anonymous).await.expect("its client comes back");
    assert_eq!(call.id(), ticket.call.as_str());
    drop(call);

    let (ticket, _ports, _token) = begin_kept(&calls).await;
    assert!(calls.hang_up(ticket.call.as_str()));
    assert_eq!(refusal(&calls, &ticket).await, Some(ResumeRefusal::Unknown));

    let (ticket, ports, token) = begin_kept(&calls).await;
    ports.commands.send(ClientCommand::HangUp).await.unwrap();
    assert_eq!(transport(ports, token).await, Some(EndReason::HungUp));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(refusal(&calls, &ticket).await, Some(ResumeRefusal::Used), "its token was made void");
    let saver = calls.saver.as_ref().unwrap();
    assert_eq!(saver.load(&ticket.call).await, Ok(None));
}

/// A call with some words whose connection was lost.
async fn lost(calls: &Arc<Calls>) -> Ticket {
    let (ticket, ports, _token) = begin_kept(calls).await;
    ports.commands.send(ClientCommand::Say("What is it?".into())).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    lose(ports).await;
    ticket
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_new_connection_comes_to_nothing_comes_again_by_the_same_token() {
    let folder = tempfile::tempdir().unwrap();
    let script = [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let calls = kept_calls(folder.path(), script);
    let ticket = lost(&calls).await;
    let come = || calls.resume(&ticket, Principal::Anonymous);
    drop(come().await.expect("its token is good"));
    sleep(Duration::from_secs(3)).await;

    let call = come().await.expect("the call never began, so its token was given back");
    let (stalled, token) = connect(&calls, call);
    let call = come().await.expect("nothing has come over the other connection");
    assert_eq!(transport(stalled, token).await, Some(EndReason::Moved));

    let (mut ports, _token) = connect(&calls, call);
    ports.commands.send(ClientCommand::Ready).await.unwrap();
    until(&mut ports, |event| matches!(event, CallEvent::ResumeToken { .. }).then_some(())).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(refusal(&calls, &ticket).await, Some(ResumeRefusal::Used), "it has another one");
    assert_eq!(calls.admission.active(Kind::Call), 1);
}

/// What the next token of its client is told to be, over this connection.
async fn next_token(ports: &mut TransportPorts) -> String {
    ports.commands.send(ClientCommand::Ready).await.unwrap();
    let told = until(ports, |event| match event {
        CallEvent::ResumeToken { token, .. } => Some(token),
        _ => None,
    });
    told.await
}

#[tokio::test(start_paused = true)]
async fn of_two_that_come_at_once_the_later_gets_the_call_and_the_other_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let script = [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let calls = kept_calls(folder.path(), script);
    let (ticket, ports, token) = begin_kept(&calls).await;
    ports.commands.send(ClientCommand::Say("What is it?".into())).await.unwrap();
    let told = tokio::spawn(transport(ports, token));
    sleep(Duration::from_secs(5)).await;
    let come = || calls.resume(&ticket, Principal::Anonymous);
    let (one, two) = tokio::join!(come(), come());
    let mut both = [one, two].map(|call| call.expect("its token is good until a connection works"));
    both.sort_by_key(|call| call.number);
    let [(earlier, before), (mut later, _)] = both.map(|call| connect(&calls, call));
    assert_eq!(transport(earlier, before).await, Some(EndReason::Moved));
    assert_eq!(told.await.unwrap(), Some(EndReason::Moved));
    later.commands.send(ClientCommand::Ready).await.unwrap();
    let said = until(&mut later, |event| match event {
        CallEvent::Resumed { said, .. } => Some(said),
        _ => None,
    });
    let said: Vec<String> = said.await.into_iter().map(|said| said.content).collect();
    assert_eq!(said, ["What is it?", "It is tea."], "what the connection before both of them left");
    assert_eq!(calls.admission.active(Kind::Call), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_answer_was_lost_comes_by_the_same_token_to_another_server_which_then_has_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::new(folder.path());
    let script = || [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let nodes = ["a", "b"].map(|name| calls_of_node(name, Arc::new(store.clone()), script()));
    let ticket = lost(&nodes[0]).await;
    let begin = async |calls: &Arc<Calls>| {
        let call = calls.resume(&ticket, Principal::Anonymous).await.expect("its token is good");
        connect(calls, call)
    };
    let (unheard, token) = begin(&nodes[0]).await;
    let (mut ports, _token) = begin(&nodes[1]).await;
    assert_ne!(next_token(&mut ports).await, ticket.token.expose());
    assert_eq!(transport(unheard, token).await, Some(EndReason::Moved));
    sleep(Duration::from_secs(5)).await;
    for calls in &nodes {
        assert_eq!(refusal(calls, &ticket).await, Some(ResumeRefusal::Used), "a connection works");
    }
    assert_eq!(nodes.each_ref().map(|calls| calls.admission.active(Kind::Call)), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_who_comes_back_tells_of_a_token_that_is_good_though_no_connection_comes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let calls = kept_calls(folder.path(), script);
    assert!(open(&calls).next_token().is_none(), "a new call has nothing to go on with");
    let ticket = lost(&calls).await;
    let call = calls.resume(&ticket, Principal::Anonymous).await.expect("its token is good");
    let next = serde_json::to_value(call.next_token().unwrap()).unwrap();
    assert_eq!(next["call"], ticket.call.as_str());
    assert_eq!(next["seconds"], 60);
    let (ports, _token) = connect(&calls, call);
    // Its client had only the answer.
    lose(ports).await;

    let token = ResumeToken::parse(next["token"].as_str().unwrap()).unwrap();
    assert_ne!(token, ticket.token);
    let before = ticket.clone();
    let ticket = Ticket { token, ..ticket };
    let call = calls.resume(&ticket, Principal::Anonymous).await.expect("and so is the next one");
    assert_eq!(refusal(&calls, &before).await, Some(ResumeRefusal::Used), "a late request takes nothing");
    let next = call.next_token().map(|next| serde_json::to_value(next).unwrap()).unwrap();
    let (mut ports, _token) = connect(&calls, call);
    assert_eq!(next["token"], next_token(&mut ports).await, "it is told of the same over its connection");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_broken_off_midway_leaves_the_call_and_its_token_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let script = [(); 4].map(|()| ScriptedResponse::texts(["It is tea. "]));
    let calls = kept_calls(folder.path(), script);
    let (ticket, ports, token) = begin_kept(&calls).await;
    let told = tokio::spawn(transport(ports, token));
    let come = || calls.resume(&ticket, Principal::Anonymous);
    let broken_off = tokio::time::timeout(Duration::ZERO, come()).await;
    assert!(broken_off.is_err());
    assert_eq!(told.await.unwrap(), Some(EndReason::Moved));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(calls.admission.active(Kind::Call), 0, "nobody has it");
    assert!(come().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_hangs_up_a_call_that_is_being_taken_over_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let calls = kept_calls(folder.path(), [ScriptedResponse::texts(["It is tea. "])]);
    let ticket = lost(&calls).await;
    let call = calls.resume(&ticket, Principal::Anonymous).await.expect("its token is good");
    assert!(calls.hang_up(ticket.call.as_str()));
    let (ports, token) = connect(&calls, call);
    assert_eq!(transport(ports, token).await, Some(EndReason::EndedByOperator));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(
        calls.over(ticket.call.as_str()),
        Some(EndReason::EndedByOperator),
        "though it was lost before"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_takes_no_call_back_and_leaves_its_token_good() {
    let folder = tempfile::tempdir().unwrap();
    let calls = kept_calls(folder.path(), [ScriptedResponse::texts(["It is tea. "])]);
    let (ticket, ports, token) = begin_kept(&calls).await;
    ports.commands.send(ClientCommand::Say("What is it?".into())).await.unwrap();
    let told = tokio::spawn(transport(ports, token));
    sleep(Duration::from_secs(5)).await;
    calls.drain().await;
    assert_eq!(told.await.unwrap(), Some(EndReason::ServerStopping));
    assert_eq!(refusal(&calls, &ticket).await, Some(ResumeRefusal::NotAdmitted(Refusal::Stopping)));
    let saver = calls.saver.as_ref().unwrap();
    assert_eq!(saver.check(&ticket.token, &ticket.call, &ticket.owner).await, Ok(()), "for the next server");
    let folder = tempfile::tempdir().unwrap();
    let next = kept_calls(folder.path(), []);
    assert_eq!(refusal(&next, &ticket).await, Some(ResumeRefusal::Unknown), "another store");
}
