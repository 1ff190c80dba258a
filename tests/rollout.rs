//! Two servers that share a Redis are stopped and started again, one after the other, while calls go on, as a rollout does.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod live;
mod story;

use std::time::Duration;

use live::Live;
use live::redis::Redis;
use live::socket::Client;
use story::{Pass, arguments, asks, endpoint, hears, hello, in_mid_answer, is_ours};

/// The server of this client's call stops, and leaves the call to the next one.
async fn is_handed_over(client: &mut Client) {
    let ended = client.until(|message| is_ours(message, "call-ended")).await;
    assert_eq!(ended["data"]["reason"], "server-stopping");
}

/// Goes on with a call at this server, which knows what was said before.
async fn goes_on(live: &Live, pass: &Pass) -> (Client, Pass) {
    let mut client = Client::call(live, &pass.query()).await;
    let (resumed, next) = hello(&mut client).await;
    assert!(resumed);
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;
    (client, next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_replaced_one_after_the_other_hand_their_calls_on_with_all_that_was_said() {
    let Some(redis) = Redis::start() else { return };
    // Less than the story takes.
    let arguments = arguments(&endpoint(Duration::ZERO).await, &["server.drain_seconds=5"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut one = Live::start_sharing(&redis.url(), &arguments).await;
    let mut two = Live::start_sharing(&redis.url(), &arguments).await;

    let (mut first, pass) = in_mid_answer(&one).await;
    one.signal("-TERM", one.process.id());
    is_handed_over(&mut first).await;
    let (mut first, first_pass) = goes_on(&two, &pass).await;
    one.start_again().await;

    // Now one call that waits for the person and one in mid-answer are at the other server.
    let (mut second, second_pass) = in_mid_answer(&two).await;
    two.signal("-TERM", two.process.id());
    for client in [&mut first, &mut second] {
        is_handed_over(client).await;
    }
    for pass in [&first_pass, &second_pass] {
        goes_on(&one, pass).await;
    }
    two.start_again().await;
    assert_eq!(one.metric("visavis_resumes_total").await, 2.0);
}
