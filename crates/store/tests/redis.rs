//! A Redis that is stopped, hangs, is not there, refuses or holds another program's keys, and the saver in front of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

#[path = "../../../tests/live/slow.rs"]
#[allow(unreachable_pub, reason = "other tests share it")]
mod slow;
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use slow::Slow;
use support::redis_server::Redis;
use support::{PATIENCE, TTL, call, context, node, redemption, saver, until, vault, words};
use tokio::time::sleep;
use visavis_store::{CallId, Claim, End, Remote, Saver, State, Store, StoreError, ValueFault};

async fn stored(redis: &Redis, id: &CallId) -> Option<String> {
    let context = vault(redis.store()).load(id).await.unwrap();
    words(context.as_ref()).map(str::to_owned)
}

fn say(saver: &Saver, id: &CallId, said: &str) {
    saver.save(id, Arc::new(context(said)));
}

#[tokio::test]
async fn while_redis_is_stopped_calls_go_on_and_nothing_is_lost_when_it_is_started_again() {
    let Some(mut redis) = Redis::start().await else { return };
    let saver = saver(redis.store());
    let (a, b, c) = (call("a"), call("b"), call("c"));
    for id in [&a, &b, &c] {
        saver.begin(id, None);
    }
    say(&saver, &a, "before");
    until("it is written", async || saver.health().waiting == 0).await;
    assert_eq!(saver.health().state, State::Ok);
    redis.stop();
    for turn in 0..50 {
        say(&saver, &a, &format!("turn {turn}"));
        say(&saver, &b, &format!("turn {turn}"));
    }
    saver.end(&b, End::Keep);
    until("it says so", async || saver.health().state == State::Degraded).await;
    assert_eq!(saver.health().waiting, 2, "of each call only the newest waits");
    assert!(saver.health().message.contains("redis.sock"), "{:?}", saver.health());
    // What waits is newer than what is stored.
    assert_eq!(words(saver.load(&a).await.unwrap().as_deref()), Some("turn 49"));
    redis.run_again().await.unwrap();
    until("all is written", async || saver.health().waiting == 0).await;
    assert_eq!(saver.health().state, State::Ok);
    for id in [&a, &b] {
        assert_eq!(stored(&redis, id).await.as_deref(), Some("turn 49"));
    }
    // The call that has ended is free, the one in progress is not.
    assert!(redis.store().acquire(&b, &node("two"), TTL, Claim::Free).await.is_ok());
    let held = redis.store().acquire(&a, &node("two"), TTL, Claim::Free).await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "{held:?}");
}

#[tokio::test]
async fn while_redis_hangs_saving_takes_no_time_and_only_the_newest_context_of_each_call_waits() {
    let Some(redis) = Redis::start().await else { return };
    let saver = saver(redis.store());
    let ids: Vec<CallId> = (0..20).map(|number| call(&format!("call-{number}"))).collect();
    for id in &ids {
        saver.begin(id, None);
        say(&saver, id, "before");
    }
    until("all is written", async || saver.health().waiting == 0).await;
    redis.hang();
    let began = Instant::now();
    for turn in 0..100 {
        for id in &ids {
            say(&saver, id, &format!("turn {turn}"));
        }
    }
    // Each of them would wait for seconds, if it waited.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?} for 2,000 contexts", began.elapsed());
    until("it says so", async || saver.health().state == State::Degraded).await;
    assert_eq!(saver.health().waiting, ids.len());
    redis.go_on();
    until("all is written", async || saver.health().waiting == 0).await;
    // Requests that Redis had not read when it hung may come after their repetitions; the older ones change nothing.
    sleep(Duration::from_millis(200)).await;
    for id in &ids {
        assert_eq!(stored(&redis, id).await.as_deref(), Some("turn 99"));
    }
}

#[tokio::test]
async fn while_redis_answers_slowly_saving_takes_no_time_and_the_newest_context_of_a_call_wins() {
    let Some(redis) = Redis::start().await else { return };
    let slow = Slow::before(&redis.url()).await;
    // Less than the store waits for an answer.
    let delay = Duration::from_millis(1_500);
    slow.delay(delay);
    let saver = saver(Arc::new(Remote::new(&slow.url(), false).unwrap()));
    let id = call("a");
    saver.begin(&id, None);
    let began = Instant::now();
    for turn in 0..100 {
        say(&saver, &id, &format!("turn {turn}"));
    }
    // Each of them would wait longer than this, if it waited for its answer.
    assert!(began.elapsed() < delay, "{:?} for 100 contexts", began.elapsed());
    assert_eq!(saver.health().waiting, 1, "only the newest waits");
    until("it is written", async || saver.health().waiting == 0).await;
    assert_eq!(stored(&redis, &id).await.as_deref(), Some("turn 99"));

    // One on its way to Redis, and newer ones behind it.
    for said in ["older", "newer", "newest"] {
        say(&saver, &id, said);
        sleep(Duration::from_millis(200)).await;
    }
    until("all is written", async || saver.health().waiting == 0).await;
    assert_eq!(stored(&redis, &id).await.as_deref(), Some("newest"));
    assert_eq!(saver.health().state, State::Ok);
}

#[tokio::test]
async fn while_redis_answers_with_errors_the_newest_context_waits_and_is_written_once_it_is_taken() {
    let Some(redis) = Redis::start().await else { return };
    let saver = saver(redis.store());
    let id = call("a");
    saver.begin(&id, None);
    say(&saver, &id, "before");
    until("it is written", async || saver.health().waiting == 0).await;
    let mut connection = redis.connection().await.unwrap();
    let limit = |bytes: u32| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg(bytes);
        set
    };
    limit(1).exec_async(&mut connection).await.unwrap();
    for said in ["while it is full", "and still"] {
        say(&saver, &id, said);
    }
    let mut told = String::new();
    until("it says so", async || {
        told = saver.health().message;
        told.contains("maxmemory")
    })
    .await;
    assert!(told.contains("redis.sock"), "{told}");
    assert_eq!(stored(&redis, &id).await.as_deref(), Some("before"));
    limit(0).exec_async(&mut connection).await.unwrap();
    until("it is written", async || saver.health().waiting == 0).await;
    assert_eq!(saver.health().state, State::Ok);
    assert_eq!(stored(&redis, &id).await.as_deref(), Some("and still"));
}

#[tokio::test]
async fn a_call_that_another_node_takes_over_is_the_first_nodes_no_more() {
    let Some(redis) = Redis::start().await else { return };
    let (one, two) = (saver(redis.store()), Saver::start(Arc::new(vault(redis.store())), node("two")));
    let id = call("a");
    one.begin(&id, None);
    say(&one, &id, "heard by one");
    until("it is written", async || one.health().waiting == 0).await;
    let resumed = two.load(&id).await.unwrap();
    assert_eq!(words(resumed.as_deref()), Some("heard by one"));
    let lease = two.take_over(&id, redemption()).await.unwrap();
    two.begin(&id, Some(lease));
    say(&two, &id, "heard by two");
    until("it is written", async || two.health().waiting == 0).await;
    say(&one, &id, "by a node that does not know it yet");
    until("it is refused", async || one.health().waiting == 0).await;
    assert_eq!(one.health().state, State::Ok);
    assert_eq!(stored(&redis, &id).await.as_deref(), Some("heard by two"));
    two.end(&id, End::Forget);
    until("it is deleted", async || two.health().waiting == 0).await;
    assert_eq!(stored(&redis, &id).await, None);
}

#[tokio::test]
async fn data_that_was_deleted_during_a_call_does_not_come_back_with_its_next_turn() {
    let Some(redis) = Redis::start().await else { return };
    let (saver, other) = (saver(redis.store()), saver(redis.store()));
    // By the call's own server, and by another one that does not know of the call.
    for (deleting, id) in [(&saver, call("a")), (&other, call("b"))] {
        saver.begin(&id, None);
        say(&saver, &id, "my name is Anna");
        until("it is written", async || saver.health().waiting == 0).await;
        assert!(stored(&redis, &id).await.is_some());
        deleting.forget(&id).await.unwrap();
        say(&saver, &id, "as I said, my name is Anna");
        until("nothing waits", async || saver.health().waiting == 0).await;
        assert_eq!(stored(&redis, &id).await, None);
    }
}

#[tokio::test]
async fn what_waits_when_a_server_stops_is_written_first() {
    let Some(redis) = Redis::start().await else { return };
    let saver = saver(redis.store());
    let id = call("a");
    saver.begin(&id, None);
    say(&saver, &id, "the last words");
    saver.end(&id, End::Keep);
    assert_eq!(saver.stop(PATIENCE).await, 0);
    assert_eq!(stored(&redis, &id).await.as_deref(), Some("the last words"));
}

#[tokio::test]
async fn keys_of_another_program_are_refused_and_left_as_they_are() {
    let Some(redis) = Redis::start().await else { return };
    let (store, id) = (redis.store(), call("a"));
    let key = "visavis:{a}:context";
    let mut connection = redis.connection().await.unwrap();
    redis::cmd("SET").arg(key).arg("theirs").exec_async(&mut connection).await.unwrap();
    let foreign = StoreError::Value(ValueFault::Foreign);
    assert_eq!(store.load(&id).await, Err(foreign.clone()));
    assert_eq!(store.acquire(&id, &node("one"), TTL, Claim::Free).await, Err(foreign.clone()));
    assert_eq!(redis::cmd("GET").arg(key).query_async::<String>(&mut connection).await.unwrap(), "theirs");
    redis::cmd("DEL").arg(key).exec_async(&mut connection).await.unwrap();
    redis::cmd("HSET").arg(key).arg("fence").arg("theirs").exec_async(&mut connection).await.unwrap();
    assert_eq!(store.acquire(&id, &node("one"), TTL, Claim::Free).await, Err(foreign));
}

#[tokio::test]
async fn a_password_that_is_missing_or_wrong_is_told_with_what_to_do_and_without_the_password() {
    let Some(redis) = Redis::start().await else { return };
    let mut connection = redis.connection().await.unwrap();
    let require = |password: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("requirepass").arg(password);
        set
    };
    require("right").exec_async(&mut connection).await.unwrap();
    for address in [redis.url(), format!("{}?pass=wrong-secret", redis.url())] {
        let told = Remote::new(&address, false).unwrap().sweep().await.unwrap_err().to_string();
        assert!(
            told.contains("set user and password in store.url") && !told.contains("wrong-secret"),
            "{told}"
        );
    }
    let right = Remote::new(&format!("{}?pass=right", redis.url()), false).unwrap();
    assert_eq!(right.sweep().await, Ok(()));
}

#[tokio::test]
async fn nothing_is_left_in_redis_of_a_call_that_nobody_knows() {
    let Some(redis) = Redis::start().await else { return };
    for number in 0..10 {
        vault(redis.store()).delete(&call(&format!("guess-{number}"))).await.unwrap();
    }
    let mut connection = redis.connection().await.unwrap();
    assert_eq!(redis::cmd("DBSIZE").query_async::<u64>(&mut connection).await.unwrap(), 0);
}

#[tokio::test]
async fn without_a_redis_at_the_address_the_saver_says_so_and_stops_in_time() {
    let saver = saver(Arc::new(Remote::new("redis://127.0.0.1:1", false).unwrap()));
    saver.begin(&call("a"), None);
    say(&saver, &call("a"), "hello");
    until("it says so", async || saver.health().state == State::Degraded).await;
    assert!(saver.health().message.contains("127.0.0.1:1"), "{:?}", saver.health());
    let began = Instant::now();
    assert_eq!(saver.stop(Duration::from_millis(300)).await, 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
