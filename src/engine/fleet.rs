//! All engines of a server: children started and supervised, or addresses of engines that run elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::grpc::{GrpcLlm, GrpcStt, GrpcTts};
use super::launcher::Launcher;
use super::monitor::EngineStatus;
use super::silero::Silero;
use super::smart_turn::SmartTurn;
use super::speech_cache::CachedTts;
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

impl ModelFiles {
    /// Every file that is read, with what lies beside a voice.
    #[must_use]
    pub fn all(&self) -> Vec<PathBuf> {
        let mut all = vec![self.stt.clone(), self.llm.clone(), self.vad.clone(), self.runtime.clone()];
        all.extend(self.turn.clone());
        for voice in &self.voices {
            all.extend([voice.clone(), voice.with_added_extension("json")]);
        }
        all
    }
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
        let launcher = Launcher::new(config.engines.confine)?;
        let stt = launcher.launch("stt", &config.stt.url, stt_arguments(config, models))?;
        let llm = launcher.launch("llm", &config.llm.url, llm_arguments(config, models))?;
        let tts = launcher.launch("tts", &config.tts.url, tts_arguments(config, models))?;
        let engines = Engines {
            stt: Arc::new(GrpcStt { link: stt.link }),
            llm: Arc::new(GrpcLlm { link: llm.link, settings: config.llm.clone() }),
            tts: speech(GrpcTts { link: tts.link, settings: config.tts.clone() }),
            vad: Arc::new(move || Box::new(silero.detector()) as Box<dyn Vad>),
            end_of_turn,
        };
        Ok(Self { engines, stt: stt.status, llm: llm.status, tts: tts.status, launcher })
    }

    /// True when every engine answers.
    #[must_use]
    pub fn ready(&self) -> bool {
        [&self.stt, &self.llm, &self.tts].iter().all(|status| status.borrow().ready)
    }

    /// What calls wait for, in words; none: every engine answers.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let engines =
            [("recognition", &self.stt), ("the language model", &self.llm), ("the voice", &self.tts)];
        engines.into_iter().find_map(|(name, status)| {
            let status = status.borrow();
            (!status.ready).then(|| format!("{name} {}", status.message))
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::health::Wedge;
    use crate::engine::scripted::{LoudnessVad, ScriptedLlm, ScriptedStt, ScriptedTts};

    #[test]
    fn the_first_engine_that_is_wedged_is_named_in_a_sentence() {
        let engines = Engines {
            stt: Arc::new(ScriptedStt::default()),
            llm: Arc::new(ScriptedLlm::default()),
            tts: Arc::new(ScriptedTts),
            vad: Arc::new(|| Box::new(LoudnessVad) as Box<dyn Vad>),
            end_of_turn: None,
        };
        let ready = || watch::channel(EngineStatus { ready: true, ..EngineStatus::default() });
        let ((_stt, stt), (model, llm), (voice, tts)) = (ready(), ready(), ready());
        let fleet = Fleet { engines, stt, llm, tts, launcher: Launcher::new(false).unwrap() };
        assert_eq!((fleet.ready(), fleet.missing()), (true, None));
        voice.send_replace(EngineStatus::not_ready(Wedge::Silent.as_str()));
        assert_eq!(fleet.missing().as_deref(), Some("the voice does not answer"));
        model.send_replace(EngineStatus::not_ready(Wedge::Stuck.as_str()));
        let stuck = "the language model has been at one step of its work for a minute";
        assert_eq!((fleet.ready(), fleet.missing().as_deref()), (false, Some(stuck)));
    }
}
