//! All engines of a server: one of each kind, and the models that run in the server itself.

use std::sync::Arc;

use super::backends::{Backend, Backends};
use super::model_files::ModelFiles;
use super::silero::Silero;
use super::smart_turn::SmartTurn;
use super::speech_cache::CachedTts;
use super::{EndOfTurn, Engines, Llm, Stt, Tts, Vad};
use crate::config::Config;

/// The engines and their statuses.
pub struct Fleet {
    /// Speech to text.
    pub stt: Backend<dyn Stt>,
    /// Language model.
    pub llm: Backend<dyn Llm>,
    /// Text to speech, cached.
    pub tts: Backend<dyn Tts>,
    vad: Arc<dyn Fn() -> Box<dyn Vad> + Send + Sync>,
    /// Turn prediction by prosody; none: the profile has no such model.
    pub end_of_turn: Option<Arc<dyn EndOfTurn>>,
    backends: Backends,
}

impl Fleet {
    /// Starts child engines and connects to remote ones. Returns at once; engines load in the background.
    ///
    /// # Errors
    /// When the voice activity or end-of-turn model cannot be loaded, an engine's program is missing, or an address is wrong.
    pub fn start(config: &Config, models: &ModelFiles) -> anyhow::Result<Self> {
        let silero = Silero::load(&models.runtime, &models.vad)?;
        let end_of_turn = match &models.turn {
            Some(model) => Some(Arc::new(SmartTurn::load(&models.runtime, model)?) as Arc<dyn EndOfTurn>),
            None => None,
        };
        let backends = Backends::new(config.engines.confine)?;
        Ok(Self {
            stt: backends.stt(config, models)?,
            llm: backends.llm(config, models)?,
            tts: cached(backends.tts(config, models)?, config),
            vad: Arc::new(move || Box::new(silero.detector()) as Box<dyn Vad>),
            end_of_turn,
            backends,
        })
    }

    /// The engines, for calls.
    #[must_use]
    pub fn engines(&self) -> Engines {
        Engines {
            stt: self.stt.engine.clone(),
            llm: self.llm.engine.clone(),
            tts: self.tts.engine.clone(),
            vad: self.vad.clone(),
            end_of_turn: self.end_of_turn.clone(),
        }
    }

    /// Whether every engine is ready.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.missing().is_none()
    }

    /// What calls wait for, as a sentence; none: every engine is ready.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let engines = [
            ("recognition", &self.stt.status),
            ("the language model", &self.llm.status),
            ("the voice", &self.tts.status),
        ];
        engines.into_iter().find_map(|(name, status)| {
            let status = status.borrow();
            (!status.ready).then(|| format!("{name} {}", status.message))
        })
    }

    /// Ends the children and waits for them.
    pub async fn stop(&self) {
        self.backends.stop().await;
    }
}

/// Adds the speech cache, unless it is configured to have no room.
fn cached(tts: Backend<dyn Tts>, config: &Config) -> Backend<dyn Tts> {
    let Backend { engine, status } = tts;
    let (megabytes, clones) = (config.tts.cache_mb, config.clones_dir());
    if megabytes == 0 {
        return Backend { engine, status };
    }
    let since = move |voice: &str| visavis_models::clones::since(&clones, voice);
    let engine = CachedTts::new(engine, u64::from(megabytes) << 20).with_since(since);
    Backend { engine: Arc::new(engine), status }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::health::Wedge;
    use crate::status::EngineStatus;

    /// Voice activity that hears nothing.
    struct Deaf;

    impl Vad for Deaf {
        fn probability(&mut self, _window: &[i16]) -> f32 {
            0.0
        }
    }

    /// Engines elsewhere: nothing of them is started.
    fn elsewhere() -> Config {
        let mut config = Config::default();
        for url in [&mut config.stt.url, &mut config.llm.url, &mut config.tts.url] {
            *url = "http://127.0.0.1:9".into();
        }
        config
    }

    #[tokio::test]
    async fn the_first_engine_that_is_wedged_is_named_in_a_sentence() {
        let ready = || watch::channel(EngineStatus { ready: true, ..EngineStatus::default() });
        let ((_stt, stt), (model, llm), (voice, tts)) = (ready(), ready(), ready());
        let (config, models) = (elsewhere(), ModelFiles::default());
        let backends = Backends::new(false).unwrap();
        let fleet = Fleet {
            stt: Backend { status: stt, ..backends.stt(&config, &models).unwrap() },
            llm: Backend { status: llm, ..backends.llm(&config, &models).unwrap() },
            tts: Backend { status: tts, ..backends.tts(&config, &models).unwrap() },
            vad: Arc::new(|| Box::new(Deaf) as Box<dyn Vad>),
            end_of_turn: None,
            backends,
        };
        assert_eq!((fleet.ready(), fleet.missing()), (true, None));
        voice.send_replace(EngineStatus::not_ready(Wedge::Silent.as_str()));
        assert_eq!(fleet.missing().as_deref(), Some("the voice does not answer"));
        model.send_replace(EngineStatus::not_ready(Wedge::Stuck.as_str()));
        let stuck = "the language model has been at one step of its work for a minute";
        assert_eq!((fleet.ready(), fleet.missing().as_deref()), (false, Some(stuck)));
    }
}
