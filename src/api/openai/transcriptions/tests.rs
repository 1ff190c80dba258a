use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use visavis_scripted::{Hearing, ScriptedStt};

use super::*;
use crate::api::hearing::testing::{desk, form, permit, recording, send};
use crate::api::listener::{self, Limits};
use crate::engine::{EngineError, SttCapabilities};

/// The two routes over this recogniser.
fn routes(stt: &Arc<ScriptedStt>) -> Router {
    let in_its_language = |State(desk): State<Desk>, request: Request| async move {
        answered(desk, permit(), Task::Transcribe, request).await
    };
    let in_english = |State(desk): State<Desk>, request: Request| async move {
        answered(desk, permit(), Task::Translate, request).await
    };
    let routes = Router::new().route("/transcriptions", post(in_its_language));
    routes.route("/translations", post(in_english)).with_state(desk(stt))
}

const WORDS: &str = "These are the words. And more of them.";

#[tokio::test]
async fn a_recording_is_transcribed_in_each_format() {
    for (format, kind, part) in [
        ("json", "application/json", "\"text\":\"These are the words. And more of them.\""),
        ("text", "text/plain; charset=utf-8", "These are the words. And more of them.\n"),
        ("srt", "text/plain; charset=utf-8", "1\n00:00:00,"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n"),
        ("verbose_json", "application/json", "\"language\":\"english\""),
    ] {
        let stt = Arc::new(ScriptedStt::new([WORDS]));
        let fields = [("model", "whisper-1"), ("response_format", format), ("temperature", "0")];
        let sent = send(&routes(&stt), "/transcriptions", &[], form(&fields, &[recording(3)])).await;
        assert_eq!(
            (sent.status, sent.headers["content-type"].to_str().unwrap()),
            (200, kind),
            "{}",
            sent.text
        );
        assert!(sent.text.contains(part), "{format}: {}", sent.text);
    }
}

#[tokio::test]
async fn words_have_times_when_they_are_asked_for() {
    let stt = Arc::new(ScriptedStt::new([WORDS]));
    let fields = [
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
    ];
    let sent = send(&routes(&stt), "/transcriptions", &[], form(&fields, &[recording(3)])).await;
    assert_eq!(sent.body["segments"].as_array().unwrap().len(), 2);
    let words = sent.body["words"].as_array().unwrap();
    assert_eq!((words.len(), &words[0]["word"]), (8, &json!("These")));
    assert!(
        words.windows(2).all(|pair| pair[0]["end"].as_f64() <= pair[1]["start"].as_f64()),
        "{}",
        sent.text
    );
}

#[tokio::test]
async fn a_transcript_is_streamed_as_events_whose_deltas_are_its_text() {
    let stt = Arc::new(ScriptedStt::new([WORDS]));
    let sent =
        send(&routes(&stt), "/transcriptions", &[], form(&[("stream", "true")], &[recording(3)])).await;
    assert_eq!(sent.headers["content-type"], "text/event-stream");
    let events: Vec<Value> = sent
        .text
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let (last, deltas) = events.split_last().unwrap();
    assert_eq!((&last["type"], &last["text"]), (&json!("transcript.text.done"), &json!(WORDS)));
    let text: String = deltas.iter().map(|event| event["delta"].as_str().unwrap()).collect();
    assert_eq!(text, WORDS);
}

#[tokio::test]
async fn a_translation_is_asked_of_the_recogniser_and_refused_where_it_cannot() {
    let stt = Arc::new(ScriptedStt::new([WORDS]));
    let sent = send(&routes(&stt), "/translations", &[], form(&[], &[recording(3)])).await;
    assert_eq!((sent.status, &sent.body["text"]), (200, &json!(WORDS)));
    assert!(stt.utterances()[0].request.translate);
    let none = SttCapabilities::default();
    let stt = Arc::new(ScriptedStt::default().with_capabilities(none));
    let sent = send(&routes(&stt), "/translations", &[], form(&[], &[recording(3)])).await;
    assert_eq!(sent.status, 400, "{}", sent.text);
    assert!(sent.body["error"]["message"].as_str().unwrap().contains("cannot translate"), "{}", sent.text);
}

#[tokio::test]
async fn faults_have_openai_s_form() {
    let png = b"\x89PNG\r\n\x1a\n and no more".to_vec();
    for (fields, recordings, status, param) in [
        (vec![("response_format", "xml")], vec![recording(1)], 400, json!("response_format")),
        (vec![("language", "english")], vec![recording(1)], 400, json!("language")),
        (vec![("model", "whisper-1")], vec![], 400, json!("file")),
        (vec![], vec![png], 400, json!("file")),
        (vec![], vec![vec![0; (1 << 20) + 1]], 413, json!("file")),
    ] {
        let stt = Arc::new(ScriptedStt::default());
        let sent = send(&routes(&stt), "/transcriptions", &[], form(&fields, &recordings)).await;
        let error = &sent.body["error"];
        assert_eq!((sent.status, &error["param"]), (status, &param), "{}", sent.text);
        assert_eq!(error["type"], "invalid_request_error");
    }
    let stt = Arc::new(ScriptedStt::new([Hearing::Fails(EngineError::Failed("it broke".into()))]));
    let streamed = form(&[("stream", "true")], &[recording(2)]);
    let sent = send(&routes(&stt), "/transcriptions", &[], streamed).await;
    assert_eq!((sent.status, &sent.body["error"]["type"]), (502, &json!("server_error")), "{}", sent.text);
}

#[tokio::test]
async fn silence_is_an_empty_transcript() {
    let stt = Arc::new(ScriptedStt::default());
    let mut silence = recording(1);
    silence[44..].fill(0);
    let sent = send(&routes(&stt), "/transcriptions", &[], form(&[], &[silence])).await;
    assert_eq!((sent.status, &sent.body["text"]), (200, &json!("")), "{}", sent.text);
    assert!(stt.utterances().is_empty());
}

/// Waits for what happens soon.
async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes in a minute");
}

#[tokio::test]
async fn the_work_ends_when_the_client_leaves() {
    for stream in ["false", "true"] {
        let stt = Arc::new(ScriptedStt::new([Hearing::Never]));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let limits = Limits { in_all: 9, of_address: 9 };
        tokio::spawn(listener::serve(socket, routes(&stt), limits, CancellationToken::new()));
        let idle = Arc::strong_count(&stt);
        let body = form(&[("stream", stream)], &[recording(2)]);
        let head = format!(
            "POST /transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            body.kind,
            body.body.len()
        );
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&body.body).await.unwrap();
        until(|| stt.utterances().first().is_some_and(|utterance| !utterance.decodes.is_empty())).await;
        assert!(Arc::strong_count(&stt) > idle, "it is being heard");
        drop(client);
        until(|| Arc::strong_count(&stt) <= idle).await;
    }
}
