//! Real servers whose clients come back: after a kill in mid-answer, over a second connection, at another server, with a good token
//! and with all kinds of bad ones. The model is an endpoint that follows a script; voice and recognition are real.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod live;

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use live::Live;
use live::redis::Redis;
use live::socket::Client;

/// Longest wait for a token to expire that is good for two seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Asked for a story, the model tells one for minutes.
const STORY: &str = "Tell me a long story.";
/// What it says when it is asked to go on with something.
const GOES_ON: &str = "That is how it went on.";

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
async fn endpoint(pause: Duration) -> String {
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
fn arguments(url: &str, more: &[&str]) -> Vec<String> {
    let model = [format!("llm.url={url}"), "llm.api=openai".to_owned(), "llm.model=small".to_owned()];
    let all = model.into_iter().chain(more.iter().map(|more| (*more).to_owned()));
    all.flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

async fn start(pause: Duration, more: &[&str]) -> Live {
    let arguments = arguments(&endpoint(pause).await, more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Live::start(&arguments).await
}

/// What a client needs to come back.
#[derive(Debug, Clone)]
struct Pass {
    call: String,
    token: String,
}

impl Pass {
    fn query(&self) -> String {
        format!("?call={}&resume={}", self.call, self.token)
    }
}

fn is_ours(message: &Value, kind: &str) -> bool {
    message["type"] == "server-message" && message["data"]["type"] == kind
}

/// The client says hello; returns whether its call goes on, and how it comes back next time.
async fn hello(client: &mut Client) -> (bool, Pass) {
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let ready = client.until(|message| message["type"] == "bot-ready").await;
    let resumed = ready["data"]["resumed"] == true;
    (resumed, token(client).await)
}

/// The next token.
async fn token(client: &mut Client) -> Pass {
    let told = client.until(|message| is_ours(message, "resume")).await;
    let text = |field: &str| told["data"][field].as_str().unwrap().to_owned();
    Pass { call: text("call"), token: text("token") }
}

async fn asks(client: &mut Client, words: &str) {
    client.send("send-text", "2", json!({ "content": words })).await;
}

/// Waits until the agent says these words.
async fn hears(client: &mut Client, words: &str) {
    let says = |message: &Value| {
        message["type"] == "bot-output"
            && message["data"]["text"].as_str().is_some_and(|text| text.contains(words))
    };
    client.until(says).await;
}

/// Why a call cannot be gone on with.
async fn refused(live: &Live, query: &str) -> (u16, String) {
    let answer = live.server.http().get(live.server.url(&format!("ws{query}"))).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["reason"].as_str().unwrap_or_default().to_owned())
}

/// A client that has told the model something and hears a story.
async fn in_mid_answer(live: &Live) -> (Client, Pass) {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_mid_answer_goes_on_with_it_and_knows_what_was_said_before() {
    let mut live = start(Duration::from_millis(700), &[]).await;
    let (_client, pass) = in_mid_answer(&live).await;
    live.until_stored().await;
    live.kill_and_start_again().await;
    let mut client = Client::call(&live, &pass.query()).await;
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let ready = client.until(|message| message["type"] == "bot-ready").await;
    assert_eq!((&ready["data"]["resumed"], &ready["data"]["call"]), (&json!(true), &json!(pass.call)));
    let told = client.until(|message| is_ours(message, "resumed")).await;
    let said = told["data"]["said"].as_array().unwrap().clone();
    assert_eq!(said[0], json!({ "role": "user", "text": "My dog is called Rex." }));
    assert!(said.iter().any(|said| said["text"] == STORY), "{said:?}");
    hears(&mut client, GOES_ON).await;
    client.until(|message| is_ours(message, "turn")).await;
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
    assert_eq!(refused(&live, &pass.query()).await, (410, "resume-used".into()));
    assert!(live.metric("visavis_resumes_total").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_takes_the_call_over_and_the_story_goes_on_where_it_was_cut() {
    // The story is written as fast as it can be spoken.
    let live = start(Duration::ZERO, &[]).await;
    let (mut first, pass) = in_mid_answer(&live).await;
    let mut second = Client::call(&live, &pass.query()).await;
    let ended = first.until(|message| is_ours(message, "call-ended")).await;
    assert_eq!(ended["data"]["reason"], "moved");
    second.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let told = second.until(|message| is_ours(message, "resumed")).await;
    let cut = told["data"]["cut"].as_str().unwrap().to_owned();
    let said = told["data"]["said"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap().to_owned();
    let whole = format!("{said} {cut}");
    let sentences = whole.matches("This is sentence").count();
    assert!(sentences > 2 && !cut.contains("number 1 of"), "{said} | {cut}");
    for number in 1..=sentences {
        let sentence = format!("This is sentence number {number} of the story.");
        assert_eq!(whole.matches(&sentence).count(), 1, "{sentence}: {said} | {cut}");
    }
    let next = token(&mut second).await;
    assert_eq!(next.call, pass.call, "it is the same call, with another token");
    assert_ne!(next.token, pass.token);
    hears(&mut second, "of the story.").await;
    assert_eq!(live.metric("visavis_calls_active").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_come_back_at_once_one_has_the_call_and_the_other_is_told_that_it_has_moved() {
    let live = start(Duration::ZERO, &[]).await;
    let (client, pass) = in_mid_answer(&live).await;
    drop(client);
    let query = pass.query();
    let (mut one, mut two) = tokio::join!(Client::call(&live, &query), Client::call(&live, &query));
    let is_end = |message: &Value| is_ours(message, "call-ended");
    let (ended, first) = tokio::select! {
        ended = one.until(is_end) => (ended, true),
        ended = two.until(is_end) => (ended, false),
    };
    assert_eq!(ended["data"]["reason"], "moved");
    let mut other = if first { two } else { one };
    assert!(hello(&mut other).await.0);
    assert_eq!(live.metric("visavis_calls_active").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_used_is_guessed_of_another_call_or_too_old_opens_nothing() {
    let live = start(Duration::ZERO, &["store.resume_seconds=2"]).await;
    let guess = Pass { call: "0".repeat(32), token: "0".repeat(64) };
    assert_eq!(refused(&live, &guess.query()).await, (410, "resume-unknown".into()));
    let nonsense = Pass { call: "../etc".into(), token: "x".into() };
    assert_eq!(refused(&live, &nonsense.query()).await, (410, "resume-unknown".into()));
    assert_eq!(refused(&live, "?call=abc").await.0, 400, "a token is missing");

    let mut client = Client::call(&live, "").await;
    let (_, pass) = hello(&mut client).await;
    asks(&mut client, "My dog is called Rex.").await;
    client.until(|message| is_ours(message, "turn")).await;
    let other = Pass { call: guess.call.clone(), ..pass.clone() };
    assert_eq!(refused(&live, &other.query()).await, (410, "resume-not-yours".into()));
    assert_eq!(refused(&live, &pass.query()).await.0, 426, "it is good, and was not used up");
    let offer = json!({
        "type": "offer",
        "sdp": include_str!("webrtc_support/offer-chromium.sdp"),
        "resume": { "call": pass.call, "token": guess.token },
    });
    let answer = live.server.http().post(live.server.url("api/offer")).json(&offer).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 410);
    assert_eq!(answer.json::<Value>().await.unwrap()["reason"], "resume-unknown");

    drop(client);
    // Good as long as the server has not noticed, and for two seconds more.
    let began = Instant::now();
    let refusal = loop {
        let (status, reason) = refused(&live, &pass.query()).await;
        if status != 426 {
            break (status, reason);
        }
        assert!(began.elapsed() < PATIENCE, "its token is good for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(refusal, (410, "resume-expired".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_goes_on_with_a_call_over_webrtc_under_the_same_id() {
    let live = start(Duration::ZERO, &[]).await;
    let (mut client, pass) = in_mid_answer(&live).await;
    let offer = |sdp: &str| json!({ "type": "offer", "sdp": sdp, "resume": { "call": pass.call, "token": pass.token } });
    let ask = |body: Value| live.server.http().post(live.server.url("api/offer")).json(&body).send();
    let bad = ask(offer("v=0")).await.unwrap();
    assert_eq!(bad.status().as_u16(), 400, "a bad offer uses no token up");
    let good = ask(offer(include_str!("webrtc_support/offer-chromium.sdp"))).await.unwrap();
    assert_eq!(good.status().as_u16(), 200);
    assert_eq!(good.json::<Value>().await.unwrap()["pc_id"], pass.call);
    let ended = client.until(|message| is_ours(message, "call-ended")).await;
    assert_eq!(ended["data"]["reason"], "moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_for_a_call_that_was_ended_on_the_server_says_so_though_it_has_a_token() {
    let live = start(Duration::ZERO, &[]).await;
    let (_client, pass) = in_mid_answer(&live).await;
    let url = live.server.url(&format!("api/calls/{}", pass.call));
    assert_eq!(live.server.http().delete(url).send().await.unwrap().status().as_u16(), 204);
    let offer = json!({
        "type": "offer",
        "sdp": include_str!("webrtc_support/offer-chromium.sdp"),
        "pc_id": pass.call,
        "resume": { "call": pass.call, "token": pass.token },
    });
    let answer = live.server.http().post(live.server.url("api/offer")).json(&offer).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 410);
    assert_eq!(answer.json::<Value>().await.unwrap()["reason"], "ended-by-operator");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_stop_leaves_a_call_that_the_next_one_goes_on_with() {
    let mut live = start(Duration::ZERO, &["server.drain_seconds=3"]).await;
    let (mut client, pass) = in_mid_answer(&live).await;
    live.signal("-TERM", live.process.id());
    let ended = client.until(|message| is_ours(message, "call-ended")).await;
    assert_eq!(ended["data"]["reason"], "server-stopping");
    live.start_again().await;
    let mut client = Client::call(&live, &pass.query()).await;
    assert!(hello(&mut client).await.0);
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_heard_the_answer_goes_on_at_another_server_by_the_same_token() {
    let Some(redis) = Redis::start() else { return };
    let arguments = arguments(&endpoint(Duration::ZERO).await, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let one = Live::start_sharing(&redis.url(), &arguments).await;
    let two = Live::start_sharing(&redis.url(), &arguments).await;
    let (client, pass) = in_mid_answer(&one).await;
    drop(client);
    let offer = json!({
        "type": "offer",
        "sdp": include_str!("webrtc_support/offer-chromium.sdp"),
        "resume": { "call": pass.call, "token": pass.token },
    });
    let answer = one.server.http().post(one.server.url("api/offer")).json(&offer).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["resume"]["call"], json!(pass.call));
    assert_eq!(answer["resume"]["seconds"], 60);
    let told = answer["resume"]["token"].as_str().unwrap();
    assert!(told.len() == 64 && told != pass.token, "{answer}");

    // As a client that has received nothing of that.
    let mut second = Client::call(&two, &pass.query()).await;
    assert!(hello(&mut second).await.0);
    asks(&mut second, "What is the name of my dog?").await;
    hears(&mut second, "Your dog is called Rex.").await;
    for live in [&one, &two] {
        assert_eq!(refused(live, &pass.query()).await, (410, "resume-used".into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_leads_nobody_to_its_own_relay_and_begins_no_session() {
    let listen = format!("turn.listen=127.0.0.1:{}", live::free_port());
    let more = ["turn.enabled=true", &listen, "server.drain_seconds=120"];
    // The story goes on, and so does the server.
    let live = start(Duration::ZERO, &more).await;
    let (_client, _pass) = in_mid_answer(&live).await;
    let http = live.server.http();
    let servers = || http.get(live.server.url("api/ice-servers")).send();
    let offered: Value = servers().await.unwrap().json().await.unwrap();
    assert!(offered["iceServers"][0]["urls"][0].as_str().unwrap().starts_with("turn:"), "{offered}");
    live.signal("-TERM", live.process.id());
    let began = Instant::now();
    let refused = loop {
        let answer = servers().await.unwrap();
        if answer.status() == 503 {
            break answer;
        }
        assert!(began.elapsed() < PATIENCE, "it hands out its relay for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "server-stopping");
    let started = http.post(live.server.url("start")).send().await.unwrap();
    assert_eq!(started.status(), 503);
    assert_eq!(started.json::<Value>().await.unwrap()["reason"], "server-stopping");
    let told: Value = http.get(live.server.url("api/network")).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["turn"], json!({ "udp": false, "tcp": false, "tls": false }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_on_the_same_redis_takes_a_call_over_and_the_first_one_ends_it() {
    let Some(redis) = Redis::start() else { return };
    let arguments = arguments(&endpoint(Duration::ZERO).await, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let one = Live::start_sharing(&redis.url(), &arguments).await;
    let two = Live::start_sharing(&redis.url(), &arguments).await;
    let (mut first, pass) = in_mid_answer(&one).await;
    let mut second = Client::call(&two, &pass.query()).await;
    assert!(hello(&mut second).await.0);
    let ended = first.until(|message| is_ours(message, "call-ended")).await;
    assert_eq!(ended["data"]["reason"], "moved");
    asks(&mut second, "What is the name of my dog?").await;
    hears(&mut second, "Your dog is called Rex.").await;
    assert_eq!(refused(&one, &pass.query()).await, (410, "resume-used".into()));
}
