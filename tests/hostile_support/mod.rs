//! Attacks on what stands behind the connections: the engines, the permits of calls, the candidates of offers.
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use visavis_client::Server;

/// How long they go on: about as long as the call beside them is asked.
const LASTS: Duration = Duration::from_secs(14);
/// Calls that say nothing: fewer than a server takes.
const SILENT: usize = 10;
/// Candidates of one client; a request may hold 64.
const CANDIDATES: u8 = 90;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// All of them at once.
pub(crate) async fn attack(server: &Server, address: &str) {
    let ends = Instant::now() + LASTS;
    tokio::join!(
        heavy_calls(address, ends),
        emoji(address, ends),
        silence(address, ends),
        unspeakable(address, ends),
        unread(address, ends),
        candidates(server, ends),
    );
}

async fn begin(address: &str) -> Socket {
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await.unwrap();
    say(&mut socket, "client-ready", "ready", json!({ "version": "2.1.0" })).await;
    socket
}

async fn say(socket: &mut Socket, kind: &str, id: &str, data: Value) {
    let message = json!({ "label": "rtvi-ai", "type": kind, "id": id, "data": data });
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// Reads until a message is the one; none if the attack ends first.
async fn told(socket: &mut Socket, ends: Instant, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let reading = async {
        while let Some(Ok(message)) = socket.next().await {
            let text = message.to_text().unwrap_or_default();
            let message: Value = serde_json::from_str(text).unwrap_or_default();
            if wanted(&message) {
                return message;
            }
        }
        panic!("the attacker's call ended");
    };
    timeout_at(ends, reading).await.ok()
}

/// A tool whose grammar has many choices and texts of any length, and whose pattern would take a backtracking engine minutes: it
/// is within all limits, so it must be accepted.
fn heavy_tool() -> Value {
    let sorts: Vec<String> = (0..16).map(|n| format!("s{n}")).collect();
    let parameters = json!({
        "type": "object",
        "properties": {
            "sort": { "enum": sorts },
            "words": { "type": "string", "pattern": "^(.|.)*$" },
            "more": { "type": "array", "items": { "type": "string" }, "maxItems": 12 },
        },
        "required": ["sort", "words"],
    });
    json!({ "name": "note", "description": "Writes words down.", "parameters": parameters })
}

/// Has calls of an accepted tool sampled, one after the other.
async fn heavy_calls(address: &str, ends: Instant) {
    let mut socket = begin(address).await;
    let tools = json!({ "t": "set-tools", "d": { "tools": [heavy_tool()] } });
    say(&mut socket, "client-message", "tools", tools).await;
    let answer = told(&mut socket, ends, |message| message["id"] == "tools").await.expect("an answer");
    assert_eq!(answer["type"], "server-response", "{answer}");
    // Even the smallest model copies what has been said before.
    let words =
        "The sea is wide and the wind is strong. The old captain looks at the sky and waits for the morning.";
    let call = format!(r#"{{"name": "note", "arguments": {{"sort": "s7", "words": "{words}"}}}}"#);
    for _ in 0..2 {
        for (role, content) in [("user", "Write it down."), ("assistant", call.as_str())] {
            say(&mut socket, "append-to-context", "shown", json!({ "role": role, "content": content })).await;
        }
    }
    let mut called = 0;
    loop {
        say(&mut socket, "send-text", "asked", json!({ "content": "Write it down." })).await;
        let over = |message: &Value| {
            let turn = message["type"] == "server-message" && message["data"]["type"] == "turn";
            turn || message["type"] == "llm-function-call-in-progress"
        };
        let Some(message) = told(&mut socket, ends, over).await else { break };
        if message["type"] == "llm-function-call-in-progress" {
            called += 1;
            let mut result = message["data"].clone();
            result["result"] = json!("done");
            say(&mut socket, "llm-function-call-result", "result", result).await;
        }
    }
    eprintln!("{called} calls of a heavy tool");
}

/// Types as many emoji as a message may have characters, which is too many bytes, and as many as it may have bytes.
async fn emoji(address: &str, ends: Instant) {
    let mut socket = begin(address).await;
    for count in [4_000, 2_000] {
        let content: String = "😀🦑🏴🧿".chars().cycle().take(count).collect();
        say(&mut socket, "send-text", "emoji", json!({ "content": content })).await;
    }
    say(&mut socket, "client-message", "alive", json!({ "t": "ping" })).await;
    let alive = told(&mut socket, ends, |message| message["id"] == "alive").await;
    assert!(alive.is_some(), "the call goes on");
    sleep_until(ends).await;
}

/// Calls that never say hello, and hold their permits.
async fn silence(address: &str, ends: Instant) {
    let mut sockets = Vec::with_capacity(SILENT);
    for _ in 0..SILENT {
        sockets.push(tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await.unwrap());
    }
    sleep_until(ends).await;
}

/// Has texts spoken that once overran the speech engine's buffers, or in which it found no place to stop. Each has its share of the
/// time: what is spelled out takes many minutes.
async fn unspeakable(address: &str, ends: Instant) {
    let repeated = |text: &str, count: usize| text.chars().cycle().take(count).collect::<String>();
    let texts = [
        format!("It is the dog{}.", "'s".repeat(119)),
        repeated("превосходство", 1_500),
        "A.B.C.D.".repeat(60),
        repeated("ภาษาไทยไม่มีวรรคระหว่างคำ", 400),
        format!("{0}ภาษาไทย{0}", "日本語".repeat(40)),
    ];
    let share = LASTS / 5;
    // Connected at once, since other attacks take every connection that is left.
    let mut streams = Vec::with_capacity(texts.len());
    for _ in &texts {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    let mut begun = 0;
    for (mut stream, text) in streams.into_iter().zip(&texts) {
        let until = ends.min(Instant::now() + share);
        let mut head = [0; 12];
        _ = stream.write_all(animation(address, text, 30).as_bytes()).await;
        _ = timeout_at(until, stream.read_exact(&mut head)).await;
        begun += usize::from(head.ends_with(b" 200"));
        _ = timeout_at(until, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
    }
    eprintln!("{begun} of {} texts that once broke the speech engine began to be spoken", texts.len());
}

/// Asks for a long animation, reads its beginning and then nothing.
async fn unread(address: &str, ends: Instant) {
    let text = "The sea is wide and the wind is strong. ".repeat(60);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(animation(address, &text, 60).as_bytes()).await.unwrap();
    let mut beginning = [0; 512];
    _ = timeout_at(ends, stream.read_exact(&mut beginning)).await;
    sleep_until(ends).await;
}

/// A request for a text as sound and faces, in lines.
fn animation(address: &str, text: &str, fps: u32) -> String {
    let body = json!({ "text": text, "fps": fps }).to_string();
    let kinds = "Content-Type: application/json\r\nAccept: application/x-ndjson";
    let length = body.len();
    format!(
        "POST /api/animate HTTP/1.1\r\nHost: {address}\r\n{kinds}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Offers with more candidates of other hosts than one request may hold, and with as many as it may.
async fn candidates(server: &Server, ends: Instant) {
    let all: Vec<Value> = (1..=CANDIDATES)
        .map(|host| {
            let candidate = format!("candidate:{host} 1 udp 2122260223 127.66.0.{host} 9 typ host");
            json!({ "candidate": candidate, "sdp_mid": "0", "sdp_mline_index": 0 })
        })
        .collect();
    let offer = json!({ "type": "offer", "sdp": include_str!("../webrtc_support/offer-chromium.sdp") });
    let (first, second) = all.split_at(all.len() / 2);
    while Instant::now() < ends {
        if let Some((200, answer)) = sent(server, "POST", &offer).await {
            // The call may have given way to another one meanwhile.
            for (some, allowed) in [(&all[..], [400, 400]), (first, [204, 404]), (second, [204, 404])] {
                let body = json!({ "pc_id": answer["pc_id"], "candidates": some });
                if let Some((status, problem)) = sent(server, "PATCH", &body).await {
                    assert!(allowed.contains(&status), "{} candidates: {status} {problem}", some.len());
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Status and body of a response; none without a connection.
async fn sent(server: &Server, method: &str, body: &Value) -> Option<(u16, Value)> {
    let url = server.url("api/offer");
    let request = if method == "POST" { server.http().post(url) } else { server.http().patch(url) };
    let response =
        request.header("content-type", "application/json").body(body.to_string()).send().await.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or_default()))
}
