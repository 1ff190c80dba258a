use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use visavis_core::frame::{Message, Role};
use visavis_scripted::{ScriptedLlm, ScriptedResponse};

use super::*;
use crate::admission::{Admission, Limit, Limits};
use crate::api::listener;
use crate::api::openai::chat;
use crate::api::openai::sent::Sent;
use crate::api::problem::Problem;
use crate::engine::Ended;
use crate::engine::sampling::{Form, Length, Usage};

/// A server of chats alone, with a scripted model and room for one request.
#[derive(Clone)]
struct Served {
    llm: Arc<ScriptedLlm>,
    admission: Arc<Admission>,
    address: String,
}

impl Served {
    async fn begin(llm: ScriptedLlm) -> Self {
        let one = Limit { in_all: 1, per_principal: None };
        let admission = Admission::new(Limits {
            calls: one,
            animations: one,
            samples: one,
            measurements: one,
            requests: one,
            followings: one,
        });
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", socket.local_addr().unwrap());
        let served = Self { llm: Arc::new(llm), admission, address };
        let routes = Router::new().route("/", post(answer)).with_state(served.clone());
        let limits = listener::Limits { in_all: 9, of_address: 9 };
        tokio::spawn(listener::serve(socket, routes, limits, CancellationToken::new()));
        served
    }

    async fn ask(&self, body: &Value) -> reqwest::Response {
        // The client needs one though it speaks plain HTTP; a second one is refused, which is fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.post(&self.address).json(body).send().await.unwrap()
    }

    async fn until_free(&self) {
        let free = async {
            while self.admission.active(Kind::Request) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), free).await.expect("the permit is given back");
    }
}

async fn answer(State(served): State<Served>, sent: Sent) -> Result<Response, ApiError> {
    let asked = chat::asked::read(&sent)?;
    asked.check(served.llm.capabilities())?;
    let permit = served.admission.admit(Principal::Anonymous, Kind::Request).map_err(Problem::from)?;
    let order = asked.order(head(Shape::Chat, "small".into()));
    write(served.llm.as_ref(), order, permit).await
}

fn asks(more: Value) -> Value {
    let mut body = json!({ "model": "any", "messages": [{ "role": "user", "content": "Where is Paris?" }] });
    let Value::Object(more) = more else { panic!("an object of fields is expected") };
    body.as_object_mut().unwrap().extend(more);
    body
}

fn ended() -> LlmPiece {
    LlmPiece::Ended(Ended { cut: false, usage: Some(Usage { prompt: 9, cached: 0, response: 3 }) })
}

fn france() -> ScriptedResponse {
    let texts = ["<think>Hm.</think>", "In ", "France."].map(|text| LlmPiece::Text(text.into()));
    ScriptedResponse::new(texts.into_iter().chain([ended()]))
}

#[tokio::test]
async fn a_chat_is_asked_behind_calls_with_what_it_wishes_and_answered_whole() {
    let served = Served::begin(ScriptedLlm::new([france()])).await;
    let schema = json!({ "type": "object" });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    let wishes = json!({ "temperature": 0.5, "stop": ["."], "max_tokens": 9, "response_format": format });
    let response = served.ask(&asks(wishes)).await;
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    let message = &body["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("In France."), &json!("Hm.")));
    assert_eq!(body["usage"]["total_tokens"], 12);
    let asked = served.llm.asked().remove(0);
    assert!(
        asked.ahead
            && asked.detailed
            && asked.thoughts
            && !asked.speculative
            && asked.conversation.is_empty(),
        "{asked:?}"
    );
    assert_eq!(asked.messages, [Message { role: Role::User, content: "Where is Paris?".into() }]);
    assert_eq!((asked.sampling.temperature, asked.sampling.length), (Some(0.5), Length::AtMost(9)));
    assert_eq!(
        (asked.sampling.form, asked.sampling.stop),
        (Form::Schema(schema.to_string()), vec![".".to_owned()])
    );
    served.until_free().await;
}

#[tokio::test]
async fn a_stream_has_events_as_they_are_written_and_ends_with_done() {
    let served = Served::begin(ScriptedLlm::new([france()])).await;
    let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let response = served.ask(&asks(options)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let events: Vec<&str> = text.split_terminator("\n\n").collect();
    assert_eq!(events.last(), Some(&"data: [DONE]"));
    let data = events[..events.len() - 1].iter().map(|event| event.strip_prefix("data: ").unwrap());
    let data: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
    let said = data.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(said.collect::<String>(), "In France.");
    assert_eq!(data.last().unwrap()["usage"]["total_tokens"], 12);
    served.until_free().await;
}

#[tokio::test]
async fn what_is_wrong_before_the_first_word_has_a_status_and_afterwards_ends_the_stream() {
    let died = || EngineError::Failed("it died".into());
    let served = Served::begin(ScriptedLlm::new([
        ScriptedResponse::refused(EngineError::Busy("its queue is full".into())),
        ScriptedResponse::texts(["In "]).failing_after(0, died()),
        ScriptedResponse::texts(["In "]).failing_after(1, died()),
    ]))
    .await;
    let busy = served.ask(&asks(json!({ "stream": true }))).await;
    assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    let failed = served.ask(&asks(json!({ "stream": true }))).await;
    assert_eq!(failed.status(), 502);
    let body: Value = failed.json().await.unwrap();
    assert_eq!(body["error"]["type"], "server_error");
    let broken = served.ask(&asks(json!({ "stream": true }))).await;
    assert_eq!(broken.status(), 200);
    let text = broken.text().await.unwrap();
    assert!(text.contains("\"In \"") && !text.contains("[DONE]"), "{text}");
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("data: {\"error\":"), "{last}");
    served.until_free().await;
}

#[tokio::test]
async fn a_full_server_refuses_with_503_and_who_leaves_makes_room() {
    let never = || ScriptedResponse::texts(["In "]).then_never();
    let served = Served::begin(ScriptedLlm::new([never(), france()])).await;
    let mut held = served.ask(&asks(json!({ "stream": true }))).await;
    assert!(held.chunk().await.unwrap().is_some());
    let full = served.ask(&asks(json!({}))).await;
    assert_eq!((full.status().as_u16(), &full.headers()["retry-after"]), (503, &"2".parse().unwrap()));
    let body: Value = full.json().await.unwrap();
    assert!(body["error"]["message"].as_str().unwrap().contains("server.max_requests"), "{body}");
    drop(held);
    served.until_free().await;
    assert_eq!(served.ask(&asks(json!({}))).await.status(), 200);
}

#[tokio::test]
async fn who_leaves_before_the_first_word_ends_the_work_too() {
    let served = Served::begin(ScriptedLlm::new([ScriptedResponse::never()])).await;
    let asking = {
        let served = served.clone();
        tokio::spawn(async move { served.ask(&asks(json!({}))).await })
    };
    let began = async {
        while served.llm.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), began).await.expect("it is asked");
    asking.abort();
    served.until_free().await;
}

#[tokio::test]
async fn what_a_model_cannot_do_is_refused_and_not_asked_of_it() {
    let served = Served::begin(ScriptedLlm::new([]).only_answering()).await;
    let tool = json!({ "type": "function", "function": { "name": "look" } });
    for (more, param) in [
        (json!({ "tools": [tool] }), "tools"),
        (json!({ "response_format": { "type": "json_object" } }), "response_format"),
    ] {
        let response = served.ask(&asks(more)).await;
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["param"], param, "{body}");
    }
    assert!(served.llm.asked().is_empty() && served.llm.beyond().is_empty());
}
