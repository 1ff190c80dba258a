use tokio::time::{Instant, sleep};

use super::*;
use crate::admission::{Limits, Principal};
use crate::ends::{TransportEnds, call_ends};
use crate::engine::scripted::{LoudnessVad, ScriptedLlm, ScriptedStt, ScriptedTts};
use crate::engine::{LlmPiece, Vad};
use crate::event::{CallEvent, ClientCommand, EndReason};

/// Calls whose model tells a story of a minute.
fn calls(drain_seconds: u64) -> Arc<Calls> {
    let mut config = Config::default();
    config.server.drain_seconds = drain_seconds;
    let story = "And then they walked on and on. ".repeat(40);
    let pieces =
        story.split_inclusive(' ').map(|word| (Duration::from_millis(50), Ok(LlmPiece::Text(word.into()))));
    let llm = ScriptedLlm { answers: Mutex::new([pieces.collect()].into()), ..Default::default() };
    let engines = Engines {
        stt: Arc::new(ScriptedStt::default()),
        llm: Arc::new(llm),
        tts: Arc::new(ScriptedTts),
        vad: Arc::new(|| Box::new(LoudnessVad) as Box<dyn Vad>),
        end_of_turn: None,
    };
    let admission = Admission::new(Limits::from(&config.server));
    Calls::new(Arc::new(config), engines, admission)
}

fn open(calls: &Arc<Calls>) -> Call {
    calls.open(calls.admission.admit(Principal::Anonymous, Kind::Call).unwrap())
}

fn begin(calls: &Arc<Calls>) -> (String, TransportEnds, CancellationToken) {
    let call = open(calls);
    let (id, token) = (call.id().to_string(), calls.transport_token());
    let (ends, pipeline) = call_ends();
    calls.start(call, pipeline, None, Wishes::default(), token.clone());
    (id, ends, token)
}

/// A transport that reads until the events end, or until it is cut off; why the call ended, if it was told.
async fn transport(mut ends: TransportEnds, token: CancellationToken) -> Option<EndReason> {
    let mut told = None;
    loop {
        tokio::select! {
            event = ends.events.recv() => match event {
                Some(CallEvent::Ended { reason, .. }) => told = Some(reason),
                Some(_) => {}
                None => break,
            },
            Some(_) = ends.media.recv() => {}
            () = token.cancelled() => break,
        }
    }
    token.cancel();
    told
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_in_a_long_answer_says_goodbye_within_its_time() {
    for drain_seconds in [0, 1, 2, 10] {
        let calls = calls(drain_seconds);
        let (_, ends, token) = begin(&calls);
        ends.commands.send(ClientCommand::Say("Tell me a long story.".into())).await.unwrap();
        let told = tokio::spawn(transport(ends, token));
        sleep(Duration::from_secs(3)).await;
        let began = Instant::now();
        calls.drain().await;
        assert_eq!(told.await.unwrap(), Some(EndReason::ServerStopping), "{drain_seconds} s");
        assert!(began.elapsed() <= Duration::from_secs(drain_seconds.max(1)), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_up_from_outside_has_its_effect_whatever_waits_in_the_call_s_queue() {
    let calls = calls(10);
    let (id, ends, token) = begin(&calls);
    while ends.commands.try_send(ClientCommand::Muted(true)).is_ok() {}
    assert!(calls.hang_up(&id));
    assert_eq!(transport(ends, token).await, Some(EndReason::EndedByOperator));
    assert!(calls.hang_up(&id), "a second time is no error");

    // Before its transport is there.
    let call = open(&calls);
    assert!(calls.hang_up(call.id()));
    let (ends, pipeline) = call_ends();
    let token = calls.transport_token();
    calls.start(call, pipeline, None, Wishes::default(), token.clone());
    assert_eq!(transport(ends, token).await, Some(EndReason::EndedByOperator));
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_given_back_when_its_call_is_hung_up_or_never_begins() {
    let calls = calls(10);
    let active = || calls.admission.active(Kind::Call);
    let never = open(&calls);
    assert_eq!(active(), 1);
    drop(never);
    assert_eq!(active(), 0);

    let (id, ends, token) = begin(&calls);
    assert!(calls.hang_up(&id));
    assert_eq!(active(), 0, "what the call still says needs none");
    let _next = open(&calls);
    assert_eq!(transport(ends, token).await, Some(EndReason::EndedByOperator));
    assert_eq!(active(), 1, "its end takes nothing from the next");
}
