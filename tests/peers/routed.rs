//! Engines behind a route to two servers, made as the server makes them. Nothing has failed yet, so the first is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use visavis::config::{
    BackendEngine, Config, LlmApi, LlmEngine, Route, SttApi, SttEngine, TtsApi, TtsEngine, TtsFormat,
};
use visavis::engine::backends::{Backend, Backends};
use visavis::engine::model_files::ModelFiles;
use visavis::engine::router::{Board, Member, RoutedLlm, RoutedStt, RoutedTts, Voices};
use visavis_core::route::{EngineKind, Reason, Routed};

use super::Peer;

/// The names of the two.
const NAMES: [&str; 2] = ["first", "second"];
/// Longest time until a server is ready.
const READY: Duration = Duration::from_secs(30);

/// Two servers, and the milliseconds after which the second is asked beside the first.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) first: &'a Peer,
    pub(crate) second: &'a Peer,
    pub(crate) first_ms: u32,
}

impl Pair<'_> {
    pub(crate) async fn model(self) -> RoutedLlm {
        let (board, engines) = self.group(EngineKind::Llm, Backends::llm).await;
        RoutedLlm::new(board, engines)
    }

    pub(crate) async fn voice(self) -> RoutedTts {
        let (board, engines) = self.group(EngineKind::Tts, Backends::tts).await;
        RoutedTts::new(board, engines, Voices::default())
    }

    pub(crate) async fn recogniser(self) -> RoutedStt {
        let (board, engines) = self.group(EngineKind::Stt, Backends::stt).await;
        RoutedStt::new(board, engines)
    }

    fn config(self, kind: EngineKind) -> Config {
        let route = Route {
            kind,
            languages: Vec::new(),
            voices: Vec::new(),
            tiers: Vec::new(),
            engines: NAMES.map(String::from).to_vec(),
            first_ms: self.first_ms,
            shadow: Vec::new(),
            share: BTreeMap::new(),
        };
        let mut config = Config { routes: vec![route], ..Config::default() };
        // This folder contains no clips of cloned voices.
        config.models.dir = "/nowhere/visavis".into();
        for (name, server) in NAMES.into_iter().zip([self.first, self.second]) {
            config.backends.insert(name.into(), engine(kind, server.url()));
        }
        config
    }

    /// The engines of a kind, once both are ready. Their tasks end with the test's runtime.
    async fn group<T: ?Sized>(
        self,
        kind: EngineKind,
        make: impl Fn(&Backends, &Config, &ModelFiles) -> anyhow::Result<Backend<T>>,
    ) -> (Arc<Board>, Vec<Arc<T>>) {
        let config = self.config(kind);
        let (mut members, mut engines) = (Vec::new(), Vec::new());
        for name in config.engines_of(kind) {
            let backends = Backends::named(false, &name).unwrap();
            let made = make(&backends, &config.with_backend(&name), &ModelFiles::default());
            let Backend { engine, mut status } = made.unwrap();
            timeout(READY, status.wait_for(|status| status.ready)).await.expect("it listens").unwrap();
            members.push(Member { name: name.as_str().into(), status });
            engines.push(engine);
        }
        (Board::new(kind, members, &config.routes), engines)
    }
}

fn engine(kind: EngineKind, url: String) -> BackendEngine {
    let model = "small".into();
    match kind {
        EngineKind::Stt => {
            BackendEngine::Stt(SttEngine { api: SttApi::OpenAi, url, model, ..SttEngine::default() })
        }
        EngineKind::Llm => {
            BackendEngine::Llm(LlmEngine { api: LlmApi::OpenAi, url, model, ..LlmEngine::default() })
        }
        EngineKind::Tts => BackendEngine::Tts(TtsEngine {
            api: TtsApi::OpenAi,
            url,
            format: TtsFormat::Pcm,
            ..TtsEngine::default()
        }),
    }
}

/// The report of the engine that serves.
pub(crate) fn by(engine: &str, reason: Reason) -> Routed {
    Routed { engine: engine.into(), reason }
}
