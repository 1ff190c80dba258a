//! Language models of llama-cpp-python's own server. `scripts/peers.sh` runs these tests one after the other, since one of them measures the
//! server's processor time.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join;
use serde_json::{Value, json};
use tokio::time::timeout;
use visavis_config::{Config, LlmApi, LlmEngine, Secret};
use visavis_core::frame::{Message, Role};
use visavis_core::tool::{Doer, Tool};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Llm, LlmPiece, LlmRequest};

use crate::llama_server::{MODEL, assert_works, llama, rests};
use crate::server::Peer;

const KEY: &str = "sk-of-the-peer";

/// The language model at a peer, and whether it is ready may still be unknown. Its tasks end with the test's runtime.
fn connect(peer: &Peer, set: impl FnOnce(&mut LlmEngine)) -> Backend<dyn Llm> {
    let mut config = Config::default();
    config.llm.api = LlmApi::OpenAi;
    config.llm.url = peer.url("/v1");
    config.llm.model = MODEL.into();
    set(&mut config.llm);
    Backends::new(false).unwrap().llm(&config, &ModelFiles::default()).unwrap()
}

/// The same, once it is ready.
async fn ready(peer: &Peer, set: impl FnOnce(&mut LlmEngine)) -> Backend<dyn Llm> {
    let mut llm = connect(peer, set);
    peer.until(&mut llm, |status| status.ready).await;
    llm
}

/// A request as a call makes it; `more`: of the instructions.
fn asks(question: &str, more: &str) -> LlmRequest {
    let instructions = Config::default().conversation.instructions + more;
    let messages = vec![
        Message { role: Role::System, content: instructions },
        Message { role: Role::User, content: question.into() },
    ];
    LlmRequest { conversation: "call".into(), messages, ..LlmRequest::default() }
}

/// The texts of a response, one for each piece.
async fn texts(llm: &Backend<dyn Llm>, request: LlmRequest) -> Result<Vec<String>, EngineError> {
    let pieces: Vec<_> = llm.engine.generate(request).await?.collect().await;
    let text = |piece| match piece {
        Ok(LlmPiece::Text(text)) => Some(Ok(text)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    };
    pieces.into_iter().filter_map(text).collect()
}

fn tool(name: &str, description: &str, parameter: &str) -> Tool {
    Tool {
        name: name.into(),
        description: description.into(),
        parameters: json!({
            "type": "object", "properties": { parameter: { "type": "string" } }, "required": [parameter],
        }),
        timeout_ms: 1000,
        doer: Doer::Client,
    }
}

fn weather() -> Tool {
    tool("weather", "Tells the weather in a city.", "city")
}

fn order() -> Tool {
    tool("order_status", "Tells where an order is, by its number.", "number")
}

/// The tool that a response calls, and its arguments, which fit `tool`.
async fn called(llm: &Backend<dyn Llm>, request: LlmRequest, tool: &Tool) -> (String, Value) {
    let pieces: Vec<_> = llm.engine.generate(request).await.unwrap().collect().await;
    let Some(Ok(LlmPiece::Call(call))) = pieces.last() else { panic!("{pieces:?}") };
    (call.name.clone(), tool.arguments(&call.arguments).unwrap())
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn a_response_streams_in_pieces() {
    let peer = llama(&[]);
    let llm = ready(&peer, |_| {}).await;
    let told = texts(&llm, asks("What is the capital of France?", "")).await.unwrap();
    assert!(told.len() > 1 && told.concat().contains("Paris"), "{told:?}");
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn two_responses_at_once_both_come_whole() {
    let peer = llama(&[]);
    let llm = ready(&peer, |_| {}).await;
    let count = || texts(&llm, asks("Count from one to ten in digits: 1, 2, 3 and so on.", ""));
    for told in <[_; 2]>::from(join(count(), count()).await) {
        // One that breaks off is an error; what so small a model says is another matter.
        assert!(!told.unwrap().concat().trim().is_empty());
    }
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn a_tool_that_has_to_be_called_is_called_with_valid_arguments() {
    let tool = weather();
    let peer = llama(&[&"--chat_format", &"chatml-function-calling"]);
    // In this form the server tells the model of a tool only if that has to be called.
    let choice = json!({ "type": "function", "function": { "name": "weather" } });
    let llm = ready(&peer, |own| _ = own.body.insert("tool_choice".into(), choice)).await;
    let request = LlmRequest { tools: vec![tool.clone()], ..asks("What is the weather in Paris?", "") };
    let (name, arguments) = called(&llm, request, &tool).await;
    assert_eq!(name, "weather");
    assert!(arguments["city"].as_str().unwrap().contains("Paris"), "{arguments}");
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn a_model_chooses_whether_to_call_a_tool_and_its_calls_are_read_from_its_text() {
    let peer = llama(&[]);
    for choice in [None, Some("auto")] {
        let llm = ready(&peer, |own| {
            own.body.extend(choice.map(|choice| ("tool_choice".to_owned(), json!(choice))));
        })
        .await;
        let offers = |question: &str| {
            // As a call's instructions end once the person speaks English, after another language.
            let more = "\nThe person speaks English. Answer in English.";
            LlmRequest { tools: vec![order()], ..asks(question, more) }
        };
        let (call, arguments) = called(&llm, offers("Where is my order 4711?"), &order()).await;
        assert_eq!((call.as_str(), &arguments["number"]), ("order_status", &json!("4711")));
        let told = texts(&llm, offers("What is the capital of France?")).await.unwrap().concat();
        assert!(told.contains("Paris"), "{told}");
    }
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn a_response_that_is_dropped_ends_the_servers_work_on_it() {
    let peer = llama(&[]);
    let endless = |own: &mut LlmEngine| {
        own.max_tokens = 1800;
        // Neither of the two tokens that end a response.
        own.body.insert("logit_bias".into(), json!({ "151645": -100, "151643": -100 }));
    };
    let llm = ready(&peer, endless).await;
    let mut response = llm.engine.generate(asks("Tell me a long story.", "")).await.unwrap();
    assert!(matches!(response.next().await, Some(Ok(LlmPiece::Text(_)))));
    assert_works(&peer).await;
    drop(response);
    rests(&peer).await;
    let told = texts(&llm, asks("What is the capital of France?", ""));
    assert!(!timeout(Duration::from_secs(60), told).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn a_wrong_key_and_a_model_that_is_not_listed_are_told_with_what_to_set() {
    let peer = llama(&[&"--api_key", &KEY]);
    let mut keyless = connect(&peer, |own| own.key = Secret::new("sk-of-somebody-else"));
    peer.until(&mut keyless, |status| status.message.contains("refuses the key")).await;
    let refused = texts(&keyless, asks("Hello.", "")).await.unwrap_err();
    let EngineError::Invalid(reason) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("Set llm.key") && !reason.contains("somebody"), "{reason}");

    let unknown = |own: &mut LlmEngine| {
        own.key = Secret::new(KEY);
        own.model = "gpt-9".into();
    };
    let llm = ready(&peer, unknown).await;
    let told = llm.status.borrow().message.clone();
    assert!(told.contains("\"gpt-9\"") && told.contains(&format!("It lists {MODEL}")), "{told}");
}

#[tokio::test]
#[ignore = "needs scripts/peers.sh"]
async fn a_question_in_another_language_is_answered_in_it() {
    let peer = llama(&[]);
    let llm = ready(&peer, |_| {}).await;
    // As a call's instructions end once the person speaks Spanish.
    let switched = "\nThe person speaks Spanish. Answer in Spanish.";
    let mut request = asks("¿Cuál es la capital de Francia y qué se puede ver allí?", switched);
    let before = [(Role::User, "What is the capital of Italy?"), (Role::Assistant, "It is Rome.")];
    let before = before.map(|(role, content)| Message { role, content: content.into() });
    drop(request.messages.splice(1..1, before));
    let told = texts(&llm, request).await.unwrap().concat().to_lowercase();
    let spanish = [" es ", " la ", " el ", " de ", " en ", " que ", " y "];
    let found = spanish.iter().filter(|word| told.contains(**word)).count();
    assert!(found >= 2 && told.contains("par") && !told.contains(" the "), "{told}");
}
