//! What a page asks of a real server to test the network.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::time::{Duration, Instant, SystemTime};

use reqwest::Response;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(30);
const MOST: usize = 1 << 20;
const BYTES: &str = "api/network/bytes";

/// Starts a server that believes whom a request is forwarded for, and waits until it answers; engines are not needed.
async fn served(more: &[&str]) -> Live {
    let mut options = vec!["--set", "server.trusted_proxies=[\"127.0.0.1\"]"];
    options.extend(more);
    let live = Live::begin(&options);
    let began = Instant::now();
    while live.server.http().get(live.server.url("health")).send().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(120), "no answer in two minutes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    live
}

/// Requests as the client at this address.
async fn get(live: &Live, path: &str, client: &str) -> Response {
    let request = live.server.http().get(live.server.url(path)).header("x-forwarded-for", client);
    request.send().await.unwrap()
}

async fn post(live: &Live, length: usize) -> Response {
    live.server.http().post(live.server.url(BYTES)).body(vec![7_u8; length]).send().await.unwrap()
}

/// The status and the body of a refusal.
async fn refusal(answer: Response) -> (u16, Value) {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_page_learns_what_there_is_to_test_and_how_it_is_seen() {
    let listen = format!("turn.listen=127.0.0.1:{}", live::free_port());
    let live = served(&["--turn", "--set", &listen, "--set", "webrtc.ice_tcp=true"]).await;
    let answer = get(&live, "api/network", "203.0.113.7").await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let mut told: Value = answer.json().await.unwrap();
    let time = humantime::parse_rfc3339(told["time"].take().as_str().unwrap()).unwrap();
    let off = SystemTime::now().duration_since(time).unwrap_or_else(|ahead| ahead.duration());
    assert!(off < Duration::from_secs(60), "{off:?}");
    let port: u16 = live.address.rsplit(':').next().unwrap().parse().unwrap();
    let expected = json!({
        "address": "203.0.113.7",
        "udp": { "port": port, "candidates": [live.address] },
        "tcp": true,
        "websocket": true,
        "turn": { "udp": true, "tcp": true, "tls": false },
        "time": null,
    });
    assert_eq!(told, expected);
    let here: Value = get(&live, "api/network", "unknown").await.json().await.unwrap();
    assert_eq!(here["address"], "127.0.0.1");
}

#[tokio::test]
async fn bytes_go_both_ways_up_to_a_mebibyte() {
    let live = served(&[]).await;
    for n in [0, 1, MOST] {
        let answer = get(&live, &format!("{BYTES}?n={n}"), "203.0.113.7").await;
        assert_eq!(answer.status(), 200, "{n}");
        assert_eq!(answer.headers()["content-length"], n.to_string());
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("no-store"));
        assert_eq!(answer.bytes().await.unwrap().len(), n);
        assert_eq!(post(&live, n).await.status(), 204, "{n}");
    }
    for query in ["?n=1048577", "?n=-1", "?n=many", "?n=99999999999999999999", ""] {
        let (status, body) = refusal(get(&live, &format!("{BYTES}{query}"), "203.0.113.7").await).await;
        assert_eq!((status, &body["field"]), (400, &json!("n")), "{query}: {body}");
    }
    let (status, body) = refusal(post(&live, MOST + 1).await).await;
    assert_eq!(status, 413);
    assert!(body["detail"].as_str().unwrap().contains("1048576"), "{body}");
}

/// A client at this address that has begun to send and does not go on.
async fn begin_to_send(live: &Live, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&live.address).await.unwrap();
    let (address, length) = (&live.address, 1000);
    let head = format!(
        "POST /{BYTES} HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: {client}\r\nContent-Length: {length}\r\n\r\nbegun"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Waits until a measurement of this client is answered with this status.
async fn until_answered(live: &Live, client: &str, status: u16) -> Response {
    let began = Instant::now();
    loop {
        let answer = get(live, &format!("{BYTES}?n=1"), client).await;
        if answer.status() == status {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{} instead of {status}", answer.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn one_address_cannot_take_all_measurements() {
    let live = served(&[]).await;
    let (one, other) = ("203.0.113.7", "203.0.113.8");
    let held = [begin_to_send(&live, one).await, begin_to_send(&live, one).await];
    let refused = until_answered(&live, one, 503).await;
    assert_eq!(refused.headers()["retry-after"], "2");
    let (_, body) = refusal(refused).await;
    assert_eq!(body["reason"], "address-full");
    assert_eq!(get(&live, &format!("{BYTES}?n=1"), other).await.status(), 200);
    drop(held);
    until_answered(&live, one, 200).await;
}
