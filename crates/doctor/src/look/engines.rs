//! Engines: whether their programs are there, and whether they take requests once they are started.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use visavis_config::Config;
use visavis_core::route::EngineKind;
use visavis_engine::backends::child::program_beside;
use visavis_engine::fleet::Fleet;
use visavis_engine::model_files::ModelFiles;
use visavis_engine::status::EngineStatus;

use crate::check::blocking;
use crate::judge::serving::Engine;

/// How long an engine that is started here may load, and how long one elsewhere may take to answer.
const LOADING: Duration = Duration::from_secs(120);
const ANSWERING: Duration = Duration::from_secs(20);
/// How long they may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// The kinds whose engine the server starts.
pub(crate) fn started_here(config: &Config) -> Vec<EngineKind> {
    let here = [
        (EngineKind::Stt, config.stt.starts_own()),
        (EngineKind::Llm, config.llm.starts_own()),
        (EngineKind::Tts, config.tts.starts_own()),
    ];
    let used = here.into_iter().filter(|(kind, is_own)| *is_own && config.uses_main(*kind));
    used.map(|(kind, _)| kind).collect()
}

/// Why the program of an engine cannot be started; none: it is there.
pub(crate) fn program_fault(kind: EngineKind) -> Option<String> {
    program_beside(&format!("visavis-{}", kind.name())).err().map(|error| format!("{error:#}"))
}

/// Starts the engines of the configuration, waits until they take requests or it takes too long, and ends them.
pub(crate) async fn started(config: Arc<Config>) -> Result<Vec<Engine>, String> {
    let starting = config.clone();
    let fleet = blocking(move || start(&starting)).await.ok_or("the start of the engines broke off")??;
    let (stt, llm, tts) = (fleet.stt.status.clone(), fleet.llm.status.clone(), fleet.tts.status.clone());
    let patience = |kind| if started_here(&config).contains(&kind) { LOADING } else { ANSWERING };
    let (stt, llm, tts) = tokio::join!(
        settled(stt, patience(EngineKind::Stt)),
        settled(llm, patience(EngineKind::Llm)),
        settled(tts, patience(EngineKind::Tts)),
    );
    let mut engines = vec![engine("stt", stt), engine("llm", llm), engine("tts", tts)];
    let further =
        fleet.backends().into_iter().filter(|report| report.name != "main" && report.breaker.is_some());
    engines.extend(further.map(|report| Engine {
        name: format!("backends.{}", report.name),
        is_ready: report.ready,
        message: report.message,
        model: report.model,
    }));
    // Those that do not end by themselves end with this process.
    _ = timeout(ENDING, fleet.stop()).await;
    Ok(engines)
}

fn start(config: &Config) -> Result<Fleet, String> {
    let models = ModelFiles::of(config).map_err(|error| format!("{error:#}"))?;
    Fleet::start(config, &models).map_err(|error| format!("{error:#}"))
}

/// An engine's status once it is ready, or when it has taken too long.
async fn settled(mut status: watch::Receiver<EngineStatus>, patience: Duration) -> EngineStatus {
    let is_ready = timeout(patience, status.wait_for(|status| status.ready)).await.is_ok_and(|it| it.is_ok());
    let last = status.borrow().clone();
    if is_ready || !last.message.is_empty() {
        return last;
    }
    EngineStatus::not_ready(format!("is not ready after {} s", patience.as_secs()))
}

fn engine(name: &str, status: EngineStatus) -> Engine {
    let EngineStatus { ready, message, model, .. } = status;
    Engine { name: name.to_owned(), is_ready: ready, message, model }
}
