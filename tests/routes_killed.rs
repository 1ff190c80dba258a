//! The first engine of a route, a separate process, is killed in the middle of a request. Before its first byte the second one
//! serves; after it the second one speaks the rest, or the call reports the failure. Each trial begins with a new process and
//! closed breakers.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout};
use visavis::config::Config;
use visavis::engine::{
    Decoded, EngineError, Engines, Llm, LlmPiece, LlmRequest, Stt, SttInput, SttRequest, SttStream, Tts,
    TtsRequest,
};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::call_ports;
use visavis_client::turn::{Question, ask};
use visavis_client::{Call, Mode};
use visavis_core::event::{CallEvent, ClientCommand, ResponseEnd};
use visavis_core::frame::{Message, Role};
use visavis_core::route::{Reason, Routed, Served};
use visavis_scripted::Scripted;

mod live;
mod peers;
use live::Live;
use peers::Peer;
use peers::routed::{Pair, by};

const TRIALS: usize = 20;
/// Longest time for a response, which takes milliseconds on an idle machine: less than an engine that is down is asked again.
const WITHIN: Duration = Duration::from_secs(10);
/// Longest time for a turn of a call.
const PATIENCE: Duration = Duration::from_secs(60);
/// Milliseconds within which a running server responds, even on a busy machine.
const PATIENT: u32 = 4000;
/// Milliseconds within which a server that was told to wait does not respond.
const HASTY: u32 = 50;
/// The text of the language models.
const ANSWER: &str = "The harbour is quiet tonight.";
/// Samples sent at a time.
const SAMPLES: usize = 16_000;

/// A response, and the engine that made it.
#[derive(Debug, Default, PartialEq)]
struct Given {
    text: String,
    by: Vec<Routed>,
    error: Option<EngineError>,
}

fn whole(routed: Routed) -> Given {
    Given { text: ANSWER.into(), by: vec![routed], error: None }
}

async fn respond(llm: &dyn Llm) -> Given {
    let messages = vec![Message { role: Role::User, content: "How is the harbour?".into() }];
    let request = LlmRequest { conversation: "call".into(), messages, ..LlmRequest::default() };
    let mut given = Given::default();
    let began = Instant::now();
    let mut pieces = llm.generate(request).await.unwrap();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(LlmPiece::Text(text)) => given.text += &text,
            Ok(LlmPiece::Routed(routed)) => given.by.push(routed),
            Ok(_) => {}
            Err(error) => given.error = Some(error),
        }
    }
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    given
}

#[tokio::test]
async fn with_a_model_killed_before_its_first_word_20_of_20_responses_come_from_the_second() {
    let second = Peer::start(&[]);
    // The first piece of a response contains no word yet.
    let moments = [("request", Reason::Unhealthy), ("headers", Reason::Failed), ("1", Reason::Failed)];
    for (moment, reason) in moments.into_iter().cycle().take(TRIALS) {
        let mut first = Peer::start(&["--die", moment]);
        let llm = Pair { first: &first, second: &second, first_ms: PATIENT }.model().await;
        assert_eq!(respond(&llm).await, whole(by("second", reason)), "{moment}");
        first.assert_killed();
    }
}

#[tokio::test]
async fn a_model_killed_behind_its_first_word_says_so_and_the_next_response_comes_from_the_second() {
    let second = Peer::start(&[]);
    for _ in 0..TRIALS {
        let mut first = Peer::start(&["--die", "3"]);
        let llm = Pair { first: &first, second: &second, first_ms: PATIENT }.model().await;
        let Given { text, by: from, error } = respond(&llm).await;
        assert_eq!((text.as_str(), from), ("The harbour ", vec![by("first", Reason::Route)]));
        let error = error.expect("the response does not end as if it were whole").to_string();
        assert!(error.contains("broke off"), "{error}");
        assert_eq!(respond(&llm).await, whole(by("second", Reason::Failed)));
        first.assert_killed();
    }
}

#[tokio::test]
async fn of_a_late_model_and_the_one_beside_it_either_may_be_killed() {
    let mut first = Peer::start(&["--die", "request", "--wait", "1"]);
    let second = Peer::start(&["--first", "1.5"]);
    let llm = Pair { first: &first, second: &second, first_ms: HASTY }.model().await;
    assert_eq!(respond(&llm).await, whole(by("second", Reason::Late)));
    first.assert_killed();

    let first = Peer::start(&["--first", "1.5"]);
    let mut second = Peer::start(&["--die", "request"]);
    let llm = Pair { first: &first, second: &second, first_ms: HASTY }.model().await;
    assert_eq!(respond(&llm).await, whole(by("first", Reason::Route)));
    second.assert_killed();
}

/// A segment: its words, and the engine that spoke it.
#[derive(Default)]
struct Spoken {
    words: Vec<String>,
    by: Vec<Routed>,
}

/// Speaks five words, and checks that all of them were spoken.
async fn speak(tts: &dyn Tts) -> Vec<Routed> {
    let (text, language) = ("One two three four five.".into(), "en".into());
    let mut spoken = Spoken::default();
    let began = Instant::now();
    let mut parts = tts.synthesize(TtsRequest { text, language, ..TtsRequest::default() }).await.unwrap();
    while let Some(part) = parts.next().await {
        let part = part.unwrap();
        spoken.words.extend(part.words.into_iter().map(|word| word.text));
        spoken.by.extend(part.routed);
    }
    assert!(began.elapsed() < WITHIN, "{:?}", began.elapsed());
    assert_eq!(spoken.words, ["One", "two", "three", "four", "five"], "{:?}", spoken.by);
    spoken.by
}

#[tokio::test]
async fn with_a_voice_killed_before_its_first_sound_20_of_20_segments_come_from_the_second() {
    let second = Peer::start(&[]);
    let moments = [("request", Reason::Unhealthy), ("headers", Reason::Failed)];
    for (moment, reason) in moments.into_iter().cycle().take(TRIALS) {
        let mut first = Peer::start(&["--die", moment]);
        let tts = Pair { first: &first, second: &second, first_ms: PATIENT }.voice().await;
        assert_eq!(speak(&tts).await, [by("second", reason)], "{moment}");
        first.assert_killed();
    }
}

#[tokio::test]
async fn with_a_voice_killed_in_the_middle_of_a_segment_20_of_20_are_finished_by_the_second() {
    let second = Peer::start(&[]);
    for _ in 0..TRIALS {
        let mut first = Peer::start(&["--die", "4"]);
        let tts = Pair { first: &first, second: &second, first_ms: PATIENT }.voice().await;
        assert_eq!(speak(&tts).await, [by("first", Reason::Route), by("second", Reason::Failed)]);
        first.assert_killed();
    }
}

#[tokio::test]
async fn a_voice_killed_before_its_first_sound_and_restarted_finishes_the_segment_when_the_second_is_killed()
{
    let mut first = Peer::start(&["--die", "request"]);
    let mut second = Peer::start(&["--die", "4", "--wait", "2.5"]);
    let tts = Pair { first: &first, second: &second, first_ms: PATIENT }.voice().await;
    let spoken = tokio::spawn(async move { speak(&tts).await });
    // The second one has so much longer to live when it has spoken four words, in which the first starts; it is not yet taken for
    // one that has stalled.
    let first = tokio::task::spawn_blocking(move || {
        first.restart();
        first
    });
    let _first = first.await.unwrap();
    let expected = [by("second", Reason::Unhealthy), by("first", Reason::Failed)];
    assert_eq!(spoken.await.unwrap(), expected);
    second.assert_killed();
}

/// Sends more audio, and requests the words so far; returns how many samples were heard.
async fn hear(stream: &mut SttStream, number: u32) -> (String, Option<Routed>) {
    stream.input.send(SttInput::Audio(vec![7; SAMPLES])).await.unwrap();
    let decode = SttInput::Decode { number, last: true, stable: String::new(), phrases: Vec::new() };
    stream.input.send(decode).await.unwrap();
    let decoded = timeout(WITHIN, stream.output.next()).await.expect("a transcript comes in time");
    let Decoded { words, routed, .. } = decoded.unwrap().unwrap();
    (words.text, routed)
}

fn heard(utterances: usize, routed: Routed) -> (String, Option<Routed>) {
    (format!("I heard {} samples.", utterances * SAMPLES), Some(routed))
}

#[tokio::test]
async fn with_a_recogniser_killed_before_its_transcript_20_of_20_utterances_are_heard_by_the_second() {
    let second = Peer::start(&[]);
    // The first piece of a transcript is half of it.
    let moments = [("request", Reason::Unhealthy), ("headers", Reason::Failed), ("1", Reason::Failed)];
    for (moment, reason) in moments.into_iter().cycle().take(TRIALS) {
        let mut first = Peer::start(&["--die", moment]);
        let stt = Pair { first: &first, second: &second, first_ms: PATIENT }.recogniser().await;
        let mut stream = stt.open(SttRequest::default()).await.unwrap();
        assert_eq!(hear(&mut stream, 1).await, heard(1, by("second", reason)), "{moment}");
        first.assert_killed();
    }
}

#[tokio::test]
async fn with_a_recogniser_killed_behind_its_first_transcript_20_of_20_utterances_are_heard_whole_by_the_second()
 {
    let second = Peer::start(&[]);
    for _ in 0..TRIALS {
        let mut first = Peer::start(&["--after", "1", "--die", "request"]);
        let stt = Pair { first: &first, second: &second, first_ms: PATIENT }.recogniser().await;
        let mut stream = stt.open(SttRequest::default()).await.unwrap();
        assert_eq!(hear(&mut stream, 1).await, heard(1, by("first", Reason::Route)));
        assert_eq!(hear(&mut stream, 2).await, heard(2, by("second", Reason::Unhealthy)));
        first.assert_killed();
    }
}

#[tokio::test]
async fn of_a_late_recogniser_and_the_one_beside_it_either_may_be_killed() {
    let mut first = Peer::start(&["--die", "request", "--wait", "1"]);
    let second = Peer::start(&["--first", "1.5"]);
    let stt = Pair { first: &first, second: &second, first_ms: HASTY }.recogniser().await;
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    assert_eq!(hear(&mut stream, 1).await, heard(1, by("second", Reason::Late)));
    first.assert_killed();

    let first = Peer::start(&["--first", "1.5"]);
    let mut second = Peer::start(&["--die", "request"]);
    let stt = Pair { first: &first, second: &second, first_ms: HASTY }.recogniser().await;
    let mut stream = stt.open(SttRequest::default()).await.unwrap();
    assert_eq!(hear(&mut stream, 1).await, heard(1, by("first", Reason::Route)));
    second.assert_killed();
}

/// A question and its response in a call: everything that was said, how many responses failed, and which engine served the last
/// one.
#[derive(Default)]
struct Turn {
    said: String,
    failed: usize,
    served: Served,
}

async fn turn(engines: Engines) -> Turn {
    let (mut client, ports) = call_ports();
    let (options, scope) = (CallOptions::default(), Scope::default());
    tokio::spawn(async move {
        let config = Config::default();
        Box::pin(pipeline::run("call".into(), ports, engines, &config, options, scope)).await
    });
    client.commands.send(ClientCommand::Say("How is the harbour?".into())).await.unwrap();
    let mut turn = Turn::default();
    loop {
        let event = timeout(PATIENCE, client.events.recv()).await.expect("the call is not silent");
        match event.unwrap() {
            CallEvent::SegmentSpoken { text, .. } => turn.said += &text,
            CallEvent::ResponseFailed { .. } => turn.failed += 1,
            CallEvent::Turn { end: ResponseEnd::Finished, served, .. } => return Turn { served, ..turn },
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_call_whose_model_and_voice_are_killed_is_answered_whole_and_says_who_served() {
    let second = Peer::start(&[]);
    let mut model = Peer::start(&["--die", "request"]);
    let mut voice = Peer::start(&["--die", "2"]);
    let llm = Pair { first: &model, second: &second, first_ms: PATIENT }.model().await;
    let tts = Pair { first: &voice, second: &second, first_ms: PATIENT }.voice().await;
    let engines = Engines { llm: Arc::new(llm), tts: Arc::new(tts), ..Scripted::default().engines() };
    let Turn { said, failed, served } = turn(engines).await;
    assert_eq!((said.as_str(), failed), (ANSWER, 0));
    let expected = [by("second", Reason::Unhealthy), by("second", Reason::Failed)];
    assert_eq!((served.llm, served.tts), (Some(expected[0].clone()), Some(expected[1].clone())));
    model.assert_killed();
    voice.assert_killed();
}

#[tokio::test]
async fn a_call_whose_model_is_killed_behind_its_first_word_says_so_and_answers_anew() {
    let second = Peer::start(&[]);
    let mut model = Peer::start(&["--die", "3"]);
    let llm = Pair { first: &model, second: &second, first_ms: PATIENT }.model().await;
    let engines = Engines { llm: Arc::new(llm), ..Scripted::default().engines() };
    let Turn { said, failed, served } = turn(engines).await;
    assert!(said.ends_with(ANSWER), "{said}");
    assert_eq!((failed, served.llm), (1, Some(by("second", Reason::Failed))));
    model.assert_killed();
}

/// A server's configuration: a model that dies before one that lives, and a voice that dies before its own.
fn settings(model: &Peer, spare: &Peer, voice: &Peer) -> String {
    let (model, spare, voice) = (model.url(), spare.url(), voice.url());
    format!(
        r#"
        [backends.dying-model]
        kind = "llm"
        api = "openai"
        url = "{model}"
        model = "small"

        [backends.spare-model]
        kind = "llm"
        api = "openai"
        url = "{spare}"
        model = "small"

        [backends.dying-voice]
        kind = "tts"
        api = "openai"
        url = "{voice}"
        format = "pcm"

        [[routes]]
        kind = "llm"
        engines = ["dying-model", "spare-model"]
        first_ms = {PATIENT}

        [[routes]]
        kind = "tts"
        engines = ["dying-voice", "main"]
        first_ms = {PATIENT}
        "#
    )
}

/// The server's response at this path.
async fn told(live: &Live, path: &str) -> String {
    let asked = live.server.http().get(live.server.url(path)).send().await;
    asked.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_first_model_and_voice_are_killed_answers_with_the_second() {
    let spare = Peer::start(&[]);
    let mut model = Peer::start(&["--die", "request", "--on", "lighthouse"]);
    let mut voice = Peer::start(&["--die", "2", "--on", "harbour"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("visavis.toml");
    std::fs::write(&file, settings(&model, &spare, &voice)).unwrap();
    let live = Live::start(&["--config", file.to_str().unwrap()]).await;
    live.all_ready().await;

    let options = visavis_client::CallOptions::default();
    let mut call = Call::start(&live.server, Mode::WebSocket, options).await.unwrap();
    let question = Question::Typed("How is the harbour below the lighthouse?".into());
    let report = ask(&mut call, &question, PATIENCE).await.unwrap();
    assert!(report.voice_to_voice_ms.is_some(), "{report:?}");
    assert!(report.response_text.contains(ANSWER), "{report:?}");
    call.hang_up().await;
    model.assert_killed();
    voice.assert_killed();

    let metrics = told(&live, "metrics").await;
    for (kind, engine, reason) in [("llm", "spare-model", "unhealthy"), ("tts", "main", "failed")] {
        let labels = [("kind", kind), ("engine", engine), ("reason", reason)];
        let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
        let served = metrics.lines().any(|line| {
            line.starts_with("visavis_route_total{") && labels.iter().all(|label| line.contains(label))
        });
        assert!(served, "{kind} by {engine}: {metrics}");
    }
}
