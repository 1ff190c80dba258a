//! Language models at OpenAI-compatible chat endpoints, against a real HTTP server that follows the recorded contract.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod endpoint_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use endpoint_support::{KEY, NotReady, PATIENCE, refuses, serve, slow_down};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep, timeout};
use visavis_config::{Config, LlmApi, Secret};
use visavis_core::frame::{Message, Role};
use visavis_core::tool::{WrittenCall, builtin};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Llm, LlmPiece, LlmRequest};

const DONE: &str = "data: [DONE]\n\n";

/// Starts an endpoint that answers each request for a response like this; returns its `llm.url`.
async fn endpoint(chat: impl Fn(HeaderMap, Value) -> Response + Clone + Send + Sync + 'static) -> String {
    let list =
        json!({ "object": "list", "data": [{ "id": "small", "object": "model", "max_model_len": 2048 }] });
    let models = get(move || async move { Json(list) });
    let chat = post(move |headers: HeaderMap, Json(body): Json<Value>| {
        let response = chat(headers, body);
        async move { response }
    });
    serve(Router::new().route("/v1/models", models).route("/v1/chat/completions", chat)).await
}

fn config(url: String) -> Config {
    let mut config = Config::default();
    config.llm.api = LlmApi::OpenAi;
    config.llm.url = url;
    config.llm.model = "small".into();
    config.llm.key = Secret::new(KEY);
    config
}

/// The language model. Its tasks end with the test's runtime.
fn connect(config: &Config) -> Backend<dyn Llm> {
    Backends::new(false).unwrap().llm(config, &ModelFiles::default()).unwrap()
}

fn request() -> LlmRequest {
    let messages = vec![
        Message { role: Role::System, content: "Be brief.".into() },
        Message { role: Role::User, content: "Hello.".into() },
    ];
    LlmRequest { conversation: "call".into(), messages, ..LlmRequest::default() }
}

/// All pieces of a response, up to its error.
async fn pieces(llm: &dyn Llm, request: LlmRequest) -> Result<Vec<LlmPiece>, (Vec<LlmPiece>, EngineError)> {
    let mut found = Vec::new();
    let mut stream = match llm.generate(request).await {
        Ok(stream) => stream,
        Err(error) => return Err((found, error)),
    };
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => found.push(piece),
            Err(error) => return Err((found, error)),
        }
    }
    Ok(found)
}

fn delta(delta: &Value) -> String {
    let chunk = json!({ "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
    format!("data: {chunk}\n\n")
}

fn says(text: &str) -> String {
    delta(&json!({ "content": text }))
}

fn ends(reason: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }))
}

fn text(text: &str) -> LlmPiece {
    LlmPiece::Text(text.into())
}

/// A complete stream.
fn stream(events: &[String]) -> Response {
    ([(CONTENT_TYPE, "text/event-stream")], events.concat()).into_response()
}

/// A stream that the test writes.
fn written() -> (mpsc::Sender<Result<String, std::io::Error>>, Response) {
    let (sender, body) = endpoint_support::written();
    (sender, ([(CONTENT_TYPE, "text/event-stream")], body).into_response())
}

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
        let usage = json!({ "choices": [], "usage": {
            "prompt_tokens": 90, "completion_tokens": 9, "prompt_tokens_details": { "cached_tokens": 80 },
        }});
        stream(&[
            says("I look."),
            call(json!({ "index": 0, "id": "a", "function": { "name": name, "arguments": "" } })),
            call(json!({ "index": 0, "function": { "arguments": "{}" } })),
            ends("tool_calls"),
            format!("data: {usage}\n\n"),
            DONE.into(),
        ])
    })
    .await;
    let llm = connect(&config(url));
    let request = LlmRequest { tools: vec![builtin("current_time").unwrap()], ..request() };
    let call = LlmPiece::Call(WrittenCall { name: "current_time".into(), arguments: "{}".into() });
    let found = pieces(llm.engine.as_ref(), request).await.unwrap();
    assert_eq!(found, [text("I look."), LlmPiece::Read(10), call]);
}

fn offering() -> LlmRequest {
    LlmRequest { tools: vec![builtin("current_time").unwrap()], ..request() }
}

fn time_is_called() -> LlmPiece {
    LlmPiece::Call(WrittenCall { name: "current_time".into(), arguments: "{}".into() })
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
    for (more, expected) in [
        (None, vec![text("Hello.")]),
        (
            Some(json!({ "choices": [], "usage": {
                "prompt_tokens": 90, "completion_tokens": 9, "prompt_tokens_details": { "cached_tokens": 80 },
            }})),
            vec![text("Hello."), LlmPiece::Read(10)],
        ),
    ] {
        let url = endpoint(move |_, _| {
            let (sender, response) = written();
            let more = more.clone();
            tokio::spawn(async move {
                sender.send(Ok(says("Hello.") + &ends("stop"))).await.unwrap();
                if let Some(more) = more {
                    sleep(Duration::from_millis(100)).await;
                    sender.send(Ok(format!("data: {more}\n\n"))).await.unwrap();
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
        let request = LlmRequest { tools: vec![builtin("current_time").unwrap()], ..request() };
        let (_, error) = pieces(llm.engine.as_ref(), request).await.unwrap_err();
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

/// Begins with `begins`, sends a proxy's signs of life every 100 ms, and continues with `rest` after 1.5 s.
fn stalls(begins: &[String], rest: String) -> Response {
    let (sender, response) = written();
    let begins = begins.concat();
    tokio::spawn(async move {
        sender.send(Ok(begins)).await.unwrap();
        let mut ticks = interval(Duration::from_millis(100));
        ticks.tick().await;
        for _ in 0..15 {
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
    let url = endpoint(move |_, _| stalls(&[role(), says("Once upon")], rest())).await;
    let mut config = config(url);
    config.llm.stall_seconds = 1;
    let (words, error) = pieces(connect(&config).engine.as_ref(), request()).await.unwrap_err();
    assert_eq!(words, [text("Once upon")]);
    assert!(error.to_string().ends_with("for 1 s. Look at its load, or raise llm.stall_seconds"), "{error}");
    config.llm.url = endpoint(move |_, _| stalls(&[role()], rest())).await;
    assert_eq!(pieces(connect(&config).engine.as_ref(), request()).await.unwrap(), [text(" a time.")]);
}

#[tokio::test]
async fn a_response_is_waited_for_longer_where_it_may_become_a_tool_call_or_a_voice_still_speaks() {
    let call = json!({ "index": 0, "id": "a", "function": { "name": "current_time", "arguments": "{}" } });
    let whole = delta(&json!({ "tool_calls": [call] })) + &ends("tool_calls") + DONE;
    let url = endpoint(move |_, _| stalls(&[says("I look.")], whole.clone())).await;
    let mut config = config(url);
    config.llm.stall_seconds = 1;
    let asked = LlmRequest { tools: vec![builtin("current_time").unwrap()], ..request() };
    let found = pieces(connect(&config).engine.as_ref(), asked).await.unwrap();
    let call = LlmPiece::Call(WrittenCall { name: "current_time".into(), arguments: "{}".into() });
    assert_eq!(found, [text("I look."), call]);
    let sentence = "A sentence that takes some seconds to say.";
    let rest = || says(" Yes.") + &ends("stop") + DONE;
    config.llm.url = endpoint(move |_, _| stalls(&[says(sentence)], rest())).await;
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

#[tokio::test]
async fn an_endpoint_is_ready_when_it_lists_its_models_and_its_context_bounds_ours() {
    let url = endpoint(|_, _| stream(&[])).await;
    let mut llm = connect(&config(url));
    let found = timeout(PATIENCE, llm.status.wait_for(|status| status.ready)).await;
    let message = found.unwrap().unwrap().message.clone();
    assert_eq!((message.as_str(), llm.engine.capabilities().context), ("", Some(2048)));
}

#[tokio::test]
async fn an_endpoint_without_a_list_of_models_is_ready_if_it_takes_requests() {
    let refuses = post(|| async { (StatusCode::UNPROCESSABLE_ENTITY, "no model is named") });
    let without = Router::new().route("/v1/chat/completions", refuses);
    // A restricted key may permit requests for responses only.
    let forbidden = without.clone().route("/v1/models", get(|| async { StatusCode::FORBIDDEN }));
    for router in [without, forbidden] {
        let mut llm = connect(&config(serve(router).await));
        timeout(PATIENCE, llm.status.wait_for(|status| status.ready)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_ready_says_what_to_set() {
    for endpoint in NotReady::each("llm").await {
        let mut llm = connect(&config(endpoint.url.clone()));
        endpoint.is_told_by(&mut llm.status).await;
    }
}
