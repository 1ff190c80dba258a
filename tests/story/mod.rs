//! Calls whose model, an endpoint that follows a script, knows a dog's name once it was told and tells a story for minutes; and their
//! clients, which come back. Voice and recognition are real.
#![allow(clippy::unwrap_used, reason = "a test helper: a panic fails the test")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::live::Live;
use crate::live::socket::Client;

/// Asked for a story, the model tells one for minutes.
pub const STORY: &str = "Tell me a long story.";
/// What it says when it is asked to go on with something.
pub const GOES_ON: &str = "That is how it went on.";

/// What the model writes for these messages.
fn written(messages: &[Value]) -> Vec<String> {
    let said: Vec<&str> = messages.iter().filter_map(|message| message["content"].as_str()).collect();
    let last = said.last().copied().unwrap_or_default();
    if last.contains("Go on from exactly there") {
        return vec![GOES_ON.into()];
    }
    if last.starts_with(STORY) {
        return (1..=40).map(|number| format!("This is sentence number {number} of the story. ")).collect();
    }
    let known = said.iter().any(|said| said.contains("Rex"));
    vec![if known { "Your dog is called Rex." } else { "I do not know." }.into()]
}

fn event(delta: &Value) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }))
}

/// Streams what the model writes: a sentence in `pause`, and then the end.
fn stream(messages: &[Value], pause: Duration) -> Response {
    let pieces = written(messages);
    let (sender, events) = mpsc::channel::<Result<String, std::io::Error>>(8);
    tokio::spawn(async move {
        for piece in pieces {
            // Nobody listens any more.
            if sender.send(Ok(event(&json!({ "content": piece })))).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        let ends = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        _ = sender.send(Ok(format!("data: {ends}\n\ndata: [DONE]\n\n"))).await;
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(ReceiverStream::new(events))).into_response()
}

/// A chat endpoint that writes a sentence in `pause`; returns its address.
pub async fn endpoint(pause: Duration) -> String {
    let chat = post(move |Json(body): Json<Value>| async move {
        stream(body["messages"].as_array().map(Vec::as_slice).unwrap_or_default(), pause)
    });
    let models = get(|| async { Json(json!({ "data": [{ "id": "small" }] })) });
    let router = Router::new().route("/v1/models", models).route("/v1/chat/completions", chat);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// The arguments of a server with this model.
pub fn arguments(url: &str, more: &[&str]) -> Vec<String> {
    let model = [format!("llm.url={url}"), "llm.api=openai".to_owned(), "llm.model=small".to_owned()];
    let all = model.into_iter().chain(more.iter().map(|more| (*more).to_owned()));
    all.flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

pub async fn start(pause: Duration, more: &[&str]) -> Live {
    let arguments = arguments(&endpoint(pause).await, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Live::start(&arguments).await
}

/// What a client needs to come back.
#[derive(Debug, Clone)]
pub struct Pass {
    pub call: String,
    pub token: String,
}

impl Pass {
    pub fn query(&self) -> String {
        format!("?call={}&resume={}", self.call, self.token)
    }
}

pub fn is_ours(message: &Value, kind: &str) -> bool {
    message["type"] == "server-message" && message["data"]["type"] == kind
}

/// The client says hello; returns whether its call goes on, and how it comes back next time.
pub async fn hello(client: &mut Client) -> (bool, Pass) {
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let ready = client.until(|message| message["type"] == "bot-ready").await;
    let resumed = ready["data"]["resumed"] == true;
    (resumed, token(client).await)
}

/// The next token.
pub async fn token(client: &mut Client) -> Pass {
    let told = client.until(|message| is_ours(message, "resume")).await;
    let text = |field: &str| told["data"][field].as_str().unwrap().to_owned();
    Pass { call: text("call"), token: text("token") }
}

pub async fn asks(client: &mut Client, words: &str) {
    client.send("send-text", "2", json!({ "content": words })).await;
}

/// Waits until the agent says these words.
pub async fn hears(client: &mut Client, words: &str) {
    let says = |message: &Value| {
        message["type"] == "bot-output"
            && message["data"]["text"].as_str().is_some_and(|text| text.contains(words))
    };
    client.until(says).await;
}

/// Why a call cannot be gone on with.
pub async fn refused(live: &Live, query: &str) -> (u16, String) {
    let answer = live.server.http().get(live.server.url(&format!("ws{query}"))).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["reason"].as_str().unwrap_or_default().to_owned())
}

/// A client that has told the model something and hears a story.
pub async fn in_mid_answer(live: &Live) -> (Client, Pass) {
    let mut client = Client::call(live, "").await;
    let (resumed, pass) = hello(&mut client).await;
    assert!(!resumed);
    asks(&mut client, "My dog is called Rex.").await;
    hears(&mut client, "Rex").await;
    client.until(|message| is_ours(message, "turn")).await;
    asks(&mut client, STORY).await;
    hears(&mut client, "number 2 ").await;
    (client, pass)
}
