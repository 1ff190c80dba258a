//! Starts the engines that the routes need: without routes one of each kind, otherwise those that a route names.

use std::sync::Arc;

use tokio::sync::watch;

use crate::backends::{Backend, Backends};
use crate::config::{BackendEngine, Config, MAIN};
use crate::model_files::ModelFiles;
use crate::route::EngineKind;
use crate::router::{BackendReport, Board, Member, RoutedLlm, RoutedStt, RoutedTts, Voices, follow};
use crate::speech_cache::CachedTts;
use crate::status::EngineStatus;
use crate::{Llm, Stt, Tts};

/// The engines of a kind behind routes, in the order of their board.
struct Group<T: ?Sized> {
    board: Arc<Board>,
    engines: Vec<Arc<T>>,
    names: Vec<String>,
    status: watch::Receiver<EngineStatus>,
}

/// The engines that have been started so far.
pub(super) struct Start<'a> {
    config: &'a Config,
    models: &'a ModelFiles,
    /// The first is that of `[stt]`, `[llm]` and `[tts]`.
    pub(super) backends: Vec<Backends>,
    pub(super) boards: Vec<Arc<Board>>,
}

impl<'a> Start<'a> {
    /// A set without engines.
    ///
    /// # Errors
    /// When the folder for sockets cannot be created.
    pub(super) fn new(config: &'a Config, models: &'a ModelFiles) -> anyhow::Result<Self> {
        let main = Backends::new(config.engines.confine)?;
        Ok(Self { config, models, backends: vec![main], boards: Vec::new() })
    }

    fn main(&self) -> &Backends {
        &self.backends[0]
    }

    /// The recogniser.
    pub(super) fn stt(&mut self) -> anyhow::Result<Backend<dyn Stt>> {
        if !self.config.routed(EngineKind::Stt) {
            return self.main().stt(self.config, self.models);
        }
        let Group { board, engines, status, .. } = self.group(EngineKind::Stt, Backends::stt)?;
        Ok(Backend { engine: Arc::new(RoutedStt::new(board, engines)), status })
    }

    /// The language model.
    pub(super) fn llm(&mut self) -> anyhow::Result<Backend<dyn Llm>> {
        if !self.config.routed(EngineKind::Llm) {
            return self.main().llm(self.config, self.models);
        }
        let Group { board, engines, status, .. } = self.group(EngineKind::Llm, Backends::llm)?;
        Ok(Backend { engine: Arc::new(RoutedLlm::new(board, engines)), status })
    }

    /// The voice, cached. Behind routes each voice has its own cache, so that a segment is spoken by the chosen engine.
    pub(super) fn tts(&mut self) -> anyhow::Result<Backend<dyn Tts>> {
        if !self.config.routed(EngineKind::Tts) {
            return cached_tts(self.main(), self.config, self.models);
        }
        let Group { board, engines, names, status } = self.group(EngineKind::Tts, cached_tts)?;
        let own = |name: &String| match self.config.backends.get(name) {
            Some(BackendEngine::Tts(tts)) => tts.voice.clone(),
            _ => self.config.tts.voice.clone(),
        };
        let voices = Voices { usual: self.config.tts.voice.clone(), own: names.iter().map(own).collect() };
        Ok(Backend { engine: Arc::new(RoutedTts::new(board, engines, voices)), status })
    }

    /// Starts the engines of a kind that routes name.
    fn group<T: ?Sized>(
        &mut self,
        kind: EngineKind,
        make: impl Fn(&Backends, &Config, &ModelFiles) -> anyhow::Result<Backend<T>>,
    ) -> anyhow::Result<Group<T>> {
        let names = self.config.engines_of(kind);
        let (mut engines, mut members) = (Vec::new(), Vec::new());
        for name in &names {
            let Backend { engine, status } = if name == MAIN {
                make(self.main(), self.config, self.models)?
            } else {
                let own = Backends::named(self.config.engines.confine, name)?;
                let models = self.models.backends.get(name).unwrap_or(self.models);
                let made = make(&own, &self.config.with_backend(name), models)?;
                self.backends.push(own);
                made
            };
            engines.push(engine);
            members.push(Member { name: name.as_str().into(), status });
        }
        let board = Board::new(kind, members, &self.config.routes);
        // One that gets only copies makes no call possible.
        let (status, following) = follow(board.clone());
        self.main().run(following);
        self.boards.push(board.clone());
        Ok(Group { board, engines, names, status })
    }

    /// The backends that no route names, and which are not started.
    pub(super) fn unused(&self) -> Vec<BackendReport> {
        let used = self.config.used_backends();
        let unused = self.config.backends.iter().filter(|(name, _)| !used.contains_key(*name));
        unused.map(|(name, backend)| BackendReport::unused(backend.kind(), name)).collect()
    }
}

fn cached_tts(backends: &Backends, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Tts>> {
    Ok(cached(backends.tts(config, models)?, config))
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
    use super::*;
    use crate::config::{LlmEngine, Route};

    fn elsewhere() -> LlmEngine {
        LlmEngine { url: "http://127.0.0.1:9".into(), ..LlmEngine::default() }
    }

    fn route(engines: &[&str]) -> Route {
        Route {
            kind: EngineKind::Llm,
            languages: Vec::new(),
            voices: Vec::new(),
            tiers: Vec::new(),
            engines: engines.iter().map(|name| (*name).to_owned()).collect(),
            first_ms: 0,
            shadow: Vec::new(),
            share: std::collections::BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn a_kind_is_not_ready_with_an_engine_that_gets_only_copies() {
        let mut config = Config { llm: elsewhere(), ..Config::default() };
        config.backends.insert("spare".into(), BackendEngine::Llm(elsewhere()));
        config.routes = vec![Route { shadow: vec!["spare".into()], ..route(&["main"]) }];
        let models = ModelFiles::default();
        let mut start = Start::new(&config, &models).unwrap();
        let llm = start.llm().unwrap();
        let message = llm.status.borrow().message.clone();
        assert!(message.contains("ready: main ") && !message.contains("spare"), "{message}");
        assert_eq!(start.backends.len(), 2, "it runs all the same");
        for backends in &start.backends {
            backends.stop().await;
        }
    }

    #[tokio::test]
    async fn only_backends_that_a_route_names_are_started() {
        let mut config = Config::default();
        for section in [&mut config.stt.url, &mut config.tts.url] {
            *section = "http://127.0.0.1:9".into();
        }
        config.llm = elsewhere();
        for name in ["cloud", "spare"] {
            config.backends.insert(name.into(), BackendEngine::Llm(elsewhere()));
        }
        let models = ModelFiles::default();
        {
            let mut start = Start::new(&config, &models).unwrap();
            _ = start.llm().unwrap();
            assert_eq!(
                (start.backends.len(), start.boards.len()),
                (1, 0),
                "without routes nothing more runs"
            );
            assert_eq!(start.unused().len(), 2);
            start.main().stop().await;
        }

        config.routes = vec![route(&["cloud", "main"])];
        let mut start = Start::new(&config, &models).unwrap();
        let llm = start.llm().unwrap();
        let message = llm.status.borrow().message.clone();
        assert!(message.starts_with("has no engine that is ready: cloud "), "{message}");
        let names: Vec<_> = start.boards[0].report().into_iter().map(|report| report.name).collect();
        assert_eq!((start.backends.len(), names), (2, vec!["cloud".to_owned(), "main".to_owned()]));
        let unused: Vec<_> = start.unused().into_iter().map(|report| report.name).collect();
        assert_eq!(unused, ["spare"]);
        for backends in &start.backends {
            backends.stop().await;
        }
    }
}
