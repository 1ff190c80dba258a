//! All engines of a server: children started and supervised, or addresses of engines that run elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use super::grpc::{self, GrpcLlm, GrpcStt, GrpcTts};
use super::monitor::{self, EngineStatus};
use super::silero::Silero;
use super::smart_turn::SmartTurn;
use super::speech_cache::CachedTts;
use super::supervisor::{self, Program};
use super::{EndOfTurn, Engines, Tts, Vad};
use crate::config::Config;

/// The model files of a configuration, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// Whisper.
    pub stt: PathBuf,
    /// GGUF.
    pub llm: PathBuf,
    /// Piper voices.
    pub voices: Vec<PathBuf>,
    /// Silero.
    pub vad: PathBuf,
    /// Smart Turn, if turns are to be ended with its help.
    pub turn: Option<PathBuf>,
    /// ONNX Runtime.
    pub runtime: PathBuf,
}

/// The engines and what is known of them.
pub struct Fleet {
    /// For calls.
    pub engines: Engines,
    /// Speech to text.
    pub stt: watch::Receiver<EngineStatus>,
    /// Language model.
    pub llm: watch::Receiver<EngineStatus>,
    /// Text to speech.
    pub tts: watch::Receiver<EngineStatus>,
    launcher: Launcher,
}

impl Fleet {
    /// Starts what is to be started and connects to the rest. Returns at once; engines load in the background.
    ///
    /// # Errors
    /// When the model of voice activity or of the end of a turn cannot be loaded, an engine's program is not there, or an address is wrong.
    pub fn start(config: &Config, models: &ModelFiles) -> anyhow::Result<Self> {
        let silero = Silero::load(&models.runtime, &models.vad)?;
        let end_of_turn = match &models.turn {
            Some(model) => Some(Arc::new(SmartTurn::load(&models.runtime, model)?) as Arc<dyn EndOfTurn>),
            None => None,
        };
        let launcher = Launcher::new()?;
        let (stt_channel, stt) = launcher.launch("stt", &config.stt.url, stt_arguments(config, models))?;
        let (llm_channel, llm) = launcher.launch("llm", &config.llm.url, llm_arguments(config, models))?;
        let (tts_channel, tts) = launcher.launch("tts", &config.tts.url, tts_arguments(config, models))?;
        let engines = Engines {
            stt: Arc::new(GrpcStt(stt_channel)),
            llm: Arc::new(GrpcLlm { channel: llm_channel, settings: config.llm.clone() }),
            tts: speech(GrpcTts { channel: tts_channel, settings: config.tts.clone() }),
            vad: Arc::new(move || Box::new(silero.detector()) as Box<dyn Vad>),
            end_of_turn,
        };
        Ok(Self { engines, stt, llm, tts, launcher })
    }

    /// True when every engine answers.
    #[must_use]
    pub fn ready(&self) -> bool {
        [&self.stt, &self.llm, &self.tts].iter().all(|status| status.borrow().ready)
    }

    /// Ends the children and waits for them.
    pub async fn stop(&self) {
        self.launcher.stop().await;
    }
}

/// Speech that is remembered, unless the configuration leaves no room for it.
fn speech(tts: GrpcTts) -> Arc<dyn Tts> {
    match tts.settings.cache_mb {
        0 => Arc::new(tts),
        megabytes => Arc::new(CachedTts::new(Arc::new(tts), u64::from(megabytes) << 20)),
    }
}

/// Starts engines, or connects to those that run elsewhere.
pub struct Launcher {
    tasks: TaskTracker,
    token: CancellationToken,
    // Removed with the launcher.
    sockets: tempfile::TempDir,
}

impl Launcher {
    /// Nothing started yet.
    ///
    /// # Errors
    /// When there is no directory for sockets.
    pub fn new() -> anyhow::Result<Self> {
        let sockets =
            tempfile::Builder::new().prefix("visavis-").tempdir().context("no directory for sockets")?;
        Ok(Self { tasks: TaskTracker::new(), token: CancellationToken::new(), sockets })
    }

    /// Connects to the engine at `url`, or starts one with these arguments when it is empty.
    ///
    /// # Errors
    /// When the program is not there or the address is wrong.
    pub fn launch(
        &self,
        name: &'static str,
        url: &str,
        arguments: Vec<String>,
    ) -> anyhow::Result<(Channel, watch::Receiver<EngineStatus>)> {
        let channel = if url.is_empty() {
            let socket = self.sockets.path().join(format!("{name}.sock")).display().to_string();
            let path = beside_us(&format!("visavis-{name}"))?;
            let mut all = vec!["--listen".into(), format!("unix:{socket}"), "--exit-with-stdin".into()];
            all.extend(arguments);
            self.tasks
                .spawn(supervisor::supervise(Program { name, path, arguments: all }, self.token.clone()));
            grpc::connect(&format!("unix:{socket}"))?
        } else {
            grpc::connect(url).with_context(|| format!("{name}.url"))?
        };
        let (sender, status) =
            watch::channel(EngineStatus { message: "starts".into(), ..Default::default() });
        self.tasks.spawn(monitor::watch_engine(name, channel.clone(), sender, self.token.clone()));
        Ok((channel, status))
    }

    /// Ends the children and waits for them.
    pub async fn stop(&self) {
        self.token.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
/// An engine's program lies beside the server's.
fn beside_us(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("where does this program lie?")?;
    let directory = own.parent().context("a program lies in a directory")?;
    // Test programs lie one directory below.
    let candidates = [Some(directory), directory.parent()];
    let found =
        candidates.into_iter().flatten().map(|directory| directory.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not beside {}: build it with `cargo build --release --workspace`", own.display())
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn stt_arguments(config: &Config, models: &ModelFiles) -> Vec<String> {
    let own = &config.stt;
    let list = [
        "--model",
        &text(&models.stt),
        "--threads",
        &own.threads.to_string(),
        "--queue",
        &own.queue.to_string(),
    ];
    list.map(String::from).to_vec()
}

fn llm_arguments(config: &Config, models: &ModelFiles) -> Vec<String> {
    let own = &config.llm;
    let mut list = vec!["--model".into(), text(&models.llm)];
    for (name, value) in [
        ("--threads", own.threads),
        ("--threads-batch", own.threads_batch),
        ("--context", own.context),
        ("--slots", own.slots),
        ("--queue", own.queue),
        ("--max-tokens", own.max_tokens),
    ] {
        list.extend([name.to_string(), value.to_string()]);
    }
    list
}

pub(crate) fn tts_arguments(config: &Config, models: &ModelFiles) -> Vec<String> {
    let own = &config.tts;
    let mut list: Vec<String> =
        models.voices.iter().flat_map(|voice| ["--voice".into(), text(voice)]).collect();
    list.extend(["--onnxruntime".into(), text(&models.runtime)]);
    list.extend(["--threads".into(), own.threads.to_string(), "--queue".into(), own.queue.to_string()]);
    list
}
