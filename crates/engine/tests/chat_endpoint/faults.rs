use std::time::Duration;

use axum::response::Response;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep, timeout};
use visavis_engine::EngineError;

use crate::chat::{
    DONE, config, connect, delta, endpoint, ends, offering, pieces, request, says, stream, text,
    time_is_called, written,
};
use crate::endpoint_support::PATIENCE;

#[tokio::test]
async fn a_response_that_breaks_off_keeps_its_words_and_fails() {
    let fault = format!("data: {}\n\n", json!({ "error": { "code": 500, "message": "out of memory" } }));
    let whole = endpoint(move |_, _| stream(&[says("Once upon"), fault.clone()])).await;
    let closed = endpoint(|_, _| stream(&[says("Once upon")])).await;
    let cut = endpoint(|_, _| {
        let (sender, response) = written();
        tokio::spawn(async move {
            sender.send(Ok(says("Once upon"))).await.unwrap();
            // The words are on their way before the connection is cut.
            sleep(Duration::from_millis(100)).await;
            sender.send(Err(std::io::Error::other("cut"))).await.unwrap();
        });
        response
    })
    .await;
    for (url, part) in [(whole, "out of memory"), (closed, "connection was closed"), (cut, "broke off")] {
        let llm = connect(&config(url));
        let (words, error) = pieces(llm.engine.as_ref(), request()).await.unwrap_err();
        assert_eq!(words, [text("Once upon")], "{error}");
        assert!(matches!(error, EngineError::Failed(_)) && error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_stalls_is_given_up_and_one_that_thinks_is_not() {
    let stalls = endpoint(|_, _| {
        let (sender, response) = written();
        tokio::spawn(async move {
            sender.send(Ok(says("Once upon"))).await.unwrap();
            sender.closed().await;
        });
        response
    })
    .await;
    let mut config = config(stalls);
    config.llm.silence_seconds = 1;
    let llm = connect(&config);
    let (words, error) = pieces(llm.engine.as_ref(), request()).await.unwrap_err();
    assert_eq!(words, [text("Once upon")]);
    assert!(error.to_string().contains("raise llm.silence_seconds"), "{error}");

    // It thinks for longer than that, and no pause of it comes near, also on a busy machine.
    config.llm.silence_seconds = 3;
    config.llm.url = endpoint(|_, _| {
        let (sender, response) = written();
        tokio::spawn(async move {
            for _ in 0..34 {
                sender.send(Ok(delta(&json!({ "reasoning_content": "Hm." })))).await.unwrap();
                sleep(Duration::from_millis(100)).await;
            }
            sender.send(Ok(says("Yes.") + &ends("stop") + DONE)).await.unwrap();
        });
        response
    })
    .await;
    let llm = connect(&config);
    assert_eq!(pieces(llm.engine.as_ref(), request()).await.unwrap(), [text("Yes.")]);
}

/// How often a stalling response shows a sign of life before it goes on: for half a second longer than it is borne.
const A_LITTLE: usize = 15;
/// The same for one that is given up: a busy machine notices that before it goes on.
const LONG: usize = 200;

/// Begins with `begins`, sends so many of a proxy's signs of life, one every 100 ms, and continues with `rest`.
fn stalls(begins: &[String], signs: usize, rest: String) -> Response {
    let (sender, response) = written();
    let begins = begins.concat();
    tokio::spawn(async move {
        sender.send(Ok(begins)).await.unwrap();
        let mut ticks = interval(Duration::from_millis(100));
        ticks.tick().await;
        for _ in 0..signs {
            ticks.tick().await;
            if sender.send(Ok(": ping\n\ndata: {\"choices\":[]}\n\n".into())).await.is_err() {
                return;
            }
        }
        _ = sender.send(Ok(rest)).await;
        sender.closed().await;
    });
    response
}

#[tokio::test]
async fn a_model_that_stalls_behind_a_proxy_that_goes_on_is_given_up_and_one_that_has_not_begun_is_not() {
    let role = || delta(&json!({ "role": "assistant", "content": "" }));
    let rest = || says(" a time.") + &ends("stop") + DONE;
    let url = endpoint(move |_, _| stalls(&[role(), says("Once upon")], LONG, rest())).await;
    let mut config = config(url);
    config.llm.stall_seconds = 1;
    let (words, error) = pieces(connect(&config).engine.as_ref(), request()).await.unwrap_err();
    assert_eq!(words, [text("Once upon")]);
    assert!(error.to_string().ends_with("for 1 s. Look at its load, or raise llm.stall_seconds"), "{error}");
    config.llm.url = endpoint(move |_, _| stalls(&[role()], A_LITTLE, rest())).await;
    assert_eq!(pieces(connect(&config).engine.as_ref(), request()).await.unwrap(), [text(" a time.")]);
}

#[tokio::test]
async fn a_response_is_waited_for_longer_where_it_may_become_a_tool_call_or_a_voice_still_speaks() {
    let call = json!({ "index": 0, "id": "a", "function": { "name": "current_time", "arguments": "{}" } });
    let whole = delta(&json!({ "tool_calls": [call] })) + &ends("tool_calls") + DONE;
    let url = endpoint(move |_, _| stalls(&[says("I look.")], A_LITTLE, whole.clone())).await;
    let mut config = config(url);
    config.llm.stall_seconds = 1;
    let found = pieces(connect(&config).engine.as_ref(), offering()).await.unwrap();
    assert_eq!(found, [text("I look."), time_is_called()]);
    let sentence = "A sentence that takes some seconds to say.";
    let rest = || says(" Yes.") + &ends("stop") + DONE;
    config.llm.url = endpoint(move |_, _| stalls(&[says(sentence)], A_LITTLE, rest())).await;
    let found = pieces(connect(&config).engine.as_ref(), request()).await.unwrap();
    assert_eq!(found, [text(sentence), text(" Yes.")]);
}

#[tokio::test]
async fn an_endpoint_that_writes_or_thinks_for_ever_is_cut_off_at_the_length_that_it_was_asked_for() {
    for field in ["content", "reasoning_content"] {
        let (opened, mut streams) = mpsc::channel(1);
        let url = endpoint(move |_, _| {
            let (sender, response) = written();
            opened.try_send(sender.clone()).unwrap();
            tokio::spawn(async move {
                let event = delta(&json!({ field: "sixteen letters " }));
                while sender.send(Ok(event.clone())).await.is_ok() {}
            });
            response
        })
        .await;
        let mut config = config(url);
        config.llm.max_tokens = 16;
        let llm = connect(&config);
        let found = timeout(PATIENCE, pieces(llm.engine.as_ref(), request())).await;
        let texts = found.expect("it ends").expect("as a response that has reached its length");
        let expected = if field == "content" { vec![text("sixteen letters "); 8] } else { Vec::new() };
        assert_eq!(texts, expected, "{field}");
        let sender = streams.recv().await.unwrap();
        timeout(PATIENCE, sender.closed()).await.expect("the connection is closed");
    }
}
