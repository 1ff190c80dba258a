//! Calls of a real server with peers that are too large for `./test`: `scripts/peers.sh` runs them.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]
#![allow(clippy::duplicate_mod, reason = "the live server and the peer both choose ports")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use visavis_client::{Call, CallOptions, ClientMessage, Event, Mode, ServerMessage};

mod live;
#[path = "../crates/engine/tests/peers/llama_server.rs"]
mod llama_server;
#[path = "../crates/engine/tests/peers/server.rs"]
#[allow(dead_code, reason = "each peer uses a part of it")]
mod server;

use live::Live;
use llama_server::{MODEL, assert_works, llama, rests};
use server::Peer;

/// Longest wait for anything in a call: on two cores the peer writes some ten words a second, and begins after some seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// Somebody in a call, and what the agent has said since their last words.
struct Person {
    call: Call,
    said: String,
}

impl Person {
    /// Takes what comes until a message is this; `what`: its name.
    async fn until(&mut self, what: &str, is_this: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
        let end = Instant::now() + PATIENCE;
        loop {
            let arrived =
                self.call.next_before(end).await.unwrap_or_else(|| panic!("no {what}: {}", self.said));
            match arrived.event {
                Event::Message(message) => {
                    if let ServerMessage::BotOutput { text, .. } = &message {
                        self.said += &format!(" {text} ");
                    }
                    if is_this(&message) {
                        return message;
                    }
                }
                Event::BadMessage(why) | Event::Closed(why) => panic!("no {what}: {why}"),
                Event::Audio { .. } | Event::Packet(_) => {}
            }
        }
    }

    /// Waits until the agent has said this, and a call never.
    async fn hears(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        while !is_so(&self.said.to_lowercase()) {
            self.until(what, |message| matches!(message, ServerMessage::BotOutput { .. })).await;
            assert!(!self.said.contains(['{', '<', '`']), "{}", self.said);
        }
    }

    async fn asks(&mut self, question: &str) {
        self.said.clear();
        self.call.send(ClientMessage::SendText(question.into())).await.unwrap();
    }

    /// Stops the agent.
    async fn interrupts(&mut self) {
        self.call.send(ClientMessage::Interrupt).await.unwrap();
        let interrupted = |message: &ServerMessage| matches!(message, ServerMessage::BotInterrupted { .. });
        self.until("interruption", interrupted).await;
    }

    /// Gives the agent a tool that tells where an order is.
    async fn brings_a_tool(&mut self) {
        let number = json!({ "type": "object", "properties": { "number": { "type": "string" } }, "required": ["number"] });
        let description = "Tells where an order is, by its number.";
        let tools = json!([{ "name": "order_status", "description": description, "parameters": number }]);
        self.call.send(ClientMessage::SetTools(tools)).await.unwrap();
        let granted = |message: &ServerMessage| {
            assert!(!matches!(message, ServerMessage::ErrorResponse { .. }), "{message:?}");
            matches!(message, ServerMessage::Unknown { kind } if kind == "server-response")
        };
        self.until("grant of the tool", granted).await;
    }

    /// Waits for a call of the tool, and returns its result.
    async fn does_as_the_tool(&mut self, result: &str) {
        let called = self.until("call", |message| matches!(message, ServerMessage::ToolCalled { .. })).await;
        let ServerMessage::ToolCalled { id, name } = called else { unreachable!() };
        assert_eq!(name, "order_status");
        self.call.send(ClientMessage::ToolResult { id, result: json!(result) }).await.unwrap();
    }
}

/// Writes the configuration of a server with the peer's language model; returns the file. No response of the model ends by itself, so that
/// it is at work when it is interrupted; and there is a Spanish voice beside the English one.
fn configuration(folder: &Path, peer: &Peer) -> String {
    let file = folder.join("visavis.toml");
    let [joe, kokoro] = ["en_US-joe-medium.onnx", "kokoro/kokoro-82m-int8.onnx"].map(live::model);
    let settings = format!(
        r#"
        [llm]
        api = "openai"
        url = "{}"
        model = "{MODEL}"
        context = 2048
        max_tokens = 1000
        body = {{ logit_bias = {{ "151645" = -100, "151643" = -100 }} }}

        [tts]
        voices = [{joe:?}, {kokoro:?}]

        [avatar]
        enabled = false
        "#,
        peer.url("/v1")
    );
    std::fs::write(&file, settings).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs scripts/peers.sh"]
async fn a_whole_call_with_llama_cpp_pythons_server_calls_a_tool_is_interrupted_and_changes_its_language() {
    let peer = llama(&[]);
    peer.logs("Uvicorn running").await;
    let folder = tempfile::tempdir().unwrap();
    let live = Live::start(&["--config", &configuration(folder.path(), &peer)]).await;
    let options = CallOptions { language: Some("en".into()), ..CallOptions::default() };
    let call = Call::start(&live.server, Mode::WebSocket, options).await.unwrap();
    let mut person = Person { call, said: String::new() };

    person.brings_a_tool().await;
    person.asks("Where is my order 4711?").await;
    person.does_as_the_tool("It is in Hamburg and arrives on Tuesday.").await;
    person.hears("what the tool told", |said| said.contains("hamburg") || said.contains("tuesday")).await;

    assert_works(&peer).await;
    person.interrupts().await;
    rests(&peer).await;

    person.call.send(ClientMessage::SetLanguage(Some("es".into()))).await.unwrap();
    person.asks("¿Dónde está la Torre Eiffel?").await;
    let spanish = |said: &str| said.contains("par") && said.contains(" está ") && !said.contains(" the ");
    person.hears("Spanish", spanish).await;

    assert_works(&peer).await;
    person.call.hang_up().await;
    rests(&peer).await;
}
