//! Real servers whose clients come back: after a kill in mid-answer, over a second connection, at another server, with a good token
//! and with all kinds of bad ones. The model is an endpoint that follows a script; voice and recognition are real.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod live;
mod story;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use live::Live;
use live::redis::Redis;
use live::socket::Client;
use story::{
    GOES_ON, Pass, STORY, arguments, asks, endpoint, hears, hello, in_mid_answer, is_ours, refused, start,
    token,
};

/// Longest wait for what a server does by itself, such as letting a token expire that is good for six seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client that comes back over WebRTC offers.
fn offer_to_resume(pass: &Pass) -> Value {
    json!({
        "type": "offer",
        "sdp": include_str!("webrtc_support/offer-chromium.sdp"),
        "resume": { "call": pass.call, "token": pass.token },
    })
}

/// A client comes back by an offer, and is refused for good; returns why.
async fn gone(live: &Live, pass: &Pass) -> String {
    let ask = live.server.http().post(live.server.url("api/offer")).json(&offer_to_resume(pass));
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 410);
    answer.json::<Value>().await.unwrap()["reason"].as_str().unwrap_or_default().to_owned()
}

/// Deletes what is kept of a call.
async fn delete_data(live: &Live, call: &str) -> reqwest::Response {
    let url = live.server.url(&format!("api/calls/{call}/data"));
    live.server.http().delete(url).send().await.unwrap()
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
    live.metric_when("visavis_calls_active", |calls| calls == 1.0).await;
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
    live.metric_when("visavis_calls_active", |calls| calls == 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_used_is_guessed_of_another_call_or_too_old_opens_nothing() {
    let live = start(Duration::ZERO, &["store.resume_seconds=6"]).await;
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
    // Good as long as the server has not noticed, and for six seconds more.
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
    let offer = offer_to_resume(&pass);
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
async fn a_server_whose_store_cannot_be_used_takes_calls_and_stores_them_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.redb");
    let diary = "my diary ".repeat(1_000);
    std::fs::write(&file, &diary).unwrap();
    let path = format!("store.path={}", folder.path().display());
    let live = start(Duration::ZERO, &[&path]).await;
    let mut client = Client::call(&live, "").await;
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    client.until(|message| message["type"] == "bot-ready").await;
    asks(&mut client, "My dog is called Rex.").await;
    hears(&mut client, "Rex").await;
    let answer = live.server.http().get(live.server.url("ready")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let status: Value = answer.json().await.unwrap();
    assert_eq!(status["store"]["state"], "degraded");
    let told = status["store"]["message"].as_str().unwrap();
    assert!(told.contains("is not a store of this program; move it away"), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), diary, "it is left as it is");

    std::fs::remove_file(&file).unwrap();
    let pass = token(&mut client).await;
    live.until_stored().await;
    drop(client);
    let mut client = Client::call(&live, &pass.query()).await;
    assert!(hello(&mut client).await.0);
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_server_is_killed_in_mid_answer_goes_on_at_once_at_the_second_server() {
    let Some(redis) = Redis::start() else { return };
    let arguments = arguments(&endpoint(Duration::from_millis(700)).await, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut one = Live::start_sharing(&redis.url(), &arguments).await;
    let two = Live::start_sharing(&redis.url(), &arguments).await;
    let (_client, pass) = in_mid_answer(&one).await;
    one.until_stored().await;
    one.process.kill().unwrap();
    one.process.wait().unwrap();
    let mut client = Client::call(&two, &pass.query()).await;
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    let ready = client.until(|message| message["type"] == "bot-ready").await;
    assert_eq!((&ready["data"]["resumed"], &ready["data"]["call"]), (&json!(true), &json!(pass.call)));
    hears(&mut client, GOES_ON).await;
    client.until(|message| is_ours(message, "turn")).await;
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_data_was_deleted_is_gone_on_with_neither_later_nor_after_a_restart() {
    let mut live = start(Duration::ZERO, &[]).await;
    let mut client = Client::call(&live, "").await;
    let (_, pass) = hello(&mut client).await;
    asks(&mut client, "My dog is called Rex.").await;
    client.until(|message| is_ours(message, "turn")).await;
    live.until_stored().await;
    assert_eq!(delete_data(&live, &pass.call).await.status().as_u16(), 204);
    // The call goes on, and nothing of it is kept.
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
    client.until(|message| is_ours(message, "turn")).await;
    live.until_stored().await;
    drop(client);
    live.metric_when("visavis_calls_active", |calls| calls == 0.0).await;
    assert_eq!(gone(&live, &pass).await, "resume-unknown");
    live.kill_and_start_again().await;
    // Unknown, used or expired by now, but gone.
    gone(&live, &pass).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_deletes_a_calls_data_while_redis_is_away_is_told_that_it_may_be_there_still() {
    let Some(mut redis) = Redis::start() else { return };
    let arguments = arguments(&endpoint(Duration::ZERO).await, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let live = Live::start_sharing(&redis.url(), &arguments).await;
    let mut client = Client::call(&live, "").await;
    let (_, pass) = hello(&mut client).await;
    asks(&mut client, "My dog is called Rex.").await;
    client.until(|message| is_ours(message, "turn")).await;
    live.until_stored().await;
    redis.kill();
    let refused = delete_data(&live, &pass.call).await;
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().contains_key("retry-after"), "{:?}", refused.headers());
    let problem: Value = refused.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["reason"]), (&json!(503), &json!("store-unreachable")));
}
