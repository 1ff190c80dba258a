//! Bad input to a real server: each gets a clear error, and another call goes on.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use visavis_client::turn::{Question, ask};
use visavis_client::{Call, CallOptions, Mode};

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(60);

async fn problem(
    live: &Live,
    method: reqwest::Method,
    path: &str,
    kind: &str,
    body: Vec<u8>,
) -> (u16, Value) {
    let request =
        live.server.http().request(method, live.server.url(path)).header("content-type", kind).body(body);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}: {status}");
    (status, answer.json().await.unwrap())
}

async fn bad_requests(live: &Live) {
    let offer = |sdp: &str| json!({ "sdp": sdp, "type": "offer" }).to_string().into_bytes();
    let (post, patch, delete) = (reqwest::Method::POST, reqwest::Method::PATCH, reqwest::Method::DELETE);
    let json_type = "application/json";
    let candidates = json!({ "pc_id": "nobody", "candidates": [] }).to_string().into_bytes();
    for (method, path, kind, body, status, part) in [
        (post.clone(), "api/offer", json_type, offer("nonsense"), 400, "malformed"),
        (post.clone(), "api/offer", json_type, offer("v=0\r\n"), 400, ""),
        (post.clone(), "api/offer", json_type, b"{".to_vec(), 400, ""),
        (post.clone(), "api/offer", json_type, b"{\"type\":\"offer\"}".to_vec(), 400, "sdp"),
        (post.clone(), "api/offer", "text/plain", offer("x"), 415, "application/json"),
        (post.clone(), "api/offer", json_type, offer(&"a".repeat(100_000)), 413, "65536"),
        (patch, "api/offer", json_type, candidates, 404, "nobody"),
        (delete.clone(), "api/calls/nobody", json_type, Vec::new(), 404, "nobody"),
        (delete, "api/calls/no%7Dbody/data", json_type, Vec::new(), 404, "no}body"),
        (post.clone(), "health", json_type, Vec::new(), 405, ""),
        (reqwest::Method::GET, "nothing", json_type, Vec::new(), 404, "/call"),
        (reqwest::Method::GET, "ws?rate=11025", json_type, Vec::new(), 400, "44100"),
        (reqwest::Method::GET, "ws", json_type, Vec::new(), 426, ""),
        (reqwest::Method::GET, "ws?rate=-1", json_type, Vec::new(), 400, ""),
        (reqwest::Method::GET, "ws?avatar=2", json_type, Vec::new(), 400, "0 or 1"),
        (post.clone(), "api/offer", json_type, b"[".repeat(20_000), 400, ""),
        (post.clone(), "api/offer", json_type, vec![0xff; 100], 400, ""),
        (post.clone(), "api/offer", json_type, b"{\"sdp\":\"\\u0000\",\"type\":\"offer\"}".to_vec(), 400, ""),
        (post.clone(), "api/animate", "audio/wav", vec![0; 100_000], 400, "WAV"),
        (post.clone(), "api/animate", json_type, b"{\"text\":\"\"}".to_vec(), 400, "nothing to say"),
        (post.clone(), "api/voices", json_type, b"{}".to_vec(), 403, "no server.admin_key"),
        (reqwest::Method::GET, "static/..%2f..%2fCargo.toml", json_type, Vec::new(), 404, ""),
    ] {
        let (got, body) = problem(live, method, path, kind, body).await;
        assert_eq!(got, status, "{path}: {body}");
        assert_eq!(body["status"], status);
        assert!(body["detail"].as_str().unwrap().contains(part), "{path}: {body}");
    }
}

async fn bad_frames(live: &Live) {
    let url = format!("ws://{}/ws", live.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    for bad in [vec![], vec![1, 1, 0], vec![9; 100], [vec![1, 1], vec![0; 11]].concat()] {
        socket.send(Message::binary(bad)).await.unwrap();
    }
    socket.send(Message::text("{\"type\":\"dance\",\"id\":\"x7\"}")).await.unwrap();
    let answered = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.to_text().is_ok_and(|text| text.contains("error-response") && text.contains("x7")) {
                return;
            }
        }
        panic!("the call ended");
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
    for _ in 0..10 {
        _ = socket.send(Message::binary(vec![7; 40])).await;
    }
    let closed = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| u16::from(frame.code));
            }
        }
        None
    };
    assert_eq!(tokio::time::timeout(PATIENCE, closed).await.unwrap(), Some(1008));
    let (mut large, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    // The server may close the connection before it has been sent whole.
    _ = large.send(Message::text("x".repeat(70_000))).await;
    let closed = async { while let Some(Ok(_)) = large.next().await {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("an oversized frame ends the call");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_clear_error_and_another_call_goes_on() {
    let live = Live::start(&["--set", "server.max_calls=3"]).await;
    let mut call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
    bad_requests(&live).await;
    bad_frames(&live).await;
    // Of a call that nobody knows there is nothing to delete, which is as was wanted.
    let deleted = live.server.http().delete(live.server.url("api/calls/nobody/data")).send().await.unwrap();
    assert_eq!(deleted.status().as_u16(), 204);
    let ready = live.server.http().get(live.server.url("ready")).send().await.unwrap();
    let ready = ready.json::<Value>().await.unwrap();
    assert_eq!(
        (&ready["store"]["kind"], &ready["store"]["state"]),
        (&json!("file"), &json!("ok")),
        "{ready}"
    );
    let report = ask(&mut call, &Question::Typed("Are you still there?".into()), PATIENCE).await.unwrap();
    assert!(report.voice_to_voice_ms.is_some());
    assert!(call.hang_up().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_says_503_with_retry_after_and_a_stopping_one_says_goodbye() {
    let mut live = Live::start(&["--set", "server.max_calls=1"]).await;
    let mut call = Call::start(&live.server, Mode::WebRtc, CallOptions::default()).await.unwrap();
    let refused = live.server.http().get(live.server.url("ws")).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["reason"], "server-full");
    live.signal("-TERM", live.process.id());
    let goodbye = async {
        while let Some(arrived) = call.next().await {
            if format!("{:?}", arrived.event).contains("server-stopping")
                || format!("{:?}", arrived.event).contains("ServerStopping")
            {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, goodbye).await.unwrap(), "it says goodbye");
    let ended = tokio::task::spawn_blocking(move || live.process.wait().unwrap());
    assert!(tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().success());
}

#[test]
fn startup_errors_are_one_clear_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let empty = tempfile::tempdir().unwrap();
    let directory = empty.path().display().to_string();
    for (arguments, part) in [
        (vec!["serve", "--profile", "tiny", "--listen", &address], "another program may use the port"),
        (vec!["serve", "--models-dir", &directory], "visavis models fetch --profile cpu"),
        (vec!["serve", "--set", "stt.threads=0", "--set", "no.such=1"], "2 fault(s)"),
    ] {
        let output = live::program().args(&arguments).output().unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(part), "{arguments:?}: {text}");
    }
}
