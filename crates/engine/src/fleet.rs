//! All engines of a server: one of each kind, or several behind routes, and the models that run in the server itself.
//!
//! - `start`: starts the engines that the routes need

mod start;

use std::sync::Arc;

use futures_util::future::join_all;
use serde::Serialize;

use super::backends::{Backend, Backends};
use super::model_files::ModelFiles;
use super::router::policy::Ask;
use super::router::{BackendReport, Board, Member};
use super::silero::Silero;
use super::smart_turn::SmartTurn;
use super::status::{EngineStatus, Work};
use super::{EndOfTurn, Engines, Llm, Stt, Tts, Vad};
use crate::config::{Config, Route};
use crate::route::EngineKind;
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

/// The engine that a new request would go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextUp {
    /// Its state. If no engine is ready for the request: the state of its kind as a whole.
    #[serde(flatten)]
    pub status: EngineStatus,
    /// Its name in routes. `None` without routes, and if no engine is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
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

    /// The engine of a kind that a new request would go to now.
    #[must_use]
    pub fn next_up(&self, kind: EngineKind, ask: &Ask<'_>) -> NextUp {
        let board = self.boards.iter().find(|board| board.kind() == kind);
        if let Some(Member { name, status }) = board.and_then(|board| board.next_up(ask)) {
            let status = status.borrow().clone();
            return NextUp { status, engine: Some(name.to_string()) };
        }
        let status = match kind {
            EngineKind::Stt => &self.stt.status,
            EngineKind::Llm => &self.llm.status,
            EngineKind::Tts => &self.tts.status,
        };
        let status = status.borrow().clone();
        NextUp { status, engine: None }
    }

    /// What waits in each engine program of ours; nothing behind routes, where another engine takes over from one whose queue is full.
    #[must_use]
    pub fn work(&self) -> Vec<Work> {
        if self.boards.is_empty() {
            self.backends.iter().flat_map(Backends::work).collect()
        } else {
            Vec::new()
        }
    }

    /// Has further requests go by these routes: those of the start in all but `share`, `shadow` and `first_ms`.
    pub fn reroute(&self, routes: &[Route]) {
        for board in &self.boards {
            board.reroute(routes);
        }
    }

    /// What operators are told of the engines behind routes, and of backends that do not run; empty without routes and backends.
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

    /// The status of an engine that is ready, with this model.
    fn running(model: &str) -> (watch::Sender<EngineStatus>, watch::Receiver<EngineStatus>) {
        watch::channel(EngineStatus { ready: true, model: model.into(), ..EngineStatus::default() })
    }

    /// Engines with these statuses.
    fn fleet([stt, llm, tts]: [watch::Receiver<EngineStatus>; 3], boards: Vec<Arc<Board>>) -> Fleet {
        let (config, models) = (elsewhere(), ModelFiles::default());
        let backends = Backends::new(false).unwrap();
        Fleet {
            stt: Backend { status: stt, ..backends.stt(&config, &models).unwrap() },
            llm: Backend { status: llm, ..backends.llm(&config, &models).unwrap() },
            tts: Backend { status: tts, ..backends.tts(&config, &models).unwrap() },
            vad: Arc::new(|| Box::new(Deaf) as Box<dyn Vad>),
            end_of_turn: None,
            backends: vec![backends],
            boards,
            unused: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_engine_that_a_request_would_go_to_is_named_with_its_own_state() {
        let ((_cloud, cloud), (local, main), (_all, all)) =
            (running("large"), running("small"), running("any"));
        let member = |name: &str, status: &watch::Receiver<EngineStatus>| Member {
            name: name.into(),
            status: status.clone(),
        };
        let route = Route {
            kind: EngineKind::Llm,
            languages: Vec::new(),
            voices: Vec::new(),
            tiers: Vec::new(),
            engines: vec!["main".into(), "cloud".into()],
            first_ms: 0,
            shadow: Vec::new(),
            share: [("cloud".to_owned(), 50)].into(),
        };
        let members = vec![member("cloud", &cloud), member("main", &main)];
        let board = Board::new(EngineKind::Llm, members, &[route]);
        let fleet = fleet([all.clone(), all.clone(), all], vec![board]);
        let llm = |user: &str| {
            let next = fleet.next_up(EngineKind::Llm, &Ask { user, ..Ask::default() });
            (next.engine.unwrap_or_default(), next.status.model)
        };
        let named = |engine: &str, model: &str| (engine.to_owned(), model.to_owned());
        // "main" comes second among the members.
        assert_eq!(llm(""), named("main", "small"));
        let users: Vec<_> = (0..20).map(|number| llm(&format!("user-{number}"))).collect();
        assert!(
            users.contains(&named("main", "small")) && users.contains(&named("cloud", "large")),
            "{users:?}"
        );
        local.send_replace(EngineStatus::not_ready("has ended"));
        assert_eq!(llm(""), named("cloud", "large"));
        let stt = fleet.next_up(EngineKind::Stt, &Ask::default());
        let told = serde_json::to_value(&stt).unwrap();
        assert_eq!((told["model"].as_str(), told.get("engine")), (Some("any"), None), "it has no routes");
    }

    #[tokio::test]
    async fn the_first_engine_that_is_wedged_is_named_in_a_sentence() {
        let ((_stt, stt), (model, llm), (voice, tts)) = (running(""), running(""), running(""));
        let fleet = fleet([stt, llm, tts], Vec::new());
        assert_eq!((fleet.ready(), fleet.missing()), (true, None));
        voice.send_replace(EngineStatus::not_ready(Wedge::Silent.as_str()));
        assert_eq!(fleet.missing().as_deref(), Some("the voice does not answer"));
        model.send_replace(EngineStatus::not_ready(Wedge::Stuck.as_str()));
        let stuck = "the language model has been at one step of its work for a minute";
        assert_eq!((fleet.ready(), fleet.missing().as_deref()), (false, Some(stuck)));
    }
}
