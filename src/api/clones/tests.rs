use axum::Router;
use axum::http::Request;
use axum::routing::{delete, post};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use visavis_scripted::ScriptedTts;

use super::*;
use crate::api::listener::{self, Limits};
use crate::audio::wav;
use crate::engine::Voice;

const KEY: &str = "0123456789abcdef";
const CONSENT: &str = "Ada Lovelace, by mail, 2 May 2025";

/// The two routes, over a folder and an engine with the voice `joe`.
fn routes(folder: &std::path::Path, key: &str) -> Router {
    let joe = Voice { name: "joe".into(), language: "en".into(), locale: "en_US".into(), ..Voice::default() };
    let desk = Desk {
        folder: folder.to_owned(),
        key: Secret::new(key),
        tts: Arc::new(ScriptedTts::default().with_voices([joe])),
        places: Box::leak(Box::new(Semaphore::new(1))),
    };
    Router::new().route("/api/voices", post(add)).route("/api/voices/{name}", delete(remove)).with_state(desk)
}

/// A WAV file in which a recorded question is repeated this many times; each takes 1.8 s.
fn asked_often(times: usize) -> Vec<u8> {
    let question = include_bytes!("../../../tests/browser/question.wav");
    let samples = wav::read(&question[..], 22_050).unwrap().repeat(times);
    Clip { rate: 22_050, samples, warnings: Vec::new() }.wave()
}

fn ada() -> Value {
    json!({ "name": "ada", "consent": CONSENT, "language": "en", "clip": STANDARD.encode(asked_often(4)) })
}

/// The body with one field replaced.
fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut body = ada();
    body[field] = value.into();
    body
}

struct Sent {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

async fn send(routes: &Router, method: &str, path: &str, key: &str, body: &Value) -> Sent {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request =
        if key.is_empty() { request } else { request.header("authorization", format!("Bearer {key}")) };
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Sent { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

#[tokio::test]
async fn a_voice_is_there_once_it_is_cloned_and_gone_once_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let routes = routes(folder.path(), KEY);
    let sent = send(&routes, "POST", "/api/voices", KEY, &ada()).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    assert_eq!(sent.headers["location"], "/api/voices/ada");
    assert_eq!((&sent.body["consent"], &sent.body["rate"]), (&json!(CONSENT), &json!(22_050)));
    assert!(sent.body["warnings"].is_array(), "{}", sent.body);
    let only = Shown { name: "ada".into(), language: "en".into(), cloned: true };
    assert_eq!(shown(folder.path()), [only]);
    let again = send(&routes, "POST", "/api/voices", KEY, &ada()).await;
    assert_eq!((again.status, &again.body["field"]), (409, &json!("name")), "{}", again.body);
    assert_eq!(send(&routes, "DELETE", "/api/voices/ada", KEY, &Value::Null).await.status, 204);
    assert!(shown(folder.path()).is_empty() && !folder.path().join("ada.wav").exists());
    let gone = send(&routes, "DELETE", "/api/voices/ada", KEY, &Value::Null).await;
    assert_eq!((gone.status, &gone.body["field"]), (404, &json!("name")));
}

#[tokio::test]
async fn nobody_clones_or_deletes_without_the_key_and_nobody_at_all_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let keyed = routes(folder.path(), KEY);
    let keyless = routes(folder.path(), "");
    assert_eq!(send(&keyed, "POST", "/api/voices", KEY, &ada()).await.status, 201);
    for (method, path) in [("POST", "/api/voices"), ("DELETE", "/api/voices/ada")] {
        for key in ["", "0123456789abcdeX", "0123456789abcde", "0123456789abcdef0"] {
            let sent = send(&keyed, method, path, key, &ada()).await;
            assert_eq!((sent.status, &sent.headers["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
            assert!(!sent.body.to_string().contains(KEY), "{}", sent.body);
        }
        for key in ["", KEY] {
            let sent = send(&keyless, method, path, key, &ada()).await;
            assert_eq!((sent.status, &sent.body["reason"]), (403, &json!("no-admin-key")), "{}", sent.body);
            assert!(sent.body["detail"].as_str().unwrap().contains("visavis voices clone"), "{}", sent.body);
        }
    }
    assert_eq!(shown(folder.path()).len(), 1);
}

#[tokio::test]
async fn what_cannot_be_cloned_is_refused_with_the_field_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let routes = routes(folder.path(), KEY);
    for (body, status, field, told) in [
        (with("name", "joe"), 409, "name", "joe is a voice of the engine already"),
        (with("name", "../ada"), 400, "name", "cannot be a voice's name"),
        (with("consent", "yes"), 400, "consent", "at least 8"),
        (with("language", "english"), 400, "language", "two letters"),
        (with("clip", "&&&"), 400, "clip", "not base64"),
        (with("clip", STANDARD.encode("<!DOCTYPE html>")), 400, "clip", "not a WAV file"),
        (with("clip", STANDARD.encode(asked_often(2))), 400, "clip", "6 to 20 s"),
        (with("clip", STANDARD.encode(vec![0; clip::LARGEST + 1])), 400, "clip", "8 MiB"),
    ] {
        let sent = send(&routes, "POST", "/api/voices", KEY, &body).await;
        assert_eq!((sent.status, &sent.body["field"]), (status, &json!(field)), "{}", sent.body);
        assert_eq!(sent.headers["content-type"], "application/problem+json");
        assert!(sent.body["detail"].as_str().unwrap().contains(told), "{told}: {}", sent.body);
    }
    let unknown = send(&routes, "POST", "/api/voices", KEY, &with("licence", "MIT")).await;
    assert!(unknown.status == 400 && unknown.body.to_string().contains("licence"), "{}", unknown.body);
    let outside = send(&routes, "DELETE", "/api/voices/..%2Fada", KEY, &Value::Null).await;
    assert_eq!((outside.status, &outside.body["field"]), (400, &json!("name")));
    assert!(shown(folder.path()).is_empty());
}

/// A server on a free port; its address.
async fn serve(folder: &std::path::Path) -> std::net::SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let limits = Limits { in_all: 9, of_address: 9 };
    tokio::spawn(listener::serve(socket, routes(folder, KEY), limits, CancellationToken::new()));
    address
}

/// The response to a request that announces 200 MB, of which this much is sent before anything is read.
async fn upload(address: std::net::SocketAddr, framing: &str, sent: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/voices HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Type: \
         application/json\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = if framing.starts_with("Transfer") {
        [&b"10000\r\n"[..], &[b' '; 0x1_0000], &b"\r\n"[..]].concat()
    } else {
        vec![b' '; 0x1_0000]
    };
    for _ in 0..sent / 0x1_0000 {
        stream.write_all(&piece).await.unwrap();
    }
    let (mut answer, mut part) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut part).await.unwrap();
        answer.push_str(&String::from_utf8_lossy(&part[..read]));
        if read == 0 || answer.contains("8 MiB") {
            return answer;
        }
    }
}

#[tokio::test]
async fn a_clip_of_200_mb_is_refused_at_once_also_to_a_client_that_sends_on() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(folder.path()).await;
    for (framing, sent) in [
        // The refusal needs no body, and a client that waits for permission to send gets none.
        ("Content-Length: 209715200", 0),
        ("Content-Length: 209715200\r\nExpect: 100-continue", 0),
        ("Content-Length: 209715200", 200 << 20),
        // A request without Content-Length.
        ("Transfer-Encoding: chunked", 32 << 20),
    ] {
        let answer = upload(address, framing, sent).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{framing}, {sent}: {answer}");
        assert!(answer.contains("problem+json") && answer.contains("larger than 8 MiB"), "{answer}");
    }
}
