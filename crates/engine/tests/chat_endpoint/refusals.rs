use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use visavis_config::Secret;
use visavis_engine::EngineError;

use crate::chat::{
    DONE, config, connect, endpoint, ends, offering, pieces, request, says, stream, text, time_is_called,
};
use crate::endpoint_support::{KEY, refuses, slow_down};

#[tokio::test]
async fn each_refusal_says_what_to_set_and_never_shows_the_key() {
    for (status, body, part) in [
        (401, "Incorrect API key provided: sk-very-secret", "llm.key"),
        (404, "The model `small` does not exist.", "llm.model"),
        (404, "Not Found", "llm.url"),
        (200, "<!doctype html><h1>Welcome</h1>", "web page"),
        (400, "'auto' tool choice is off", "llm.tools"),
    ] {
        let url = endpoint(move |_, _| refuses(status, body)).await;
        let llm = connect(&config(url));
        let (_, error) = pieces(llm.engine.as_ref(), offering()).await.unwrap_err();
        assert!(matches!(error, EngineError::Invalid(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(part) && !text.contains(KEY), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_secret_is_hidden_also_where_json_escapes_its_slashes() {
    let body = r#"{"error":{"message":"no team team\/very\/secret, team/very/secret"}}"#;
    let url = endpoint(move |_, _| (StatusCode::BAD_REQUEST, body).into_response()).await;
    let mut config = config(url);
    config.llm.headers.insert("x-team".into(), Secret::new("team/very/secret"));
    let llm = connect(&config);
    let (_, error) = pieces(llm.engine.as_ref(), request()).await.unwrap_err();
    assert!(error.to_string().contains("no team (hidden), (hidden)"), "{error}");
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_with_what_fits() {
    let message = "This model's maximum context length is 2048 tokens, and 3000 were sent";
    let body = json!({ "error": { "message": message, "code": "context_length_exceeded" } });
    // Some endpoints notice only after they have begun to stream.
    let early = body.clone();
    let refuses = endpoint(move |_, _| (StatusCode::BAD_REQUEST, Json(early.clone())).into_response()).await;
    let breaks_off = endpoint(move |_, _| stream(&[format!("event: error\ndata: {body}\n\n")])).await;
    for url in [refuses, breaks_off] {
        let llm = connect(&config(url));
        let (_, error) = pieces(llm.engine.as_ref(), request()).await.unwrap_err();
        assert_eq!(error, EngineError::TooLong { limit: 2048 - 160, got: 3000 });
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_where_that_is_soon() {
    for (told, waits) in [(Some("1"), true), (None, true), (Some("60"), false)] {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = asked.clone();
        let url = endpoint(move |_, _| {
            if counted.fetch_add(1, Ordering::Relaxed) > 0 {
                return stream(&[says("Hello."), ends("stop"), DONE.into()]);
            }
            slow_down(429, told)
        })
        .await;
        let (llm, began) = (connect(&config(url)), Instant::now());
        let found = pieces(llm.engine.as_ref(), request()).await;
        if waits {
            assert_eq!(found.unwrap(), [text("Hello.")]);
            assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
        } else {
            let (_, error) = found.unwrap_err();
            assert!(matches!(error, EngineError::Busy(_)) && error.to_string().contains("60 s"), "{error}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), if waits { 2 } else { 1 });
    }
}

/// How an endpoint refuses a request: with a status and a message, or without either.
type Refusing = fn(u16, &'static str) -> Response;

fn breaks_off(_status: u16, _message: &'static str) -> Response {
    stream(&[])
}

#[tokio::test]
async fn an_endpoint_that_refuses_a_choice_of_tools_is_asked_without_one_from_then_on() {
    // vLLM without its options for tools, and llama-cpp-python where "auto" is configured.
    for (configured, refused, plain) in
        [(None, refuses as Refusing, json!("none")), (Some("auto"), breaks_off as Refusing, Value::Null)]
    {
        let (asked, mut seen) = mpsc::channel(8);
        let accepted = plain.clone();
        let url = endpoint(move |_, body| {
            asked.try_send((body["tool_choice"].clone(), body["tools"][0]["type"].clone())).unwrap();
            if body["tool_choice"] != accepted {
                return refused(400, "\"auto\" tool choice requires a flag");
            }
            let call = "<tool_call>\n{\"name\": \"current_time\", \"arguments\": {}}\n</tool_call>";
            stream(&[says("I look. "), says(call), ends("stop"), DONE.into()])
        })
        .await;
        let mut config = config(url);
        config.llm.body.extend(configured.map(|choice| ("tool_choice".to_owned(), json!(choice))));
        let llm = connect(&config);
        for _ in 0..2 {
            let found = pieces(llm.engine.as_ref(), offering()).await.unwrap();
            assert_eq!(found, [text("I look. "), time_is_called()]);
        }
        let mut choices = Vec::new();
        while let Ok((choice, offered)) = seen.try_recv() {
            assert_eq!(offered, "function", "tools are offered each time");
            choices.push(choice);
        }
        assert_eq!(choices, [configured.map_or(Value::Null, Value::from), plain.clone(), plain]);
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_where_no_choice_was_configured_is_not_asked_for_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let url = endpoint(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        stream(&[])
    })
    .await;
    let (_, error) = pieces(connect(&config(url)).engine.as_ref(), offering()).await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
