//! A Redis that is reached by TLS, whose certificate the server trusts or does not.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod live;
mod story;
mod tls_support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use live::Live;
use live::redis::Redis;
use live::socket::Client;
use story::{arguments, asks, endpoint, hears, hello, in_mid_answer};
use tls_support::Folder;

/// Far longer than the store takes to try.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server tells of its store.
async fn store(live: &Live) -> Value {
    let answer = live.server.http().get(live.server.url("ready")).send().await.unwrap();
    let status: Value = answer.json().await.unwrap();
    status["store"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_kept_in_a_redis_by_tls_and_goes_on_from_there_when_its_server_was_killed() {
    let Some(redis) = Redis::start_with_tls() else { return };
    let arguments = arguments(&endpoint(Duration::ZERO).await, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut live = Live::start_trusting(redis.certificate(), &redis.tls_url(), &arguments).await;
    let (_client, pass) = in_mid_answer(&live).await;
    live.until_stored().await;
    let told = store(&live).await;
    assert_eq!((&told["kind"], &told["state"]), (&json!("redis"), &json!("ok")), "{told}");

    live.kill_and_start_again().await;
    let mut client = Client::call(&live, &pass.query()).await;
    let (resumed, _) = hello(&mut client).await;
    assert!(resumed);
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_trusted_is_told_with_what_to_do_and_calls_go_on() {
    let Some(redis) = Redis::start_with_tls() else { return };
    let another = Folder::new();
    another.write();
    let live = Live::start_trusting(&another.files.cert, &redis.tls_url(), &[]).await;
    let mut client = Client::call(&live, "").await;
    client.send("client-ready", "1", json!({ "version": "2.1.0" })).await;
    client.until(|message| message["type"] == "bot-ready").await;

    let began = Instant::now();
    let told = loop {
        let told = store(&live).await;
        if told["state"] == "degraded" {
            break told["message"].as_str().unwrap().to_owned();
        }
        assert!(began.elapsed() < PATIENCE, "it never says so: {told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let place = redis.tls_url().replace("rediss://", "");
    assert!(
        told.contains(&place) && told.contains("certificate") && told.contains("SSL_CERT_FILE"),
        "{told}"
    );
}
