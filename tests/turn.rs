//! Calls through the relay alone: clients that cannot reach the UDP port, or may not show their addresses.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod live;
mod tls_support;
mod webrtc_support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use visavis_turn::{Limits, OwnMedia, PeerPolicy, PeerRules, Settings, SharedSecret, Turn, addresses};
use webrtc::peer_connection::RTCIceServer;

use live::Live;
use tls_support::{Folder, connect, last_get, send};
use webrtc_support::{Client, PATIENCE, best_share_of, host, play, until, within};

/// The relay of a port of calls, over UDP on loopback.
async fn relay_of(calls: SocketAddr, secret: &SharedSecret) -> Turn {
    let rules = PeerRules { own_media: vec![OwnMedia { told: calls, reach: calls }], ..PeerRules::default() };
    let settings = Settings {
        udp: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        tcp: None,
        tls: None,
        relays: addresses::relays(IpAddr::from(Ipv4Addr::LOCALHOST), &[], 49_152..=65_535),
        secret: secret.clone(),
        policy: PeerPolicy::new(rules),
        limits: Limits::default(),
    };
    Turn::start(settings).await.unwrap()
}

fn ice_server(turn: &Turn, secret: &SharedSecret) -> RTCIceServer {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let credential = secret.issue("ada", now + 600).unwrap();
    let urls = turn.ports().urls("127.0.0.1");
    RTCIceServer { urls, username: credential.username, credential: credential.password }
}

/// The candidates of a description, by their kinds.
fn kinds(sdp: &str) -> Vec<&str> {
    let candidates = sdp.lines().filter(|line| line.starts_with("a=candidate:"));
    candidates.map(|line| line.split(" typ ").nth(1).unwrap().split(' ').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_and_messages_go_both_ways_through_the_relay_alone() {
    let secret = SharedSecret::random().unwrap();
    let host = host().await;
    let turn = relay_of(host.local_addr(), &secret).await;
    let mut client = Client::relayed(ice_server(&turn, &secret)).await;
    let mut offered = Vec::new();
    let call = client.dial_with(&host, TaskTracker::new(), |offer| {
        offered = kinds(&offer).into_iter().map(str::to_owned).collect();
        offer
    });
    let mut call = call.await.unwrap();
    assert!(!offered.is_empty() && offered.iter().all(|kind| kind == "relay"), "{offered:?}");
    client.connected().await;
    assert_eq!(turn.allocations(), 1);

    client.say("echo relayed").await;
    assert_eq!(within(PATIENCE, client.messages.recv()).await.unwrap(), "relayed");
    let listen = async {
        let mut samples = Vec::new();
        while samples.len() < 16_000 {
            let frame = within(PATIENCE, call.pipeline.mic.recv()).await.unwrap();
            if frame.received || !samples.is_empty() {
                samples.extend_from_slice(&frame.samples);
            }
        }
        samples
    };
    let (_, spoken) = tokio::join!(client.speak(440.0, 80, 0), listen);
    assert!(best_share_of(440.0, &spoken) > 0.95, "what is spoken arrives");
    play(&call.pipeline, 1, 600.0, 50, 48_000).await;
    until("the response is heard", async || client.heard.packets.lock().len() >= 45).await;
    assert!(best_share_of(600.0, &client.heard.samples.lock()) > 0.95);
    turn.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_connects_through_the_relay_that_the_server_told_of() {
    let port = live::free_port();
    let listen = format!("turn.listen=127.0.0.1:{port}");
    let live = Live::start(&["--turn", "--set", &listen, "--set", "turn.relay_address=127.0.0.1"]).await;
    let server = told(&live, reqwest::Method::GET).await;
    let by_post = told(&live, reqwest::Method::POST).await;
    assert_eq!(by_post["urls"], server["urls"]);
    assert_eq!(server["urls"][0], format!("turn:127.0.0.1:{port}?transport=udp"));
    let started = live.server.http().post(live.server.url("start")).send().await.unwrap();
    let started: Value = started.json().await.unwrap();
    assert_eq!(started["iceConfig"]["iceServers"][0]["urls"], server["urls"]);

    connects_by_relay(&live, &server).await;
    live.metric_when("visavis_turn_allocations", |allocations| allocations >= 1.0).await;
    live.metric_when("visavis_turn_bytes_total", |bytes| bytes > 1000.0).await;
}

/// The first address of a relay that a server has told of.
fn as_told(server: &Value) -> RTCIceServer {
    let text = |field: &Value| field.as_str().unwrap().to_owned();
    let urls = vec![text(&server["urls"][0])];
    RTCIceServer { urls, username: text(&server["username"]), credential: text(&server["credential"]) }
}

/// Calls a server by nothing but this relay; returns its answer.
async fn connects_by_relay(live: &Live, server: &Value) -> String {
    let mut client = Client::relayed(as_told(server)).await;
    let offer = client.offer(false).await;
    assert!(!kinds(&offer).is_empty() && kinds(&offer).iter().all(|kind| *kind == "relay"), "{offer}");
    let body = json!({ "sdp": offer, "type": "offer" });
    let answer = live.server.http().post(live.server.url("api/offer")).json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let sdp = answer["sdp"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    client.accept(sdp.clone()).await;
    client.connected().await;
    sdp
}

/// The candidates of a description that tell anything but `only`.
fn others<'a>(sdp: &'a str, only: &str) -> Vec<&'a str> {
    sdp.lines().filter(|line| line.contains("candidate:") && !line.contains(only)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_relay_alone_a_call_connects_and_nothing_tells_an_address_of_the_host() {
    let listen = format!("turn.listen=127.0.0.1:{}", live::free_port());
    let relay = ["--turn", "--set", &listen, "--set", "turn.relay_address=127.0.0.1"];
    let live = Live::start(&[&relay[..], &["--set", "webrtc.relay_only=true"]].concat()).await;
    let http = live.server.http();
    let ice = http.get(live.server.url("api/ice-servers")).send().await.unwrap();
    let ice: Value = ice.json().await.unwrap();
    assert_eq!(ice["iceTransportPolicy"], "relay", "{ice}");
    let started = http.post(live.server.url("start")).send().await.unwrap();
    let started: Value = started.json().await.unwrap();
    assert_eq!(started["iceConfig"]["iceTransportPolicy"], "relay", "{started}");

    let mut client = Client::relayed(as_told(&ice["iceServers"][0])).await;
    let port = live.address.rsplit(':').next().unwrap();
    let only = format!(" 192.0.0.8 {port} typ relay raddr 0.0.0.0 rport 0");
    let mut body = json!({ "sdp": client.offer(false).await, "type": "offer" });
    // The first offer, and a further one of the same connection.
    for is_first in [true, false] {
        let answer = http.post(live.server.url("api/offer")).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let sdp = answer["sdp"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(kinds(sdp), ["relay"], "{sdp}");
        assert!(others(sdp, &only).is_empty(), "{sdp}");
        if is_first {
            client.accept(sdp.to_owned()).await;
            client.connected().await;
        }
        body["pc_id"] = answer["pc_id"].clone();
    }
    // The server has no candidates but those of its answer: a client's own get no others in return.
    let own = json!({ "candidate": "candidate:1 1 udp 2122260223 127.0.0.1 9 typ host", "sdp_mid": "0", "sdp_mline_index": 0 });
    let body = json!({ "pc_id": body["pc_id"], "candidates": [own] });
    let taken = http.patch(live.server.url("api/offer")).json(&body).send().await.unwrap();
    assert_eq!(taken.status(), 204);
    assert!(taken.bytes().await.unwrap().is_empty());
    live.metric_when("visavis_turn_bytes_total", |bytes| bytes > 1000.0).await;
}

#[tokio::test]
async fn the_port_of_https_takes_turn_over_tcp_and_tls_and_clients_are_told_so() {
    let folder = Folder::new();
    let shown = folder.write();
    let listen = format!("turn.listen=127.0.0.1:{}", live::free_port());
    let tls = folder.settings();
    let mut more = vec!["--turn", "--set", &listen];
    more.extend(tls.iter().map(String::as_str));
    let live = Live::begin(&more);
    let began = Instant::now();
    let asking = loop {
        match connect(&live.address, &shown).await {
            Ok(stream) => break stream,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let told = send(asking, &last_get("/api/ice-servers")).await;
    let port = live.address.rsplit(':').next().unwrap();
    for url in
        [format!("turn:localhost:{port}?transport=tcp"), format!("turns:localhost:{port}?transport=tcp")]
    {
        assert!(told.contains(&format!("\"{url}\"")), "{url}: {told}");
    }
    allocate(connect(&live.address, &shown).await.unwrap()).await;
    allocate(TcpStream::connect(&live.address).await.unwrap()).await;
}

/// Asks for a relayed address without credentials, which are asked for in return.
async fn allocate<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let request = [&[0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    stream.write_all(&request).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 20];
    within(PATIENCE, stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!((&answer[..2], &answer[8..]), (&[1, 0x13][..], &[7; 12][..]), "Allocate, refused");
}

/// The relay among the ICE servers that a server tells.
async fn told(live: &Live, method: reqwest::Method) -> Value {
    let answer = live.server.http().request(method, live.server.url("api/ice-servers")).send().await.unwrap();
    assert!(answer.status().is_success() && answer.headers()["cache-control"] == "no-store");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["ttl"], 43_200, "{answer}");
    answer["iceServers"][0].clone()
}

#[test]
fn a_relay_alone_needs_a_secret() {
    let output = live::program().args(["turn", "--listen", "127.0.0.1:0"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("turn.secret"), "{told}");
}

/// `visavis turn` without a server; killed when dropped.
struct Alone(Child);

impl Drop for Alone {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Alone {
    /// One at this port of loopback, which leads to these calls.
    async fn start(port: u16, calls: &str) -> Self {
        let (listen, peers) = (format!("127.0.0.1:{port}"), format!("turn.allowed_peers=[\"{calls}\"]"));
        let process = live::program()
            .args(["turn", "--listen", &listen, "--set", "turn.relay_address=127.0.0.1", "--set", &peers])
            .env("VISAVIS_TURN_SECRET", SHARED)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (mut alone, began) = (Self(process), Instant::now());
        while TcpStream::connect(&listen).await.is_err() {
            assert!(alone.0.try_wait().unwrap().is_none(), "it has ended");
            assert!(began.elapsed() < PATIENCE, "nobody listens at {listen}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        alone
    }
}

/// The secret of a relay and of the server that hands out its credentials.
const SHARED: &str = "a-secret-that-both-have";

/// A server that tells of the relay at this port, which is no part of it.
async fn server_of(port: u16, more: &[&str]) -> Live {
    let urls = format!("turn.urls=[\"turn:127.0.0.1:{port}?transport=udp\"]");
    let secret = format!("turn.secret={SHARED}");
    Live::start(&[&["--set", &urls, "--set", &secret][..], more].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_connects_through_a_relay_that_runs_without_a_server() {
    let port = live::free_port();
    let live = server_of(port, &[]).await;
    let _relay = Alone::start(port, &live.address).await;
    let server = told(&live, reqwest::Method::GET).await;
    assert_eq!(server["urls"], json!([format!("turn:127.0.0.1:{port}?transport=udp")]));
    let sdp = connects_by_relay(&live, &server).await;
    assert!(kinds(&sdp).contains(&"host"), "{sdp}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_relay_elsewhere_alone_clients_are_told_only_what_it_reaches() {
    let port = live::free_port();
    let only = ["--set", "webrtc.relay_only=true", "--set", "webrtc.relay_peers=[\"127.0.0.1\"]"];
    let live = server_of(port, &only).await;
    let _relay = Alone::start(port, &live.address).await;
    let sdp = connects_by_relay(&live, &told(&live, reqwest::Method::GET).await).await;
    assert_eq!(kinds(&sdp), ["relay"], "{sdp}");
    let calls = live.address.rsplit(':').next().unwrap();
    assert!(others(&sdp, &format!(" 127.0.0.1 {calls} typ relay raddr 0.0.0.0 rport 0")).is_empty(), "{sdp}");
}
