//! A call whose Redis answers late: within the time that the server allows it, and behind it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod live;
mod story;

use std::time::{Duration, Instant};

use live::Live;
use live::redis::Redis;
use live::slow::Slow;
use live::socket::Client;
use story::{Pass, arguments, asks, endpoint, hears, hello, in_mid_answer};

/// Less than the server waits for an answer of Redis.
const LATE: Duration = Duration::from_millis(1_500);
/// More than that.
const TOO_LATE: Duration = Duration::from_secs(5);
/// Far longer than the server takes to reach a Redis that answers.
const PATIENCE: Duration = Duration::from_secs(25);

/// Comes back to a call whose Redis answers at once again. Until the server has noticed, it may refuse, but no more than that.
async fn comes_back(live: &Live, pass: &Pass) -> Client {
    let began = Instant::now();
    loop {
        match Client::try_call(live, &pass.query()).await {
            Ok(client) => return client,
            Err(status) => assert_eq!(status, 503),
        }
        assert!(began.elapsed() < PATIENCE, "the token should be good still");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_redis_that_answers_late_calls_go_on_and_no_token_is_lost() {
    let Some(redis) = Redis::start() else { return };
    let slow = Slow::before(&redis.url()).await;
    let arguments = arguments(&endpoint(Duration::ZERO).await, &[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let live = Live::start_sharing(&slow.url(), &arguments).await;

    slow.delay(LATE);
    let (client, pass) = in_mid_answer(&live).await;
    drop(client);
    let mut client = match Client::try_call(&live, &pass.query()).await {
        Ok(client) => client,
        Err(status) => {
            assert_eq!(status, 503);
            slow.delay(Duration::ZERO);
            comes_back(&live, &pass).await
        }
    };
    let (resumed, pass) = hello(&mut client).await;
    assert!(resumed);
    asks(&mut client, "What is the name of my dog?").await;
    hears(&mut client, "Your dog is called Rex.").await;

    slow.delay(TOO_LATE);
    drop(client);
    assert_eq!(Client::try_call(&live, &pass.query()).await.err(), Some(503));
    slow.delay(Duration::ZERO);
    let mut client = comes_back(&live, &pass).await;
    assert!(hello(&mut client).await.0);
    live.until_stored().await;
}
