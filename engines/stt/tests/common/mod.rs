//! Starts the real program with a real model, and talks to it as a server would.

#![allow(dead_code, clippy::unwrap_used)] // each test file uses its share; clippy knows test functions only

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};
use visavis_config::{Sources, load};
use visavis_proto::v1::engine_client::EngineClient;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::stt_client::SttClient;
use visavis_proto::v1::{
    HealthReply, HealthRequest, Priority, StatsReply, StatsRequest, SttDecode, SttInput, SttStart,
    Transcript, stt_input::Input,
};

pub(crate) const JFK: &str = "and so my fellow americans ask not what your country can do for you ask what you can do for your country";
pub(crate) const RATE: usize = 16_000;

/// Far longer than anything here takes; only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(120);

fn models() -> PathBuf {
    load(&Sources::from_process(None, Vec::new())).unwrap().models.dir
}

fn asset(names: &[&str]) -> PathBuf {
    let found = names.iter().map(|name| models().join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!(
            "{} has no {}: run ./test, or `visavis models fetch --profile tiny` first",
            models().display(),
            names.join(" or ")
        )
    })
}

/// The most accurate model available.
pub(crate) fn best_model() -> PathBuf {
    asset(&["whisper-base.bin", "whisper-tiny.en.bin"])
}

/// The fastest model available.
pub(crate) fn fast_model() -> PathBuf {
    asset(&["whisper-tiny.en.bin", "whisper-base.bin"])
}

/// Eleven seconds of speech, PCM16.
pub(crate) fn jfk() -> Vec<u8> {
    let file = std::fs::read(asset(&["speech/jfk.wav"])).unwrap();
    let data = file.windows(4).position(|tag| tag == b"data").unwrap() + 8;
    file[data..].to_vec()
}

/// White noise of this amplitude, the same every time.
pub(crate) fn noise(samples: usize, amplitude: f64) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..samples).flat_map(|_| ((next() * amplitude) as i16).to_le_bytes()).collect()
}

/// Lower case words without punctuation.
pub(crate) fn words(text: &str) -> Vec<String> {
    let kept: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    kept.split_whitespace().map(str::to_owned).collect()
}

/// The share of wrong, missing and extra words.
pub(crate) fn word_error_rate(heard: &str, said: &str) -> f64 {
    let (heard, said) = (words(heard), words(said));
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, expected) in said.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, word) in heard.iter().enumerate() {
            let cost = (diagonal + usize::from(word != expected)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[heard.len()] as f64 / said.len() as f64
}

/// A running engine; killed when dropped. If the test process dies, its standard input closes and it exits.
pub(crate) struct Engine {
    pub(crate) child: Child,
    channel: Channel,
    socket: PathBuf,
}

impl Drop for Engine {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_file(&self.socket);
    }
}

impl Engine {
    /// Starts the program without waiting for its model.
    pub(crate) async fn spawn(model: &Path, arguments: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let socket = std::env::temp_dir().join(format!("visavis-stt-{}-{number}.sock", std::process::id()));
        let address = format!("unix:{}", socket.display());
        let child = Command::new(env!("CARGO_BIN_EXE_visavis-stt"))
            .args(["--listen", &address, "--exit-with-stdin", "--log", "warn", "--model"])
            .arg(model)
            .args(arguments)
            .env_remove("OMP_WAIT_POLICY")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let channel = Endpoint::from_shared(address).unwrap().connect_lazy();
        let engine = Self { child, channel, socket };
        while engine.engine().health(HealthRequest {}).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        engine
    }

    /// Starts the program and waits until it is ready.
    pub(crate) async fn ready(model: &Path, arguments: &[&str]) -> Self {
        let engine = Self::spawn(model, arguments).await;
        let health = engine.settled().await;
        assert_eq!(health.state(), State::Ready, "{}", health.message);
        engine
    }

    /// The health reply once the model has loaded or failed.
    pub(crate) async fn settled(&self) -> HealthReply {
        loop {
            let health = self.engine().health(HealthRequest {}).await.unwrap().into_inner();
            if health.state() != State::Loading {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn engine(&self) -> EngineClient<Channel> {
        EngineClient::new(self.channel.clone())
    }

    pub(crate) async fn stats(&self) -> StatsReply {
        self.engine().stats(StatsRequest {}).await.unwrap().into_inner()
    }

    /// Waits until the counters satisfy a condition.
    pub(crate) async fn until(&self, condition: impl Fn(&StatsReply) -> bool) -> StatsReply {
        let since = Instant::now();
        loop {
            let stats = self.stats().await;
            if condition(&stats) {
                return stats;
            }
            assert!(since.elapsed() < PATIENCE, "{stats:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Opens an utterance.
    pub(crate) async fn utterance(&self, start: SttStart) -> Result<Utterance, Status> {
        let (inputs, receiver) = mpsc::channel(64);
        let mut client = SttClient::new(self.channel.clone());
        let transcripts = client.recognize(ReceiverStream::new(receiver)).await?.into_inner();
        let utterance = Utterance { inputs, transcripts };
        utterance.send(Input::Start(start)).await;
        Ok(utterance)
    }

    /// An utterance of unknown language and this priority.
    pub(crate) async fn speak(&self, priority: Priority) -> Utterance {
        self.utterance(SttStart { priority: priority.into(), ..SttStart::default() }).await.unwrap()
    }

    /// The final transcript of a recording.
    pub(crate) async fn transcribe(&self, pcm: &[u8]) -> Transcript {
        let mut utterance = self.speak(Priority::Live).await;
        utterance.hear(pcm).await;
        utterance.decode(1, true).await;
        utterance.next().await.unwrap()
    }
}

/// An open utterance.
pub(crate) struct Utterance {
    inputs: mpsc::Sender<SttInput>,
    transcripts: Streaming<Transcript>,
}

impl Utterance {
    pub(crate) async fn send(&self, input: Input) {
        // A refused stream shows in the transcripts.
        _ = self.inputs.send(SttInput { input: Some(input) }).await;
    }

    pub(crate) async fn hear(&self, pcm: &[u8]) {
        for part in pcm.chunks(1 << 20) {
            self.send(Input::Audio(part.to_vec())).await;
        }
    }

    pub(crate) async fn decode(&self, number: u32, is_final: bool) {
        self.send(Input::Decode(SttDecode { number, r#final: is_final, ..SttDecode::default() })).await;
    }

    /// The next transcript.
    pub(crate) async fn next(&mut self) -> Result<Transcript, Status> {
        self.transcripts.message().await.map(|transcript| transcript.expect("the stream goes on"))
    }

    /// Ends the caller's side and returns the remaining transcripts.
    pub(crate) async fn end(self) -> Vec<Transcript> {
        let Self { inputs, mut transcripts } = self;
        drop(inputs);
        let mut rest = Vec::new();
        while let Some(transcript) = transcripts.message().await.unwrap() {
            rest.push(transcript);
        }
        rest
    }
}
