//! The threads that own the model's working memory. One serves calls, and one recordings, on a part of the processor that calls leave
//! free: the encoder's run over a window takes a second or two, and nothing can stop it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tonic::Status;
use visavis_proto::aside::step_aside;
use visavis_proto::state::EngineState;
use visavis_proto::v1::HealthReply;

use crate::decode::{attempt, settle};
use crate::model_file;
use crate::native::{self, Gpu};
use crate::queue::{Aside, Queue};
use crate::recogniser::{Model, Recogniser};

/// How long the working memory for recordings is kept without any.
const KEPT: Duration = Duration::from_secs(60);

/// The worker's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) model: PathBuf,
    pub(crate) threads: usize,
    pub(crate) gpu: Gpu,
}

/// Starts the thread, which loads the model and serves the queue until it is closed.
pub(crate) fn spawn(
    settings: Settings,
    state: Arc<EngineState>,
    queue: Arc<Queue>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("whisper".into()).spawn(move || match load(&settings) {
        Ok(Loaded { model, recogniser }) => {
            let health = health(&settings, &recogniser);
            tracing::info!(model = health.model, device = health.device, threads = health.threads, "ready");
            let shares_cores = health.device == "cpu";
            state.set_ready(health);
            std::thread::scope(|scope| {
                // On a GPU a window takes little time, and not all drivers bear two threads.
                if shares_cores {
                    let recordings = || serve_recordings(&model, &state, &queue);
                    let thread = std::thread::Builder::new().name("recordings".into());
                    if let Err(error) = thread.spawn_scoped(scope, recordings) {
                        tracing::warn!(%error, "recordings share the thread of calls");
                    }
                }
                serve(recogniser, &state, &queue);
            });
        }
        Err(error) => {
            tracing::error!("{error:#}");
            state.set_failed(format!("{error:#}"));
        }
    })
}

/// A model, and the working memory for calls.
struct Loaded {
    model: Model,
    recogniser: Recogniser,
}

fn load(settings: &Settings) -> anyhow::Result<Loaded> {
    model_file::check(&settings.model)?;
    let model = Model::load(&settings.model, settings.threads, settings.gpu)?;
    let recogniser = model.recogniser()?;
    Ok(Loaded { model, recogniser })
}

fn health(settings: &Settings, recogniser: &Recogniser) -> HealthReply {
    let mut languages: Vec<String> =
        recogniser.languages().map(|language| language.code.to_owned()).collect();
    let identifies_language = !languages.is_empty();
    if !identifies_language {
        languages.push("en".into());
    }
    HealthReply {
        model: file_name(&settings.model),
        device: native::device(settings.gpu).into(),
        threads: u32::try_from(settings.threads).unwrap_or(u32::MAX),
        languages,
        identifies_language,
        ..HealthReply::default()
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn serve(mut recogniser: Recogniser, state: &EngineState, queue: &Queue) {
    while let Some(mut job) = queue.next() {
        let step = state.step();
        let done = attempt(&mut recogniser, queue, &mut job, &|| step.advance());
        drop(step);
        settle(queue, job, done);
    }
}

/// Serves recordings until the queue is closed. Their working memory is made for the first of them, and given back when none has come
/// for a while.
fn serve_recordings(model: &Model, state: &EngineState, queue: &Queue) {
    if !step_aside() {
        tracing::warn!("this system does not let recordings leave the processor to calls: they take turns");
        return;
    }
    queue.set_apart();
    let mut ready: Option<Recogniser> = None;
    loop {
        let until = ready.is_some().then(|| Instant::now() + KEPT);
        let mut job = match queue.next_aside(until) {
            Aside::Job(job) => *job,
            Aside::Idle => {
                ready = None;
                continue;
            }
            Aside::Closed => return,
        };
        let mut recogniser = match ready.take().map_or_else(|| model.recogniser(), Ok) {
            Ok(recogniser) => recogniser,
            Err(error) => {
                tracing::error!("a recording cannot be heard: {error:#}");
                job.fail(Status::internal(format!("{error:#}")));
                continue;
            }
        };
        let work = state.aside();
        let done = attempt(&mut recogniser, queue, &mut job, &|| {});
        drop(work);
        ready = Some(recogniser);
        settle(queue, job, done);
    }
}
