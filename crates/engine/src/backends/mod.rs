//! Backends: adapters that make engines of what recognises, writes or speaks. An engine is a trait object with `capabilities`,
//! and a status; nothing outside this folder knows more about it.
//!
//! - this file: selects the backend of each engine by the configuration
//! - [`child`]: our own engine programs, started and kept running by this server
//! - [`grpc`]: our own engine programs, wherever they run
//! - [`openai`]: language models behind OpenAI-compatible chat endpoints
//! - [`speech`]: voices behind HTTP APIs; [`aligned`]: word times for those that tell none

mod aligned;
pub mod child;
mod grpc;
mod openai;
mod speech;

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::model_files::ModelFiles;
use super::status::EngineStatus;
use super::{Llm, Stt, Tts};
use crate::config::{Config, LlmApi, TtsApi};
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

    /// The recogniser.
    ///
    /// # Errors
    /// When its program is not there, or its address is wrong.
    pub fn stt(&self, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Stt>> {
        let own = &config.stt;
        Ok(match Kind::of(&own.url) {
            Kind::Child => grpc::stt(self.child("stt", child::stt_arguments(own, models))?),
            Kind::Remote => grpc::stt(grpc::remote(&self.tasks, "stt", &own.url)?),
        })
    }

    /// The language model.
    ///
    /// # Errors
    /// When its program is not there, or its address is wrong.
    pub fn llm(&self, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Llm>> {
        let own = &config.llm;
        if own.api == LlmApi::OpenAi {
            return openai::llm(&self.tasks, own);
        }
        Ok(match Kind::of(&own.url) {
            Kind::Child => grpc::llm(self.child("llm", child::llm_arguments(own, models))?, own),
            Kind::Remote => grpc::llm(grpc::remote(&self.tasks, "llm", &own.url)?, own),
        })
    }

    /// The voice.
    ///
    /// # Errors
    /// When its program is not there, its address is wrong, or its key cannot be read.
    pub fn tts(&self, config: &Config, models: &ModelFiles) -> anyhow::Result<Backend<dyn Tts>> {
        let own = &config.tts;
        if own.api != TtsApi::Engine {
            return speech::tts(&self.tasks, "tts", own, config.clones_dir());
        }
        Ok(match Kind::of(&own.url) {
            Kind::Child => grpc::tts(self.child("tts", child::tts_arguments(own, models))?, own),
            Kind::Remote => grpc::tts(grpc::remote(&self.tasks, "tts", &own.url)?, own),
        })
    }

    fn child(&self, name: &'static str, arguments: Vec<String>) -> anyhow::Result<grpc::Link> {
        self.children.start(&self.tasks, name, arguments)
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
}

impl Tasks {
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
    use crate::LlmCapabilities;

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
        let expected = LlmCapabilities { context: Some(8192), tools: true, ..LlmCapabilities::default() };
        assert_eq!(able(&config), (expected, false));
        (config.llm.tools, config.llm.prefill) = (false, true);
        assert_eq!(able(&config).0, LlmCapabilities { tools: false, prefill: true, ..expected });
        backends.stop().await;
    }
}
