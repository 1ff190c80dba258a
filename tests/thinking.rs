//! Calls whose language model is at a chat endpoint that thinks before it speaks: a real HTTP server, which thinks until the
//! filler is heard.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use visavis::config::{Config, LlmApi};
use visavis::engine::Engines;
use visavis::engine::backends::Backends;
use visavis::engine::model_files::ModelFiles;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{CallEvent, ClientCommand, ResponseEnd};
use visavis_scripted::{Scripted, ScriptedTts};

/// Far longer than anything here takes; only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// The endpoint's thoughts.
const THOUGHT: &str = "Zounds ";

/// How an endpoint marks thoughts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thoughts {
    /// In `reasoning_content`.
    Field,
    /// In the text, between tags.
    Tags,
}

impl Thoughts {
    /// The events of a response: before the thought, of the thought, and after it.
    fn events(self) -> [String; 3] {
        match self {
            Self::Field => {
                let begins = event(&json!({ "role": "assistant", "content": "" }));
                [begins, event(&json!({ "reasoning_content": THOUGHT })), event(&json!({}))]
            }
            Self::Tags => ["<think>", THOUGHT, "</think>"].map(|text| event(&json!({ "content": text }))),
        }
    }
}

fn event(delta: &Value) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }))
}

/// A response that thinks until `heard`, and then speaks.
fn thinking(thoughts: Thoughts, heard: watch::Receiver<bool>) -> Response {
    let (sender, events) = mpsc::channel::<Result<String, std::io::Error>>(8);
    tokio::spawn(async move {
        let [before, thought, after] = thoughts.events();
        sender.send(Ok(before)).await.unwrap();
        while !*heard.borrow() {
            sender.send(Ok(thought.clone())).await.unwrap();
            sleep(Duration::from_millis(100)).await;
        }
        let ends = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        let spoken = event(&json!({ "content": "It is four." }));
        sender.send(Ok(format!("{after}{spoken}data: {ends}\n\ndata: [DONE]\n\n"))).await.unwrap();
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(ReceiverStream::new(events))).into_response()
}

/// Starts an endpoint; returns its address. `asked` gets the requests.
async fn endpoint(thoughts: Thoughts, heard: watch::Receiver<bool>, asked: mpsc::Sender<Value>) -> String {
    let chat = post(move |Json(body): Json<Value>| async move {
        // A readiness check of the endpoint has no messages.
        if body.get("messages").is_some() {
            asked.try_send(body).unwrap();
        }
        thinking(thoughts, heard)
    });
    let models = get(|| async { Json(json!({ "data": [{ "id": "small" }] })) });
    let router = Router::new().route("/v1/models", models).route("/v1/chat/completions", chat);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A call with the model at this address.
fn call(url: String) -> (TransportPorts, Arc<ScriptedTts>) {
    let mut config = Config::default();
    (config.llm.api, config.llm.url, config.llm.model) = (LlmApi::OpenAi, url, "small".into());
    let llm = Backends::new(false).unwrap().llm(&config, &ModelFiles::default()).unwrap().engine;
    let scripted = Scripted::default();
    let engines = Engines { llm, ..scripted.engines() };
    let (ports, pipeline) = call_ports();
    tokio::spawn(async move {
        let (options, scope) = (CallOptions::default(), Scope::default());
        Box::pin(pipeline::run("call".into(), pipeline, engines, &config, options, scope)).await
    });
    (ports, scripted.tts)
}

/// What happened in a turn.
#[derive(Debug, Default)]
struct Turn {
    events: Vec<CallEvent>,
    /// The events before the first sound.
    before_sound: usize,
}

/// Asks, and listens until the turn is over; reports the first sound.
async fn turn(ports: &mut TransportPorts, heard: &watch::Sender<bool>) -> Turn {
    ports.commands.send(ClientCommand::Say("What time is it?".into())).await.unwrap();
    let (mut turn, mut sounded) = (Turn::default(), false);
    let over = async {
        loop {
            tokio::select! {
                // Events before a sound are reported before it.
                biased;
                event = ports.events.recv() => {
                    let event = event.expect("the call goes on");
                    let over = matches!(event, CallEvent::Turn { .. });
                    turn.events.push(event);
                    if over {
                        break;
                    }
                }
                Some(_) = ports.media.recv() => {
                    if !std::mem::replace(&mut sounded, true) {
                        turn.before_sound = turn.events.len();
                        heard.send_replace(true);
                    }
                }
            }
        }
    };
    timeout(PATIENCE, over).await.expect("the turn ends");
    turn
}

impl Turn {
    fn said(&self) -> String {
        let said = |event: &CallEvent| match event {
            CallEvent::SegmentSpoken { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(said).collect()
    }
}

async fn a_call_with_a_model_that_thinks(thoughts: Thoughts) {
    let (heard, hears) = watch::channel(false);
    let (asked, mut requests) = mpsc::channel(8);
    let (mut ports, tts) = call(endpoint(thoughts, hears, asked).await);
    let first = turn(&mut ports, &heard).await;
    let (before, after) = first.events.split_at(first.before_sound);
    let waits = |event: &CallEvent| matches!(event, CallEvent::Notice { code: "one-moment", .. });
    assert!(before.iter().any(waits), "{first:?}");
    let begins = |event: &CallEvent| matches!(event, CallEvent::AgentStartedSpeaking(_));
    assert!(!before.iter().any(begins), "the first sound is the filler's: {first:?}");
    assert!(after.iter().any(begins), "{first:?}");
    assert_eq!(first.said(), "It is four.");
    let ends = |event: &CallEvent| matches!(event, CallEvent::Turn { end: ResponseEnd::Finished, .. });
    assert!(after.iter().any(ends), "{first:?}");

    let second = turn(&mut ports, &heard).await;
    assert_eq!(second.said(), "It is four.");
    let shown = format!("{first:?} {second:?}");
    let spoken = format!("{:?}", tts.asked());
    assert!(spoken.contains("One moment.") && spoken.contains("It is four."), "{spoken}");
    let (_, kept) = (requests.recv().await.unwrap(), requests.recv().await.unwrap().to_string());
    assert!(kept.contains("It is four.") && !kept.contains("One moment."), "{kept}");
    for told in [shown, spoken, kept] {
        assert!(!told.contains(THOUGHT.trim()) && !told.contains("think>"), "{thoughts:?}: {told}");
    }
}

#[tokio::test]
async fn a_model_that_thinks_for_long_has_the_filler_said_and_its_thoughts_are_never_spoken_shown_or_kept() {
    tokio::join!(
        a_call_with_a_model_that_thinks(Thoughts::Field),
        a_call_with_a_model_that_thinks(Thoughts::Tags)
    );
}
