use std::time::{Duration, Instant};

use axum::http::header::AUTHORIZATION;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use visavis_config::Secret;
use visavis_engine::LlmPiece;

use crate::chat::{
    DONE, config, connect, delta, endpoint, ends, offering, pieces, request, says, stream, text,
    time_is_called, usage, written,
};
use crate::endpoint_support::{KEY, PATIENCE};

#[tokio::test]
async fn a_response_is_streamed_with_the_key_the_headers_and_the_fields_configured() {
    let (asked, mut seen) = mpsc::channel(1);
    let url = endpoint(move |headers, body| {
        asked.try_send((headers, body)).unwrap();
        stream(&[
            delta(&json!({ "role": "assistant", "content": "" })),
            delta(&json!({ "reasoning_content": "A greeting." })),
            says("Hello"),
            says(" there."),
            ends("stop"),
            DONE.into(),
        ])
    })
    .await;
    let mut config = config(url);
    config.llm.headers.insert("x-team".into(), Secret::new("calls"));
    config.llm.body.insert("reasoning_effort".into(), json!("none"));
    let llm = connect(&config);
    assert_eq!(pieces(llm.engine.as_ref(), request()).await.unwrap(), [text("Hello"), text(" there.")]);
    let (headers, body) = seen.recv().await.unwrap();
    assert_eq!(headers[AUTHORIZATION], format!("Bearer {KEY}"));
    assert_eq!(headers["x-team"], "calls");
    assert_eq!((&body["model"], &body["reasoning_effort"]), (&json!("small"), &json!("none")));
    assert_eq!(body["messages"][1], json!({ "role": "user", "content": "Hello." }));
}

#[tokio::test]
async fn a_tool_call_comes_last_behind_the_tokens_that_were_read() {
    let url = endpoint(|_, body| {
        let name = body["tools"][0]["function"]["name"].clone();
        let call = |piece: Value| delta(&json!({ "tool_calls": [piece] }));
        stream(&[
            says("I look."),
            call(json!({ "index": 0, "id": "a", "function": { "name": name, "arguments": "" } })),
            call(json!({ "index": 0, "function": { "arguments": "{}" } })),
            ends("tool_calls"),
            usage(),
            DONE.into(),
        ])
    })
    .await;
    let llm = connect(&config(url));
    let found = pieces(llm.engine.as_ref(), offering()).await.unwrap();
    assert_eq!(found, [text("I look."), LlmPiece::Read(10), time_is_called()]);
}

#[tokio::test]
async fn a_call_that_is_passed_on_as_text_is_read_and_ends_the_servers_work() {
    let (opened, mut streams) = mpsc::channel(1);
    let url = endpoint(move |_, _| {
        let (sender, response) = written();
        // A model goes on where its endpoint does not stop it.
        for piece in ["```json\n{\"name\": \"current", "_time\", \"arguments\": {}}", "\n```\nIt is four."] {
            sender.try_send(Ok(says(piece))).unwrap();
        }
        opened.try_send(sender).unwrap();
        response
    })
    .await;
    let llm = connect(&config(url));
    let found = timeout(PATIENCE, pieces(llm.engine.as_ref(), offering())).await;
    assert_eq!(found.expect("it does not wait for the end").unwrap(), [time_is_called()]);
    let sender = streams.recv().await.unwrap();
    timeout(PATIENCE, sender.closed()).await.expect("the connection is closed");
}

#[tokio::test]
async fn a_cancelled_response_closes_its_connection_within_100_ms() {
    let (opened, mut streams) = mpsc::channel(1);
    let url = endpoint(move |_, _| {
        let (sender, response) = written();
        sender.try_send(Ok(says("Once upon a time"))).unwrap();
        opened.try_send(sender).unwrap();
        response
    })
    .await;
    let llm = connect(&config(url));
    let mut best = Duration::MAX;
    // The best of five counts: other tests may use the processor meanwhile.
    for _ in 0..5 {
        let mut response = llm.engine.generate(request()).await.unwrap();
        assert_eq!(response.next().await, Some(Ok(text("Once upon a time"))));
        let sender = streams.recv().await.unwrap();
        assert!(timeout(Duration::from_millis(50), sender.closed()).await.is_err(), "it is still wanted");
        let began = Instant::now();
        drop(response);
        timeout(PATIENCE, sender.closed()).await.unwrap();
        best = best.min(began.elapsed());
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[tokio::test]
async fn a_response_that_has_ended_is_not_waited_for_where_the_last_event_does_not_come() {
    for (more, expected) in
        [(None, vec![text("Hello.")]), (Some(usage()), vec![text("Hello."), LlmPiece::Read(10)])]
    {
        let url = endpoint(move |_, _| {
            let (sender, response) = written();
            let more = more.clone();
            tokio::spawn(async move {
                sender.send(Ok(says("Hello.") + &ends("stop"))).await.unwrap();
                if let Some(more) = more {
                    sleep(Duration::from_millis(100)).await;
                    sender.send(Ok(more)).await.unwrap();
                }
                sender.closed().await;
            });
            response
        })
        .await;
        let llm = connect(&config(url));
        let found = timeout(PATIENCE, pieces(llm.engine.as_ref(), request())).await;
        assert_eq!(found.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn prefill_asks_for_one_token_and_ends_after_silence_or_where_length_has_no_bound() {
    let (opened, mut streams) = mpsc::channel(1);
    let url = endpoint(move |_, body| {
        let (sender, response) = written();
        sender.try_send(Ok(says("Once"))).unwrap();
        opened.try_send((body, sender)).unwrap();
        response
    })
    .await;
    let mut config = config(url);
    config.llm.prefill = true;
    config.llm.silence_seconds = 1;
    let llm = connect(&config);
    let began = Instant::now();
    timeout(PATIENCE, llm.engine.prefill(request(), true)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    let (body, sender) = streams.recv().await.unwrap();
    assert_eq!(body["max_tokens"], 1);
    timeout(PATIENCE, sender.closed()).await.unwrap();

    config.llm.omit = vec!["max_tokens".into()];
    config.llm.silence_seconds = 600;
    let llm = connect(&config);
    timeout(PATIENCE, llm.engine.prefill(request(), true)).await.unwrap();
    let (body, sender) = streams.recv().await.unwrap();
    assert!(body.get("max_tokens").is_none(), "{body}");
    timeout(PATIENCE, sender.closed()).await.unwrap();
}
