//! Starts the real engine with a real voice.
// Each test file uses some of the helpers; a helper that fails fails its test.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use visavis_proto::v1::engine_client::EngineClient;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::tts_client::TtsClient;
use visavis_proto::v1::{
    HealthReply, HealthRequest, Priority, SpeechPart, StatsReply, StatsRequest, SynthesizeRequest,
};

mod models;

pub(crate) use models::model;

/// A running engine; it ends when this value is dropped or the test's process ends.
pub(crate) struct Engine {
    pub(crate) child: Child,
    socket: PathBuf,
}

impl Engine {
    /// Starts the engine with the tests' voice and further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(&model("en_US-joe-medium.onnx"), &model("libonnxruntime.so"), arguments)
    }

    /// Starts the engine with any files.
    pub(crate) fn start_with(voice: &Path, onnxruntime: &Path, arguments: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("visavis-tts-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let socket = std::env::temp_dir().join(name);
        let child = Command::new(env!("CARGO_BIN_EXE_visavis-tts"))
            .arg(format!("--listen=unix:{}", socket.display()))
            .args([Path::new("--voice"), voice, Path::new("--onnxruntime"), onnxruntime])
            .args(["--exit-with-stdin", "--log=warn"])
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, socket }
    }

    /// Starts the engine with Kokoro.
    pub(crate) fn with_kokoro() -> Self {
        Self::start_with(&models::kokoro(), &model("libonnxruntime.so"), &[])
    }

    /// A channel to the engine, once it listens.
    pub(crate) async fn channel(&self) -> Channel {
        let socket = self.socket.clone();
        let connect = tower::service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move {
                // The engine may not be listening yet.
                for _ in 0..3000 {
                    if let Ok(stream) = UnixStream::connect(&socket).await {
                        return Ok(TokioIo::new(stream));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(std::io::Error::other("the engine does not listen"))
            }
        });
        Endpoint::from_static("http://engine").connect_with_connector(connect).await.unwrap()
    }

    /// The engine's health after loading.
    pub(crate) async fn loaded(&self) -> HealthReply {
        let mut client = EngineClient::new(self.channel().await);
        loop {
            let health = client.health(HealthRequest {}).await.unwrap().into_inner();
            if health.state() != State::Loading {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A client of the loaded engine.
    pub(crate) async fn ready(&self) -> TtsClient<Channel> {
        let health = self.loaded().await;
        assert_eq!(health.state(), State::Ready, "{}", health.message);
        TtsClient::new(self.channel().await)
    }

    pub(crate) async fn stats(&self) -> StatsReply {
        EngineClient::new(self.channel().await).stats(StatsRequest {}).await.unwrap().into_inner()
    }

    /// Waits until the counters satisfy a condition.
    pub(crate) async fn until(&self, holds: impl Fn(&StatsReply) -> bool) -> StatsReply {
        for _ in 0..6000 {
            let stats = self.stats().await;
            if holds(&stats) {
                return stats;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the counters never satisfied the condition: {:?}", self.stats().await);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_file(&self.socket);
    }
}

/// The tests' voice of Piper without the noise by which no two of its sounds are equal, or equally long; in a folder of its own.
pub(crate) struct StillVoice(PathBuf);

impl StillVoice {
    /// `test`: names the folder, which no other test of the process may use.
    pub(crate) fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("visavis-tts-{test}-{}", std::process::id()));
        // A run that was killed leaves its folder, and numbers of processes come again.
        _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(model("en_US-joe-medium.onnx"), folder.join("still.onnx")).unwrap();
        let description = std::fs::read(model("en_US-joe-medium.onnx.json")).unwrap();
        let mut description: serde_json::Value = serde_json::from_slice(&description).unwrap();
        description["inference"]["noise_scale"] = 0.0.into();
        description["inference"]["noise_w"] = 0.0.into();
        std::fs::write(folder.join("still.onnx.json"), description.to_string()).unwrap();
        Self(folder)
    }

    /// An engine that speaks with it.
    pub(crate) fn engine(&self) -> Engine {
        Engine::start_with(&self.0.join("still.onnx"), &model("libonnxruntime.so"), &[])
    }
}

impl Drop for StillVoice {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One engine for all tests of a file; it ends with the test process, which holds its standard input open.
pub(crate) async fn shared() -> TtsClient<Channel> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::start(&[])).ready().await
}

pub(crate) fn request(text: &str) -> SynthesizeRequest {
    SynthesizeRequest { text: text.to_owned(), ..SynthesizeRequest::default() }
}

pub(crate) fn with(text: &str, priority: Priority) -> SynthesizeRequest {
    SynthesizeRequest { priority: priority.into(), ..request(text) }
}

/// All parts of a response; checks that only the last one is marked as last.
pub(crate) async fn speak(client: &mut TtsClient<Channel>, request: SynthesizeRequest) -> Vec<SpeechPart> {
    let text = request.text.clone();
    let mut stream = client.synthesize(request).await.unwrap().into_inner();
    let mut parts = Vec::new();
    while let Some(part) = stream.message().await.unwrap() {
        parts.push(part);
    }
    let lasts: Vec<bool> = parts.iter().map(|part| part.last).collect();
    assert!(
        lasts.split_last().is_some_and(|(last, rest)| *last && !rest.contains(&true)),
        "{text:?}: {lasts:?}"
    );
    assert_eq!(parts.iter().map(|part| part.text.as_str()).collect::<String>(), text);
    parts
}

/// Checks that words and phonemes are in order, within the sound, and agree.
pub(crate) fn check_times(part: &SpeechPart) {
    let length = samples(part).len() as u64;
    let mut at = 0;
    for word in &part.words {
        assert!(
            at <= word.start && word.start < word.end && word.end <= length,
            "{word:?} of {length} in {:?}",
            part.text
        );
        at = word.end;
    }
    let mut at = 0;
    for phoneme in &part.phonemes {
        assert!(at <= phoneme.start && phoneme.length > 0, "{phoneme:?} in {:?}", part.text);
        at = phoneme.start + phoneme.length;
    }
    assert!(u64::from(at) <= length);
    // Each phoneme belongs to a word, except those of symbols between words.
    let (first, last) = (part.phonemes.first().unwrap(), part.phonemes.last().unwrap());
    assert_eq!(u64::from(first.start), part.words[0].start);
    assert_eq!(u64::from(last.start + last.length), part.words.last().unwrap().end);
}

pub(crate) fn samples(part: &SpeechPart) -> Vec<i16> {
    visavis_proto::pcm::decode(&part.audio).expect("whole samples").collect()
}
