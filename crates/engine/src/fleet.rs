//! All engines of a server: one of each kind, or several behind routes, and the models that run in the server itself.
//!
//! - `start`: starts the engines that the routes need

mod start;

use std::sync::Arc;

use futures_util::future::join_all;

use super::backends::{Backend, Backends};
use super::model_files::ModelFiles;
use super::router::{BackendReport, Board};
use super::silero::Silero;
use super::smart_turn::SmartTurn;
use super::{EndOfTurn, Engines, Llm, Stt, Tts, Vad};
use crate::config::Config;
use start::Start;

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
    /// The engines of `[stt]`, `[llm]` and `[tts]`, then those of `[backends.NAME]` that routes name.
    backends: Vec<Backends>,
    /// The engines of each kind that is routed.
    boards: Vec<Arc<Board>>,
    /// Backends that no route names.
    unused: Vec<BackendReport>,
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
        let mut start = Start::new(config, models)?;
        let (stt, llm, tts) = (start.stt()?, start.llm()?, start.tts()?);
        let unused = start.unused();
        for backend in &unused {
            tracing::warn!("backends.{} {}", backend.name, backend.message);
        }
        let Start { backends, boards, .. } = start;
        let vad = Arc::new(move || Box::new(silero.detector()) as Box<dyn Vad>);
        Ok(Self { stt, llm, tts, vad, end_of_turn, backends, boards, unused })
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

    /// Reports for operators on the engines behind routes, and on backends that do not run; empty without routes and backends.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendReport> {
        self.boards.iter().flat_map(|board| board.report()).chain(self.unused.iter().cloned()).collect()
    }

    /// Ends the children and waits for them.
    pub async fn stop(&self) {
        join_all(self.backends.iter().map(Backends::stop)).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::health::Wedge;
    use crate::status::EngineStatus;

    /// Voice activity detection that never hears anything.
    struct Deaf;

    impl Vad for Deaf {
        fn probability(&mut self, _window: &[i16]) -> f32 {
            0.0
        }
    }

    /// Remote engines: none is started.
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
            backends: vec![backends],
            boards: Vec::new(),
            unused: Vec::new(),
        };
        assert_eq!((fleet.ready(), fleet.missing()), (true, None));
        voice.send_replace(EngineStatus::not_ready(Wedge::Silent.as_str()));
        assert_eq!(fleet.missing().as_deref(), Some("the voice does not answer"));
        model.send_replace(EngineStatus::not_ready(Wedge::Stuck.as_str()));
        let stuck = "the language model has been at one step of its work for a minute";
        assert_eq!((fleet.ready(), fleet.missing().as_deref()), (false, Some(stuck)));
    }
}
