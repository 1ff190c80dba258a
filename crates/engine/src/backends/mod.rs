//! Backends: adapters that make engines out of recognisers, language models and voices. An engine is a trait object with
//! `capabilities`, and a status; nothing outside this folder knows more about it.
//!
//! - this file: selects the backend of each engine by the configuration
//! - [`child`]: our own engine programs, started and kept running by this server
//! - [`grpc`]: our own engine programs, wherever they run
//! - [`http`]: code shared by adapters of HTTP APIs
//! - [`openai`]: language models behind OpenAI-compatible chat endpoints
//! - [`openai_stt`]: recognisers behind OpenAI-compatible transcription endpoints
//! - [`speech`]: voices behind HTTP APIs; [`aligned`]: word times for voices that report none

mod aligned;
pub mod child;
mod grpc;
mod http;
mod openai;
mod openai_stt;
mod speech;

pub use aligned::lay_words;
pub use openai_stt::language_name;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::model_files::ModelFiles;
use super::status::{EngineStatus, Work};
use super::{Llm, Stt, Tts};
use crate::config::{Config, LlmApi, SttApi, SttPartials, TtsApi};
use child::Children;

/// One engine of a server.
pub struct Backend<T: ?Sized> {
    /// Takes requests and reports its capabilities.
    pub engine: Arc<T>,
    /// Whether it is ready.
    pub status: watch::Receiver<EngineStatus>,
}

/// Where an engine program of ours runs, selected by its `url` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An engine program that this server starts.
    Child,
    /// An engine program that was started elsewhere.
    Remote,
}

impl Kind {
    fn of(url: &str) -> Self {
        if url.is_empty() { Self::Child } else { Self::Remote }
    }
}

/// Makes the configured engines and supervises them. Engines load in the background.
pub struct Backends {
    children: Children,
    tasks: Tasks,
}

impl Backends {
    /// No engines yet; `confine`: restrict children to what they need.
    ///
    /// # Errors
    /// When the folder for sockets cannot be created.
    pub fn new(confine: bool) -> anyhow::Result<Self> {
        Ok(Self { children: Children::new(confine)?, tasks: Tasks::default() })
    }

    /// No engines yet, for the one engine of `[backends.NAME]`: it has its own sockets, metrics and messages.
    ///
    /// # Errors
    /// When the folder for sockets cannot be created.
    pub fn named(confine: bool, name: &str) -> anyhow::Result<Self> {
        // Metric labels must live as long as the process; the configuration bounds their number.
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        let endpoint: &'static str = Box::leak(format!("{name}_endpoint").into_boxed_str());
        let tasks = Tasks { name: Some(name), endpoint: Some(endpoint), ..Tasks::default() };
        Ok(Self { children: Children::new(confine)?, tasks })
    }

    /// The recogniser.
    ///
    /// # Errors
    /// When its program is missing, or its address is not valid.
    pub fn stt(&self, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Stt>> {
        let own = &config.stt;
        let start = || self.child("stt", child::stt_arguments(own, models)).map(grpc::stt);
        if own.api == SttApi::OpenAi {
            let partials = if own.partials == SttPartials::Own { Some(start()?) } else { None };
            return openai_stt::stt(&self.tasks, &self.tasks.section("stt"), own, partials);
        }
        match Kind::of(&own.url) {
            Kind::Child => start(),
            Kind::Remote => Ok(grpc::stt(grpc::remote(&self.tasks, "stt", &own.url)?)),
        }
    }

    /// The language model.
    ///
    /// # Errors
    /// When its program is missing, or its address is not valid.
    pub fn llm(&self, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Llm>> {
        let own = &config.llm;
        let link = match (own.api, Kind::of(&own.url)) {
            (LlmApi::OpenAi, _) => return openai::llm(&self.tasks, &self.tasks.section("llm"), own),
            (LlmApi::Engine, Kind::Child) => self.child("llm", child::llm_arguments(own, models))?,
            (LlmApi::Engine, Kind::Remote) => grpc::remote(&self.tasks, "llm", &own.url)?,
        };
        Ok(grpc::llm(link, own))
    }

    /// The voice.
    ///
    /// # Errors
    /// When its program is missing, its address is not valid, or its key cannot be read.
    pub fn tts(&self, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Tts>> {
        let own = &config.tts;
        if own.api != TtsApi::Engine {
            return speech::tts(&self.tasks, own, config.clones_dir());
        }
        Ok(match Kind::of(&own.url) {
            Kind::Child => grpc::tts(self.child("tts", child::tts_arguments(own, models))?, own),
            Kind::Remote => grpc::tts(grpc::remote(&self.tasks, "tts", &own.url)?, own),
        })
    }

    fn child(&self, name: &'static str, arguments: Vec<String>) -> anyhow::Result<grpc::Link> {
        self.children.start(&self.tasks, name, arguments)
    }

    /// Runs a task until the engines are stopped.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(|token| async move { _ = token.run_until_cancelled(work).await });
    }

    /// What waits in each engine program of ours.
    #[must_use]
    pub fn work(&self) -> Vec<Work> {
        self.tasks.work.lock().iter().map(|work| *work.borrow()).collect()
    }

    /// Ends the children and waits for them.
    pub async fn stop(&self) {
        self.tasks.stop().await;
    }
}

/// The tasks that supervise engines until the server ends.
#[derive(Debug, Default)]
struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
    /// The name of `[backends.NAME]`; none: the engines of `[stt]`, `[llm]` and `[tts]`.
    name: Option<&'static str>,
    /// The name of its endpoint, if an engine of ours runs beside it.
    endpoint: Option<&'static str>,
    /// What waits in the engine programs that they supervise.
    work: Mutex<Vec<watch::Receiver<Work>>>,
}

impl Tasks {
    /// An engine program reports here what waits in it.
    fn reports(&self, work: watch::Receiver<Work>) {
        self.work.lock().push(work);
    }

    /// The name of an engine of this kind in metrics and in the log.
    fn label(&self, kind: &'static str) -> &'static str {
        self.name.unwrap_or(kind)
    }

    /// The name of an endpoint beside an engine of ours, in metrics and in the log; `usual`: if it has no name of its own.
    fn endpoint_label(&self, usual: &'static str) -> &'static str {
        self.endpoint.unwrap_or(usual)
    }

    /// The section of the configuration that has the settings of an engine of this kind.
    fn section(&self, kind: &str) -> String {
        self.name.map_or_else(|| kind.to_owned(), |name| format!("backends.{name}"))
    }

    /// Spawns work that ends when its token is cancelled.
    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(CancellationToken) -> F) {
        self.tracker.spawn(work(self.token.clone()));
    }

    async fn stop(&self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LlmCapabilities, SttCapabilities};

    #[tokio::test]
    async fn without_an_address_a_child_is_started_and_a_remote_engine_is_awaited() {
        assert_eq!([Kind::of(""), Kind::of("http://gpu:7001")], [Kind::Child, Kind::Remote]);
        let mut config = Config::default();
        config.llm.url = "http://127.0.0.1:9".into();
        let backends = Backends::new(false).unwrap();
        let llm = backends.llm(&config, &ModelFiles::default()).unwrap();
        assert_eq!((llm.status.borrow().ready, llm.engine.lives().is_none()), (false, true));
        let can = llm.engine.capabilities();
        assert!(can.prefill && can.turn_end && can.tools && can.counts_tokens, "{can:?}");
        config.llm.url = "http://no address".into();
        let fault = backends.llm(&config, &ModelFiles::default()).err().unwrap();
        assert!(format!("{fault:#}").contains("llm.url"), "{fault:#}");
        let cloud = Backends::named(false, "cloud").unwrap();
        let fault = cloud.llm(&config, &ModelFiles::default()).err().unwrap();
        assert!(format!("{fault:#}").contains("backends.cloud.url"), "{fault:#}");
        cloud.stop().await;
        backends.stop().await;
    }

    #[tokio::test]
    async fn a_recogniser_at_an_endpoint_has_no_partials_and_its_configured_languages() {
        let mut config = Config::default();
        config.stt.api = SttApi::OpenAi;
        config.stt.url = "http://127.0.0.1:9/v1".into();
        config.stt.languages = vec!["de".into()];
        let backends = Backends::new(false).unwrap();
        let stt = backends.stt(&config, &ModelFiles::default()).unwrap();
        let expected = SttCapabilities { languages: vec!["de".into()], ..SttCapabilities::default() };
        assert_eq!((stt.engine.capabilities(), stt.status.borrow().ready), (expected, false));
        backends.stop().await;
    }

    #[tokio::test]
    async fn an_endpoint_has_the_configured_context_and_no_more_abilities_than_it_is_given() {
        let mut config = Config::default();
        config.llm.api = LlmApi::OpenAi;
        config.llm.url = "http://127.0.0.1:9/v1".into();
        config.llm.context = 8192;
        let backends = Backends::new(false).unwrap();
        let able = |config: &Config| {
            let llm = backends.llm(config, &ModelFiles::default()).unwrap();
            (llm.engine.capabilities(), llm.status.borrow().ready)
        };
        let expected =
            LlmCapabilities { context: Some(8192), tools: true, schemas: true, ..LlmCapabilities::default() };
        assert_eq!(able(&config), (expected, false));
        (config.llm.tools, config.llm.prefill) = (false, true);
        assert_eq!(able(&config).0, LlmCapabilities { tools: false, prefill: true, ..expected });
        backends.stop().await;
    }
}
