//! How the program starts and ends.

mod common;

use std::path::PathBuf;

use common::{Engine, fast_model, jfk};
use tonic::Code;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::{Priority, SttStart};

/// A file in the temporary folder, removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("visavis-stt-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("the temporary folder can be written");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

async fn failure_of(model: PathBuf) -> String {
    let engine = Engine::spawn(&model, &[]).await;
    let health = engine.settled().await;
    assert_eq!(health.state(), State::Failed);
    let Err(refused) = engine.utterance(SttStart::default()).await else {
        panic!("an utterance was opened without a model")
    };
    assert_eq!(refused.code(), Code::FailedPrecondition);
    health.message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_model_is_reported_with_what_to_do() {
    let message = failure_of("/nowhere/whisper.bin".into()).await;
    assert!(
        message.contains("/nowhere/whisper.bin") && message.contains("visavis models fetch"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_a_model_is_reported() {
    let other = Scratch::new("other.bin", b"GGUF is another format");
    let message = failure_of(other.0.clone()).await;
    assert!(message.contains("not in whisper.cpp's ggml format"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_model_is_reported() {
    let whole = std::fs::read(fast_model()).unwrap();
    let half = Scratch::new("half.bin", &whole[..whole.len() / 2]);
    let message = failure_of(half.0.clone()).await;
    assert!(message.contains("ends too early"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_exits_when_its_standard_input_closes_even_during_a_decode() {
    let mut engine = Engine::ready(&fast_model(), &[]).await;
    let utterance = engine.speak(Priority::Live).await;
    utterance.hear(&jfk().repeat(20)).await;
    utterance.decode(1, true).await;
    engine.until(|stats| stats.active == 1).await;
    drop(engine.child.stdin.take());
    let status = engine.child.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_started_by_hand_has_the_passive_wait_policy() {
    let engine = Engine::ready(&fast_model(), &[]).await;
    let environment = std::fs::read(format!("/proc/{}/environ", engine.child.id())).unwrap();
    let policy = environment.split(|&byte| byte == 0).find(|entry| entry.starts_with(b"OMP_WAIT_POLICY="));
    assert_eq!(policy.map(String::from_utf8_lossy).as_deref(), Some("OMP_WAIT_POLICY=passive"));
}
