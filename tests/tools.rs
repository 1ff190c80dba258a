//! Tools through the whole pipeline, with scripted engines and a real web server behind the webhooks.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::timeout;
use visavis::config::{Config, Webhook};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{CallEvent, ClientCommand, EndReason};
use visavis_core::frame::{Message, Role};
use visavis_core::tool::{ToolEnd, of_client};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse};

const PATIENCE: Duration = Duration::from_secs(20);

/// The requests that the web server got (headers and body), and how many were cancelled.
#[derive(Default)]
struct Asked {
    bodies: Mutex<Vec<(HeaderMap, Value)>>,
    dropped: Mutex<usize>,
}

struct Dropped(Arc<Asked>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        *self.0.dropped.lock() += usize::from(!self.1);
    }
}

async fn order(State(asked): State<Arc<Asked>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let kind = body["arguments"]["number"].as_str().unwrap().to_owned();
    asked.bodies.lock().push((headers, body));
    let mut guard = Dropped(asked, false);
    let answer = match kind.as_str() {
        "json" => Json(json!({ "state": "shipped" })).into_response(),
        "text" => "It is on its way.".into_response(),
        "broken" => ([("content-type", "application/json")], "{").into_response(),
        "huge" => "x".repeat(100_000).into_response(),
        "moved" => (StatusCode::FOUND, [("location", "/order")], "").into_response(),
        "fault" => (StatusCode::INTERNAL_SERVER_ERROR, "secret").into_response(),
        _ => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            "late".into_response()
        }
    };
    guard.1 = true;
    answer
}

struct Call {
    ports: TransportPorts,
    llm: Arc<ScriptedLlm>,
    asked: Arc<Asked>,
    run: tokio::task::JoinHandle<EndReason>,
    events: Vec<CallEvent>,
}

fn says(text: &str) -> ScriptedResponse {
    ScriptedResponse::texts([text])
}

fn calls(name: &str, arguments: &Value) -> ScriptedResponse {
    ScriptedResponse::call(name, arguments)
}

impl Call {
    async fn begin(responses: Vec<ScriptedResponse>) -> Self {
        Self::begin_with(responses, 1500).await
    }

    /// With a webhook that may take longer than anything here takes.
    async fn begin_patiently(responses: Vec<ScriptedResponse>) -> Self {
        Self::begin_with(responses, 60_000).await
    }

    /// With a webhook that may take so many milliseconds.
    async fn begin_with(responses: Vec<ScriptedResponse>, timeout_ms: u64) -> Self {
        let asked = Arc::new(Asked::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/order", listener.local_addr().unwrap());
        let router = Router::new().route("/order", post(order)).with_state(asked.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let mut config = Config::default();
        config.tools.rounds = 4;
        config.tools.builtin = vec!["current_time".into(), "end_call".into()];
        config.tools.webhooks = vec![Webhook {
            name: "order".into(),
            description: "Looks up an order.".into(),
            parameters: json!({
                "type": "object", "properties": { "number": { "type": "string" } }, "required": ["number"],
            }),
            url,
            headers: BTreeMap::from([("authorization".into(), "Bearer x".into())]),
            timeout_ms,
        }];
        let scripted = Scripted::with(ScriptedLlm::new(responses));
        let (engines, llm) = (scripted.engines(), scripted.llm);
        let (ports, pipeline) = call_ports();
        let scope = Scope::default();
        let run = tokio::spawn(async move {
            Box::pin(pipeline::run("test".into(), pipeline, engines, &config, CallOptions::default(), scope))
                .await
        });
        Self { ports, llm, asked, run, events: Vec::new() }
    }

    async fn say(&self, text: &str) {
        self.ports.commands.send(ClientCommand::Say(text.into())).await.unwrap();
    }

    /// Takes events until this one.
    async fn until(&mut self, what: impl Fn(&CallEvent) -> bool) {
        let wait = async {
            loop {
                tokio::select! {
                    event = self.ports.events.recv() => {
                        let event = event.expect("the call goes on");
                        self.events.push(event.clone());
                        if what(&event) {
                            return;
                        }
                    }
                    // The media queue closes before the last events.
                    Some(_) = self.ports.media.recv() => {}
                }
            }
        };
        if timeout(PATIENCE, wait).await.is_err() {
            panic!("it did not come: {:?}", self.events);
        }
    }

    async fn turn(&mut self) {
        self.until(|event| matches!(event, CallEvent::Turn { .. })).await;
    }

    /// The last message of the model's last request.
    fn told(&self) -> Message {
        self.llm.asked().last().unwrap().messages.last().unwrap().clone()
    }

    fn ends_of_tools(&self) -> Vec<ToolEnd> {
        let end = |event: &CallEvent| {
            if let CallEvent::ToolStopped { end, .. } = event { Some(*end) } else { None }
        };
        self.events.iter().filter_map(end).collect()
    }
}

#[tokio::test]
async fn a_webhook_gets_a_post_and_the_model_speaks_of_its_result() {
    let responses = vec![calls("order", &json!({ "number": "json" })), says("Shipped.")];
    let mut call = Call::begin_patiently(responses).await;
    call.say("Where is my order?").await;
    call.turn().await;
    let (headers, body) = call.asked.bodies.lock()[0].clone();
    assert_eq!(headers["authorization"], "Bearer x");
    assert_eq!(
        body,
        json!({ "call": "test", "id": "1-1", "name": "order", "arguments": { "number": "json" } })
    );
    let told = call.told();
    assert_eq!((told.role, told.content.as_str()), (Role::Tool, r#"{"state":"shipped"}"#));
    assert!(
        call.events
            .iter()
            .any(|event| matches!(event, CallEvent::SegmentSpoken { text, .. } if text == "Shipped."))
    );
    assert_eq!(call.ends_of_tools(), [ToolEnd::Done]);
}

#[tokio::test]
async fn whatever_a_webhook_does_the_model_is_told_and_the_call_goes_on() {
    let kinds = [
        ("text", "It is on its way."),
        ("broken", "not JSON"),
        ("huge", "more than"),
        ("moved", "status 302"),
        ("fault", "status 500"),
    ];
    let responses =
        kinds.iter().flat_map(|(kind, _)| [calls("order", &json!({ "number": kind })), says("So.")]);
    let mut call = Call::begin_patiently(responses.collect()).await;
    for (kind, expected) in kinds {
        call.say("Where is my order?").await;
        call.turn().await;
        let told = call.told().content;
        assert!(told.contains(expected) && !told.contains("secret"), "{kind}: {told}");
    }
}

#[tokio::test]
async fn a_slow_webhook_is_announced_and_times_out() {
    let responses = vec![calls("order", &json!({ "number": "slow" })), says("Not now.")];
    let mut call = Call::begin(responses).await;
    call.say("Where is my order?").await;
    call.turn().await;
    assert!(call.told().content.contains("in time"), "{:?}", call.told());
    let told = |event: &CallEvent| matches!(event, CallEvent::Notice { code: "one-moment", message } if message.contains("looking"));
    assert_eq!(call.events.iter().filter(|event| told(event)).count(), 1);
    assert_eq!(call.ends_of_tools(), [ToolEnd::Failed]);
}

#[tokio::test]
async fn an_interruption_cancels_the_webhook_request() {
    let responses = vec![calls("order", &json!({ "number": "slow" })), says("Right.")];
    let mut call = Call::begin_patiently(responses).await;
    call.say("Where is my order?").await;
    call.until(|event| matches!(event, CallEvent::ToolStarted { .. })).await;
    while call.asked.bodies.lock().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.say("Forget it.").await;
    call.turn().await;
    call.turn().await;
    assert_eq!(call.ends_of_tools(), [ToolEnd::Cancelled]);
    let asked = async {
        while *call.asked.dropped.lock() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asked).await.expect("the request is dropped before its timeout");
}

#[tokio::test]
async fn a_client_tool_is_run_by_the_client() {
    let responses = vec![calls("paint", &json!({ "colour": "blue" })), says("Done.")];
    let mut call = Call::begin(responses).await;
    let declared = json!([{ "name": "paint", "description": "Paints the page." }]);
    let tools = of_client(&declared, 5000).unwrap();
    call.ports.commands.send(ClientCommand::SetTools { id: None, tools }).await.unwrap();
    call.say("Make it blue.").await;
    let asked = |event: &CallEvent| matches!(event, CallEvent::ToolStarted { arguments: Some(of), .. } if of["colour"] == "blue");
    call.until(asked).await;
    let result = ClientCommand::ToolResult { id: "1-1".into(), result: Ok("painted".into()) };
    call.ports.commands.send(result).await.unwrap();
    call.turn().await;
    assert_eq!(call.told().content, "painted");
    let names: Vec<_> = call.llm.asked()[0].tools.iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(names, ["current_time", "end_call", "order", "paint"]);
}

#[tokio::test]
async fn the_model_is_told_the_time_and_the_call_ends_after_its_goodbye_was_heard() {
    let responses = vec![calls("current_time", &json!({})), says("Late."), calls("end_call", &json!({}))];
    let mut call = Call::begin(responses).await;
    call.say("What time is it?").await;
    call.turn().await;
    assert!(call.told().content.starts_with("It is "), "{:?}", call.told());
    call.say("Bye.").await;
    call.until(|event| matches!(event, CallEvent::Ended { reason: EndReason::AgentEnded, .. })).await;
    let spoken =
        |event: &CallEvent| matches!(event, CallEvent::SegmentSpoken { text, .. } if text == "Goodbye.");
    assert!(call.events.iter().any(spoken));
    assert_eq!(timeout(PATIENCE, call.run).await.unwrap().unwrap(), EndReason::AgentEnded);
}
