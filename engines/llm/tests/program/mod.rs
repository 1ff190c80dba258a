//! Starts the real program with the real model, and ends it.

mod models;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) use models::model;
use tonic::transport::{Channel, Endpoint};
use visavis_proto::v1::engine_client::EngineClient;
use visavis_proto::v1::generate_event::Event;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::llm_client::LlmClient;
use visavis_proto::v1::{
    ChatMessage, GenerateDone, GenerateEvent, GenerateRequest, HealthReply, HealthRequest, StatsReply,
    StatsRequest,
};

/// Far longer than anything here takes; only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) engine: EngineClient<Channel>,
    pub(crate) llm: LlmClient<Channel>,
    socket: PathBuf,
}

impl Program {
    /// Starts an engine and waits until it is ready.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut program = Self::start_with(&model(), arguments).await;
        let health = program.settled().await;
        assert_eq!(health.state(), State::Ready, "{}", health.message);
        program
    }

    /// Starts an engine, which may still be loading.
    pub(crate) async fn start_with(model: &Path, arguments: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let socket = std::env::temp_dir().join(format!("visavis-llm-{}-{number}.sock", std::process::id()));
        let address = format!("unix:{}", socket.display());
        let child = Command::new(env!("CARGO_BIN_EXE_visavis-llm"))
            .args(["--listen", &address, "--exit-with-stdin", "--context", "1024", "--model"])
            .arg(model)
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let endpoint = Endpoint::try_from(address).unwrap();
        let since = Instant::now();
        let channel = loop {
            match endpoint.connect().await {
                Ok(channel) => break channel,
                Err(error) => assert!(since.elapsed() < PATIENCE, "no connection: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        Self { child, engine: EngineClient::new(channel.clone()), llm: LlmClient::new(channel), socket }
    }

    /// The health reply once loading is over.
    pub(crate) async fn settled(&mut self) -> HealthReply {
        let since = Instant::now();
        loop {
            let health = self.engine.health(HealthRequest {}).await.unwrap().into_inner();
            if health.state() != State::Loading {
                return health;
            }
            assert!(since.elapsed() < PATIENCE, "still loading");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn stats(&mut self) -> StatsReply {
        self.engine.stats(StatsRequest {}).await.unwrap().into_inner()
    }

    /// Waits until the counters are as expected.
    pub(crate) async fn stats_when(&mut self, expected: impl Fn(&StatsReply) -> bool) -> StatsReply {
        let since = Instant::now();
        loop {
            let stats = self.stats().await;
            if expected(&stats) {
                return stats;
            }
            assert!(since.elapsed() < PATIENCE, "{stats:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A whole response; checks that `done` comes once and last.
    pub(crate) async fn generate(&mut self, request: GenerateRequest) -> (String, GenerateDone) {
        let stream = self.llm.generate(request).await.unwrap().into_inner();
        finish(stream).await
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn ended(&mut self) -> std::process::ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "still running");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_file(&self.socket);
    }
}

/// Reads a stream to its end.
pub(crate) async fn finish(mut stream: tonic::Streaming<GenerateEvent>) -> (String, GenerateDone) {
    let mut text = String::new();
    let mut done = None;
    while let Some(event) = stream.message().await.unwrap() {
        assert!(done.is_none(), "an event after done");
        match event.event.unwrap() {
            Event::Text(part) => {
                assert!(!part.is_empty());
                text.push_str(&part);
            }
            Event::Call(call) => panic!("a call without tools: {call:?}"),
            Event::TurnEnd(_) => assert!(text.is_empty(), "the turn prediction comes before any text"),
            Event::Done(last) => done = Some(last),
        }
    }
    (text, done.expect("a stream ends with done"))
}

pub(crate) fn message(role: &str, content: &str) -> ChatMessage {
    ChatMessage { role: role.into(), content: content.into(), call: None }
}

/// A request with a long response.
pub(crate) fn long(conversation: &str) -> GenerateRequest {
    GenerateRequest {
        conversation: conversation.into(),
        messages: vec![message(
            "user",
            "Write a very long story about the sea, the wind and an old captain.",
        )],
        max_tokens: 800,
        ..GenerateRequest::default()
    }
}

/// A request with a short response.
pub(crate) fn short(conversation: &str, question: &str) -> GenerateRequest {
    GenerateRequest {
        conversation: conversation.into(),
        messages: vec![
            message("system", "You are a friendly assistant. Answer briefly."),
            message("user", question),
        ],
        max_tokens: 8,
        ..GenerateRequest::default()
    }
}
