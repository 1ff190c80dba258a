//! The default language model and its tools, in a real server: how often it calls the right tool.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::time::Duration;

use visavis_client::turn::{Question, ask};
use visavis_client::{Call, CallOptions, Mode};

mod live;
use live::Live;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn the_default_model_calls_for_the_time_and_speaks_of_it_and_never_shows_a_call() {
    ask_for_the_time(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_after_a_greeting_too() {
    ask_for_the_time(&["--set", "conversation.greeting=Hello, I am your assistant. How can I help?"]).await;
}

async fn ask_for_the_time(more: &[&str]) {
    let model = live::model("qwen2.5-coder-0.5b-instruct-iq4_nl.gguf");
    let model = format!("llm.model={}", model.display());
    let tools = ["--set", &model, "--set", r#"tools.builtin=["current_time"]"#];
    let live = Live::start(&[&tools, more].concat()).await;
    let questions = [
        "What time is it?",
        "Can you tell me the time?",
        "What's the time now?",
        "Do you know what time it is?",
        "Tell me the time please.",
        "Which day is it today?",
    ];
    let mut responses = Vec::new();
    for question in questions {
        let mut call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
        let report = ask(&mut call, &Question::Typed(question.into()), PATIENCE).await.unwrap();
        responses.push(report.response_text);
        call.hang_up().await;
    }
    let called = live.metric("visavis_tool_calls_total").await;
    assert!(called >= 4.0, "{called}: {responses:?}");
    let told = responses.iter().filter(|response| response.contains("20") || response.contains(':')).count();
    assert!(told >= 4, "{responses:?}");
    for response in &responses {
        assert!(!response.is_empty() && !response.contains(['{', '<']), "{response}");
    }
}
